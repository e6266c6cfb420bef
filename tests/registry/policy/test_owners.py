"""Policies that tenants and owners of verticals keep as JSON: read in full, or refused with the place of the fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.policy.lattice import CLEAR, NULL, OMIT, REDACT
from registry.policy.rules import CLEAR_EVERY_CLASS, RuleError, TenantPolicy, VerticalPolicy
from tests.registry.policy.facts import field

VISITS = {"permitted": True, "fields": {"born": {"fn": "null"}}, "classes": {"health": {"fn": "redact"}}}
VERTICAL = {"classes": {"personal": {"fn": "clear"}}, "datasets": {"visits": VISITS}, "minCell": 12}


def test_a_field_takes_its_own_mask_then_its_classs_then_none() -> None:
    visits = VerticalPolicy.parse("h", VERTICAL).datasets["visits"]
    assert visits.mask(field("born")) == NULL
    assert visits.mask(field("code", category="health")) == REDACT
    assert visits.mask(field("name")) == CLEAR
    assert visits.mask(field("place", category="location")) == OMIT


def test_a_tenant_that_names_no_class_lets_nothing_out() -> None:
    policy = TenantPolicy.parse("KE", {}, verticals=["h"])
    assert policy.mask("public") == OMIT


def test_policies_of_the_same_content_are_the_same() -> None:
    one = TenantPolicy.parse("KE", {"classes": CLEAR_EVERY_CLASS, "minCell": 10}, verticals=["h", "j"])
    other = TenantPolicy.parse("KE", {"minCell": 10, "classes": CLEAR_EVERY_CLASS}, verticals=["j", "h"])
    assert one == other
    assert hash(one) == hash(other)
    assert one != TenantPolicy.parse("KE", {"classes": CLEAR_EVERY_CLASS, "minCell": 11}, verticals=["h", "j"])


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ([], ()),
        ({"minCel": 10}, ("minCel",)),
        ({"minCell": "10"}, ("minCell",)),
        ({"minCell": True}, ("minCell",)),
        ({"pageSize": 0}, ("pageSize",)),
        ({"pageSize": 500}, ("pageSize",)),
        ({"mtls": "yes"}, ("mtls",)),
        ({"purposes": "dpv"}, ("purposes",)),
        ({"classes": []}, ("classes",)),
        ({"classes": {"persnal": {"fn": "omit"}}}, ("classes", "persnal")),
        ({"classes": {"personal": {"fn": "blur"}}}, ("classes", "personal", "fn")),
        ({"classes": {"personal": "omit"}}, ("classes", "personal")),
    ],
)
def test_a_tenants_policy_that_cannot_be_read_says_where(policy: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(RuleError) as caught:
        TenantPolicy.parse("KE", policy, verticals=["h"])
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ({"datasets": []}, ("datasets",)),
        ({"datasets": {"visits": True}}, ("datasets", "visits")),
        ({"datasets": {"visits": {"permited": True}}}, ("datasets", "visits", "permited")),
        ({"datasets": {"visits": {"permitted": "yes"}}}, ("datasets", "visits", "permitted")),
        ({"datasets": {"visits": {"fields": {"born": {"fn": "x"}}}}}, ("datasets", "visits", "fields", "born", "fn")),
        ({"datasets": {"visits": {"rowFilter": {"a": {"~": 1}}}}}, ("datasets", "visits", "rowFilter", "a", "~")),
    ],
)
def test_a_verticals_policy_that_cannot_be_read_says_where(policy: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(RuleError) as caught:
        VerticalPolicy.parse("h", policy)
    assert caught.value.path == path


KEYS = st.sampled_from(
    ["classes", "datasets", "visits", "permitted", "fields", "personal", "rowFilter", "minCell", "fn"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(JSON)
def test_any_json_is_a_policy_or_refused(value: Any) -> None:
    for read in (lambda: VerticalPolicy.parse("h", value), lambda: TenantPolicy.parse("KE", value, verticals=["h"])):
        try:
            policy = read()
        except RuleError:
            continue
        assert policy.fingerprint
