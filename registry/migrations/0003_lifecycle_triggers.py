"""The guards of the lifecycle: only moves in the table, each with its decision, separate duties, history kept.

The text of the two guards is what `registry.lifecycle_sql.trigger_sql()` gave; a test says when it is behind.
"""

from django.db import migrations

SAME_PERSON = """\
CREATE FUNCTION registry_same_person(one uuid, other uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(one = other OR EXISTS (
        SELECT FROM registry_user a JOIN registry_user b ON lower(a.email) = lower(b.email)
         WHERE a.id = one AND b.id = other AND a.email <> ''), false)
$$;
COMMENT ON FUNCTION registry_same_person(uuid, uuid) IS 'One account, or two accounts with one e-mail address.';
"""

GUARDS = """\
CREATE OR REPLACE FUNCTION registry_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    subject registry_integration%ROWTYPE;
    imposer uuid;
BEGIN
    NEW.transaction_id := pg_current_xact_id()::text::bigint;
    NEW.decided_at := now();
    SELECT * INTO subject FROM registry_integration WHERE integration_id = NEW.integration_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such integration' USING ERRCODE = 'SCP01';
    END IF;
    IF subject.status = 'archived' THEN
        RAISE EXCEPTION 'an archived integration is kept as it was' USING ERRCODE = 'SCP02';
    END IF;
    IF NOT EXISTS (
        SELECT FROM (VALUES
            ('create', '', 'draft', 'partner_user,tenant_admin', false),
            ('submit', 'draft', 'requested', 'partner_user,tenant_admin', false),
            ('withdraw_request', 'requested', 'draft', 'partner_user,tenant_admin', false),
            ('return_for_changes', 'requested', 'draft', 'vertical_owner', false),
            ('accept', 'requested', 'requested', 'vertical_owner', false),
            ('accept', 'requested', 'reviewed', 'vertical_owner', false),
            ('return_for_changes', 'reviewed', 'draft', 'umbrella_authority', false),
            ('approve', 'reviewed', 'reviewed', 'umbrella_authority', false),
            ('approve', 'reviewed', 'approved', 'umbrella_authority', false),
            ('reject', 'reviewed', 'rejected', 'umbrella_authority', false),
            ('revise', 'rejected', 'draft', 'partner_user,tenant_admin', false),
            ('void_approval', 'approved', 'draft', 'partner_user,tenant_admin', false),
            ('lapse', 'approved', 'draft', '', true),
            ('activate', 'approved', 'active', 'tenant_admin,operator', false),
            ('restrict', 'active', 'restricted', 'vertical_owner,tenant_admin,umbrella_authority', true),
            ('suspend', 'active', 'suspended', 'tenant_admin,umbrella_authority,operator', true),
            ('suspend', 'restricted', 'suspended', 'tenant_admin,umbrella_authority,operator', true),
            ('suspend', 'deprecated', 'suspended', 'tenant_admin,umbrella_authority,operator', true),
            ('resume', 'restricted', 'active', 'umbrella_authority,tenant_admin,vertical_owner', false),
            ('resume', 'suspended', 'active', 'umbrella_authority', false),
            ('resume_restricted', 'suspended', 'restricted', 'umbrella_authority', false),
            ('deprecate', 'active', 'deprecated', 'tenant_admin,umbrella_authority', false),
            ('deprecate', 'restricted', 'deprecated', 'tenant_admin,umbrella_authority', false),
            ('cancel_deprecation', 'deprecated', 'active', 'umbrella_authority', false),
            ('archive', 'deprecated', 'archived', 'tenant_admin', true),
            ('terminate', 'restricted', 'archived', 'umbrella_authority', false),
            ('terminate', 'suspended', 'archived', 'umbrella_authority', false),
            ('expire', 'active', 'suspended', '', true),
            ('expire', 'restricted', 'suspended', '', true),
            ('expire', 'deprecated', 'suspended', '', true),
            ('confirm_renewal', 'suspended', 'suspended', 'vertical_owner', false),
            ('renew', 'suspended', 'active', 'umbrella_authority', false),
            ('archive', 'suspended', 'archived', '', true),
            ('cancel', 'draft', 'archived', 'partner_user,tenant_admin', false),
            ('cancel', 'rejected', 'archived', 'partner_user,tenant_admin', false)
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
            NEW.step, subject.status, NEW.target USING ERRCODE = 'SCP01';
    END IF;

    IF NEW.step IN ('accept', 'approve', 'reject', 'return_for_changes') AND (
        registry_same_person(NEW.actor_id, subject.created_by_id) OR EXISTS (
            SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
               AND past.step = 'submit' AND registry_same_person(past.actor_id, NEW.actor_id))) THEN
        RAISE EXCEPTION 'who made or submitted an integration does not review or approve it' USING ERRCODE = 'SCP03';
    END IF;
    IF NEW.step IN ('accept', 'confirm_renewal') AND NOT (NEW.vertical = ANY (subject.vertical_ids)) THEN
        RAISE EXCEPTION 'the integration does not use this vertical' USING ERRCODE = 'SCP01';
    END IF;
    IF NEW.source = 'reviewed' AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.step = 'accept' AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'who reviewed an integration does not decide about its approval' USING ERRCODE = 'SCP03';
    END IF;
    IF NEW.step IN ('approve', 'activate') AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.revision = NEW.revision AND past.step = 'approve'
           AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'the second approval and the activation are other persons'' steps' USING ERRCODE = 'SCP03';
    END IF;
    IF NEW.step = 'renew' AND EXISTS (
        SELECT FROM registry_decision past WHERE past.integration_id = NEW.integration_id
           AND past.step = 'confirm_renewal' AND registry_same_person(past.actor_id, NEW.actor_id)) THEN
        RAISE EXCEPTION 'who confirmed a renewal for a vertical does not renew' USING ERRCODE = 'SCP03';
    END IF;
    IF NEW.step IN ('resume', 'resume_restricted', 'renew') THEN
        SELECT past.actor_id INTO imposer FROM registry_decision past
         WHERE past.integration_id = NEW.integration_id AND past.step IN ('restrict', 'suspend', 'expire')
         ORDER BY past.id DESC LIMIT 1;
        IF registry_same_person(imposer, NEW.actor_id) THEN
            RAISE EXCEPTION 'who restricted or suspended does not resume' USING ERRCODE = 'SCP03';
        END IF;
    END IF;
    RETURN NEW;
END
$guard$;

CREATE OR REPLACE FUNCTION registry_integration_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    decision registry_decision%ROWTYPE;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.revision <> 1 OR NEW.content_hash <> '' OR NEW.auth_client_id <> '' THEN
            RAISE EXCEPTION 'an integration starts in draft' USING ERRCODE = 'SCP01';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status = 'archived' THEN
        RAISE EXCEPTION 'an archived integration is kept as it was' USING ERRCODE = 'SCP02';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an integration is archived, never deleted' USING ERRCODE = 'SCP05';
    END IF;
    IF (OLD.integration_id,
         OLD.tenant_id,
         OLD.created_by_id,
         OLD.created_at)
       IS DISTINCT FROM (NEW.integration_id,
         NEW.tenant_id,
         NEW.created_by_id,
         NEW.created_at) THEN
        RAISE EXCEPTION 'tenant, creator and date of creation never change' USING ERRCODE = 'SCP04';
    END IF;

    IF OLD.status <> NEW.status THEN
        IF NOT EXISTS (SELECT FROM (VALUES
            ('active', 'deprecated'),
            ('active', 'restricted'),
            ('active', 'suspended'),
            ('approved', 'active'),
            ('approved', 'draft'),
            ('deprecated', 'active'),
            ('deprecated', 'archived'),
            ('deprecated', 'suspended'),
            ('draft', 'archived'),
            ('draft', 'requested'),
            ('rejected', 'archived'),
            ('rejected', 'draft'),
            ('requested', 'draft'),
            ('requested', 'reviewed'),
            ('restricted', 'active'),
            ('restricted', 'archived'),
            ('restricted', 'deprecated'),
            ('restricted', 'suspended'),
            ('reviewed', 'approved'),
            ('reviewed', 'draft'),
            ('reviewed', 'rejected'),
            ('suspended', 'active'),
            ('suspended', 'archived'),
            ('suspended', 'restricted')
        ) AS known (source, target) WHERE known.source = OLD.status AND known.target = NEW.status) THEN
            RAISE EXCEPTION 'an integration does not go from % to %', OLD.status, NEW.status
                USING ERRCODE = 'SCP01';
        END IF;
        SELECT * INTO decision FROM registry_decision d
         WHERE d.integration_id = NEW.integration_id AND d.source = OLD.status AND d.target = NEW.status
           AND d.transaction_id = pg_current_xact_id()::text::bigint AND d.revision = OLD.revision
         ORDER BY d.id DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no decision in this transaction stands for the step from % to %', OLD.status, NEW.status
                USING ERRCODE = 'SCP06';
        END IF;
    END IF;

    IF OLD.status <> 'draft' AND (
        (OLD.integration_name,
         OLD.partner_id,
         OLD.vertical_ids,
         OLD.active_from,
         OLD.data_contract_id,
         OLD.purpose,
         OLD.legal_basis,
         OLD.legal_basis_reference,
         OLD.retention_days,
         OLD.transfers,
         OLD.dpia_link,
         OLD.mtls_required,
         OLD.risk)
        IS DISTINCT FROM
        (NEW.integration_name,
         NEW.partner_id,
         NEW.vertical_ids,
         NEW.active_from,
         NEW.data_contract_id,
         NEW.purpose,
         NEW.legal_basis,
         NEW.legal_basis_reference,
         NEW.retention_days,
         NEW.transfers,
         NEW.dpia_link,
         NEW.mtls_required,
         NEW.risk)
        OR (OLD.active_until IS DISTINCT FROM NEW.active_until AND decision.step IS DISTINCT FROM 'renew')) THEN
        RAISE EXCEPTION 'what was submitted for review changes in draft only' USING ERRCODE = 'SCP04';
    END IF;
    IF OLD.content_hash <> NEW.content_hash AND decision.step IS DISTINCT FROM 'submit' THEN
        RAISE EXCEPTION 'the content hash is set by submitting' USING ERRCODE = 'SCP04';
    END IF;
    IF (OLD.submitted_by_id, OLD.submitted_at) IS DISTINCT FROM (NEW.submitted_by_id, NEW.submitted_at)
       AND decision.step IS DISTINCT FROM 'submit' THEN
        RAISE EXCEPTION 'the submitter is set by submitting' USING ERRCODE = 'SCP04';
    END IF;
    IF OLD.auth_client_id <> NEW.auth_client_id AND decision.step IS DISTINCT FROM 'activate' THEN
        RAISE EXCEPTION 'the machine client is set by activating' USING ERRCODE = 'SCP04';
    END IF;
    IF NEW.revision <> OLD.revision + (OLD.status <> NEW.status AND NEW.status = 'draft')::integer THEN
        RAISE EXCEPTION 'every return to draft starts the next revision, and nothing else does'
            USING ERRCODE = 'SCP04';
    END IF;
    IF OLD.status = NEW.status THEN
        RETURN NEW;
    END IF;

    IF NEW.status = 'requested' AND (NEW.content_hash = '' OR NEW.content_hash <> decision.content_hash
        OR NEW.submitted_by_id IS DISTINCT FROM decision.actor_id OR cardinality(NEW.vertical_ids) = 0) THEN
        RAISE EXCEPTION 'a request names its submitter, its content and its verticals' USING ERRCODE = 'SCP06';
    END IF;
    IF NEW.status = 'reviewed' AND EXISTS (
        SELECT FROM unnest(NEW.vertical_ids) AS wanted (vertical) WHERE NOT EXISTS (
            SELECT FROM registry_decision d WHERE d.integration_id = NEW.integration_id AND d.step = 'accept'
               AND d.vertical = wanted.vertical AND d.revision = NEW.revision
               AND d.content_hash = NEW.content_hash)) THEN
        RAISE EXCEPTION 'not every vertical has accepted this content' USING ERRCODE = 'SCP06';
    END IF;
    IF NEW.status = 'approved' AND (
        SELECT count(DISTINCT d.actor_id) FROM registry_decision d WHERE d.integration_id = NEW.integration_id
           AND d.step = 'approve' AND d.revision = NEW.revision AND d.content_hash = NEW.content_hash
        ) < 1 + (NEW.risk = 'high')::integer THEN
        RAISE EXCEPTION 'a high risk needs the approval of two persons' USING ERRCODE = 'SCP06';
    END IF;
    RETURN NEW;
END
$guard$;
"""

