"""Masks carried out in the database: what leaves is built there, so no unmasked value reaches Python (B-4.4-1).

A projection is an allow-list: a new object is built from the fields the policy grants, in its order. Whatever else
the stored JSON holds, at any depth, has no way out. A key that is missing, null or of another type than declared
leaves as null, so every record of a dataset has the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from registry.policy.lattice import Band, Clear, Date, Geo, Mask, Null, Partial, Pseudonymise, Redact, Round
from registry.policy.rules import ELEMENTS, FieldRule
from registry.policy.sql import Sql, joined, name_literal

BLOCK = 64
LONGEST_ARRAY = 1000
"""A longer array leaves as null: cutting it short would be a silent falsehood."""
JSON_TYPES = {
    "string": "string",
    "date": "string",
    "timestamp": "string",
    "time": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "object": "object",
}
"""JSON type of each ODCS logicalType that a leaf can have; an object is a leaf only under a mask of its own."""


class Pads(NamedTuple):
    """An HMAC key as the two blocks that are hashed first, so that the key itself is never bound."""

    inner: bytes
    outer: bytes


def pads(key: bytes) -> Pads:
    """Inner and outer block of an HMAC-SHA256 key of 1 to 64 bytes (RFC 2104). Raises ValueError outside that."""
    if not 1 <= len(key) <= BLOCK:
        raise ValueError("a pseudonym key has 1 to 64 bytes")
    padded = key.ljust(BLOCK, b"\0")
    return Pads(bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded))


@dataclass(frozen=True)
class _Bound:
    """What masks need besides the value: keys by scope, and the day on which ages are told."""

    keys: Mapping[str, Pads]
    as_of: date


def projection(
    fields: Iterable[FieldRule],
    *,
    keys: Mapping[str, Pads],
    as_of: date,
    payload: str = "r.payload",
    columns: Mapping[str, str] | None = None,
) -> Sql:
    """One json object per row, built from the granted fields.

    `keys` holds the pads of each pseudonym scope the fields use (KeyError when one is missing); `payload` is SQL of
    the caller's naming the jsonb document; `columns` maps a source's first name to SQL of the caller's that yields
    jsonb in its stead, e.g. {"record_id": "to_jsonb(r.record_id)"}.
    """
    bound = _Bound(keys, as_of)
    members: list[Sql] = []
    for name, group in groupby(fields, key=lambda rule: rule.path[0]):
        rules = list(group)
        value = source_sql(rules[0].root_source, payload, columns or {})
        members += [Sql(name_literal(name)), _tree(value, [(rule.path[1:], rule) for rule in rules], bound)]
    return _object(members)


def source_sql(source: tuple[str, ...], payload: str, columns: Mapping[str, str]) -> str:
    """SQL (jsonb) of a stored value: a column of that name if the caller has one, else the payload's path."""
    first, *rest = source
    start = columns.get(first) or f"{payload}->{name_literal(first)}"
    return "(" + start + "".join(f"->{name_literal(step)}" for step in rest) + ")"


def _object(members: list[Sql]) -> Sql:
    pairs = joined(", ", members)
    return Sql(f"json_build_object({pairs.text})", pairs.params)


def _tree(value: str, leaves: list[tuple[tuple[str, ...], FieldRule]], bound: _Bound) -> Sql:
    """`value` with the masks of all leaves below it; each leaf is what is left of its path, and its rule."""
    rest, rule = leaves[0]
    if not rest:
        return mask_sql(rule, value, bound.keys, bound.as_of)
    if rest[0] == ELEMENTS:
        return _array(value, [(path[1:], rule) for path, rule in leaves], bound)
    members: list[Sql] = []
    for name, group in groupby(leaves, key=lambda leaf: leaf[0][0]):
        below = [(path[1:], rule) for path, rule in group]
        members += [Sql(name_literal(name)), _tree(f"({value}->{name_literal(name)})", below, bound)]
    nested = _object(members)
    return Sql(f"CASE WHEN jsonb_typeof({value}) = 'object' THEN {nested.text} END", nested.params)


