"""Where a person stands is computed from the journal of consent, in the database and nowhere else (B-4.3-1).

Order is the journal's `seq`. A withdrawal (or any status that permits nothing) takes effect at its own commit and
can't be post-dated; a grant may start later. A grant that says it was given before, or in the same instant as, the
withdrawal that stands does not undo it.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_consentevent_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.recorded_at := now();
    IF NEW.status NOT IN ('given', 'renewed') AND NEW.effective_at > clock_timestamp() THEN
        IF NEW.effective_at > clock_timestamp() + interval '5 minutes' THEN
            RAISE EXCEPTION 'a withdrawal takes effect when it is recorded and can''t be post-dated'
                USING ERRCODE = 'SCP07';
        END IF;
        NEW.effective_at := clock_timestamp();  -- the other side's clock is a little fast
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION registry_consentevent_project() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    permits boolean := NEW.status IN ('given', 'renewed');
    stands registry_consentstate%ROWTYPE;
    stands_since timestamptz;
    starts timestamptz := CASE WHEN permits THEN NEW.effective_at ELSE NEW.recorded_at END;
BEGIN
    INSERT INTO registry_consentstate
           (tenant_id, person_id, vertical_id, status, notice_version, effective_from, valid_until, event_seq)
    VALUES (NEW.tenant_id, NEW.person_id, NEW.vertical_id, NEW.status, NEW.notice_version, starts, NEW.valid_until,
            NEW.seq)
    ON CONFLICT (tenant_id, person_id, vertical_id) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO stands FROM registry_consentstate
     WHERE tenant_id = NEW.tenant_id AND person_id = NEW.person_id AND vertical_id = NEW.vertical_id FOR UPDATE;
    SELECT effective_at INTO stands_since FROM registry_consentevent WHERE seq = stands.event_seq;
    IF permits AND (NEW.seq < stands.event_seq
                    OR (stands.status NOT IN ('given', 'renewed') AND stands_since >= NEW.effective_at)) THEN
        RETURN NULL;
    END IF;
    IF NOT permits AND NEW.seq < stands.event_seq AND stands_since > NEW.effective_at THEN
        RETURN NULL;
    END IF;
    IF permits AND stands.status IN ('given', 'renewed')
       AND (stands.valid_until IS NULL OR stands.valid_until >= starts) THEN
        starts := least(starts, stands.effective_from);  -- a renewal leaves no gap
    END IF;
    UPDATE registry_consentstate
       SET status = NEW.status, notice_version = NEW.notice_version, effective_from = starts,
           valid_until = NEW.valid_until, event_seq = NEW.seq
     WHERE tenant_id = NEW.tenant_id AND person_id = NEW.person_id AND vertical_id = NEW.vertical_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION registry_consentepoch_bump() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO registry_consentepoch AS standing (tenant_id, vertical_id, epoch)
    SELECT tenant_id, vertical_id, count(*) FROM added GROUP BY tenant_id, vertical_id ORDER BY tenant_id, vertical_id
    ON CONFLICT (tenant_id, vertical_id) DO UPDATE SET epoch = standing.epoch + excluded.epoch;
    RETURN NULL;
END
$$;

CREATE FUNCTION registry_projection_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% follows from the journal of consent and is not written by hand', TG_TABLE_NAME
            USING ERRCODE = 'SCP05';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE TRIGGER registry_consentevent_stamp BEFORE INSERT ON registry_consentevent
    FOR EACH ROW EXECUTE FUNCTION registry_consentevent_stamp();
CREATE TRIGGER registry_consentevent_project AFTER INSERT ON registry_consentevent
    FOR EACH ROW EXECUTE FUNCTION registry_consentevent_project();
CREATE TRIGGER registry_consentepoch_bump AFTER INSERT ON registry_consentevent
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_consentepoch_bump();
CREATE TRIGGER registry_consentstate_projected BEFORE INSERT OR UPDATE OR DELETE ON registry_consentstate
    FOR EACH ROW EXECUTE FUNCTION registry_projection_only();
CREATE TRIGGER registry_consentepoch_projected BEFORE INSERT OR UPDATE OR DELETE ON registry_consentepoch
    FOR EACH ROW EXECUTE FUNCTION registry_projection_only();
ALTER TABLE registry_consentevent ENABLE ALWAYS TRIGGER registry_consentevent_stamp;
ALTER TABLE registry_consentevent ENABLE ALWAYS TRIGGER registry_consentevent_project;
ALTER TABLE registry_consentevent ENABLE ALWAYS TRIGGER registry_consentepoch_bump;
ALTER TABLE registry_consentstate ENABLE ALWAYS TRIGGER registry_consentstate_projected;
ALTER TABLE registry_consentepoch ENABLE ALWAYS TRIGGER registry_consentepoch_projected;
"""

BACKWARD = """
DROP FUNCTION registry_consentevent_stamp() CASCADE;
DROP FUNCTION registry_consentevent_project() CASCADE;
DROP FUNCTION registry_consentepoch_bump() CASCADE;
DROP FUNCTION registry_projection_only() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_composite_keys")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
