"""The demo's data contracts, written out as Open Data Contract Standard documents from a compact description."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from exchange.community.datasets import COMMENTS, POSTS, SUB_COMMUNITIES, VERTICAL
from scp_portal.demo.services import EDUCATION, ENROLMENTS, HEALTH, IMMUNISATIONS

NAMESPACE: Final = uuid.UUID("8c1f2c1e-6e0b-5d0b-9a51-3f3c5a3c9d10")
DPV: Final = "https://w3id.org/dpv#"
NOTICE_VERSION: Final = "2026-03"

Mask = dict[str, Any]
CLEAR: Final[Mask] = {"fn": "clear"}
PSEUDONYM: Final[Mask] = {"fn": "pseudonymise", "keyScope": "integration"}


@dataclass(frozen=True, slots=True)
class Column:
    """One granted field; `parts` are the properties of an object that one mask covers."""

    name: str
    kind: str
    category: str
    mask: Mask
    required: bool = False
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """One dataset of a contract. An empty `subject` says that it holds no persons."""

    name: str
    vertical: str
    rows: str
    columns: tuple[Column, ...]
    subject: str = ""
    row_filter: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What is specific to one contract; the rest is the same in all."""

    tenant_id: str
    name: str
    purpose: str
    usage: str
    limitations: str
    purpose_term: str
    basis_term: str
    basis_reference: str
    partner: str
    partner_type: str
    owners: tuple[str, ...]
    datasets: tuple[Granted, ...]
    retention_days: int
    risk: str = "medium"
    version: str = "1.0.0"

    @property
    def verticals(self) -> list[str]:
        return sorted({dataset.vertical for dataset in self.datasets})

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


PERSON: Final = Column("person_ref", "string", "identifier", PSEUDONYM, required=True)
AUTHOR: Final = Column("author_id", "string", "identifier", PSEUDONYM, required=True)

OPEN_CONVERSATION: Final = (
    Granted(
        SUB_COMMUNITIES,
        VERTICAL,
        "one row per sub-community",
        (
            Column("sub_community_id", "string", "public", CLEAR, required=True),
            Column("topic", "string", "public", CLEAR, required=True),
            Column("description", "string", "public", CLEAR),
            Column("participants", "integer", "public", {"fn": "round", "base": 5}),
            Column("groups", "integer", "public", CLEAR),
        ),
    ),
    Granted(
        POSTS,
        VERTICAL,
        "one row per post that moderation let through",
        (
            Column("post_id", "string", "public", CLEAR, required=True),
            Column("sub_community_id", "string", "public", CLEAR, required=True),
            AUTHOR,
            Column("written_at", "timestamp", "personal", {"fn": "date", "unit": "day"}),
            Column("body", "string", "free_text", CLEAR),
            Column("agrees", "integer", "public", CLEAR),
            Column("disagrees", "integer", "public", CLEAR),
        ),
        subject="$.author_id",
        row_filter={"moderation": {"in": ["accepted", "open"]}},
    ),
    Granted(
        COMMENTS,
        VERTICAL,
        "one row per reaction of a person to a post",
        (
            Column("post_id", "string", "public", CLEAR, required=True),
            AUTHOR,
            Column("written_at", "timestamp", "personal", {"fn": "date", "unit": "month"}),
            Column("reaction", "string", "sensitive", CLEAR),
        ),
        subject="$.author_id",
    ),
)
OVERDUE_DOSES: Final = Granted(
    IMMUNISATIONS,
    HEALTH,
    "one row per child and overdue dose",
    (
        PERSON,
        Column("given_name", "string", "personal", {"fn": "partial", "keepStart": 1}),
        Column("birth_date", "date", "personal", {"fn": "band", "unit": "years", "edges": [0, 1, 5, 12, 18]}),
        Column(
            "home_location",
            "object",
            "location",
            {"fn": "geo", "decimals": 1},
            parts=(("lat", "number"), ("lon", "number")),
        ),
        Column("vaccine_code", "string", "health", CLEAR, required=True),
        Column("due_on", "date", "health", {"fn": "date", "unit": "month"}),
        Column("overdue_days", "integer", "health", {"fn": "round", "base": 7}),
    ),
    subject="$.person_ref",
    row_filter={"overdue_days": {"gte": 14}},
)
SCHOOL_PLACES: Final = Granted(
    ENROLMENTS,
    EDUCATION,
    "one row per person and school year",
    (
        PERSON,
        Column("birth_date", "date", "personal", {"fn": "date", "unit": "year"}),
        Column("school_year", "integer", "education", CLEAR, required=True),
        Column("programme", "string", "education", CLEAR),
        Column("attendance_percent", "integer", "education", {"fn": "round", "base": 5}),
    ),
    subject="$.person_ref",
)


