"""System checks: what is wrong with this deployment's settings, each with an id and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

DEMO_MARK = "demo-"


@register(Tags.security)
def the_embedded_issuer_is_for_the_demo_only(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    if settings.KEYCLOAK_IS_EMBEDDED and not settings.DEBUG:
        return [Error("The embedded token issuer is refused when DEBUG is off.", "Set KEYCLOAK_URL.", id="portal.E001")]
    return []


@register(Tags.security)
def demo_credentials_are_refused_outside_the_demo(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    if settings.DEBUG:
        return []
    return [
        Error(f"{name} is a demo value.", "Set a secret of your own.", id="portal.E002")
        for name, values in _secrets().items()
        if any(value.startswith(DEMO_MARK) for value in values)
    ]


def _secrets() -> dict[str, list[str]]:
    """By setting: the values (of keys the names) that begin with the mark where the demo made them."""
    alone = ("SECRET_KEY", "OIDC_RP_CLIENT_SECRET", "KEYCLOAK_PROVISIONER_SECRET")
    return {name: [getattr(settings, name)] for name in alone} | {
        "SECRET_KEYS": [key.strip() for key in settings.SECRET_KEYS.split(",")],
        "DATABASE_URL": [settings.DATABASES["default"]["PASSWORD"]],
        "DATABASE_OWNER_URL": [settings.DATABASES.get("owner", {}).get("PASSWORD", "")],
        "REDIS_URL": [unquote(urlsplit(settings.REDIS_URL).password or "")],
    }


@register(Tags.security)
def the_demo_runs_only_in_debug(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.DEMO and not settings.DEBUG:
        return [Error("PORTAL_DEMO is refused when DEBUG is off.", "Unset PORTAL_DEMO.", id="portal.E003")]
    return []


@register(Tags.security)
def outside_services_use_tls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """B-7.3-1: nothing in plain text. The demo's loopback is the exception."""
    if settings.DEBUG:
        return []
    names = ("PORTAL_URL", "KEYCLOAK_URL", "TOKEN_ISSUER", "TOKEN_JWKS_URL")
    if settings.PLAIN_HTTP_TO_TRUSTED:
        return [Error("PLAIN_HTTP_TO_TRUSTED is refused when DEBUG is off.", "Unset it.", id="portal.E004")]
    return [
        Error(f"{name} must be https.", "Put the service behind TLS.", id="portal.E004")
        for name in names
        if urlsplit(getattr(settings, name)).scheme != "https"
    ]


@register(Tags.database)
def the_application_cannot_bypass_row_level_security(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """B-4.1-1: web and worker log in as a role that is bound, in the demo too."""
    if not databases or "default" not in databases:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
    if row and row[0]:
        return [
            Error(
                "DATABASE_URL logs in as a role that bypasses row-level security.",
                "Use scp_app, or a role that is NOSUPERUSER NOBYPASSRLS and owns nothing.",
                id="portal.E005",
            )
        ]
    return []


def refuse_to_start() -> None:
    """Raise with every fault at once, so that a web or worker process never serves with unsafe settings."""
    faults = [message for message in run_checks(tags=[Tags.security]) if message.is_serious()]
    if faults:
        raise ImproperlyConfigured("\n".join(f"{fault.id}: {fault.msg} {fault.hint or ''}" for fault in faults))