KEPT = """\
CREATE FUNCTION registry_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what was recorded is kept', TG_OP, TG_TABLE_NAME USING ERRCODE = 'SCP05';
END
$$;

CREATE FUNCTION registry_contract_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'published' AND NEW.status = 'retired'
       AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a published contract never changes; publish a new version' USING ERRCODE = 'SCP05';
END
$$;
"""

TRIGGERS = """\
CREATE TRIGGER registry_decision_guard BEFORE INSERT ON registry_decision
    FOR EACH ROW EXECUTE FUNCTION registry_decision_guard();
CREATE TRIGGER registry_integration_guard BEFORE INSERT OR UPDATE OR DELETE ON registry_integration
    FOR EACH ROW EXECUTE FUNCTION registry_integration_guard();
CREATE TRIGGER registry_contract_guard BEFORE UPDATE OR DELETE ON registry_datacontract
    FOR EACH ROW EXECUTE FUNCTION registry_contract_guard();
ALTER TABLE registry_decision ENABLE ALWAYS TRIGGER registry_decision_guard;
ALTER TABLE registry_integration ENABLE ALWAYS TRIGGER registry_integration_guard;
ALTER TABLE registry_datacontract ENABLE ALWAYS TRIGGER registry_contract_guard;
CREATE UNIQUE INDEX registry_one_acceptance_per_vertical ON registry_decision (integration_id, revision, vertical)
    WHERE step = 'accept';
CREATE UNIQUE INDEX registry_one_approval_per_person ON registry_decision (integration_id, revision, actor_id)
    WHERE step = 'approve';
"""

