"""Signing in on either identity server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scp_portal.embedded.issuer.realm import DemoPerson
from tests.keycloak.handle import Keycloak
from tests.login.steps import SignIn, choose


@pytest.fixture(params=["embedded", "keycloak"])
def sign_in(request: pytest.FixtureRequest, settings: Any, demo_person: Callable[[str], DemoPerson]) -> SignIn:
    """`sign_in(browser, "grace.whitfield")` goes all the way; the callback's answer. On both identity servers."""
    if request.param == "keycloak":
        real: Keycloak = request.getfixturevalue("keycloak")
        real.point_settings_at(settings)
        return lambda browser, name: browser.come_back(real.sign_in_form(browser.start(), demo_person(name)))
    request.getfixturevalue("issuer")
    return lambda browser, name: browser.come_back(choose(browser.start(), demo_person(name)))


@pytest.fixture
def embedded(issuer: str, demo_person: Callable[[str], DemoPerson]) -> SignIn:
    """The same, on the embedded issuer only: for what does not depend on the server."""
    return lambda browser, name: browser.come_back(choose(browser.start(), demo_person(name)))
