"""The batteries of the one-command start: PostgreSQL, Valkey and a token issuer, each replaced by a setting."""
