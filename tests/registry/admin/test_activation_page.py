"""Activating on its page: the secret is in one answer and nowhere else; an outage leaves everything as it was."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from audit.models import Entry
from registry.models import Integration
from tests import make
from tests.registry.admin.conftest import SignIn
from tests.registry.identity_server import IdentityServer


def activate(sign_in: SignIn, cast: make.Cast, integration: Integration) -> object:
    address = reverse("admin:registry_integration_step", args=[integration.pk, "activate"])
    seen = {"expected_version": integration.version, "expected_hash": integration.content_hash}
    return sign_in(cast.admin).post(address, seen)


@pytest.mark.req("B-6.2-4")
def test_the_secret_is_shown_once_and_works(sign_in: SignIn, identity_server: IdentityServer) -> None:
    cast = make.cast("NZ")
    integration = make.integration("approved", cast=cast)
    page = activate(sign_in, cast, integration).content.decode()  # type: ignore[attr-defined]
    secret = re.search(r'<code id="secret"><bdi dir="ltr">([^<]+)</bdi>', page)
    assert secret
    with make.seen():
        stored = Integration.objects.get(pk=integration.pk)
        entries = [bytes(body).decode() for body in Entry.objects.values_list("body", flat=True)]
    assert stored.status == "active"
    assert identity_server.token(stored.auth_client_id, secret[1]).status_code == 200
    assert not any(secret[1] in body for body in entries)
    address = reverse("admin:registry_integration_change", args=[integration.pk])
    for tab in ("overview", "history", "credentials"):
        assert secret[1] not in sign_in(cast.admin).get(f"{address}?tab={tab}").content.decode()


@pytest.mark.req("B-6.2-4")
def test_an_outage_leaves_it_approved_and_says_so(sign_in: SignIn, no_identity_server: str) -> None:
    cast = make.cast("NZ")
    integration = make.integration("approved", cast=cast)
    answer = activate(sign_in, cast, integration)
    assert answer.status_code == 503  # type: ignore[attr-defined]
    assert "The identity server cannot be reached" in answer.content.decode()  # type: ignore[attr-defined]
    with make.seen():
        assert Integration.objects.get(pk=integration.pk).status == "approved"
