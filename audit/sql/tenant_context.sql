-- What row-level security asks: whose rows may this transaction see? Set by kernel/tenancy.py, gone with the
-- transaction. After a SET LOCAL the setting is '' and not NULL, hence nullif. Empty sees nothing.

CREATE FUNCTION public.scp_all_tenants() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(nullif(current_setting('scp.tenants', true), '') = '*', false) $$;

CREATE FUNCTION public.scp_tenant_ids() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(string_to_array(nullif(current_setting('scp.tenants', true), ''), ','), '{}') $$;

GRANT EXECUTE ON FUNCTION public.scp_all_tenants(), public.scp_tenant_ids() TO scp_app;
