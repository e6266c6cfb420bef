"""All settings, in one file. Everything that differs between places comes from the environment.

Readers are typed; a secret may also come from a file (`NAME_FILE`). Nothing unsafe has a default: outside the
one-command start (`DEBUG=1`) the process refuses to start with a list of all that is wrong (`scp_portal.checks`).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


# -- readers ---------------------------------------------------------------------------------------------------


def env_str(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that `NAME_FILE` names. Without default: required."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE). See README, 'Settings'.")
    return value


def env_bool(name: str, default: bool = False) -> bool:
    return env_str(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    try:
        return int(env_str(name, str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def database(url: str, **options: object) -> dict[str, object]:
    """A PostgreSQL URL as Django wants it; `?host=/folder` names a unix socket."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must be a postgresql:// address: no other database is supported.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or "",
        "PORT": str(query.pop("port", None) or parts.port or ""),
        "OPTIONS": {**query, **options},
        "ATOMIC_REQUESTS": False,
    }


# -- what this place is ------------------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG")
DEMO = env_bool("PORTAL_DEMO")
ENVIRONMENT_NAME = env_str("ENVIRONMENT_NAME", "Demo" if DEMO else "Production")
SECRET_KEY = env_str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
SECRET_KEYS = env_str("SECRET_KEYS")
"""Field encryption keys, `kid:base64,kid:base64`, the first is current. Pseudonyms derive from PSEUDONYM_KEY_ID."""
PSEUDONYM_KEY_ID = env_str("PSEUDONYM_KEY_ID", SECRET_KEYS.split(":", 1)[0])
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEBUG else "")
PORTAL_URL = env_str("PORTAL_URL", "http://localhost:8000")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", PORTAL_URL)

# -- parts -------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "audit",
    "registry",
    "exchange",
    "webhooks",
    "scp_portal.apps.PortalAdminConfig",
    "scp_portal.demo",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "csp",
]

MIDDLEWARE = [
    "scp_portal.kernel.api.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "scp_portal.login.SessionGuardMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "scp_portal.urls"
WSGI_APPLICATION = "scp_portal.wsgi.application"
AUTH_USER_MODEL = "registry.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
        },
    }
]

# -- database ----------------------------------------------------------------------------------------------------

DATABASE_URL = env_str("DATABASE_URL")
DATABASE_OWNER_URL = env_str("DATABASE_OWNER_URL", "")
_TIMEOUTS = "-c statement_timeout=30s -c lock_timeout=3s -c idle_in_transaction_session_timeout=30s"
_POOL = {"min_size": 1, "max_size": env_int("DATABASE_POOL", 8), "timeout": 10}

DATABASES = {
    # Web and worker: bound by row-level security, never owner.
    "default": database(DATABASE_URL, pool=_POOL, options=_TIMEOUTS),
    # Audit entries that must survive the caller's rollback.
    "audit": database(DATABASE_URL, pool=_POOL, options=_TIMEOUTS),
}
if DATABASE_OWNER_URL:
    # Migrations only; web and worker of a production deployment are not given this address.
    DATABASES["owner"] = database(DATABASE_OWNER_URL)

# -- redis and celery --------------------------------------------------------------------------------------------

REDIS_URL = env_str("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL", REDIS_URL)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 330
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 360, "socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "make-audit-partitions": {"task": "audit.ensure_partitions", "schedule": 6 * 3600},
    "reconcile-machine-clients": {"task": "registry.reconcile_clients", "schedule": 60},
    "settle-dated-integrations": {"task": "registry.settle_dated", "schedule": 60},
}

# -- identity ----------------------------------------------------------------------------------------------------

KEYCLOAK_URL = env_str("KEYCLOAK_URL")
KEYCLOAK_REALM = env_str("KEYCLOAK_REALM", "scp")
KEYCLOAK_IS_EMBEDDED = env_bool("KEYCLOAK_IS_EMBEDDED")
KEYCLOAK_PROVISIONER_ID = env_str("KEYCLOAK_PROVISIONER_ID", "scp-provisioner")
KEYCLOAK_PROVISIONER_SECRET = env_str("KEYCLOAK_PROVISIONER_SECRET")
TOKEN_ISSUER = env_str("TOKEN_ISSUER", f"{KEYCLOAK_URL}/realms/{KEYCLOAK_REALM}")
TOKEN_JWKS_URL = env_str("TOKEN_JWKS_URL", f"{KEYCLOAK_URL}/realms/{KEYCLOAK_REALM}/protocol/openid-connect/certs")
TOKEN_AUDIENCE = env_str("TOKEN_AUDIENCE", "scp-gateway")
TOKEN_ALGORITHMS = ["RS256", "PS256", "ES256"]
TOKEN_LEEWAY = 30
TOKEN_MAX_LIFETIME = 900
CORE_CLIENT_ID = env_str("CORE_CLIENT_ID", "scp-core")

