from datetime import timedelta

import pytest
from django.utils import timezone

from registry import automatic_checks
from registry.automatic_checks import State
from tests import make

pytestmark = pytest.mark.django_db


def states(integration):
    with make.seen(integration.tenant_id):
        return {check.name: check.state for check in automatic_checks.run(integration)}


@pytest.mark.req("A-2-2")
def test_a_complete_request_passes_every_check_but_the_open_address_list():
    cast = make.cast()
    cast.partner.security_contact = "security@ministry.example"
    with make.seen():
        cast.partner.save()
    make.notice(vertical="health", version="2026-03")
    assert states(make.integration("requested", cast=cast)) == {
        "Contract": State.PASS,
        "Masks": State.PASS,
        "Consent notice": State.PASS,
        "Partner": State.PASS,
        "Certificate": State.PASS,
        "Addresses": State.WARN,
        "Time window": State.PASS,
        "Vertical owners": State.PASS,
    }


def test_a_missing_notice_is_a_warning_that_names_the_vertical():
    integration = make.integration("requested")
    with make.seen("NZ"):
        check = next(c for c in automatic_checks.run(integration) if c.name == "Consent notice")
    assert check.state == State.WARN
    assert "health" in check.detail


@pytest.mark.parametrize(
    ("fields", "name", "state"),
    [
        ({"data_contract": None, "data_contract_id": None}, "Contract", State.FAIL),
        ({"ip_allowlist": ["10.0.0.0/8"]}, "Addresses", State.FAIL),
        ({"ip_allowlist": ["8.0.0.0/8"]}, "Addresses", State.WARN),
        ({"ip_allowlist": ["8.8.8.8"]}, "Addresses", State.PASS),
        ({"mtls_required": True}, "Certificate", State.FAIL),
        ({"active_until": None}, "Time window", State.FAIL),
        ({"active_until": timezone.now() + timedelta(days=3650)}, "Time window", State.WARN),
        ({"vertical_ids": ["health", "sport"], "data_contract_id": None}, "Vertical owners", State.FAIL),
    ],
)
def test_what_is_wrong_is_found(fields, name, state):
    assert states(make.integration(**fields))[name] == state


def test_a_blocked_partner_fails():
    cast = make.cast()
    integration = make.integration(cast=cast)
    with make.seen():
        cast.partner.blocked_at = timezone.now()
        cast.partner.save()
        integration.refresh_from_db()
    assert states(integration)["Partner"] == State.FAIL
