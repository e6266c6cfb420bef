"""The governed read: an effective policy becomes one statement, and the statement's bytes are the answer.

Tenant, dataset, the contract's row filter, verticals and consent are tested, and the masked JSON is built, inside
PostgreSQL; Python passes the bytes on and never holds an unmasked value (B-4.4-1). Consent is read by the very
statement that reads the rows (B-4.3-2); the transaction must be READ COMMITTED, so that every page has its own
snapshot. A page looks at no more than `ROWS_LOOKED_AT` rows: where few persons consent, it is short or empty, and
its key leads on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from registry.policy.filters import consent_clause, row_filter_sql
from registry.policy.masks import Pads, projection, schema_guard
from registry.policy.rules import EffectivePolicy
from registry.policy.sql import Sql, name_literal
from scp_portal.kernel.problems import ConsentDenied, NotFound, SchemaGuard, ScopeViolation
from scp_portal.kernel.statements import fetch_all, fetch_one

ROWS_LOOKED_AT = 500
COLUMNS = {"record_id": "to_jsonb(r.record_id)", "person_id": "to_jsonb(r.person_id)"}
"""What a contract may name as a source besides the payload: the record's own identifiers."""


@dataclass(frozen=True, slots=True)
class Key:
    """A place in a dataset: the next page holds what stands after it."""

    updated_at: datetime
    record_id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """`body` is a JSON array. `withheld` counts records that only consent kept back; `next_key` is None at the end.
    `epochs` counts the changes of consent in each vertical, as the statement saw them.
    """

    body: bytes
    count: int
    withheld: int
    persons: int
    next_key: Key | None
    epochs: Mapping[str, int]


def since(moment: datetime) -> Key:
    """The place before everything that changed at `moment` or later."""
    return Key(moment, UUID(int=0))


START = since(datetime(1, 1, 1, tzinfo=UTC))


def read_page(policy: EffectivePolicy, *, keys: Mapping[str, Pads], after: Key, size: int, as_of: date) -> Page:
    """The next `size` records after a key, at most `policy.page_size`.

    Raises SchemaGuard when a stored record does not fit its contract; then nothing is sent.
    """
    size = min(size, policy.page_size)
    statement = _page_statement(_Question(policy, keys, policy.policy_hash, as_of))
    asked = {"after_time": after.updated_at, "after_id": after.record_id, "size": size, "more": size + 1}
    row = fetch_one(statement.text, statement.values(asked))
    assert row is not None  # an aggregate without GROUP BY has exactly one row
    body, count, withheld, persons, fits, has_more, updated_at, record_id, epochs = row
    if not fits:
        raise SchemaGuard(incident=True, internal="a stored record does not fit its contract")
    return Page(body, count, withheld, persons, Key(updated_at, record_id) if has_more else None, epochs)


def read_one(policy: EffectivePolicy, record_id: UUID, *, keys: Mapping[str, Pads], as_of: date) -> bytes:
    """One record as a JSON object.

    The consent rows are held until the transaction ends, so a withdrawal waits for the hand-over. Raises NotFound
    (also for another tenant's), ScopeViolation for a record that touches more verticals than asked for,
    ConsentDenied, SchemaGuard.
    """
    statement = _single_statement(_Question(policy, keys, policy.policy_hash, as_of))
    fetch_all(HOLD_CONSENT, (policy.tenant_id, policy.dataset, record_id, list(policy.verticals)))
    row = fetch_one(statement.text, statement.values({"record_id": record_id}))
    if row is None:
        raise NotFound()
    body, in_scope, consents, fits = row
    if not in_scope:
        raise ScopeViolation("The record touches a vertical that was not asked for.", incident=True)
    if not consents:
        raise ConsentDenied()
    if not fits:
        raise SchemaGuard(incident=True, internal="a stored record does not fit its contract")
    return bytes(body)


# -- statements --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Question:
    """What a statement is made from; found again by the policy's hash, which covers everything else."""

    policy: EffectivePolicy = field(compare=False)
    keys: Mapping[str, Pads] = field(compare=False)
    policy_hash: str
    as_of: date