_OIDC = f"{TOKEN_ISSUER}/protocol/openid-connect"
_OIDC_DIRECT = f"{KEYCLOAK_URL}/realms/{KEYCLOAK_REALM}/protocol/openid-connect"
AUTHENTICATION_BACKENDS = ["scp_portal.login.StrictOIDCBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/admin/"
LOGOUT_REDIRECT_URL = "/login/"
OIDC_RP_CLIENT_ID = env_str("OIDC_CLIENT_ID", "scp-portal")
OIDC_RP_CLIENT_SECRET = env_str("OIDC_CLIENT_SECRET")
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{_OIDC}/auth"
OIDC_OP_TOKEN_ENDPOINT = f"{_OIDC_DIRECT}/token"
OIDC_OP_USER_ENDPOINT = f"{_OIDC_DIRECT}/userinfo"
OIDC_OP_JWKS_ENDPOINT = TOKEN_JWKS_URL
OIDC_OP_LOGOUT_ENDPOINT = f"{_OIDC}/logout"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_NONCE = True
OIDC_USE_PKCE = True
OIDC_PKCE_CODE_CHALLENGE_METHOD = "S256"
OIDC_TIMEOUT = 5
OIDC_VERIFY_SSL = True
OIDC_VERIFY_KID = True
OIDC_ALLOW_UNSECURED_JWT = False
OIDC_STORE_ACCESS_TOKEN = False
OIDC_STORE_ID_TOKEN = True
OIDC_CREATE_USER = True
ALLOW_LOGOUT_GET_METHOD = False

# -- audit -------------------------------------------------------------------------------------------------------

AUDIT_ORIGIN = env_str("AUDIT_ORIGIN", f"{urlsplit(PORTAL_URL).hostname}/audit")
"""Begins the name of every audit log and stands in every entry: choose it once, for good."""

# -- the way out -------------------------------------------------------------------------------------------------

TRUSTED_ORIGINS = env_list("TRUSTED_ORIGINS", "{0.scheme}://{0.netloc}".format(urlsplit(KEYCLOAK_URL)))
"""Origins the operator runs, exact scheme://host:port. Everything else passes the full guard of `kernel.egress`."""
PLAIN_HTTP_TO_TRUSTED = env_bool("PLAIN_HTTP_TO_TRUSTED")
"""Trusted origins may be http on another machine: for a network of containers on one's own machine, DEBUG only."""
TRUSTED_PROXIES = env_list("TRUSTED_PROXIES")
"""Addresses (CIDR) of our own proxies; X-Forwarded-For and certificate headers count only from them."""
CLIENT_CERTIFICATE_HEADER = env_str("CLIENT_CERTIFICATE_HEADER", "")

# -- sessions, cookies, transport --------------------------------------------------------------------------------

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 900
SESSION_ABSOLUTE_AGE = 8 * 3600
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_NAME = "scp-session" if DEBUG else "__Host-scp-session"
CSRF_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_NAME = "scp-csrf" if DEBUG else "__Host-scp-csrf"
SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("BEHIND_TLS_PROXY") else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 1

_IDP_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(TOKEN_ISSUER))
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", _IDP_ORIGIN],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# -- api ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["scp_portal.kernel.api.DenyAll"],
    "DEFAULT_RENDERER_CLASSES": ["scp_portal.kernel.api.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["scp_portal.kernel.api.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "scp_portal.kernel.api.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SCP Integration Portal: partner API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# -- import and export -------------------------------------------------------------------------------------------

IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

# -- language, time, files ---------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("ar", "العربية"), ("zh-hant", "繁體中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env_str("STATIC_ROOT", str(BASE_DIR / "var" / "static")))
STATICFILES_DIRS = [BASE_DIR / "scp_portal" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = False

# -- logs --------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "WARNING")},
}
SILENCED_SYSTEM_CHECKS = ["fields.W342"]
