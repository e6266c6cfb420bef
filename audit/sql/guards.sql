-- Nothing is changed or removed: by privileges for the application, by triggers for whoever holds more. The triggers
-- are ENABLE ALWAYS, so that session_replication_role does not silence them.

CREATE FUNCTION audit.deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION audit.guard_truncate(guarded regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.deny()',
                   guarded);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', guarded);
END
$$;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['entry', 'leaf', 'tile', 'tree_state', 'checkpoint', 'cosignature', 'quarantine'] LOOP
        EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON audit.%I'
                       ' FOR EACH ROW EXECUTE FUNCTION audit.deny()', guarded);
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER no_change', guarded);
        PERFORM audit.guard_truncate(format('audit.%I', guarded)::regclass);
    END LOOP;
END
$$;

-- Row-level security. Tables that name a tenant show its rows; tables that name a log show what the log's row shows.
-- The platform's log has no tenant and is seen by '*' only. The owner's own functions write under FORCE, so they
-- need policies too; the owner has none to UPDATE or DELETE entries.
DO $$
DECLARE
    guarded text;
    by_tenant constant text := '(SELECT public.scp_all_tenants()) OR tenant_id = ANY ((SELECT public.scp_tenant_ids())::text[])';
    by_log constant text := 'log_id IN (SELECT log.log_id FROM audit.log)';
BEGIN
    FOREACH guarded IN ARRAY ARRAY['log', 'entry', 'subject_key', 'disclosure', 'subject_index', 'leaf', 'tile', 'head',
                                   'tree_state', 'checkpoint', 'cosignature', 'anchor', 'quarantine', 'pending'] LOOP
        EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE audit.%I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY tenant ON audit.%I FOR SELECT TO PUBLIC USING (%s)', guarded,
                       CASE WHEN guarded IN ('log', 'entry', 'subject_key', 'disclosure', 'subject_index')
                            THEN by_tenant ELSE by_log END);
        IF guarded = 'entry' THEN
            CREATE POLICY owner_reads ON audit.entry FOR SELECT TO CURRENT_USER USING (true);
            CREATE POLICY owner_appends ON audit.entry FOR INSERT TO CURRENT_USER WITH CHECK (true);
        ELSE
            EXECUTE format('CREATE POLICY owner ON audit.%I FOR ALL TO CURRENT_USER USING (true) WITH CHECK (true)', guarded);
        END IF;
    END LOOP;
END
$$;

GRANT SELECT ON audit.retention_class, audit.log, audit.entry, audit.leaf, audit.tile, audit.head, audit.tree_state,
                audit.checkpoint, audit.cosignature, audit.anchor TO scp_app;