class _Slot(str):
    """A value that differs from request to request, by name."""


@dataclass(frozen=True)
class _Statement:
    """Text with $1, $2, …, each standing for one value however often the text names it."""

    text: str
    params: tuple[Any, ...]

    @classmethod
    def of(cls, sql: Sql) -> _Statement:
        """Numbers the placeholders of composed SQL; the same value gets the same number."""
        first, *rest = sql.text.split("%s")
        numbers: dict[str, int] = {}
        parts, values = [first], []
        for part, value in zip(rest, sql.params, strict=True):
            known = f"{type(value).__name__} {value!r}"
            if known not in numbers:
                values.append(value)
                numbers[known] = len(values)
            parts += [f"${numbers[known]}", part]
        return cls("".join(parts).replace("%%", "%"), tuple(values))

    def values(self, asked: Mapping[str, Any]) -> list[Any]:
        return [asked[value] if isinstance(value, _Slot) else value for value in self.params]


HOLD_CONSENT = """
SELECT c.vertical_id FROM public.exchange_record r
JOIN public.registry_consentstate c ON c.tenant_id = r.tenant_id AND c.person_id = r.person_id
WHERE r.tenant_id = $1 AND r.dataset = $2 AND r.record_id = $3 AND c.vertical_id = ANY ($4::varchar[])
FOR SHARE OF c
"""

_ONE_RECORD = "json_build_object('record_id', r.record_id, 'updated_at', r.updated_at, 'fields', {fields})"


def _shape(question: _Question) -> tuple[Sql, Sql, str]:
    """The record as it leaves, whether the stored one keeps its contract's types, and the FROM item `v` of both.

    `v` takes each value out of the document once: guard and masks name it several times, and looking a key up in
    jsonb is most of their cost. OFFSET 0 keeps PostgreSQL from putting the look-ups back in their places.
    """
    policy = question.policy
    names = dict.fromkeys(rule.root_source[0] for rule in policy.fields if rule.root_source[0] not in COLUMNS)
    taken = {name: f"v.c{number}" for number, name in enumerate(names)}
    columns = {**COLUMNS, **taken}
    fields = projection(policy.fields, keys=question.keys, as_of=question.as_of, columns=columns)
    guard = schema_guard(policy.fields, columns=columns)
    values = ", ".join(f"r.payload->{name_literal(name)} AS c{number}" for number, name in enumerate(names))
    return Sql(_ONE_RECORD.format(fields=fields.text), fields.params), guard, f"LATERAL (SELECT {values} OFFSET 0) v"


def _permitted(policy: EffectivePolicy) -> Sql:
    """Consent in every vertical. Only a record without person, in a dataset that contract and core both call
    person-free, needs none.
    """
    consent = consent_clause(policy.verticals, policy.consent_min_notice)
    if not policy.person_free:
        return consent
    free = "(SELECT d.person_free FROM public.exchange_dataset d WHERE d.name = %s)"
    return Sql(f"((r.person_id IS NULL AND {free}) OR ({consent.text}))", (policy.dataset, *consent.params))