ROWS_KEPT = ("registry_decision", "registry_consentevent", "registry_consentnotice")
TABLES_KEPT = (*ROWS_KEPT, "registry_integration", "registry_datacontract")


def kept(kind: str, table: str, when: str) -> str:
    return (
        f"CREATE TRIGGER {table}_{kind} BEFORE {when} EXECUTE FUNCTION registry_kept();"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{kind};"
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_row_level_security")]

    operations = [
        migrations.RunSQL(SAME_PERSON, "DROP FUNCTION registry_same_person(uuid, uuid);"),
        migrations.RunSQL(
            GUARDS,
            "DROP FUNCTION registry_integration_guard() CASCADE; DROP FUNCTION registry_decision_guard() CASCADE;",
        ),
        migrations.RunSQL(
            KEPT, "DROP FUNCTION registry_kept() CASCADE; DROP FUNCTION registry_contract_guard() CASCADE;"
        ),
        migrations.RunSQL(
            TRIGGERS,
            "DROP INDEX registry_one_acceptance_per_vertical; DROP INDEX registry_one_approval_per_person;",
        ),
        *(
            migrations.RunSQL(kept("kept", table, f"UPDATE OR DELETE ON {table} FOR EACH ROW"), "SELECT 1;")
            for table in ROWS_KEPT
        ),
        *(
            migrations.RunSQL(kept("not_emptied", table, f"TRUNCATE ON {table} FOR EACH STATEMENT"), "SELECT 1;")
            for table in TABLES_KEPT
        ),
    ]
