"""Is the process alive; can it serve. Neither tells strangers anything but yes or no."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from audit.partitions import months_ready

FEWEST_MONTHS = 2
"""Months of the audit trail made ahead, below which the clock has failed to make them for weeks."""


def livez(request: HttpRequest) -> JsonResponse:
    """The process answers. Looks at nothing else, so that an outage elsewhere restarts nobody."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The database takes writes, has this code's tables and room for the trail, and the broker answers. Not Keycloak,
    not partners."""
    checks = {
        "database": _database_writable(),
        "migrations": _migrations_applied(),
        "trail": _trail_has_room(),
        "broker": _broker_answers(),
    }
    ready = all(checks.values())
    body = {"status": "ok" if ready else "unavailable", "checks": {name: bool(ok) for name, ok in checks.items()}}
    return JsonResponse(body, status=200 if ready else 503)


def _database_writable() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT NOT pg_is_in_recovery()")
            return bool(cursor.fetchone()[0])
    except DatabaseError:
        return False


_applied = False


def _migrations_applied() -> bool:
    """True once seen, for good: migrations are never taken back under a running process."""
    global _applied
    if not _applied:
        try:
            executor = MigrationExecutor(connection)
            _applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return False
    return _applied


def _trail_has_room() -> bool:
    """Without a partition for the month no audit entry can be written, and so nothing may leave."""
    try:
        return months_ready() >= FEWEST_MONTHS
    except DatabaseError:
        return False


def _broker_answers() -> bool:
    # One attempt: redis-py's own retries would make a probe of a dead broker last seconds.
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
