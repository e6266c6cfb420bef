"""Plugins of the test suite; the settings' own plugin is loaded earlier, by pyproject.toml."""

pytest_plugins = ["tests.keycloak.server", "tests.embedded_issuer", "tests.keycloak.hostile"]
