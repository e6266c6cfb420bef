"""No domain noun lives here: actors, problems, transitions, tenant context, egress, secrets, the API's base."""
