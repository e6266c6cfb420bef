"""The statements that take staged files into persons and records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from exchange.community.datasets import COMMENTS, POSTS, SUB_COMMUNITIES

STAGES: Final = """
DROP TABLE IF EXISTS staged_summary, staged_statement, staged_vote, staged_person;
CREATE TEMPORARY TABLE staged_summary (
    conversation text, topic text, description text, url text,
    views int, participants int, authors int, groups int
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_statement (
    conversation text, line int, key text, author text, written bigint,
    body text, agrees int, disagrees int, moderation text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_vote (
    conversation text, line int, statement text, voter text, cast_at bigint, reaction text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_person (reference text, id uuid) ON COMMIT DROP;
"""

TOOK_PART: Final = """
    SELECT conversation || '/' || author AS reference FROM staged_statement
    UNION
    SELECT conversation || '/' || voter FROM staged_vote
"""
"""References of persons: the conversation's key before the person's own number in it."""

PERSONS: Final = f"""
INSERT INTO registry_person (id, tenant_id, reference, created_at)
SELECT gen_random_uuid(), %(tenant)s, reference, now() FROM ({TOOK_PART}) part
ON CONFLICT (tenant_id, reference) DO NOTHING
"""

KNOWN: Final = f"""
INSERT INTO staged_person
SELECT reference, id FROM registry_person WHERE tenant_id = %(tenant)s AND reference IN ({TOOK_PART})
"""
ANALYSE: Final = "ANALYZE staged_summary, staged_statement, staged_vote, staged_person"
"""Nothing does this for temporary tables by itself, and without it the joins are planned for a handful of rows."""

CONSENTLESS: Final = """
SELECT id FROM staged_person person
WHERE NOT EXISTS (
    SELECT FROM registry_consentstate state
    WHERE (state.tenant_id, state.person_id, state.vertical_id) = (%(tenant)s, person.id, %(vertical)s)
)
ORDER BY reference
"""
"""Those who never said anything: who refused or withdrew is not asked again by a file."""

_MOMENT: Final = """to_char(to_timestamp({} / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

_UPSERT: Final = """
WITH written AS (
    INSERT INTO exchange_record (record_id, tenant_id, dataset, source_key, verticals, person_id, payload, updated_at)
    SELECT gen_random_uuid(), %(tenant)s, '{dataset}', source_key, ARRAY[%(vertical)s], person_id, payload, now()
    FROM ({rows}) row
    ON CONFLICT (tenant_id, dataset, source_key)
    DO UPDATE SET payload = excluded.payload, person_id = excluded.person_id, verticals = excluded.verticals
    WHERE (exchange_record.payload, exchange_record.person_id, exchange_record.verticals)
          IS DISTINCT FROM (excluded.payload, excluded.person_id, excluded.verticals)
    RETURNING xmax = 0 AS fresh
)
SELECT count(*) FILTER (WHERE fresh), count(*) FROM written
"""
"""`xmax` is 0 in a row that was inserted and not updated."""

_SUB_COMMUNITIES: Final = """
    SELECT conversation AS source_key, NULL::uuid AS person_id, jsonb_build_object(
        'sub_community_id', conversation, 'topic', topic, 'description', description, 'url', url,
        'views', views, 'participants', participants, 'authors', authors, 'groups', groups) AS payload
    FROM staged_summary
"""
_POSTS: Final = f"""
    SELECT conversation || '/' || key AS source_key, person.id AS person_id, jsonb_build_object(
        'post_id', conversation || '/' || key, 'sub_community_id', conversation, 'author_id', person.reference,
        'written_at', {_MOMENT.format("written")}, 'body', body,
        'agrees', agrees, 'disagrees', disagrees, 'moderation', moderation) AS payload
    FROM staged_statement
    JOIN staged_person person ON person.reference = conversation || '/' || author
"""
_COMMENTS: Final = f"""
    SELECT conversation || '/' || statement || '/' || voter AS source_key, person.id AS person_id, jsonb_build_object(
        'comment_id', conversation || '/' || statement || '/' || voter, 'post_id', conversation || '/' || statement,
        'sub_community_id', conversation, 'author_id', person.reference,
        'written_at', {_MOMENT.format("cast_at")}, 'reaction', reaction) AS payload
    FROM (
        SELECT DISTINCT ON (conversation, statement, voter) * FROM staged_vote
        ORDER BY conversation, statement, voter, cast_at DESC, line DESC
    ) latest
    JOIN staged_person person ON person.reference = conversation || '/' || voter
"""

RECORDS: Final = {
    SUB_COMMUNITIES: _UPSERT.format(dataset=SUB_COMMUNITIES, rows=_SUB_COMMUNITIES),
    POSTS: _UPSERT.format(dataset=POSTS, rows=_POSTS),
    COMMENTS: _UPSERT.format(dataset=COMMENTS, rows=_COMMENTS),
}
"""Per dataset, in the order in which one refers to the other."""


def copy_into(cursor: Any, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Stream rows into a staging table; nothing is held in memory."""
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
