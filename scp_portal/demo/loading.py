"""Loads the demo: the ground in one transaction, then each integration's story step by step, resumable.

Activation talks to the identity server and must not run inside a transaction, so the stories can't be one. Each step
leaves exactly one `Decision`; their number tells where a story was left when something stopped it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from registry.actions import integrations
from registry.models import DataContract, Integration, Partner, RateLimitPolicy, Tenant, User
from scp_portal.demo import ground, people
from scp_portal.demo.countries import COUNTRIES
from scp_portal.demo.people import Cast
from scp_portal.demo.stories import SHOWN, STORIES, Step, Story
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_transaction

Say = Callable[[str], None]
CLIENT_FILE: Final = "demo-client.json"
SHOWN_DATASET: Final = "posts"
SERVED: Final = timedelta(days=365)
NO_CLOCK: Final = "SET LOCAL statement_timeout = 0"


class DemoRefused(Exception):
    """This is no place for a demo; the text says why."""


def load(say: Say) -> bool:
    """Load what is missing; False when nothing was. Raises DemoRefused, or a Problem of the step that failed."""
    _require_a_demo()
    with tenant_transaction(ALL_TENANTS):
        started = _is_ours()
        left = _steps_left() if started else {}
    if started and not left and _client_file().exists():
        return False
    if not started:
        with tenant_transaction(ALL_TENANTS), connection.cursor() as cursor:
            cursor.execute(NO_CLOCK)
            ground.lay(say)
    cast = _cast()
    for story in STORIES:
        _tell(story, cast, say)
    if not _client_file().exists():
        _show_again(cast)
    say(f"{len(STORIES)} integrations, from draft to archived")
    return True


def _require_a_demo() -> None:
    if not (settings.DEMO and settings.DEBUG):
        raise DemoRefused("The demo is loaded only where PORTAL_DEMO=1 and DEBUG=1; its people have no passwords.")


def _is_ours() -> bool:
    """Whether the ground is laid. Raises DemoRefused among tenants that the demo did not make."""
    tenants = set(Tenant.objects.values_list("code", flat=True))
    ours = {country.code for country in COUNTRIES}
    if tenants and not ours <= tenants:
        raise DemoRefused(f"Here are tenants already ({', '.join(sorted(tenants))}); the demo needs an empty database.")
    return bool(tenants)


def _steps_left() -> dict[str, int]:
    """How many steps each unfinished story still has, by the integration's name."""
    taken = dict(Integration.objects.annotate(taken=Count("decisions")).values_list("integration_name", "taken"))
    left = {story.name: len(story.steps) + 1 - taken.get(story.name, 0) for story in STORIES}
    return {name: steps for name, steps in left.items() if steps > 0}


def _cast() -> Cast:
    known = {person["sub"]: person["username"] for person in people.read()["people"]}
    with tenant_transaction(ALL_TENANTS):
        users = {known[u.subject]: u for u in User.objects.filter(issuer=settings.TOKEN_ISSUER, subject__in=known)}
        for user in users.values():
            user.as_actor()  # the grants are read here, where they can be seen
    return Cast(users)


# -- stories -----------------------------------------------------------------------------------------------------


def _tell(story: Story, cast: Cast, say: Say) -> None:
    integration = _written(story, cast)
    with tenant_transaction(story.tenant_id):
        taken = integration.decisions.count() - 1
    for step in story.steps[taken:]:
        _take(step, story, integration, cast)
    say(f"{story.tenant_id}: {story.name}: {integration.status}")


def _written(story: Story, cast: Cast) -> Integration:
    """The integration as its author drafted it."""
    with tenant_transaction(story.tenant_id):
        found = Integration.objects.filter(tenant_id=story.tenant_id, integration_name=story.name).first()
        return found or integrations.create(
            actor=cast[story.author],
            tenant_id=story.tenant_id,
            integration_name=story.name,
            partner=Partner.objects.get(tenant_id=story.tenant_id, name=story.partner),
            vertical_ids=list(story.verticals),
            data_contract=DataContract.objects.filter(tenant_id=story.tenant_id, name=story.contract).first(),
            rate_limit_policy=RateLimitPolicy.objects.get(tenant_id=story.tenant_id, name=story.rate),
            active_from=timezone.now(),
            active_until=timezone.now() + SERVED,
            **story.fields,
        )


def _take(step: Step, story: Story, integration: Integration, cast: Cast) -> None:
    actor = cast[step.who]
    if step.verb == "activate":
        issued = integrations.activate(integration, actor=actor)
        if story.name == SHOWN:
            _keep_client(issued)
        return
    with tenant_transaction(story.tenant_id, person_id=actor.id):
        getattr(integrations, step.verb)(integration, actor=actor, **_says(step, story))


def _says(step: Step, story: Story) -> dict[str, Any]:
    says: dict[str, Any] = dict(step.says)
    if step.sunset_days:
        says["sunset_at"] = timezone.now() + timedelta(days=step.sunset_days)
    if step.successor:
        says["successor"] = Integration.objects.get(tenant_id=story.tenant_id, integration_name=step.successor)
    return says


# -- the client of the welcome text ------------------------------------------------------------------------------


def _client_file() -> Path:
    return Path(os.environ.get("PORTAL_VAR", settings.BASE_DIR / "var")) / CLIENT_FILE


def _show_again(cast: Cast) -> None:
    """The file was lost, and a secret is shown once: the client gets a new one."""
    story = next(story for story in STORIES if story.name == SHOWN)
    with tenant_transaction(story.tenant_id):
        integration = Integration.objects.get(tenant_id=story.tenant_id, integration_name=SHOWN)
    _keep_client(integrations.rotate_secret(integration, actor=cast[story.author]))


def _keep_client(issued: integrations.Activation) -> None:
    """For the printed curl line of the demo, and for nothing else: a real secret goes to its partner and nowhere."""
    path = _client_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    content = {"client_id": issued.client_id, "client_secret": issued.secret, "dataset": SHOWN_DATASET}
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    part.replace(path)
