-- The two roles of the portal and their rights in the database in which a superuser runs this. Runs again without harm.
--   scp_owner  owns the database and its tables, runs the migrations
--   scp_app    web, worker and tests: owns nothing, is bound by row-level security and can't switch it off
-- Neither has a password here: a server that listens on a network sets one with ALTER ROLE ... PASSWORD.

DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['scp_owner', 'scp_app'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I', role_name);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', role_name);
    END LOOP;
    ALTER ROLE scp_app NOINHERIT;

    EXECUTE format('ALTER DATABASE %I OWNER TO scp_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO scp_app', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO scp_owner', current_database());
END
$roles$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO scp_owner;
GRANT USAGE ON SCHEMA public TO scp_app;

-- What the migrations create in `public` is the application's to read and write; the audit trail's schema grants its own.
ALTER DEFAULT PRIVILEGES FOR ROLE scp_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO scp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE scp_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO scp_app;
