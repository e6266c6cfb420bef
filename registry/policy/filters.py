"""Which rows: the closed vocabulary of row filters, and the consent test, as SQL that never yields NULL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from registry.policy.parsing import RuleError
from registry.policy.sql import NAME, Sql, joined, name_literal

OPERATORS = {"eq": "=", "in": "in", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
PERMITTING_STATUSES = ("given", "renewed")
"""The only W3C DPV consent statuses that permit processing; anything else, no row included, is a no."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
Scalar = str | int | float | bool


class FilterError(RuleError):
    """A row filter that cannot be read."""


@dataclass(frozen=True)
class RowFilter:
    """One condition on one field of the stored record; several are ANDed."""

    path: tuple[str, ...]
    op: str
    value: Scalar | tuple[Scalar, ...]

    def as_document(self) -> dict[str, Any]:
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"path": list(self.path), "op": self.op, "value": value}


def parse_row_filters(value: object) -> tuple[RowFilter, ...]:
    """Read the value of `scpRowFilter`: {field or dotted path: {op: value, …}}. Raises FilterError with the path."""
    if not isinstance(value, Mapping):
        raise FilterError("A row filter is an object such as {overdue_days: {gte: 14}}.")
    conditions: list[RowFilter] = []
    for name, tests in value.items():
        path = tuple(name.split(".")) if isinstance(name, str) else ()
        if not path or not all(NAME.match(step) for step in path):
            raise FilterError("A row filter names fields, or dotted paths of fields.", (str(name),))
        if not isinstance(tests, Mapping) or not tests:
            raise FilterError(f"Write {name}: {{{'|'.join(OPERATORS)}: value}}.", (name,))
        conditions += [_condition(path, name, op, operand) for op, operand in tests.items()]
    return tuple(conditions)


def _condition(path: tuple[str, ...], name: str, op: object, operand: object) -> RowFilter:
    if not isinstance(op, str) or op not in OPERATORS:
        raise FilterError(f"A condition is one of {', '.join(OPERATORS)}.", (name, str(op)))
    if op == "in":
        if not isinstance(operand, list | tuple) or not operand or not all(map(_is_scalar, operand)):
            raise FilterError("in takes a list of texts, numbers or booleans.", (name, op))
        return RowFilter(path, op, tuple(operand))
    if op == "eq":
        if not _is_scalar(operand):
            raise FilterError("eq takes a text, a number or a boolean.", (name, op))
    elif not _is_ordered(operand):
        raise FilterError(f"{op} takes a number or a date written YYYY-MM-DD.", (name, op))
    return RowFilter(path, op, operand)  # type: ignore[arg-type]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e15


def _is_ordered(value: object) -> bool:
    if not isinstance(value, str):
        return _is_number(value)
    try:
        return bool(DATE.match(value) and date.fromisoformat(value))
    except ValueError:
        return False


# -- SQL ---------------------------------------------------------------------------------------------------------


def row_filter_sql(conditions: Iterable[RowFilter], *, payload: str = "r.payload") -> Sql:
    """True where every condition holds; a missing value or one of another type does not hold."""
    parts = [_condition_sql(condition, payload) for condition in conditions]
    return joined(" AND ", parts) if parts else Sql("TRUE")


def _condition_sql(condition: RowFilter, payload: str) -> Sql:
    value = payload + "".join(f"->{name_literal(step)}" for step in condition.path)
    if condition.op in ("eq", "in"):
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        tests = joined(", ", (Sql("%s::jsonb", (orjson.dumps(v).decode(),)) for v in values))
        return Sql(f"coalesce(({value}) IN ({tests.text}), FALSE)", tests.params)
    operator = OPERATORS[condition.op]
    if isinstance(condition.value, str):
        return Sql(f"coalesce(public.scp_day({value}) {operator} %s::date, FALSE)", (condition.value,))
    return Sql(f"coalesce(public.scp_number({value}) {operator} %s::numeric, FALSE)", (condition.value,))


def consent_clause(
    verticals: Iterable[str], notice_min: str = "", *, tenant: str = "r.tenant_id", person: str = "r.person_id"
) -> Sql:
    """True where the person consents, now, in EVERY vertical (B-4.3-1, B-4.3-2). No row, or no person, is a no.

    One probe of the primary key per row and vertical. As a scalar subquery and not as EXISTS, which the planner turns
    into a join: planning that costs more than the page, and its choice hangs on statistics.
    `tenant` and `person` are SQL of the caller's own, not values. Versions of notices sort as text, by code point.
    Raises ValueError without a vertical: an empty test permits all.
    """
    codes = sorted(set(verticals))
    if not codes:
        raise ValueError("a consent test needs at least one vertical")
    return joined(" AND ", (_consents_in(code, notice_min, tenant, person) for code in codes))


def _consents_in(vertical: str, notice_min: str, tenant: str, person: str) -> Sql:
    statuses = ", ".join(f"'{status}'" for status in PERMITTING_STATUSES)
    text = (
        f"coalesce((SELECT TRUE FROM public.registry_consentstate c WHERE c.tenant_id = {tenant}"
        f" AND c.person_id = {person} AND c.vertical_id = %s AND c.status IN ({statuses})"
        " AND c.effective_from <= statement_timestamp()"
        " AND (c.valid_until IS NULL OR c.valid_until > statement_timestamp())"
    )
    if not notice_min:
        return Sql(f"{text}), FALSE)", (vertical,))
    return Sql(f'{text} AND c.notice_version COLLATE "C" >= %s), FALSE)', (vertical, notice_min))
