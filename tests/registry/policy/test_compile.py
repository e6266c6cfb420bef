"""The decision: the truth table of the design (governance of integrations, 4.3), and each guard by itself."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import Any

import pytest

from registry.policy.compile import decide, explain
from registry.policy.lattice import CLEAR, NULL, OMIT, REDACT, Date, Round
from registry.policy.rules import Channel, Operation, VerticalPolicy
from scp_portal.kernel.problems import (
    ClientMismatch,
    DatasetNotPermitted,
    IntegrationNotActive,
    IntegrationRestricted,
    IntegrationWindow,
    IpNotAllowed,
    MtlsRequired,
    Problem,
    ScopeViolation,
    UnknownField,
)
from tests.registry.policy.facts import (
    MONTH,
    NOW,
    YEAR,
    contract,
    dataset,
    decided,
    field,
    integration,
    request,
    tenant,
    token,
    vertical,
)

BOTH = request(verticals=frozenset("hj"))


def refusal(**given: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        decided(**given)
    return caught.value


# -- the truth table -----------------------------------------------------------------------------------------------

ALLOWED = [
    pytest.param({}, ("h",), id="active, h asked: h's mask"),
    pytest.param({"request": BOTH}, ("h", "j"), id="active, h and j asked: both"),
    pytest.param({"integration": integration(status="restricted")}, ("h",), id="restricted: reads go on"),
    pytest.param({"integration": integration(status="deprecated")}, ("h",), id="deprecated: still served"),
]


@pytest.mark.req("B-4.2-2", "B-6.3-1")
@pytest.mark.parametrize(("given", "verticals"), ALLOWED)
def test_allowed_row_of_the_truth_table(given: dict[str, Any], verticals: tuple[str, ...]) -> None:
    assert decided(**given).verticals == verticals


FORBIDS_J = {"h": vertical("h"), "j": vertical("j", permitted=False)}
REFUSED = [
    pytest.param({"request": BOTH, "verticals": FORBIDS_J}, DatasetNotPermitted, False, id="j forbids the dataset"),
    pytest.param({"request": BOTH, "tenant": tenant("h")}, ScopeViolation, True, id="tenant lacks j"),
    pytest.param({"request": BOTH, "integration": integration("h")}, ScopeViolation, True, id="integration lacks j"),
    pytest.param({"request": BOTH, "token": token("h")}, ScopeViolation, True, id="token lacks j"),
    pytest.param({"request": BOTH, "contract": contract(verticals="h")}, ScopeViolation, True, id="contract lacks j"),
    *(
        pytest.param({"integration": integration(status=status)}, IntegrationNotActive, False, id=status)
        for status in ("draft", "requested", "reviewed", "rejected", "approved", "suspended", "archived", "unheard_of")
    ),
    pytest.param(
        {"integration": integration(status="restricted"), "request": request(operation=Operation.WRITE)},
        IntegrationRestricted,
        False,
        id="restricted: no write",
    ),
    pytest.param(
        {"integration": integration(status="restricted"), "request": request(operation=Operation.EVENT)},
        IntegrationRestricted,
        False,
        id="restricted: no event",
    ),
]


@pytest.mark.req("B-4.2-1", "B-4.2-2", "B-6.3-1")
@pytest.mark.parametrize(("given", "problem", "incident"), REFUSED)
def test_refused_row_of_the_truth_table(given: dict[str, Any], problem: type[Problem], incident: bool) -> None:
    refused = refusal(**given)
    assert (type(refused), refused.incident) == (problem, incident)


# -- masks of several rules ----------------------------------------------------------------------------------------


@pytest.mark.req("B-4.2-2")
def test_a_read_in_two_verticals_gives_per_field_the_meet_of_both() -> None:
    rules = {"h": vertical("h", fields={"born": MONTH}), "j": vertical("j", fields={"born": YEAR})}
    assert [f.mask for f in decided(request=BOTH, verticals=rules).fields] == [Date("year"), CLEAR]
    assert [f.mask for f in decided(verticals=rules).fields] == [Date("month"), CLEAR]


@pytest.mark.req("B-4.4-1")
def test_a_class_that_the_tenant_does_not_name_is_left_out() -> None:
    policy = decided(tenant=tenant(classes={"personal": {"fn": "clear"}}))
    assert [f.name for f in policy.fields] == ["born"]
    assert policy.categories == ("personal",)


def test_when_every_field_is_left_out_the_dataset_is_not_permitted() -> None:
    assert isinstance(refusal(tenant=tenant(classes={})), DatasetNotPermitted)


def test_a_vertical_that_does_not_name_the_dataset_does_not_permit_it() -> None:
    rules = {"h": VerticalPolicy.parse("h", {"classes": {"personal": {"fn": "clear"}}})}
    assert isinstance(refusal(verticals=rules), DatasetNotPermitted)


def test_a_vertical_without_any_policy_permits_nothing() -> None:
    assert isinstance(refusal(verticals={}), DatasetNotPermitted)


@pytest.mark.req("B-4.2-2")
def test_nobody_can_leave_out_the_datasets_own_vertical() -> None:
    policy = decided(request=request(verticals=frozenset("j")))
    assert policy.verticals == ("h", "j")


@pytest.mark.req("B-4.2-2")
def test_limits_are_the_strictest_of_all_rules() -> None:
    rules = {
        "h": vertical("h", minCell=12, roundTo=4, pageSize=50, ratePerMinute=60, retentionDays=30),
        "j": vertical("j", minCell=20, roundTo=6, pageSize=100, ratePerMinute=10, retentionDays=90),
    }
    policy = decided(request=BOTH, verticals=rules)
    limits = (policy.min_cell, policy.round_to, policy.page_size, policy.rate_per_minute, policy.retention_days)
    assert limits == (20, 12, 50, 10, 30)


def test_without_any_limit_the_defaults_hold() -> None:
    policy = decided()
    assert (policy.min_cell, policy.round_to, policy.page_size) == (10, 5, 200)


def test_no_rule_can_make_a_cell_smaller_than_five() -> None:
    assert decided(tenant=tenant(minCell=2)).min_cell == 5


def test_row_filters_of_contract_and_verticals_all_hold() -> None:
    rules = {"h": vertical("h", rowFilter={"open": {"eq": True}}), "j": vertical("j", rowFilter={"days": {"gte": 3}})}
    found = decided(request=BOTH, verticals=rules).row_filters
    assert [(f.path, f.op, f.value) for f in found] == [(("open",), "eq", True), (("days",), "gte", 3)]


def test_a_purpose_that_one_rule_does_not_accept_refuses() -> None:
    rules = {"h": vertical("h", purposes=["https://w3id.org/dpv#ServiceProvision"])}
    assert isinstance(refusal(verticals=rules), DatasetNotPermitted)
    rules = {"h": vertical("h", purposes=["https://w3id.org/dpv#ImproveHealthcare"])}
    assert decided(verticals=rules).verticals == ("h",)


# -- fields asked for ----------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.4-1")
def test_fields_asked_for_come_in_the_contracts_order() -> None:
    policy = decided(request=request(fields=frozenset({"code", "born"})))
    assert [f.name for f in policy.fields] == ["born", "code"]


def test_asking_for_an_object_brings_all_its_fields() -> None:
    granted = dataset(fields=[field("home.city"), field("home.street"), field("born")])
    policy = decided(contract=contract(granted), request=request(fields=frozenset({"home"})))
    assert [f.name for f in policy.fields] == ["home.city", "home.street"]


def test_a_field_the_dataset_does_not_have_is_unknown() -> None:
    refused = refusal(request=request(fields=frozenset({"born", "shoe_size"})))
    assert (type(refused), refused.errors) == (UnknownField, [{"parameter": "fields", "value": "shoe_size"}])


@pytest.mark.req("B-4.4-1")
def test_a_field_the_dataset_has_but_the_contract_does_not_grant_is_a_violation() -> None:
    asked = request(fields=frozenset({"born", "diagnosis"}), known_fields=frozenset({"born", "diagnosis"}))
    refused = refusal(request=asked)
    assert (type(refused), refused.incident) == (ScopeViolation, True)


def test_a_field_that_the_rules_leave_out_cannot_be_asked_for() -> None:
    rules = {"h": vertical("h", fields={"born": {"fn": "omit"}})}
    assert [f.name for f in decided(verticals=rules).fields] == ["code"]
    refused = refusal(verticals=rules, request=request(fields=frozenset({"born"})))
    assert (type(refused), refused.incident) == (ScopeViolation, True)


# -- guards --------------------------------------------------------------------------------------------------------


@pytest.mark.req("B-7.1-2")
@pytest.mark.parametrize(
    "claims", [{"client_id": "scp-int-i2"}, {"tenant_id": "UG"}, {"integration_id": "i2"}, {"client_id": ""}]
)
def test_a_token_of_another_client_is_refused_with_an_incident(claims: dict[str, str]) -> None:
    refused = refusal(token=token(**claims))
    assert (type(refused), refused.incident) == (ClientMismatch, True)


@pytest.mark.req("B-4.1-1")
def test_another_tenants_data_are_out_of_scope() -> None:
    refused = refusal(request=request(tenant_id="UG"))
    assert (type(refused), refused.incident) == (ScopeViolation, True)


@pytest.mark.req("B-6.2-6")
@pytest.mark.parametrize("moment", [timedelta(days=-400), timedelta(days=60)])
def test_outside_its_window_an_integration_serves_nothing(moment: timedelta) -> None:
    assert isinstance(refusal(request=request(now=NOW + moment)), IntegrationWindow)


@pytest.mark.req("B-6.2-6")
def test_the_end_of_the_window_is_already_outside() -> None:
    end = integration(active_until=NOW)
    assert isinstance(refusal(integration=end), IntegrationWindow)
    start = integration(active_from=NOW)
    assert decided(integration=start).tenant_id == "KE"


@pytest.mark.req("B-6.4-1")
def test_a_window_may_be_open_at_its_end_but_not_at_its_beginning() -> None:
    assert decided(integration=integration(active_until=None)).tenant_id == "KE"
    assert isinstance(refusal(integration=integration(active_from=None)), IntegrationWindow)


@pytest.mark.req("B-6.3-1")
def test_after_its_sunset_a_deprecated_integration_serves_nothing() -> None:
    sunset = integration(status="deprecated", sunset_at=NOW)
    assert isinstance(refusal(integration=sunset), IntegrationNotActive)


@pytest.mark.parametrize("frozen", [{"tenant": tenant(frozen=True)}, {"verticals": {"h": vertical("h", frozen=True)}}])
def test_a_frozen_tenant_or_vertical_refuses(frozen: dict[str, Any]) -> None:
    assert isinstance(refusal(**frozen), IntegrationNotActive)


def test_a_frozen_vertical_leaves_reads_of_the_others_alone() -> None:
    rules = {"h": vertical("h"), "j": vertical("j", frozen=True)}
    assert decided(verticals=rules).verticals == ("h",)
    assert isinstance(refusal(verticals=rules, request=BOTH), IntegrationNotActive)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(dataset="secrets"), "does not name"),
        (request(operation=Operation.WRITE), "permit to write"),
        (request(channel=Channel.BATCH), "batch channel"),
    ],
)
def test_dataset_operation_and_channel_must_be_in_the_contract(asked: Any, why: str) -> None:
    refused = refusal(request=asked)
    assert (type(refused), refused.incident) == (ScopeViolation, True)
    assert why in refused.detail


@pytest.mark.req("B-7.2-3")
@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("203.0.113.1", False),
        ("not an address", False),
        (None, False),
    ],
)
def test_only_listed_addresses_are_served(source: str | None, allowed: bool) -> None:
    listed = integration(ip_allowlist=("192.0.2.0/24", "2001:db8::/32", "nonsense"))
    given = {"integration": listed, "request": request(source_ip=source)}
    if allowed:
        assert decided(**given).tenant_id == "KE"
    else:
        assert isinstance(refusal(**given), IpNotAllowed)


@pytest.mark.req("B-7.2-3")
def test_a_rule_that_wants_a_list_refuses_an_integration_without_one() -> None:
    assert isinstance(refusal(tenant=tenant(ipAllowlist=True), request=request(source_ip="192.0.2.7")), IpNotAllowed)


PRINT = bytes(range(32))
BOUND = base64.urlsafe_b64encode(PRINT).rstrip(b"=").decode()
OTHER = base64.urlsafe_b64encode(PRINT[::-1]).rstrip(b"=").decode()


@pytest.mark.req("B-7.2-2")
@pytest.mark.parametrize(
    ("pinned", "bound", "shown", "allowed"),
    [
        (PRINT.hex(), "", PRINT.hex(), True),
        (PRINT.hex().upper(), BOUND, PRINT.hex(), True),
        ("", BOUND, PRINT.hex(), True),
        ("", "", PRINT.hex(), False),
        (PRINT.hex(), BOUND, "", False),
        (PRINT.hex(), OTHER, PRINT.hex(), False),
        ("ff" * 32, BOUND, PRINT.hex(), False),
        (PRINT.hex(), "not base64!", PRINT.hex(), False),
        (PRINT.hex(), "c2hvcnQ", PRINT.hex(), False),
    ],
)
def test_the_certificate_must_be_the_pinned_one_and_the_tokens(
    pinned: str, bound: str, shown: str, allowed: bool
) -> None:
    given = {
        "integration": integration(mtls_required=True, certificate_thumbprint=pinned),
        "token": token(certificate_thumbprint=bound),
        "request": request(certificate_thumbprint=shown),
    }
    if allowed:
        assert decided(**given).tenant_id == "KE"
    else:
        assert isinstance(refusal(**given), MtlsRequired)


@pytest.mark.req("B-7.2-2")
def test_a_certificate_bound_token_is_worthless_without_its_certificate() -> None:
    """RFC 8705, section 3: also where the integration itself does not ask for one."""
    assert isinstance(refusal(token=token(certificate_thumbprint=BOUND)), MtlsRequired)


@pytest.mark.req("B-7.2-2")
def test_certificates_are_not_asked_of_others() -> None:
    assert decided().tenant_id == "KE"


@pytest.mark.req("B-7.2-2")
@pytest.mark.parametrize("rules", [{"tenant": tenant(mtls=True)}, {"verticals": {"h": vertical("h", mtls=True)}}])
def test_any_rule_can_ask_for_a_certificate(rules: dict[str, Any]) -> None:
    assert isinstance(refusal(**rules), MtlsRequired)


# -- hash, cache, explanation --------------------------------------------------------------------------------------


def test_the_policy_hash_changes_with_every_rule_and_with_nothing_else() -> None:
    same = decided().policy_hash
    assert decided(request=request(now=NOW + timedelta(hours=1))).policy_hash == same
    assert decided(integration=integration(status="restricted")).policy_hash == same
    changes: list[dict[str, Any]] = [
        {"tenant": tenant(pageSize=10)},
        {"verticals": {"h": vertical("h", fields={"born": YEAR})}},
        {"contract": contract(consent_min_notice="2026-04")},
        {"contract": contract(dataset(fields=[field("born", YEAR), field("code", category="health")]))},
        {"request": BOTH},
        {"request": request(fields=frozenset({"born"}))},
        {"integration": integration(integration_id="i9"), "token": token(integration_id="i9")},
    ]
    hashes = [decided(**change).policy_hash for change in changes]
    assert len({same, *hashes}) == len(changes) + 1


def test_a_hot_request_is_decided_in_fifty_microseconds() -> None:
    given = (integration(), token(), tenant(), {"h": vertical("h")}, contract(), request())
    from_cache = [decided_in(given) for _ in range(500)]
    assert min(from_cache) < 50e-6


def decided_in(given: tuple[Any, ...]) -> float:
    began = time.perf_counter()
    decide(*given)
    return time.perf_counter() - began


def test_the_preview_says_whose_rule_each_field_follows() -> None:
    granted = contract(dataset(fields=[field("born", MONTH), field("age", {"fn": "round", "base": 6}, "integer")]))
    rules = {
        "h": vertical("h", fields={"born": {"fn": "date", "unit": "week"}, "age": {"fn": "round", "base": 10}}),
        "j": vertical("j"),
    }
    born, age = explain(tenant(), rules, granted, "visits", ["h", "j"])
    assert (born.mask, born.set_by) == (REDACT, ("contract", "vertical h"))
    assert (age.mask, age.set_by) == (Round(30), ("contract", "vertical h"))
    assert [who for who, _ in born.rules] == ["contract", "tenant", "vertical h", "vertical j"]


def test_the_preview_shows_omitted_fields_too() -> None:
    own = tenant(classes={"personal": {"fn": "null"}})
    born, code = explain(own, {"h": vertical("h")}, contract(), "visits")
    assert (born.mask, born.set_by) == (NULL, ("tenant",))
    assert (code.mask, code.set_by) == (OMIT, ("tenant",))
