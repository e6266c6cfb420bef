FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# The lock file pins every package by hash; the layer changes only with it.
COPY requirements-dev.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-dev.lock

COPY manage.py pyproject.toml ./
COPY scp_portal scp_portal
COPY audit audit
COPY registry registry
COPY exchange exchange
COPY webhooks webhooks
COPY keycloak keycloak
COPY templates templates
COPY locale locale

# The settings want addresses and secrets before they load; these reach nothing and stay in this one layer's command.
RUN DEBUG=0 SECRET_KEY=build SECRET_KEYS=build:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA= PORTAL_URL=http://build \
    DATABASE_URL=postgresql://build@build/build REDIS_URL=redis://build KEYCLOAK_URL=http://build \
    KEYCLOAK_PROVISIONER_SECRET=build OIDC_CLIENT_SECRET=build STATIC_ROOT=/app/static \
    python manage.py collectstatic --noinput

ENV STATIC_ROOT=/app/static
RUN useradd --system --uid 10001 portal
USER portal
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "scp_portal.wsgi:application"]
