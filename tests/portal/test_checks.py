"""The portal refuses to start with settings that are unsafe, and says which."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from scp_portal import checks
from scp_portal.kernel.destinations import EgressRefused, destination


@pytest.fixture
def production(settings):
    settings.DEBUG = False
    settings.DEMO = False
    settings.KEYCLOAK_IS_EMBEDDED = False
    settings.SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyz" * 2
    settings.OIDC_RP_CLIENT_SECRET = settings.KEYCLOAK_PROVISIONER_SECRET = "s3cret-of-our-own"
    settings.PORTAL_URL = "https://portal.example.org"
    settings.KEYCLOAK_URL = settings.TOKEN_ISSUER = settings.TOKEN_JWKS_URL = "https://id.example.org"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 63_072_000
    settings.ALLOWED_HOSTS = ["portal.example.org"]
    return settings


def test_sound_production_settings_start(production):
    checks.refuse_to_start()


@pytest.mark.req("A-3.1-1")
def test_the_embedded_issuer_is_refused_when_debug_is_off(production):
    production.KEYCLOAK_IS_EMBEDDED = True
    with pytest.raises(ImproperlyConfigured, match=r"portal\.E001"):
        checks.refuse_to_start()


@pytest.mark.req("A-5.1-2")
@pytest.mark.parametrize("name", ["SECRET_KEY", "OIDC_RP_CLIENT_SECRET", "KEYCLOAK_PROVISIONER_SECRET"])
def test_a_demo_credential_is_refused_outside_the_demo(production, name):
    setattr(production, name, "demo-" + "x" * 60)
    with pytest.raises(ImproperlyConfigured, match=name):
        checks.refuse_to_start()


@pytest.mark.req("A-5.1-2")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEYS", "own:MDAw, demo-1:MDAw"),
        ("REDIS_URL", "redis://:demo-valkey@valkey:6379/0"),
    ],
)
def test_a_demo_credential_inside_a_longer_setting_is_refused_too(production, name, value):
    setattr(production, name, value)
    with pytest.raises(ImproperlyConfigured, match=rf"portal\.E002: {name} "):
        checks.refuse_to_start()


@pytest.mark.req("A-5.1-2")
@pytest.mark.parametrize(("alias", "name"), [("default", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL")])
def test_a_demo_password_of_a_database_is_refused_too(production, monkeypatch, alias, name):
    monkeypatch.setitem(production.DATABASES[alias], "PASSWORD", "demo-app")
    with pytest.raises(ImproperlyConfigured, match=rf"portal\.E002: {name} "):
        checks.refuse_to_start()


def test_the_demo_is_refused_when_debug_is_off(production):
    production.DEMO = True
    with pytest.raises(ImproperlyConfigured, match=r"portal\.E003"):
        checks.refuse_to_start()


@pytest.mark.req("B-7.3-1", "A-6-5")
@pytest.mark.parametrize("name", ["PORTAL_URL", "KEYCLOAK_URL", "TOKEN_ISSUER", "TOKEN_JWKS_URL"])
def test_plain_http_is_refused_in_production(production, name):
    setattr(production, name, "http://somewhere.example.org")
    with pytest.raises(ImproperlyConfigured, match=name):
        checks.refuse_to_start()


@pytest.mark.req("B-7.3-1")
def test_production_settings_pass_djangos_own_deployment_checks(production):
    from django.core.checks import run_checks

    faults = [fault for fault in run_checks(include_deployment_checks=True) if fault.id.startswith("security.")]
    assert faults == []


@pytest.mark.req("B-4.1-1")
@pytest.mark.django_db
def test_the_application_logs_in_as_a_role_that_cannot_bypass_row_level_security():
    assert checks.the_application_cannot_bypass_row_level_security(None, databases=["default"]) == []


@pytest.mark.req("B-7.3-1")
def test_plain_http_to_trusted_services_is_refused_in_production(production):
    production.PLAIN_HTTP_TO_TRUSTED = True
    with pytest.raises(ImproperlyConfigured, match="PLAIN_HTTP_TO_TRUSTED"):
        checks.refuse_to_start()


@pytest.mark.req("A-6-5")
@pytest.mark.parametrize("allowed", [True, False])
def test_a_trusted_service_on_another_machine_is_asked_in_plain_http_only_where_the_operator_says_so(settings, allowed):
    settings.TRUSTED_ORIGINS = ["http://keycloak:8080"]
    settings.PLAIN_HTTP_TO_TRUSTED = allowed
    if allowed:
        assert destination("http://keycloak:8080/realms/scp").trusted
    else:
        with pytest.raises(EgressRefused):
            destination("http://keycloak:8080/realms/scp")
