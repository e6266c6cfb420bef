"""Row-level security for role mappings: everyone reads them at sign-in, nobody writes beyond the context's tenants.

A mapping without a tenant means something everywhere, so only a context of all tenants writes it.
"""

from django.db import migrations

SHOWN = "((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]))"

PROTECT = f"""
ALTER TABLE registry_rolemapping ENABLE ROW LEVEL SECURITY;
ALTER TABLE registry_rolemapping FORCE ROW LEVEL SECURITY;
CREATE POLICY registry_rolemapping_seen ON registry_rolemapping FOR SELECT USING (TRUE);
CREATE POLICY registry_rolemapping_added ON registry_rolemapping FOR INSERT WITH CHECK ({SHOWN});
CREATE POLICY registry_rolemapping_changed ON registry_rolemapping FOR UPDATE USING ({SHOWN}) WITH CHECK ({SHOWN});
CREATE POLICY registry_rolemapping_removed ON registry_rolemapping FOR DELETE USING ({SHOWN});
"""
UNDO = """
DROP POLICY registry_rolemapping_seen ON registry_rolemapping;
DROP POLICY registry_rolemapping_added ON registry_rolemapping;
DROP POLICY registry_rolemapping_changed ON registry_rolemapping;
DROP POLICY registry_rolemapping_removed ON registry_rolemapping;
ALTER TABLE registry_rolemapping NO FORCE ROW LEVEL SECURITY;
ALTER TABLE registry_rolemapping DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_who_blocked_and_why_frozen")]

    operations = [migrations.RunSQL(PROTECT, UNDO)]
