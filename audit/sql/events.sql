-- The outbox: written in the business transaction, read by the fan-out, never changed by the application.

ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_event FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_event
    USING ((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]))
    WITH CHECK ((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]));
GRANT SELECT, INSERT ON audit_event TO scp_app;
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit_event FROM scp_app;
