"""Machine clients at the identity server: made at activation, then kept as the integration's state wants them.

Activation is a saga: intent (commit), call, result (commit). A crash or an outage between them leaves the integration
approved and no client in use: the next activation goes on with the same client, and `settle` deletes a client whose
activation was never finished. Afterwards the state in the database comes first and the client follows, with retries.

`activate` and `rotate_secret` open transactions of their own and refuse to run inside one of their caller.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from celery import current_app
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from registry import identity, permissions
from registry.actions import steps
from registry.guards import ready_to_serve
from registry.identity import ClientSpec, IssuedClient
from registry.lifecycle import SERVING, ReasonCode
from registry.models import ClientSync, Integration
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import require
from scp_portal.kernel.problems import Conflict, IdpUnavailable
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context, tenant_transaction

RECONCILER: Final = Actor.system("reconciler")
LEASE: Final = timedelta(minutes=2)
"""How long one process may talk about one client; then another may go on."""
LOOK_AGAIN: Final = timedelta(hours=1)
BACKOFF: Final = tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900, 3600))
ISSUING: Final = "issuing"
"""`observed` while an activation or a rotation is under way."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What the person who activated is shown once; the secret is stored nowhere (B-6.2-4)."""

    integration: Integration
    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Activation({self.client_id!r}, secret=…)"


# -- activation --------------------------------------------------------------------------------------------------


def activate(
    integration: Integration, *, actor: Actor, expected_hash: str = "", expected_version: int | None = None
) -> Activation:
    """Approved to active (row 11). Raises RuntimeError inside a transaction, IdpUnavailable during an outage."""
    _intend_activation(integration, actor, expected_hash, expected_version)
    issued = _ask_identity(integration, actor, "activate", lambda: identity.issue(ClientSpec.of(integration)))
    try:
        _complete_activation(integration, actor, issued)
    except Exception:  # whatever it was: no client stays behind for an integration that is not active
        _abandon(integration, actor)
        raise
    return Activation(integration, issued.client_id, issued.secret)


def _intend_activation(
    integration: Integration, actor: Actor, expected_hash: str, expected_version: int | None
) -> None:
    with steps.attempt("activate", integration, actor, durable=True), _sight(integration, actor):
        steps.begin("activate", integration, actor, expected_hash=expected_hash, expected_version=expected_version)
        ready_to_serve(integration, timezone.now())
        client_id = ClientSpec.of(integration).client_id
        ClientSync.objects.get_or_create(
            integration=integration,
            defaults={"tenant_id": integration.tenant_id, "client_id": client_id, "wanted": ClientSync.Wanted.ENABLED},
        )
        _lease(integration)
        _record("integration.activation_intended", integration, actor, audit.Result.UNKNOWN, audit.Kind.INTENT)


def _lease(integration: Integration) -> None:
    """Take the client for this activation or rotation. Raises Conflict while somebody else has it."""
    now = timezone.now()
    sync = ClientSync.objects.select_for_update().get(integration=integration)
    if sync.observed == ISSUING and sync.next_attempt_at and sync.next_attempt_at > now:
        raise Conflict("Somebody else is just asking for this client's secret. Try again in two minutes.")
    sync.wanted, sync.observed, sync.last_error = ClientSync.Wanted.ENABLED, ISSUING, ""
    sync.attempts, sync.next_attempt_at = sync.attempts + 1, now + LEASE
    sync.save()


def _ask_identity(integration: Integration, actor: Actor, step: str, call: Callable[[], IssuedClient]) -> IssuedClient:
    """The call, in no transaction. An outage is written down where the page shows it, and raised."""
    try:
        return call()
    except IdpUnavailable as outage:
        with transaction.atomic(durable=True), _sight(integration, actor):
            ClientSync.objects.filter(integration=integration).update(
                observed="", last_error=outage.detail, next_attempt_at=timezone.now() + LEASE
            )
            _record(f"integration.{step}", integration, actor, audit.Result.FAILURE, audit.Kind.RESULT, outage.code)
        raise


def _complete_activation(integration: Integration, actor: Actor, issued: IssuedClient) -> None:
    with steps.attempt("activate", integration, actor, durable=True), _sight(integration, actor):
        row, case = steps.begin("activate", integration, actor)
        now = timezone.now()
        ready_to_serve(integration, now)
        _observed(integration, ClientSync.Wanted.ENABLED, now, internal_id=issued.internal_id)
        steps.finish(row, case, auth_client_id=issued.client_id, activated_at=now)


def _abandon(integration: Integration, actor: Actor) -> None:
    """The client was made but the integration did not become active: it goes again, unless somebody else's does."""
    with transaction.atomic(durable=True), _sight(integration, actor):
        serving = Integration.objects.filter(pk=integration.pk, status__in=SERVING).exists()
        if not serving:
            want(integration, ClientSync.Wanted.DELETED)


def rotate_secret(integration: Integration, *, actor: Actor, expected_version: int | None = None) -> Activation:
    """A new secret, shown once; the old one is dead at once. Not inside a transaction, as `activate`."""
    with steps.attempt("rotate_secret", integration, actor, durable=True), _sight(integration, actor):
        steps.lock(integration)
        steps.expect(integration, "", expected_version)
        require(permissions.may_rotate_secret(actor, integration))
        client_id = integration.auth_client_id
        ClientSync.objects.get_or_create(
            integration=integration,
            defaults={"tenant_id": integration.tenant_id, "client_id": client_id, "wanted": ClientSync.Wanted.ENABLED},
        )
        _lease(integration)
        _record("integration.secret_rotation_intended", integration, actor, audit.Result.UNKNOWN, audit.Kind.INTENT)
    issued = _ask_identity(integration, actor, "secret_rotated", lambda: identity.rotate(client_id))
    with transaction.atomic(durable=True), _sight(integration, actor):
        _observed(integration, ClientSync.Wanted.ENABLED, timezone.now(), internal_id=issued.internal_id)
        steps.tell("integration.secret_rotated", actor, integration, {"client": issued.client_id})
    return Activation(integration, issued.client_id, issued.secret)


