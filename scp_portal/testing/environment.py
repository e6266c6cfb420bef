"""What the settings need besides the addresses of servers, for tests and type checking. Nothing here is secret."""

from __future__ import annotations

import base64

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "scp_portal.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # playwright's sync API keeps an event loop in the test's thread
    "DEBUG": "1",
    "PORTAL_DEMO": "1",
    "SECRET_KEY": "only-for-tests-" + "0" * 40,
    "SECRET_KEYS": "test:" + base64.b64encode(bytes(range(32))).decode(),
    "KEYCLOAK_URL": "http://127.0.0.1:8180",
    "KEYCLOAK_PROVISIONER_SECRET": "only-for-tests-provisioner",
    "CORE_CLIENT_SECRET": "only-for-tests-core",
    "OIDC_CLIENT_SECRET": "only-for-tests-portal",
}
