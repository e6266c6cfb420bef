"""What the database itself holds about records: whose rows are seen, and in which order changes appear.

Order. A partner pages by (updated_at, record_id) and asks "since". A row that commits late with an early stamp would
be passed over for ever. So a writer takes the advisory lock of its tenant and dataset before it stamps, and keeps it
until its commit: stamps follow the order of commits, and whoever sees a row also sees every row with a lower stamp.
Readers pay nothing; writers to one dataset of one tenant wait for each other.

Isolation. Row-level security, forced on the owner as well; a record's person is a person of the same tenant, which
the plain foreign key would not hold, because foreign keys are checked without row-level security.
"""

from django.db import migrations

ISOLATION = """
ALTER TABLE exchange_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE exchange_record FORCE ROW LEVEL SECURITY;
CREATE POLICY exchange_record_tenant ON exchange_record
    USING ((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]))
    WITH CHECK ((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]));
ALTER TABLE exchange_record ADD CONSTRAINT exchange_record_person_of_the_tenant
    FOREIGN KEY (tenant_id, person_id) REFERENCES registry_person (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;
GRANT SELECT, INSERT, UPDATE, DELETE ON exchange_record TO scp_app;
GRANT SELECT, INSERT, UPDATE ON exchange_dataset TO scp_app;
REVOKE DELETE ON exchange_dataset FROM scp_app;
"""

NO_ISOLATION = """
ALTER TABLE exchange_record DROP CONSTRAINT exchange_record_person_of_the_tenant;
DROP POLICY exchange_record_tenant ON exchange_record;
ALTER TABLE exchange_record NO FORCE ROW LEVEL SECURITY;
ALTER TABLE exchange_record DISABLE ROW LEVEL SECURITY;
"""

ORDER = """
CREATE FUNCTION exchange_lock_dataset(tenant text, dataset text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(tenant || '/' || dataset, 8931))
$$;

CREATE FUNCTION exchange_stamp_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.record_id, NEW.tenant_id, NEW.dataset, NEW.source_key)
            IS DISTINCT FROM (OLD.record_id, OLD.tenant_id, OLD.dataset, OLD.source_key) THEN
        RAISE EXCEPTION 'a record keeps its tenant, dataset and key' USING ERRCODE = '23514';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.tenant_id || '/' || NEW.dataset, 8931));
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TRIGGER exchange_record_stamp BEFORE INSERT OR UPDATE ON exchange_record
    FOR EACH ROW EXECUTE FUNCTION exchange_stamp_record();
"""

NO_ORDER = """
DROP TRIGGER exchange_record_stamp ON exchange_record;
DROP FUNCTION exchange_stamp_record();
DROP FUNCTION exchange_lock_dataset(text, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_audit_trail"),
        ("exchange", "0001_models"),
    ]

    operations = [
        migrations.RunSQL(ISOLATION, NO_ISOLATION),
        migrations.RunSQL(ORDER, NO_ORDER),
    ]
