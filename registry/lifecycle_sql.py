"""The table of transitions as the database's own guard: what Python forgets, bypasses or gets wrong is refused here.

The migration holds the text that these functions gave when it was written; a test compares the two and what the
database says. Every refusal has an SQLSTATE of its own (`registry.refusals` turns it into a problem).
"""

from __future__ import annotations

from collections.abc import Iterable

from registry.lifecycle import FROZEN_FIELDS, IDENTITY_FIELDS, TRANSITIONS, Transition

ILLEGAL, ARCHIVED, SOD, FROZEN, APPEND_ONLY, UNDECIDED = "SCP01", "SCP02", "SCP03", "SCP04", "SCP05", "SCP06"


def trigger_sql() -> str:
    """CREATE FUNCTION statements of both guards: over decisions (who) and over integrations (what)."""
    return f"{decision_guard()}\n\n{integration_guard()}"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _known_steps(rows: Iterable[Transition]) -> str:
    lines = [
        f"({_literal(row.name)}, {_literal(row.source or '')}, {_literal(row.target)}, "
        f"{_literal(','.join(row.roles))}, {str(row.by_system).lower()})"
        for row in rows
    ]
    return ",\n            ".join(lines)


def _names(alias: str, fields: Iterable[str]) -> str:
    return "(" + ",\n         ".join(f"{alias}.{field}" for field in fields) + ")"


def decision_guard() -> str:
    """BEFORE INSERT on registry_decision: the step exists, the role may take it, duties are separate."""
    return f"""\
CREATE OR REPLACE FUNCTION registry_decision_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $guard$
DECLARE
    subject registry_integration%ROWTYPE;
    imposer uuid;
BEGIN
    NEW.transaction_id := pg_current_xact_id()::text::bigint;
    NEW.decided_at := now();
    SELECT * INTO subject FROM registry_integration WHERE integration_id = NEW.integration_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such integration' USING ERRCODE = '{ILLEGAL}';
    END IF;
    IF subject.status = 'archived' THEN
        RAISE EXCEPTION 'an archived integration is kept as it was' USING ERRCODE = '{ARCHIVED}';
    END IF;
    IF NOT EXISTS (
        SELECT FROM (VALUES
            {_known_steps(TRANSITIONS)}
        ) AS known (step, source, target, roles, by_system)
        WHERE known.step = NEW.step AND known.source = NEW.source AND known.target = NEW.target
          AND CASE NEW.actor_kind
              WHEN 'person' THEN NEW.actor_id IS NOT NULL AND NEW.role = ANY (string_to_array(known.roles, ','))
              WHEN 'system' THEN NEW.actor_id IS NULL AND known.by_system
              ELSE false END
    ) OR NEW.tenant_id <> subject.tenant_id
      OR NEW.source <> (CASE WHEN NEW.step = 'create' THEN '' ELSE subject.status END)
      OR NEW.revision <> subject.revision
      OR (NEW.step NOT IN ('create', 'submit') AND NEW.content_hash <> subject.content_hash) THEN
        RAISE EXCEPTION 'there is no step % from % to % for this actor, revision and content',
            NEW.step, subject.status, NEW.target USING ERRCODE = '{ILLEGAL}';
    END IF;

    IF NEW.step IN ('accept', 'approve', 'reject', 'return_for_changes') AND (
        registry_same_person(NEW.actor_id, subject.created_by_id) OR EXISTS (
            SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
               AND past.step = 'submit' AND registry_same_person(past.actor_id, NEW.actor_id))) THEN
        RAISE EXCEPTION 'who made or submitted an integration does not review or approve it' USING ERRCODE = '{SOD}';
    END IF;
    IF NEW.step IN ('accept', 'confirm_renewal') AND NOT (NEW.vertical = ANY (subject.vertical_ids)) THEN
        RAISE EXCEPTION 'the integration does not use this vertical' USING ERRCODE = '{ILLEGAL}';
    END IF;
    IF NEW.source = 'reviewed' AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.step = 'accept' AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'who reviewed an integration does not decide about its approval' USING ERRCODE = '{SOD}';
    END IF;
    IF NEW.step IN ('approve', 'activate') AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.revision = NEW.revision AND past.step = 'approve'
           AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'the second approval and the activation are other persons'' steps' USING ERRCODE = '{SOD}';
    END IF;
    IF NEW.step = 'renew' AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.step = 'confirm_renewal' AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'who confirmed a renewal for a vertical does not renew' USING ERRCODE = '{SOD}';
    END IF;
    IF NEW.step IN ('resume', 'resume_restricted', 'renew') THEN
        SELECT past.actor_id INTO imposer FROM registry_decision past
         WHERE past.integration_id = NEW.integration_id AND past.step IN ('restrict', 'suspend', 'expire')
         ORDER BY past.id DESC LIMIT 1;
        IF registry_same_person(imposer, NEW.actor_id) THEN
            RAISE EXCEPTION 'who restricted or suspended does not resume' USING ERRCODE = '{SOD}';
        END IF;
    END IF;
    RETURN NEW;
END
$guard$;"""


