"""Contracts: what the standard and the house ask for, each fault with its line and what to do about it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.contracts import Contract, ContractInvalid, dpv, parse, validate
from registry.contracts.document import DEEPEST, LARGEST, read
from registry.policy.lattice import Geo, Pseudonymise, Round
from scp_portal.kernel.canonical import content_hash

VALID = """\
apiVersion: v3.1.0
kind: DataContract
id: 6b0e7c1e-3f4d-4a53-9b0e-2f7f5a1d9c10
name: moh-immunisation-follow-up
version: 1.2.0
status: active
tenant: NZ
domain: health
description:
  purpose: Follow up children with overdue immunisation doses.
  limitations: No re-identification, no linkage with other verticals.
  customProperties:
    - {property: purposeIri, value: "https://w3id.org/dpv#ImproveHealthcare"}
    - {property: legalBasisIri, value: "https://w3id.org/dpv#PublicInterest"}
    - {property: legalBasisReference, value: "Health Act s.112; DPIA-2026-014"}
team:
  name: Health vertical
  members:
    - {username: owner.health, role: verticalOwner}
schema:
  - name: immunisations
    logicalType: object
    customProperties:
      - {property: scpVertical, value: health}
      - {property: scpFlow, value: {direction: outbound, initiator: partner, modes: [realtime, batch]}}
      - {property: scpSubjectPath, value: $.person_id}
      - {property: scpRowFilter, value: {overdue_days: {gte: 14}}}
    properties:
      - name: person_ref
        logicalType: string
        required: true
        classification: identifier
        transformLogic: $.person_id
        customProperties:
          - {property: scpMask, value: {fn: pseudonymise, keyScope: integration}}
      - name: home_location
        logicalType: object
        classification: location
        customProperties:
          - {property: scpMask, value: {fn: geo, decimals: 1}}
        properties:
          - {name: lat, logicalType: number}
          - {name: lon, logicalType: number}
      - name: overdue_days
        logicalType: integer
        classification: health
        customProperties:
          - {property: scpMask, value: {fn: round, base: 7}}
      - name: doses
        logicalType: array
        items:
          logicalType: object
          properties:
            - name: code
              logicalType: string
              classification: health
              customProperties:
                - {property: scpMask, value: {fn: clear}}
slaProperties:
  - {property: retention, value: 90, unit: d}
  - {property: rateLimit, value: 2, unit: req/s}
customProperties:
  - {property: scpVerticals, value: [health, education]}
  - {property: scpConsent, value: {mode: person-vertical, noticeVersion: "2026-03"}}
  - {property: scpRisk, value: {rating: high, mtls: required, ipAllowlist: required}}
  - {property: scpAggregate, value: {minCell: 12, roundTo: 4}}
  - {property: scpPageSize, value: 50}