@lru_cache(maxsize=512)
def _page_statement(question: _Question) -> _Statement:
    policy = question.policy
    record, guard, taken = _shape(question)
    consent = _permitted(policy)
    rows = row_filter_sql(policy.row_filters)
    verticals = list(policy.verticals)
    # Filters stand outside the ordered LIMIT: within it, PostgreSQL guesses that few rows pass them and sorts the
    # whole dataset for every page, where it should walk the index from the key on.
    base = f"""
        SELECT r.record_id, r.updated_at, r.tenant_id, r.person_id, r.payload,
               r.verticals <@ %s::varchar[] AND {rows.text} AS matches
        FROM public.exchange_record r
        WHERE r.tenant_id = %s AND r.dataset = %s AND (r.updated_at, r.record_id) > (%s, %s)
        ORDER BY r.updated_at, r.record_id LIMIT {ROWS_LOOKED_AT}"""
    place = (policy.tenant_id, policy.dataset, _Slot("after_time"), _Slot("after_id"))
    base_values = (verticals, *rows.params, *place)
    text = f"""
WITH kept AS (
    SELECT r.record_id, r.updated_at, r.person_id, r.place, {guard.text} AS fits, {record.text} AS record,
           row_number() OVER (ORDER BY r.updated_at, r.record_id) AS number
    FROM (SELECT b.*, count(*) FILTER (WHERE b.matches)
                      OVER (ORDER BY b.updated_at, b.record_id ROWS UNBOUNDED PRECEDING) AS place
          FROM ({base}) b) r CROSS JOIN {taken}
    WHERE r.matches AND {consent.text}
    ORDER BY r.updated_at, r.record_id LIMIT %s
), page AS (
    SELECT coalesce(json_agg(k.record ORDER BY k.number) FILTER (WHERE k.number <= %s), '[]') AS body,
           count(*) FILTER (WHERE k.number <= %s) AS count, count(*) AS found,
           count(DISTINCT k.person_id) FILTER (WHERE k.number <= %s) AS persons,
           coalesce(bool_and(k.fits) FILTER (WHERE k.number <= %s), TRUE) AS fits,
           max(k.place) FILTER (WHERE k.number = %s) AS place,
           max(k.updated_at) FILTER (WHERE k.number = %s) AS updated_at,
           (array_agg(k.record_id) FILTER (WHERE k.number = %s))[1] AS record_id
    FROM kept k
)
SELECT convert_to(p.body::text, 'UTF8'), p.count,
       CASE WHEN p.found > p.count THEN p.place - p.count ELSE rest.seen - p.count END,
       p.persons, p.fits, p.found > p.count OR rest.looked_at = {ROWS_LOOKED_AT},
       CASE WHEN p.found > p.count THEN p.updated_at ELSE rest.updated_at END,
       CASE WHEN p.found > p.count THEN p.record_id ELSE rest.record_id END,
       (SELECT coalesce(json_object_agg(e.vertical_id, e.epoch), '{{}}') FROM public.registry_consentepoch e
        WHERE e.tenant_id = %s AND e.vertical_id = ANY (%s::varchar[]))
FROM page p LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE b.matches) AS seen, count(*) AS looked_at, max(b.updated_at) AS updated_at,
           (array_agg(b.record_id ORDER BY b.updated_at DESC, b.record_id DESC))[1] AS record_id
    FROM ({base}) b WHERE p.found = p.count
) rest ON TRUE"""
    size = _Slot("size")
    values = (
        *guard.params,
        *record.params,
        *base_values,
        *consent.params,
        _Slot("more"),
        *[size] * 7,
        policy.tenant_id,
        verticals,
        *base_values,
    )
    return _Statement.of(Sql(text, values))


@lru_cache(maxsize=512)
def _single_statement(question: _Question) -> _Statement:
    policy = question.policy
    record, guard, taken = _shape(question)
    consent = _permitted(policy)
    rows = row_filter_sql(policy.row_filters)
    text = f"""
SELECT CASE WHEN t.open THEN convert_to(({record.text})::text, 'UTF8') END, t.in_scope, t.consents, {guard.text}
FROM (SELECT r.*, s.in_scope, s.consents, s.in_scope AND s.consents AS open
      FROM public.exchange_record r
      CROSS JOIN LATERAL (SELECT r.verticals <@ %s::varchar[] AS in_scope, ({consent.text}) AS consents) s
      WHERE r.tenant_id = %s AND r.dataset = %s AND r.record_id = %s AND {rows.text}) t
CROSS JOIN LATERAL (SELECT t.record_id, t.updated_at, t.person_id, t.payload) r CROSS JOIN {taken}"""
    values = (
        *record.params,
        *guard.params,
        list(policy.verticals),
        *consent.params,
        policy.tenant_id,
        policy.dataset,
        _Slot("record_id"),
        *rows.params,
    )
    return _Statement.of(Sql(text, values))