def integration_guard() -> str:
    """BEFORE INSERT, UPDATE or DELETE on registry_integration: only moves in the table, each with its decision."""
    return f"""\
CREATE OR REPLACE FUNCTION registry_integration_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $guard$
DECLARE
    decision registry_decision%ROWTYPE;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.revision <> 1 OR NEW.content_hash <> '' OR NEW.auth_client_id <> '' THEN
            RAISE EXCEPTION 'an integration starts in draft' USING ERRCODE = '{ILLEGAL}';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status = 'archived' THEN
        RAISE EXCEPTION 'an archived integration is kept as it was' USING ERRCODE = '{ARCHIVED}';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an integration is archived, never deleted' USING ERRCODE = '{APPEND_ONLY}';
    END IF;
    IF {_names("OLD", IDENTITY_FIELDS)}
       IS DISTINCT FROM {_names("NEW", IDENTITY_FIELDS)} THEN
        RAISE EXCEPTION 'tenant, creator and date of creation never change' USING ERRCODE = '{FROZEN}';
    END IF;

    IF OLD.status <> NEW.status THEN
        IF NOT EXISTS (SELECT FROM (VALUES
            {_pairs()}
        ) AS known (source, target) WHERE known.source = OLD.status AND known.target = NEW.status) THEN
            RAISE EXCEPTION 'an integration does not go from % to %', OLD.status, NEW.status
                USING ERRCODE = '{ILLEGAL}';
        END IF;
        SELECT * INTO decision FROM registry_decision d
         WHERE d.integration_id = NEW.integration_id AND d.source = OLD.status AND d.target = NEW.status
           AND d.transaction_id = pg_current_xact_id()::text::bigint AND d.revision = OLD.revision
         ORDER BY d.id DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no decision in this transaction stands for the step from % to %', OLD.status, NEW.status
                USING ERRCODE = '{UNDECIDED}';
        END IF;
    END IF;

    IF OLD.status <> 'draft' AND (
        {_names("OLD", (f for f in FROZEN_FIELDS if f != "active_until"))}
        IS DISTINCT FROM
        {_names("NEW", (f for f in FROZEN_FIELDS if f != "active_until"))}
        OR (OLD.active_until IS DISTINCT FROM NEW.active_until AND decision.step IS DISTINCT FROM 'renew')) THEN
        RAISE EXCEPTION 'what was submitted for review changes in draft only' USING ERRCODE = '{FROZEN}';
    END IF;
    IF OLD.content_hash <> NEW.content_hash AND decision.step IS DISTINCT FROM 'submit' THEN
        RAISE EXCEPTION 'the content hash is set by submitting' USING ERRCODE = '{FROZEN}';
    END IF;
    IF (OLD.submitted_by_id, OLD.submitted_at) IS DISTINCT FROM (NEW.submitted_by_id, NEW.submitted_at)
       AND decision.step IS DISTINCT FROM 'submit' THEN
        RAISE EXCEPTION 'the submitter is set by submitting' USING ERRCODE = '{FROZEN}';
    END IF;
    IF OLD.auth_client_id <> NEW.auth_client_id AND decision.step IS DISTINCT FROM 'activate' THEN
        RAISE EXCEPTION 'the machine client is set by activating' USING ERRCODE = '{FROZEN}';
    END IF;
    IF NEW.revision <> OLD.revision + (OLD.status <> NEW.status AND NEW.status = 'draft')::integer THEN
        RAISE EXCEPTION 'every return to draft starts the next revision, and nothing else does'
            USING ERRCODE = '{FROZEN}';
    END IF;
    IF OLD.status = NEW.status THEN
        RETURN NEW;
    END IF;

    IF NEW.status = 'requested' AND (NEW.content_hash = '' OR NEW.content_hash <> decision.content_hash
        OR NEW.submitted_by_id IS DISTINCT FROM decision.actor_id OR cardinality(NEW.vertical_ids) = 0) THEN
        RAISE EXCEPTION 'a request names its submitter, its content and its verticals' USING ERRCODE = '{UNDECIDED}';
    END IF;
    IF NEW.status = 'reviewed' AND EXISTS (
        SELECT FROM unnest(NEW.vertical_ids) AS wanted (vertical) WHERE NOT EXISTS (
            SELECT FROM registry_decision d WHERE d.integration_id = NEW.integration_id AND d.step = 'accept'
               AND d.vertical = wanted.vertical AND d.revision = NEW.revision
               AND d.content_hash = NEW.content_hash)) THEN
        RAISE EXCEPTION 'not every vertical has accepted this content' USING ERRCODE = '{UNDECIDED}';
    END IF;
    IF NEW.status = 'approved' AND (
        SELECT count(DISTINCT d.actor_id) FROM registry_decision d WHERE d.integration_id = NEW.integration_id
           AND d.step = 'approve' AND d.revision = NEW.revision AND d.content_hash = NEW.content_hash
        ) < 1 + (NEW.risk = 'high')::integer THEN
        RAISE EXCEPTION 'a high risk needs the approval of two persons' USING ERRCODE = '{UNDECIDED}';
    END IF;
    RETURN NEW;
END
$guard$;"""


def _pairs() -> str:
    pairs = sorted({(str(row.source), str(row.target)) for row in TRANSITIONS if row.moves})
    return ",\n            ".join(f"({_literal(source)}, {_literal(target)})" for source, target in pairs)
