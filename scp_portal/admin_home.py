"""What stands on the home page and in the review queue, gathered for one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.models import Entry, Kind
from registry import review
from registry.models import STAFF_ROLES, Role, Status
from registry.review import Item
from scp_portal.kernel.actor import Actor

COUNT_LIMIT = 1000
"""Counts over the audit trail stop here and say "more than"."""


def home(actor: Actor, now: datetime) -> dict[str, Any]:
    needs = review.mine(actor)
    late = sum(1 for item in needs if item.due and item.due < now)
    return {
        "title": _greeting(now) % {"name": actor.name.split(" ")[0]},
        "admin_intro": _summary(needs, late),
        "needs": needs[:8],
        "needs_more": max(0, len(needs) - 8),
        "others_waiting": sum(1 for item in review.queue(actor) if not item.can),
        "sent": review.sent(actor)[:8],
        "health": _health(actor, now) if STAFF_ROLES & actor.roles else None,
        "recent": list(review.recent(actor)),
        "may_request": actor.holds_any(Role.TENANT_ADMIN, Role.PARTNER_USER),
        "takes_part": review.takes_part(actor),
    }


def reviews(actor: Actor, query: Mapping[str, str]) -> dict[str, Any]:
    """The queue: one of three tabs, narrowed by the filters in the address."""
    waiting = review.queue(actor)
    lists = {
        "mine": [*(item for item in waiting if item.can), *review.returned(actor)],
        "others": [item for item in waiting if not item.can],
    }
    tab = query.get("tab", "mine")
    chosen = lists.get(tab, [])
    return {
        "title": _("Reviews"),
        "tab": tab if tab in ("mine", "others", "decided") else "mine",
        "tabs": _tabs(lists),
        "items": _narrowed(chosen if tab in lists else lists["mine"] if tab != "decided" else [], query),
        "unfiltered": len(chosen),
        "decisions": list(review.decided(actor)) if tab == "decided" else [],
        "others": len(lists["others"]),
        "chosen": {name: query.get(name, "") for name in ("vertical", "risk", "stage", "country")},
        "choices": _choices(waiting),
        "is_filtered": any(query.get(name) for name in ("vertical", "risk", "stage", "country")),
        "vertical_names": review.vertical_names(),
    }


def _tabs(lists: dict[str, list[Item]]) -> list[dict[str, Any]]:
    return [
        {"key": "mine", "name": _("Mine"), "count": len(lists["mine"])},
        {"key": "others", "name": _("Waiting for others"), "count": len(lists["others"])},
        {"key": "decided", "name": _("Decided by you"), "count": None},
    ]


def _narrowed(items: list[Item], query: Mapping[str, str]) -> list[Item]:
    tests: dict[str, Callable[[Item, str], bool]] = {
        "vertical": lambda item, value: value in item.integration.vertical_ids,
        "risk": lambda item, value: item.integration.risk == value,
        "stage": lambda item, value: item.integration.status == value,
        "country": lambda item, value: item.integration.tenant_id == value,
    }
    wanted = [(tests[name], value) for name in tests if (value := query.get(name))]
    return [item for item in items if all(test(item, value) for test, value in wanted)]


def _choices(items: list[Item]) -> dict[str, list[tuple[str, str]]]:
    """Only what occurs can be chosen."""
    names = review.vertical_names()
    verticals = sorted({code for item in items for code in item.integration.vertical_ids})
    countries = {item.integration.tenant_id: item.integration.tenant.name for item in items}
    stages = {item.integration.status: Status(item.integration.status).label for item in items}
    return {
        "vertical": [(code, names.get(code, code)) for code in verticals],
        "risk": [("high", _("High")), ("medium", _("Medium")), ("low", _("Low"))],
        "stage": sorted((code, str(label)) for code, label in stages.items()),
        "country": sorted(countries.items()),
    }


def _greeting(now: datetime) -> str:
    hour = timezone.localtime(now).hour
    if hour < 5 or hour >= 18:
        return _("Good evening, %(name)s.")
    return _("Good morning, %(name)s.") if hour < 12 else _("Good afternoon, %(name)s.")


def _summary(needs: list[Item], late: int) -> str:
    if not needs:
        return _("Nothing needs you right now.")
    told = ngettext("%(count)d item needs you.", "%(count)d items need you.", len(needs)) % {"count": len(needs)}
    if not late:
        return told
    overdue = ngettext("%(count)d is overdue.", "%(count)d are overdue.", late) % {"count": late}
    return f"{told} {overdue}"


def _health(actor: Actor, now: datetime) -> dict[str, Any]:
    """Counts by state with the length of their bars, what ends soon, and what was denied since yesterday."""
    counts = review.by_state(actor)
    most = max(counts.values()) or 1
    denied = Entry.objects.filter(kind__in=[Kind.DENIED, Kind.INCIDENT], recorded_at__gte=now - timedelta(days=1))
    return {
        "rows": [(status, count, round(100 * count / most)) for status, count in counts.items() if count],
        "total": sum(counts.values()),
        "serving": counts[Status.ACTIVE],
        "restricted": counts[Status.RESTRICTED],
        "suspended": counts[Status.SUSPENDED],
        "expiring": review.expiring(actor, now),
        "denials": len(denied.values_list("pk")[:COUNT_LIMIT]),
        "sees_audit": actor.holds_any(Role.AUDITOR, Role.UMBRELLA_AUTHORITY, Role.ROOT, Role.TENANT_ADMIN),
    }
