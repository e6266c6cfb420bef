"""The guards read the portal's tables and no others, and only the journal's own triggers write the projection.

`scp_app` may make temporary tables (loading uses them), and PostgreSQL looks among those first. So every guard says
where it looks: otherwise a temporary `registry_decision` would stand for the real one, and a trigger on a temporary
table would have passed for the journal's. The two functions that project consent therefore run as the owner, the
projection takes nobody else's rows, and no function of a trigger can be attached to another table.
"""

from django.db import migrations

GUARDS = (
    "registry_same_person(uuid, uuid)",
    "registry_decision_guard()",
    "registry_integration_guard()",
    "registry_contract_guard()",
    "registry_kept()",
    "registry_consentevent_stamp()",
    "registry_consentevent_project()",
    "registry_consentepoch_bump()",
    "registry_projection_only()",
)
PROJECTING = ("registry_consentevent_project()", "registry_consentepoch_bump()")
NOT_TO_BE_ATTACHED = [guard for guard in GUARDS if guard.endswith("()")]

PROJECTION_ONLY = """
CREATE OR REPLACE FUNCTION registry_projection_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {by_hand} THEN
        RAISE EXCEPTION '% follows from the journal of consent and is not written by hand', TG_TABLE_NAME
            USING ERRCODE = 'SCP05';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
"""
BY_DEPTH = "pg_trigger_depth() < 2"
BY_OWNER = f"{BY_DEPTH} OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)"


def each(statement: str, functions: object) -> str:
    return "".join(statement.format(function) + ";" for function in functions)


FORWARD = (
    PROJECTION_ONLY.format(by_hand=BY_OWNER)
    + each("ALTER FUNCTION {} SET search_path = pg_catalog, public, pg_temp", GUARDS)
    + each("ALTER FUNCTION {} SECURITY DEFINER", PROJECTING)
    + each("REVOKE ALL ON FUNCTION {} FROM PUBLIC, scp_app", NOT_TO_BE_ATTACHED)
    # What was migrated is for the owner to say.
    + "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM scp_app;"
)
BACKWARD = (
    "GRANT INSERT, UPDATE, DELETE ON django_migrations TO scp_app;"
    + each("GRANT EXECUTE ON FUNCTION {} TO PUBLIC", NOT_TO_BE_ATTACHED)
    + each("ALTER FUNCTION {} SECURITY INVOKER", PROJECTING)
    + PROJECTION_ONLY.format(by_hand=BY_DEPTH)
    + each("ALTER FUNCTION {} RESET search_path", GUARDS)
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_mask_functions"), ("audit", "0001_audit_trail")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