# -- the client follows the state --------------------------------------------------------------------------------


def wanting(wanted: ClientSync.Wanted) -> Callable[[Integration], None]:
    """For `steps.take(then=…)`: in the step's own transaction, note what the client has to become."""
    return lambda integration: want(integration, wanted)


def want(integration: Integration, wanted: ClientSync.Wanted) -> None:
    """Write the wish and ring the worker once it is committed. Without the worker's broker the clock finds it."""
    now = timezone.now()
    ClientSync.objects.filter(integration=integration).update(
        wanted=wanted, wanted_at=now, next_attempt_at=now, attempts=0, last_error=""
    )
    transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    current_app.send_task("registry.reconcile_clients", ignore_result=True)


def settle(*, limit: int = 20) -> int:
    """Bring clients to what is wanted of them, one by one, each claimed with a lease; the number looked at."""
    for done in range(limit):
        sync = _claim()
        if sync is None:
            return done
        try:
            drift = _bring_about(sync)
        except IdpUnavailable as outage:
            _failed(sync, outage)
        else:
            _settled(sync, drift)
    return limit


def _claim() -> ClientSync | None:
    now = timezone.now()
    with tenant_transaction(ALL_TENANTS):
        rows = ClientSync.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
        sync = rows.select_for_update(skip_locked=True, of=("self",)).select_related("integration").first()
        if sync is not None:
            sync.attempts, sync.next_attempt_at = sync.attempts + 1, now + LEASE
            sync.save(update_fields=["attempts", "next_attempt_at"])
        return sync


def _bring_about(sync: ClientSync) -> tuple[str, ...]:
    """Talk to the identity server until the client is as wanted; answers what had been changed there by hand."""
    integration = sync.integration
    wanted = _effective(sync)
    if wanted == ClientSync.Wanted.DELETED:
        identity.delete(sync.client_id)
        return ()
    seen = identity.observe(ClientSpec.of(integration))
    if seen is None:
        if wanted == ClientSync.Wanted.ENABLED:
            identity.enable(sync.client_id)  # raises: there is none
        return ()
    if wanted == ClientSync.Wanted.DISABLED and integration.status_reason_code == ReasonCode.SECURITY and seen.enabled:
        identity.rotate(sync.client_id)  # nobody is shown this one: the old secret is dead, a new one is asked for
    if seen.enabled != (wanted == ClientSync.Wanted.ENABLED):
        (identity.enable if wanted == ClientSync.Wanted.ENABLED else identity.disable)(sync.client_id)
        return (*seen.drift, *(("enabled",) if sync.observed == wanted else ()))
    return seen.drift


def _effective(sync: ClientSync) -> str:
    """An activation that was begun and never finished leaves nothing behind."""
    unfinished = sync.wanted == ClientSync.Wanted.ENABLED and not sync.integration.auth_client_id
    return ClientSync.Wanted.DELETED if unfinished else sync.wanted


def _settled(sync: ClientSync, drift: tuple[str, ...]) -> None:
    now = timezone.now()
    wanted = _effective(sync)
    again = None if wanted == ClientSync.Wanted.DELETED else now + LOOK_AGAIN
    with tenant_transaction(sync.tenant_id):
        claimed = ClientSync.objects.filter(pk=sync.pk, wanted=sync.wanted, wanted_at=sync.wanted_at)
        claimed.update(observed=wanted, observed_at=now, attempts=0, last_error="", next_attempt_at=again)
        if sync.observed != wanted:
            _record("integration.client_settled", sync.integration, RECONCILER, audit.Result.SUCCESS, client=wanted)
    if drift:
        audit.incident(
            "integration.client_drift",
            actor=RECONCILER,
            result=audit.Result.FAILURE,
            tenant_id=sync.tenant_id,
            subject=steps.subject_of(sync.integration),
            data={"changed": list(drift)},
        )


def _failed(sync: ClientSync, outage: IdpUnavailable) -> None:
    wait = BACKOFF[min(sync.attempts, len(BACKOFF)) - 1]
    with tenant_transaction(sync.tenant_id):
        ClientSync.objects.filter(pk=sync.pk, wanted=sync.wanted, wanted_at=sync.wanted_at).update(
            last_error=outage.detail, next_attempt_at=timezone.now() + wait
        )


# -- shared ------------------------------------------------------------------------------------------------------


def _observed(integration: Integration, state: str, now: datetime, *, internal_id: str) -> None:
    ClientSync.objects.filter(integration=integration).update(
        internal_id=internal_id,
        observed=state,
        observed_at=now,
        attempts=0,
        last_error="",
        next_attempt_at=now + LOOK_AGAIN,
    )


def _sight(integration: Integration, actor: Actor) -> AbstractContextManager[None]:
    person = actor.id if actor.kind == ActorKind.PERSON else None
    return tenant_context(integration.tenant_id, person_id=person)


def _record(
    action: str,
    integration: Integration,
    actor: Actor,
    result: audit.Result,
    kind: audit.Kind = audit.Kind.ADMIN,
    code: str = "",
    **data: str,
) -> None:
    audit.record(
        action,
        actor=actor,
        result=result,
        kind=kind,
        tenant_id=integration.tenant_id,
        subject=steps.subject_of(integration),
        code=code,
        data=data,
    )