"""


def faults(document: Any) -> list[dict[str, Any]]:
    with pytest.raises(ContractInvalid) as caught:
        validate(document)
    return caught.value.errors


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1, old
    return VALID.replace(old, new)


def value() -> Any:
    return copy.deepcopy(validate(VALID).value)


# -- what a valid contract means -------------------------------------------------------------------------------------


@pytest.mark.req("B-4.4-1")
def test_a_valid_contract_is_read_into_what_the_compiler_needs() -> None:
    contract = parse(VALID)
    assert (contract.ref, contract.tenant_id) == ("moh-immunisation-follow-up@1.2.0", "NZ")
    assert contract.verticals == {"health", "education"}
    assert contract.purposes == {"https://w3id.org/dpv#ImproveHealthcare"}
    assert contract.consent_min_notice == "2026-03"
    granted = contract.datasets["immunisations"]
    assert [(f.name, f.mask.fn, f.category) for f in granted.fields] == [
        ("person_ref", "pseudonymise", "identifier"),
        ("home_location", "geo", "location"),
        ("overdue_days", "round", "health"),
        ("doses[].code", "clear", "health"),
    ]
    assert [f.mask for f in granted.fields][:3] == [Pseudonymise("integration"), Geo(1), Round(7)]
    assert granted.fields[0].source == ("person_id",)
    assert (granted.subject_path, granted.person_free) == (("person_id",), False)
    assert granted.modes == {"realtime", "batch"}
    assert [(c.path, c.op, c.value) for c in granted.row_filters] == [(("overdue_days",), "gte", 14)]


def test_the_limits_of_a_contract_are_read() -> None:
    limits = parse(VALID).limits
    assert (limits.min_cell, limits.round_to, limits.page_size) == (12, 4, 50)
    assert (limits.rate_per_minute, limits.retention_days) == (120, 90)
    assert (limits.mtls, limits.ip_allowlist) == (True, True)


def test_text_and_value_of_a_contract_have_the_same_hash() -> None:
    by_text = validate(VALID)
    by_value = validate(yaml.safe_load(VALID))
    assert by_text.content_hash == by_value.content_hash == content_hash(by_text.value)


def test_a_comment_changes_no_hash_but_a_mask_does() -> None:
    assert validate("# a comment\n" + VALID).content_hash == validate(VALID).content_hash
    assert validate(changed("base: 7", "base: 8")).content_hash != validate(VALID).content_hash


def test_a_dataset_without_persons_needs_no_subject_and_no_consent() -> None:
    free = changed("{property: scpSubjectPath, value: $.person_id}", "{property: scpPersonFree, value: true}")
    free = free.replace('  - {property: scpConsent, value: {mode: person-vertical, noticeVersion: "2026-03"}}\n', "")
    contract = parse(free)
    assert contract.datasets["immunisations"].person_free
    assert contract.consent_min_notice == ""


def test_the_newest_standard_is_read_too() -> None:
    newer = changed("apiVersion: v3.1.0", "apiVersion: v3.2.0")
    newer = newer.replace("property: scpPageSize,", "property: scpPageSize, vendor: scp,")
    assert parse(newer).limits.page_size == 50


# -- one fault, one line ----------------------------------------------------------------------------------------------

FAULTS: list[tuple[str, str, str, str]] = [
    # the standard
    ("kind: DataContract\n", "", "'kind' is a required property", "apiVersion"),
    ("status: active", "stray: true", "knows no key stray", ""),
    ("version: 1.2.0", "version: 1.2", "not of type 'string'", ""),
    ("scpPageSize, value: 50", "scpPageSize, value: 50, vendor: scp", "knows no key vendor", ""),
    ("logicalType: integer", "logicalType: int", "is not one of", ""),
    # the house: the whole
    ("apiVersion: v3.1.0", "apiVersion: v3.0.2", "apiVersion must be v3.1.0", ""),
    ("name: moh-immunisation-follow-up", "name: MoH follow up", "small letters, digits and hyphens", ""),
    ("version: 1.2.0", 'version: "1.2"', "semantic version", ""),
    ("tenant: NZ\n", "", "code of the tenant", "apiVersion"),
    ("tenant: NZ", "tenant: nz", "code of the tenant", ""),
    ("purpose: Follow up children with overdue immunisation doses.", 'purpose: " "', "must say what the partner", ""),
    ("dpv#ImproveHealthcare", "dpv#WorldDomination", "purposeIri must be a purpose of DPV", ""),
    ("https://w3id.org/dpv#ImproveHealthcare", "ImproveHealthcare", "purposeIri must be a purpose of DPV", ""),
    ("dpv#PublicInterest", "dpv#Marketing", "legalBasisIri must be a legal basis", ""),
    ("property: legalBasisIri", "property: legalBasis", "must name the legalBasisIri", "description:"),
    ("role: verticalOwner", "role: owner", "role verticalOwner", "team:"),
    ("value: [health, education]", "value: [Health]", "list of verticals' codes", ""),
    (
        "value: [health, education]",
        "value: [education]",
        "one of the contract's scpVerticals",
        "scpVertical, value: health",
    ),
    ("property: scpVerticals", "property: scpVerticles", "not a property of ours", ""),
    ('noticeVersion: "2026-03"', "noticeVersion: 2026", "noticeVersion must be", ""),
    ("mode: person-vertical", "mode: blanket", "mode must be person-vertical", ""),
    ("property: scpConsent", "property: consent", "about persons needs scpConsent", "apiVersion"),
    ("rating: high", "rating: extreme", "low, medium or high", ""),
    ("mtls: required", "mtls: perhaps", "required or optional", ""),
    ("minCell: 12", "minCell: 3", "at least 5", ""),
    ("value: 50}", "value: 500}", "from 1 to 200", ""),
    ("property: retention", "property: latency", "must name the retention", "slaProperties:"),
    ("value: 90, unit: d", "value: 90, unit: moons", "unit d, m or y", ""),
    ("unit: req/s", "unit: per day", "unit of req/s", ""),
    # the house: datasets
    ("- name: immunisations", "- name: immuni sations", "letters, digits and underscores", ""),
    ("      - {property: scpVertical, value: health}\n", "", "exactly one scpVertical", "- name: immunisations"),
    ("scpVertical, value: health", "scpVertical, value: [health]", "one of the contract's", ""),
    ("      - {property: scpFlow,", "      - {property: flow,", "Each dataset needs scpFlow", "- name: immunisations"),
    ("initiator: partner", "initiator: anyone", "partner or scp", ""),
    ("modes: [realtime, batch]", "modes: []", "must be a list of", ""),
    ("modes: [realtime, batch]", "modes: [carrier-pigeon]", "must be a list of", ""),
    ("property: scpSubjectPath", "property: subjectPath", "Say whose data it is", "- name: immunisations"),
    ("scpSubjectPath, value: $.person_id", 'scpSubjectPath, value: "$..*"', "must be a path", ""),
    ("scpSubjectPath, value: $.person_id", "scpPersonFree, value: perhaps", "must be true or false", ""),
    ("{overdue_days: {gte: 14}}", "{overdue_days: {like: x}}", "A condition is one of", ""),
    ("scpRowFilter", "scpRowFilters", "not a property of ours", ""),
    # the house: fields
    ("- name: overdue_days", "- name: person_ref", "stands twice", "- name: person_ref"),
    ("- name: overdue_days", "- name: overdue-days", "letters, digits and underscores", ""),
    ("fn: round, base: 7", "fn: round, base: one", "base must be a whole number", ""),
    ("{fn: round, base: 7}", "rounded", "object with the key fn", ""),
    ("{fn: clear}", "{fn: blur}", "fn must be one of", ""),
    ("classification: location", "classification: confidential", "one of identifier", ""),
    ("fn: pseudonymise, keyScope: integration", "fn: geo, decimals: 1", "geo works on object", ""),
    ("fn: round, base: 7", "fn: partial, keepStart: 1", "partial works on string", ""),
    ("fn: geo, decimals: 1", "fn: clear", "cannot be clear as a whole", ""),
    ("{name: lat,", "{name: latitude,", "exactly the properties lat and lon", "- name: home_location"),
    ("transformLogic: $.person_id", "transformLogic: lower(person_id)", "must be a path into the stored record", ""),
]
"""What is changed, to what, what the fault says, and a text of the line it points to (the changed one when empty)."""


@pytest.mark.req("B-4.4-1")
@pytest.mark.parametrize(
    ("old", "new", "says", "on"), FAULTS, ids=[f"{says}: {new[:30]}" for _, new, says, _ in FAULTS]
)
def test_one_fault_gives_its_line_and_what_to_do(old: str, new: str, says: str, on: str) -> None:
    text = changed(old, new)
    lines = text.splitlines()
    found = [fault for fault in faults(text) if says in fault["message"]]
    assert found, faults(text)
    assert all((on or new) in lines[fault["line"] - 1] for fault in found), found


@pytest.mark.req("B-4.4-1")
def test_a_field_without_a_mask_is_refused() -> None:
    document = value()
    del document["schema"][0]["properties"][2]["customProperties"]
    assert [(f["path"], f["message"]) for f in faults(document)] == [
        ("schema.0.properties.2", "Each field needs exactly one scpMask, such as {fn: omit}.")
    ]


def test_a_field_with_two_masks_is_refused() -> None:
    document = value()
    document["schema"][0]["properties"][2]["customProperties"] *= 2
    assert [f["message"] for f in faults(document)] == ["scpMask stands twice: keep one."]


def test_an_object_lists_its_properties() -> None:
    document = value()
    document["schema"][0]["properties"].append({"name": "address", "logicalType": "object"})
    assert [f["message"] for f in faults(document)] == ["List the properties: what is not listed cannot leave."]


def test_a_masked_objects_parts_carry_no_mask() -> None:
    document = value()
    own = [{"property": "scpMask", "value": {"fn": "clear"}}]
    document["schema"][0]["properties"][1]["properties"][0]["customProperties"] = own
    assert [f["message"] for f in faults(document)] == ["The object already has a mask: remove this one, or that."]


@pytest.mark.parametrize(("fn", "fine"), [("omit", True), ("redact", True), ("clear", True), ("null", True)])
def test_free_text_leaves_as_it_is_or_not_at_all(fn: str, fine: bool) -> None:
    assert parse(free_text({"fn": fn})).datasets["immunisations"].fields[0].mask.fn == fn


@pytest.mark.parametrize("mask", [{"fn": "partial", "keepStart": 3}, {"fn": "pseudonymise", "keyScope": "tenant"}])
def test_free_text_cannot_be_masked_in_part(mask: dict[str, Any]) -> None:
    assert [f["message"] for f in faults(free_text(mask))] == [
        "Free text cannot be masked in part: use omit, redact or clear."
    ]


def free_text(mask: dict[str, Any]) -> Any:
    document = value()
    field = document["schema"][0]["properties"][0]
    field["classification"], field["customProperties"][0]["value"] = "free_text", mask
    return document


def test_an_array_says_what_its_elements_are() -> None:
    document = value()
    del document["schema"][0]["properties"][3]["items"]
    assert "An array needs items that say what its elements are." in [f["message"] for f in faults(document)]


def test_one_object_has_at_most_fifty_fields() -> None:
    document = value()
    field = document["schema"][0]["properties"][2]
    document["schema"][0]["properties"] = [{**field, "name": f"f{n}"} for n in range(51)]
    assert [f["message"] for f in faults(document)] == ["One object may have 50 properties at most: group them."]


def test_every_fault_is_told_at_once() -> None:
    broken = (
        VALID.replace("tenant: NZ", "tenant: nz").replace("base: 7", "base: 0").replace("minCell: 12", "minCell: 1")
    )
    found = faults(broken)
    lines = broken.splitlines()
    assert [lines[f["line"] - 1].split()[-1] for f in found] == ["nz", "0}}", "4}}"]
    assert all(f["column"] and f["path"] and f["message"].endswith(".") for f in found)


# -- text that is no contract ------------------------------------------------------------------------------------------

BILLION_LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("just text", 1, "mapping of keys"),
        ("- a\n- b\n", 1, "mapping of keys"),
        (BILLION_LAUGHS, 1, "Anchors and aliases"),
        ("a: 1\nb: *unknown\n", 2, "Anchors and aliases"),
        ("a: 1\n&anchor b: 2\n", 2, "key must be plain text"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tag"),
        ("a: !include secrets.yaml\n", 1, "tag"),
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "more than one document"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "key must be plain text"),
        ("a: \x00\n", 1, "control character"),
        ("a: 1\nb: \x07\n", 2, "control character"),
        ("a: \ud800\n", 1, "not text"),
        ("a: " + "9" * 5000 + "\n", 1, "too many digits"),
        ("a: 1e400\n", 1, "too many digits"),
        ("a: " + "[" * 5000 + "\n", 1, "levels deep"),
        ("\n".join(" " * n + "k:" for n in range(60)), DEEPEST + 2, "levels deep"),
        ("a: " + "x" * LARGEST, 1, "larger than 256 kB"),
    ],
    ids=range(23),
)
def test_text_that_is_no_contract_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    found = faults(text)
    assert any(says in fault["message"] and fault["line"] == line for fault in found), found


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("a: NO", "NO"),
        ("a: on", "on"),
        ("a: 2026-01-01", "2026-01-01"),
        ("a: 0x1F", "0x1F"),
        ("a: 1_000", "1_000"),
        ("a: 12:30:45", "12:30:45"),
        ("a: true", True),
        ("a: ~", None),
        ("a:", None),
        ("a: -7", -7),
        ("a: 1.5e2", 150.0),
        ("a: .nan", ".nan"),
        ("a: '5'", "5"),
        ("a: |\n  5\n", "5\n"),
    ],
)
def test_scalars_are_read_by_the_core_schema(text: str, read_as: Any) -> None:
    assert read(text).value == {"a": read_as}


@pytest.mark.parametrize(
    "document", [{"a": object()}, {"a": float("nan")}, {"a": 10**30}, {1: 2}, {"a": "\ud800"}, {"a": {"b": {1, 2}}}]
)
def test_a_value_that_is_no_json_is_refused(document: Any) -> None:
    assert faults(document)


def test_a_value_nested_too_deep_is_refused() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = {"k": deep}
    assert "levels deep" in faults(deep)[0]["message"]


# -- any change at all -----------------------------------------------------------------------------------------------

JUNK = st.sampled_from(
    ["", "\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!t ", "#", "'", '"', "|", "null", "\t", "%", "\x00",
     "true", "1", "[]", "{}", "é", "مرحبا", "customProperties:", "properties:", "value: {fn: clear}"]
)  # fmt: skip


def delete(text: str, at: int, junk: str) -> str:
    return text[:at] + text[at + 1 + len(junk) :]


def insert(text: str, at: int, junk: str) -> str:
    return text[:at] + junk + text[at:]


def drop_line(text: str, at: int, junk: str) -> str:
    lines = text.splitlines(keepends=True)
    del lines[at % max(1, len(lines)) : at % max(1, len(lines)) + 1]
    return "".join(lines)


def repeat_line(text: str, at: int, junk: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    lines.insert(at % len(lines), lines[at * 7 % len(lines)])
    return "".join(lines)


def outcome(document: Any) -> Contract | list[dict[str, Any]]:
    """The contract, or what is wrong with it, which is never nothing; any other exception fails the test."""
    try:
        return validate(document)
    except ContractInvalid as refusal:
        return refusal.errors or pytest.fail("refused without a fault")


MUTATIONS = st.lists(
    st.tuples(st.sampled_from([delete, insert, drop_line, repeat_line]), st.integers(0, len(VALID)), JUNK),
    min_size=1,
    max_size=4,
)


@given(MUTATIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_change_to_the_text_is_valid_or_refused_with_a_line(
    mutations: list[tuple[Callable[[str, int, str], str], int, str]],
) -> None:
    text = VALID
    for mutate, at, junk in mutations:
        text = mutate(text, at, junk)
    found = outcome(text)
    assert isinstance(found, Contract) or all(fault["line"] and fault["message"] for fault in found)


def paths(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(found for key, value in inner for found in paths(value, (*path, key)))][0 if path else 1 :]


REPLACEMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 300)
    | st.text(max_size=5)
    | st.sampled_from([1e9, "$.x", "omit", "scpMask"]),
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(st.sampled_from(["fn", "name", "property", "value", "x"]), v, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from(paths(yaml.safe_load(VALID))), REPLACEMENTS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_part_replaced_by_anything_is_valid_or_refused(path: tuple[Any, ...], replacement: Any) -> None:
    document = value()
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = replacement
    found = outcome(document)
    assert found.version.as_document() if isinstance(found, Contract) else all(fault["message"] for fault in found)


# -- the vocabulary -----------------------------------------------------------------------------------------------


def test_purposes_and_legal_bases_are_told_apart_and_closed() -> None:
    assert len(dpv.PURPOSES) > 100
    assert dpv.is_purpose(f"{dpv.NAMESPACE}ProvideOfficialStatistics")
    assert dpv.is_legal_basis(f"{dpv.NAMESPACE}Consent")
    assert not dpv.is_purpose(f"{dpv.NAMESPACE}Consent")
    assert not dpv.is_legal_basis("Consent")
    assert not dpv.is_purpose(None)
