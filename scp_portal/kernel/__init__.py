"""What every floor stands on and no domain noun lives in: actors, problems, transitions, tenant context, egress, secrets."""
