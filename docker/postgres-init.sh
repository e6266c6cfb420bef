#!/bin/sh
# Runs once, when the database's volume is empty: the portal's two roles, their passwords, and Keycloak's own database.
set -eu

psql -v ON_ERROR_STOP=1 --username postgres --dbname scp --file /etc/scp/roles.sql

psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres \
  -v owner="$OWNER_DATABASE_PASSWORD" -v app="$APP_DATABASE_PASSWORD" -v keycloak="$KEYCLOAK_DATABASE_PASSWORD" <<'SQL'
ALTER ROLE scp_owner PASSWORD :'owner';
ALTER ROLE scp_app PASSWORD :'app';
CREATE ROLE keycloak LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'keycloak';
CREATE DATABASE keycloak OWNER keycloak;
REVOKE ALL ON DATABASE keycloak FROM PUBLIC;
SQL