# -- writing out -------------------------------------------------------------------------------------------------


class _Plain(yaml.SafeDumper):
    """Writes every part out: the house rules refuse anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def document(contract: Contract) -> str:
    """The contract as YAML, version 3.1.0 of the standard."""
    return yaml.dump(as_value(contract), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def as_value(contract: Contract) -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(uuid.uuid5(NAMESPACE, f"{contract.tenant_id}/{contract.ref}")),
        "name": contract.name,
        "version": contract.version,
        "status": "active",
        "tenant": contract.tenant_id,
        "domain": contract.verticals[0],
        "description": {
            "purpose": contract.purpose,
            "usage": contract.usage,
            "limitations": contract.limitations,
            "customProperties": _customs(
                purposeIri=DPV + contract.purpose_term,
                legalBasisIri=DPV + contract.basis_term,
                legalBasisReference=contract.basis_reference,
            ),
        },
        "team": {
            "name": f"{contract.tenant_id} {', '.join(contract.verticals)}",
            "members": [{"username": owner, "role": "verticalOwner"} for owner in contract.owners],
        },
        "roles": [_role(vertical) for vertical in contract.verticals],
        "schema": [_dataset(dataset) for dataset in contract.datasets],
        "slaProperties": [
            {"property": "retention", "value": contract.retention_days, "unit": "d", "driver": "regulatory"},
            {"property": "rateLimit", "value": 120, "unit": "req/min", "driver": "operational"},
        ],
        "customProperties": _customs(
            scpVerticals=contract.verticals,
            scpPartner={"name": contract.partner, "type": contract.partner_type},
            scpConsent={"mode": "person-vertical", "noticeVersion": NOTICE_VERSION},
            scpRisk={"rating": contract.risk, "mtls": "optional", "ipAllowlist": "optional"},
            scpAggregate={"minCell": 10, "roundTo": 5},
        ),
        "contractCreatedTs": "2026-03-02T09:00:00Z",
    }


def _customs(**values: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]


def _role(vertical: str) -> dict[str, str]:
    return {
        "role": f"scp:read:{vertical}",
        "access": "read",
        "firstLevelApprovers": f"vertical-owner:{vertical}",
        "secondLevelApprovers": "umbrella-authority",
    }


def _dataset(dataset: Granted) -> dict[str, Any]:
    customs: dict[str, Any] = {
        "scpVertical": dataset.vertical,
        "scpFlow": {"direction": "outbound", "initiator": "partner", "modes": ["realtime", "batch"]},
    }
    customs |= {"scpSubjectPath": dataset.subject} if dataset.subject else {"scpPersonFree": True}
    if dataset.row_filter:
        customs["scpRowFilter"] = dataset.row_filter
    return {
        "id": dataset.name,
        "name": dataset.name,
        "physicalName": f"{dataset.vertical}.{dataset.name}_v1",
        "logicalType": "object",
        "dataGranularityDescription": dataset.rows,
        "customProperties": _customs(**customs),
        "properties": list(_properties(dataset.columns)),
    }


def _properties(columns: Iterable[Column]) -> Iterable[dict[str, Any]]:
    for column in columns:
        value: dict[str, Any] = {"name": column.name, "logicalType": column.kind, "classification": column.category}
        if column.required:
            value["required"] = True
        if column.parts:
            value["properties"] = [{"name": name, "logicalType": kind} for name, kind in column.parts]
        yield value | {"customProperties": _customs(scpMask=column.mask)}
