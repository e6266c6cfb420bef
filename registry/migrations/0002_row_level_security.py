"""Whose rows a transaction sees, and what the application's role may do (B-4.1-1).

Every table that names a tenant shows a transaction the rows of the tenants in `scp.tenants` and of no other, to its
owner too. Exceptions, because they hold no tenant's data: `registry_vertical`, `registry_user` (who may sign in) and
`registry_rolemapping` (what a group of the identity server means). `scp_app` gets what it needs and nothing else;
row-level security does not hold for TRUNCATE, so it never gets that.
"""

from django.db import migrations

SHOWN = "((SELECT scp_all_tenants()) OR {column} = ANY ((SELECT scp_tenant_ids())::text[]))"

TABLES = {
    "registry_tenant": ("code", "SELECT, INSERT, UPDATE"),
    "registry_tenantvertical": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_partner": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_datacontract": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_ratelimitpolicy": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_integration": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_decision": ("tenant_id", "SELECT, INSERT"),
    "registry_clientsync": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_person": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_consentnotice": ("tenant_id", "SELECT, INSERT"),
    "registry_consentevent": ("tenant_id", "SELECT, INSERT"),
    "registry_consentstate": ("tenant_id", "SELECT, INSERT, UPDATE"),
    "registry_consentepoch": ("tenant_id", "SELECT, INSERT, UPDATE"),
}

WITHOUT_TENANT = {
    "registry_vertical": "SELECT, INSERT, UPDATE",
    "registry_user": "SELECT, INSERT, UPDATE",
    "registry_rolemapping": "SELECT, INSERT, UPDATE, DELETE",
    "registry_rolegrant": "SELECT, INSERT, UPDATE, DELETE",
    "django_session": "SELECT, INSERT, UPDATE, DELETE",
    "django_content_type": "SELECT",
    "auth_permission": "SELECT",
    "auth_group": "SELECT",
    "auth_group_permissions": "SELECT",
    "django_admin_log": "SELECT",
}

GRANTS_OF_ROLES = f"""
ALTER TABLE registry_rolegrant ENABLE ROW LEVEL SECURITY;
ALTER TABLE registry_rolegrant FORCE ROW LEVEL SECURITY;
-- One's own grants are read before the tenants are known; grants for all tenants are no tenant's data.
CREATE POLICY registry_rolegrant_seen ON registry_rolegrant FOR SELECT USING (
    {SHOWN.format(column="tenant_id")}
    OR user_id::text = (SELECT nullif(current_setting('scp.person', true), ''))
    OR (tenant_id IS NULL AND cardinality((SELECT scp_tenant_ids())::text[]) > 0));
CREATE POLICY registry_rolegrant_added ON registry_rolegrant FOR INSERT WITH CHECK ({SHOWN.format(column="tenant_id")});
CREATE POLICY registry_rolegrant_changed ON registry_rolegrant FOR UPDATE
    USING ({SHOWN.format(column="tenant_id")}) WITH CHECK ({SHOWN.format(column="tenant_id")});
CREATE POLICY registry_rolegrant_removed ON registry_rolegrant FOR DELETE USING ({SHOWN.format(column="tenant_id")});
"""
GRANTS_OF_ROLES_UNDO = """
DROP POLICY registry_rolegrant_seen ON registry_rolegrant;
DROP POLICY registry_rolegrant_added ON registry_rolegrant;
DROP POLICY registry_rolegrant_changed ON registry_rolegrant;
DROP POLICY registry_rolegrant_removed ON registry_rolegrant;
ALTER TABLE registry_rolegrant NO FORCE ROW LEVEL SECURITY;
ALTER TABLE registry_rolegrant DISABLE ROW LEVEL SECURITY;
"""


def protect(table: str, column: str) -> tuple[str, str]:
    shown = SHOWN.format(column=column)
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
        f"CREATE POLICY {table}_tenant ON {table} USING ({shown}) WITH CHECK ({shown});",
        f"DROP POLICY {table}_tenant ON {table};"
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
    )


def grant(table: str, rights: str) -> tuple[str, str]:
    return (
        f"REVOKE ALL ON {table} FROM scp_app, PUBLIC; GRANT {rights} ON {table} TO scp_app;",
        f"REVOKE ALL ON {table} FROM scp_app;",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0001_models"),
        ("audit", "__first__"),  # scp_all_tenants() and scp_tenant_ids()
        ("sessions", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        *(migrations.RunSQL(*protect(table, column)) for table, (column, _) in TABLES.items()),
        migrations.RunSQL(GRANTS_OF_ROLES, GRANTS_OF_ROLES_UNDO),
        *(migrations.RunSQL(*grant(table, rights)) for table, (_, rights) in TABLES.items()),
        *(migrations.RunSQL(*grant(table, rights)) for table, rights in WITHOUT_TENANT.items()),
    ]
