"""A small token issuer for the one-command start, in a process of its own.

It answers the same paths as Keycloak for the shipped realm (`keycloak/scp-realm.json`), so that the portal has one
code path and `KEYCLOAK_URL` decides which of the two it talks to. It has no passwords: its sign-in page lets anyone
on this machine be any person of the demo. It therefore refuses to start unless `DEBUG` and `PORTAL_DEMO` are on, and
listens on loopback only.

    python -m scp_portal.embedded.issuer --port 8180 --folder var/issuer
"""