def _array(value: str, leaves: list[tuple[tuple[str, ...], FieldRule]], bound: _Bound) -> Sql:
    """Every element masked, in order. The alias carries the depth, so that nested arrays do not shadow each other."""
    alias = f"e{value.count('jsonb_array_elements') + value.count('.v') + 1}"
    element = _tree(f"{alias}.v", leaves, bound)
    return Sql(
        f"CASE WHEN jsonb_typeof({value}) = 'array' THEN CASE WHEN jsonb_array_length({value}) <= {LONGEST_ARRAY}"
        f" THEN (SELECT coalesce(json_agg({element.text} ORDER BY {alias}.o), '[]'::json)"
        f" FROM jsonb_array_elements({value}) WITH ORDINALITY AS {alias}(v, o)) END END",
        element.params,
    )


# -- one mask ----------------------------------------------------------------------------------------------------


def mask_sql(rule: FieldRule, value: str, keys: Mapping[str, Pads], as_of: date) -> Sql:
    """SQL of what leaves in place of the jsonb `value`: of a type that json_build_object makes the right JSON of."""
    return MAKERS[type(rule.mask)](rule.mask, rule, value, _Bound(keys, as_of))


def _clear(mask: Clear, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    if rule.logical_type == "integer":
        return Sql(f"public.scp_clear_integer({value})")
    if rule.logical_type not in JSON_TYPES or rule.logical_type == "object":
        return Sql("NULL::text")
    return Sql(f"public.scp_clear({value}, '{JSON_TYPES[rule.logical_type]}')")


def _pseudonymise(mask: Pseudonymise, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    return Sql(f"public.scp_pseudonym({value}, %s::bytea, %s::bytea)", tuple(bound.keys[mask.key_scope]))


def _partial(mask: Partial, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    if mask.shape in ("mail", "phone"):
        return Sql(f"public.scp_partial_{mask.shape}({value})")
    return Sql(f"public.scp_partial_{mask.shape}({value}, %s::integer, %s::integer)", (mask.keep, mask.floor))


def _date(mask: Date, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    return Sql(f"public.scp_date({value}, %s::text)", (mask.unit,))


def _band(mask: Band, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    edges = list(map(Decimal, mask.edges))
    if mask.unit == "value":
        return Sql(f"public.scp_band(public.scp_number({value}), %s::numeric[])", (edges,))
    age = f"public.scp_age({value}, %s::date, %s::text)"
    return Sql(f"public.scp_band({age}, %s::numeric[])", (bound.as_of, mask.unit, edges))


def _geo(mask: Geo, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    return Sql(f"public.scp_geo({value}, %s::numeric)", (Decimal(1).scaleb(-mask.decimals),))


def _round(mask: Round, rule: FieldRule, value: str, bound: _Bound) -> Sql:
    return Sql(f"public.scp_round({value}, %s::numeric)", (mask.base,))


MAKERS: dict[type[Mask], Callable[[Any, FieldRule, str, _Bound], Sql]] = {
    Null: lambda mask, rule, value, bound: Sql("NULL::text"),
    Redact: lambda mask, rule, value, bound: Sql(f"public.scp_redact({value})"),
    Clear: _clear,
    Pseudonymise: _pseudonymise,
    Partial: _partial,
    Date: _date,
    Band: _band,
    Geo: _geo,
    Round: _round,
}
"""SQL of each mask. `Omit` has none: an omitted field is never projected (KeyError)."""


# -- the guard ---------------------------------------------------------------------------------------------------


def schema_guard(
    fields: Iterable[FieldRule], *, payload: str = "r.payload", columns: Mapping[str, str] | None = None
) -> Sql:
    """True where a stored row keeps the types and required fields its contract declares (500 schema_guard if not).

    Covers fields outside arrays; null is accepted where the field is not required.
    """
    tests: list[Sql] = []
    for rule in fields:
        if ELEMENTS in rule.path:
            continue
        value = source_sql(rule.root_source + rule.path[1:], payload, columns or {})
        kind = JSON_TYPES[rule.logical_type]
        absent = "" if rule.required else "'null', "
        fallback = "FALSE" if rule.required else "TRUE"
        tests.append(Sql(f"coalesce(jsonb_typeof({value}) IN ({absent}'{kind}'), {fallback})"))
    return joined(" AND ", tests) if tests else Sql("TRUE")
