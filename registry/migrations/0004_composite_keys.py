"""No row points into another tenant: foreign keys carry the tenant along (row-level security does not check them)."""

from django.db import migrations

KEYS = (
    ("registry_integration", "partner_id", "registry_partner", "id"),
    ("registry_integration", "data_contract_id", "registry_datacontract", "id"),
    ("registry_integration", "rate_limit_policy_id", "registry_ratelimitpolicy", "id"),
    ("registry_integration", "successor_id", "registry_integration", "integration_id"),
    ("registry_decision", "integration_id", "registry_integration", "integration_id"),
    ("registry_clientsync", "integration_id", "registry_integration", "integration_id"),
    ("registry_consentevent", "person_id", "registry_person", "id"),
    ("registry_consentstate", "person_id", "registry_person", "id"),
    ("registry_rolegrant", "partner_id", "registry_partner", "id"),
    ("registry_rolemapping", "partner_id", "registry_partner", "id"),
)


def same_tenant(table: str, column: str, target: str, key: str) -> tuple[str, str]:
    name = f"{table}_{column}_same_tenant"
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column})"
        f" REFERENCES {target} (tenant_id, {key}) DEFERRABLE INITIALLY IMMEDIATE;",
        f"ALTER TABLE {table} DROP CONSTRAINT {name};",
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_lifecycle_triggers")]

    operations = [migrations.RunSQL(*same_tenant(*key)) for key in KEYS]
