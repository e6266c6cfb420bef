"""The house rules on top of the standard (governance of integrations, 4.1), and what a contract means by them.

One walk does both: it notes every fault with its path and builds the rules that the policy compiler reads, which are
used only when there is no fault. The walk expects nothing of the document's shape: the standard's own schema is
checked elsewhere, at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from registry.contracts import dpv
from registry.contracts.document import Path
from registry.contracts.faults import Custom, Faults, as_items, as_mapping
from registry.contracts.fields import FieldReader
from registry.contracts.schema import VERSIONS
from registry.policy.filters import FilterError, RowFilter, parse_row_filters
from registry.policy.rules import LEAST_CELL, MOST_RECORDS_PER_PAGE, ContractVersion, DatasetRules, Limits
from registry.policy.sql import NAME

CONTRACT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,98}\Z")
SEMANTIC_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?\Z", re.ASCII
)
TENANT = re.compile(r"[A-Z][A-Z0-9-]{1,15}\Z")
VERTICAL = re.compile(r"[a-z][a-z0-9_]{1,31}\Z")
NOTICE = re.compile(r"[0-9A-Za-z.-]{1,32}\Z")
SUBJECT = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]{0,62}){1,8}\Z")
RATE = {"req/s": 60.0, "req/min": 1.0, "req/h": 1 / 60}
DAYS = {"d": 1, "day": 1, "days": 1, "m": 30, "month": 30, "months": 30, "y": 365, "year": 365, "years": 365}
DIRECTIONS, INITIATORS, MODES = ("inbound", "outbound"), ("partner", "scp"), ("realtime", "batch", "event")
ON_CONTRACT = frozenset({"scpVerticals", "scpPartner", "scpConsent", "scpRisk", "scpAggregate", "scpPageSize"})
ON_DATASET = frozenset({"scpVertical", "scpFlow", "scpSubjectPath", "scpPersonFree", "scpRowFilter"})


class ContractReader(Faults):
    """Reads one document; `found` holds every fault after `read`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__()
        self.document = document

    def read(self) -> ContractVersion:
        self._check_standard()
        customs = self.customs(self.document, (), ON_CONTRACT)
        self.verticals = self._verticals(customs.get("scpVerticals"))
        datasets = self._datasets()
        self._team()
        tenant_id, name, version = self.identity()
        return ContractVersion(
            contract_id=str(self.document.get("id", "")),
            name=name,
            version=version,
            tenant_id=tenant_id,
            verticals=self.verticals,
            datasets=datasets,
            purposes=self._purposes(),
            legal_basis=self._legal_basis(),
            consent_min_notice=self._consent(customs.get("scpConsent"), datasets),
            limits=self._limits(customs),
        )

    # -- the whole contract --

    def identity(self) -> tuple[str, str, str]:
        """Tenant, name and version."""
        return (
            self._text("tenant", TENANT, "the code of the tenant, such as NZ"),
            self._text("name", CONTRACT_NAME, "small letters, digits and hyphens, such as clinic-follow-up"),
            self._text("version", SEMANTIC_VERSION, "a semantic version, such as 1.0.0"),
        )

    def _text(self, key: str, pattern: re.Pattern[str], meaning: str) -> str:
        value = self.document.get(key)
        if isinstance(value, str) and pattern.match(value):
            return value
        self.note(f"{key} must be {meaning}.", (key,) if key in self.document else ())
        return ""

    def _check_standard(self) -> None:
        if self.document.get("apiVersion") not in VERSIONS:
            self.note(f"apiVersion must be {' or '.join(VERSIONS)}.", ("apiVersion",))

    def _verticals(self, custom: Custom | None) -> frozenset[str]:
        if custom is None:
            self.note("Name the contract's verticals: customProperties needs scpVerticals, such as [health].", ())
            return frozenset()
        named = custom.value if isinstance(custom.value, list) else []
        good = frozenset(v for v in named if isinstance(v, str) and VERTICAL.match(v))
        if not named or len(good) != len(named):
            self.note("scpVerticals must be a list of verticals' codes, each once, such as [health].", custom.path)
        return good

    def _purposes(self) -> frozenset[str]:
        description = as_mapping(self.document.get("description"))
        if not isinstance(description.get("purpose"), str) or not description["purpose"].strip():
            self.note("description.purpose must say what the partner needs the data for.", ("description", "purpose"))
        purposes: set[str] = set()
        for item, at in as_items(description.get("customProperties"), ("description", "customProperties")):
            if item.get("property") == "purposeIri":
                if dpv.is_purpose(item.get("value")):
                    purposes.add(item["value"])
                else:
                    self.note(
                        f"purposeIri must be a purpose of DPV, such as {dpv.NAMESPACE}ServiceProvision.", (*at, "value")
                    )
        if not purposes:
            self.note("description.customProperties must name at least one purposeIri.", ("description",))
        return frozenset(purposes)

    def _legal_basis(self) -> str:
        path: Path = ("description",)
        custom = self.customs(as_mapping(self.document.get("description")), path, frozenset()).get("legalBasisIri")
        if custom is None:
            self.note("description.customProperties must name the legalBasisIri.", path)
            return ""
        if not dpv.is_legal_basis(custom.value):
            self.note(f"legalBasisIri must be a legal basis of DPV, such as {dpv.NAMESPACE}Consent.", custom.path)
            return ""
        return str(custom.value)

    def _team(self) -> None:
        team = self.document.get("team")
        members = team.get("members") if isinstance(team, Mapping) else team
        if not any(member.get("role") == "verticalOwner" for member, _ in as_items(members, ())):
            self.note("team.members must name a member with the role verticalOwner.", ("team",))

    def _consent(self, custom: Custom | None, datasets: Mapping[str, DatasetRules]) -> str:
        if custom is None:
            if any(not dataset.person_free for dataset in datasets.values()):
                self.note(
                    "A contract about persons needs scpConsent, such as "
                    '{mode: person-vertical, noticeVersion: "2026-03"}.',
                    (),
                )
            return ""
        consent = as_mapping(custom.value)
        notice = consent.get("noticeVersion")
        if consent.get("mode") != "person-vertical":
            self.note("scpConsent.mode must be person-vertical: consent is asked per person and vertical.", custom.path)
        if not isinstance(notice, str) or not NOTICE.match(notice):
            self.note(
                'scpConsent.noticeVersion must be the least version of the notice, quoted, such as "2026-03".',
                custom.path,
            )
            return ""
        return notice

    # -- limits --

    def _limits(self, customs: Mapping[str, Custom]) -> Limits:
        aggregate, risk = customs.get("scpAggregate"), customs.get("scpRisk")
        page = customs.get("scpPageSize")
        controls = self._risk(risk)
        cell, rounding = self._aggregate(aggregate)
        if page and not _whole(page.value, 1, MOST_RECORDS_PER_PAGE):
            self.note(f"scpPageSize must be a whole number from 1 to {MOST_RECORDS_PER_PAGE}.", page.path)
        return Limits(
            min_cell=cell,
            round_to=rounding,
            page_size=page.value if page else None,
            rate_per_minute=self._rate(),
            retention_days=self._retention(),
            mtls=controls.get("mtls") == "required",
            ip_allowlist=controls.get("ipAllowlist") == "required",
        )

    def _risk(self, custom: Custom | None) -> Mapping[str, Any]:
        if custom is None:
            return {}
        risk = as_mapping(custom.value)
        if risk.get("rating") not in ("low", "medium", "high"):
            self.note("scpRisk.rating must be low, medium or high.", custom.path)
        for control in ("mtls", "ipAllowlist"):
            if risk.get(control, "optional") not in ("required", "optional"):
                self.note(f"scpRisk.{control} must be required or optional.", custom.path)
        return risk

    def _aggregate(self, custom: Custom | None) -> tuple[int | None, int | None]:
        if custom is None:
            return None, None
        aggregate = as_mapping(custom.value)
        cell, rounding = aggregate.get("minCell"), aggregate.get("roundTo")
        if not _whole(cell, LEAST_CELL, 10**6) or not _whole(rounding, 1, 10**6):
            self.note(f"scpAggregate needs minCell, at least {LEAST_CELL}, and roundTo, at least 1.", custom.path)
            return None, None
        return cell, rounding

    def _sla(self, name: str) -> tuple[Mapping[str, Any], Path] | None:
        items = as_items(self.document.get("slaProperties"), ("slaProperties",))
        return next(((item, at) for item, at in items if item.get("property") == name), None)

    def _retention(self) -> int | None:
        if (found := self._sla("retention")) is None:
            self.note("slaProperties must name the retention: after how long the partner deletes.", ("slaProperties",))
            return None
        item, at = found
        days = DAYS.get(str(item.get("unit")))
        if days is None or not _whole(item.get("value"), 1, 36500):
            self.note("retention needs a whole value and the unit d, m or y.", at)
            return None
        return int(item["value"]) * days

    def _rate(self) -> int | None:
        if (found := self._sla("rateLimit")) is None:
            return None
        item, at = found
        factor = RATE.get(str(item.get("unit")))
        if factor is None or not _whole(item.get("value"), 1, 10**6):
            self.note(f"rateLimit needs a whole value and a unit of {', '.join(RATE)}.", at)
            return None
        return max(1, int(item["value"] * factor))

    # -- datasets --

    def _datasets(self) -> dict[str, DatasetRules]:
        datasets: dict[str, DatasetRules] = {}
        for item, at in as_items(self.document.get("schema"), ("schema",)):
            dataset = self._dataset(item, at)
            if dataset.name in datasets:
                self.note(f"The dataset {dataset.name} stands twice: give each its own name.", (*at, "name"))
            datasets[dataset.name] = dataset
        if not datasets:
            self.note("schema must list at least one dataset.", ("schema",))
        return datasets

    def _dataset(self, item: Mapping[str, Any], at: Path) -> DatasetRules:
        name = item.get("name")
        if not isinstance(name, str) or not NAME.match(name):
            self.note("A dataset's name is made of letters, digits and underscores.", (*at, "name"))
            name = ""
        customs = self.customs(item, at, ON_DATASET)
        person_free = self._person_free(customs, at)
        direction, initiator, modes = self._flow(customs.get("scpFlow"), at)
        return DatasetRules(
            name=name,
            vertical=self._vertical(customs.get("scpVertical"), at),
            fields=FieldReader(self).read(item, at),
            direction=direction,
            initiator=initiator,
            modes=modes,
            person_free=person_free,
            subject_path=self._subject(customs.get("scpSubjectPath"), person_free, at),
            row_filters=self._row_filters(customs.get("scpRowFilter")),
        )

    def _vertical(self, custom: Custom | None, at: Path) -> str:
        if custom is None:
            self.note("Each dataset needs exactly one scpVertical.", at)
        elif not isinstance(custom.value, str) or custom.value not in self.verticals:
            self.note("scpVertical must be one of the contract's scpVerticals.", custom.path)
        else:
            return custom.value
        return ""

    def _person_free(self, customs: Mapping[str, Custom], at: Path) -> bool:
        custom = customs.get("scpPersonFree")
        if custom is None:
            return False
        if not isinstance(custom.value, bool):
            self.note("scpPersonFree must be true or false.", custom.path)
        return custom.value is True

    def _subject(self, custom: Custom | None, person_free: bool, at: Path) -> tuple[str, ...]:
        if custom is None:
            if not person_free:
                self.note(
                    "Say whose data it is with scpSubjectPath, such as $.person_id, or declare scpPersonFree: true.", at
                )
            return ()
        if person_free:
            self.note("A dataset without persons has no scpSubjectPath: remove one of the two.", custom.path)
        if not isinstance(custom.value, str) or not SUBJECT.match(custom.value):
            self.note("scpSubjectPath must be a path such as $.person_id.", custom.path)
            return ()
        return tuple(custom.value.split(".")[1:])

    def _flow(self, custom: Custom | None, at: Path) -> tuple[str, str, frozenset[str]]:
        if custom is None:
            self.note(
                "Each dataset needs scpFlow, such as {direction: outbound, initiator: partner, modes: [realtime]}.", at
            )
            return "", "", frozenset()
        flow = as_mapping(custom.value)
        for key, choices in (("direction", DIRECTIONS), ("initiator", INITIATORS)):
            if flow.get(key) not in choices:
                self.note(f"scpFlow.{key} must be {' or '.join(choices)}.", custom.path)
        modes = flow.get("modes")
        if not isinstance(modes, list) or not modes or any(mode not in MODES for mode in modes):
            self.note(f"scpFlow.modes must be a list of {', '.join(MODES)}.", custom.path)
            modes = []
        return str(flow.get("direction")), str(flow.get("initiator")), frozenset(modes)

    def _row_filters(self, custom: Custom | None) -> tuple[RowFilter, ...]:
        if custom is None:
            return ()
        try:
            return parse_row_filters(custom.value)
        except FilterError as error:
            self.note(f"scpRowFilter: {error}", (*custom.path, *error.path))
            return ()


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
