"""What templates of the portal say again and again: icons, states, moments, labelled rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import result_headers, results
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.lifecycle import TRANSITIONS
from registry.models import Decision, Role, Status

register = template.Library()

STATES: dict[str, tuple[str, str]] = {
    Status.DRAFT: ("pencil", ""),
    Status.REQUESTED: ("inbox", "info"),
    Status.REVIEWED: ("eye", "info"),
    Status.APPROVED: ("check", "good"),
    Status.ACTIVE: ("check-circle", "good"),
    Status.RESTRICTED: ("half", "warn"),
    Status.SUSPENDED: ("pause", "bad"),
    Status.DEPRECATED: ("sunset", "warn"),
    Status.ARCHIVED: ("box", ""),
    Status.REJECTED: ("cross-circle", "bad"),
}
"""Icon and tone of each state; the word is always there too (WCAG 1.4.1)."""

TONES = {
    "low": ("leaf", ""),
    "medium": ("info", "info"),
    "high": ("warning", "warn"),
    "pass": ("check-circle", "good"),
    "warn": ("warning", "warn"),
    "fail": ("cross-circle", "bad"),
    "not_run": ("clock", ""),
    "success": ("check-circle", "good"),
    "failure": ("cross-circle", "bad"),
    "denied": ("lock", "warn"),
    "draft": ("pencil", ""),
    "published": ("check-circle", "good"),
    "retired": ("box", ""),
    "given": ("check-circle", "good"),
    "renewed": ("check-circle", "good"),
    "withdrawn": ("cross-circle", "bad"),
    "refused": ("cross-circle", "bad"),
    "invalidated": ("cross-circle", "bad"),
    "expired": ("clock", "warn"),
    "requested": ("inbox", "info"),
}


@register.simple_tag
def icon(name: str, mirrors: bool = False) -> SafeString:
    """A picture that says nothing new: the word beside it does."""
    kind = "icon mirrors" if mirrors else "icon"
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', kind, icons_url(), name)


def icons_url() -> str:
    return static("portal/icons.svg")


def badge_html(symbol: str, tone: str, word: object, size: str = "") -> SafeString:
    return format_html('<span class="badge {} {}">{}{}</span>', tone, size, icon(symbol), word)


@register.simple_tag
def state(status: str, size: str = "") -> SafeString:
    """The badge of an integration's state."""
    known = Status(status)
    symbol, tone = STATES[known]
    return badge_html(symbol, tone, _(str(known.label)), size)


@register.simple_tag
def badge(value: str, word: object = "") -> SafeString:
    """The badge of any other word that has a tone."""
    symbol, tone = TONES.get(value) or STATES.get(value, ("info", ""))
    return badge_html(symbol, tone, _(str(word)) if word else str(value).replace("_", " ").capitalize())


@register.simple_tag
def moment(value: datetime | date | None, empty: str = "–") -> SafeString:
    """A time in the reader's zone with the zone's name, UTC in the tooltip (experience 2.18)."""
    if value is None:
        return conditional_escape(empty)
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), date_format(value, "j M Y"))
    local, utc = timezone.localtime(value), value.astimezone(UTC)
    words = f"{date_format(local, 'D j M Y H:i')} {local.tzname()}"
    return format_html(
        '<time class="nowrap" datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        words,
    )


def day(value: datetime | None) -> SafeString:
    """Only the day, for lists; the exact time is in the tooltip."""
    if value is None:
        return conditional_escape("–")
    words = date_format(timezone.localtime(value), "j M Y")
    utc = value.astimezone(UTC)
    return format_html(
        '<time class="nowrap" datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        words,
    )


@register.simple_tag
def utc_first(value: datetime) -> SafeString:
    """How the audit shows a time: UTC to the second, then the reader's own clock."""
    utc, local = value.astimezone(UTC), timezone.localtime(value)
    return format_html(
        '<time datetime="{0}"><bdi dir="ltr">{1}</bdi> <span class="soft nowrap">({2})</span></time>',
        utc.isoformat(timespec="milliseconds"),
        utc.strftime("%Y-%m-%d %H:%M:%SZ"),
        f"{local:%H:%M} {local.tzname()}",
    )


@register.filter
def age(value: datetime | None) -> str:
    """How long something has waited: the largest two units, or less than an hour."""
    if value is None:
        return "–"
    hours = int((timezone.now() - value).total_seconds() // 3600)
    if hours < 1:
        return _("under an hour")
    days = hours // 24
    if days == 0:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


@register.filter
def until(value: datetime | None) -> str:
    """How far a due date is, as `overdue 2 days` or `in 3 days`."""
    if value is None:
        return ""
    hours = int((value - timezone.now()).total_seconds() // 3600)
    if hours < 0:
        days = -hours // 24
        return _overdue(days)
    if hours < 24:
        return _("due today") if hours < 12 else _("due within a day")
    return ngettext("due in %(count)d day", "due in %(count)d days", hours // 24) % {"count": hours // 24}


def _overdue(days: int) -> str:
    if not days:
        return _("overdue")
    return ngettext("overdue %(count)d day", "overdue %(count)d days", days) % {"count": days}


@register.filter
def overdue(value: datetime | None) -> bool:
    return value is not None and value < timezone.now()


@register.filter
def short(value: object) -> str:
    """The first characters of an id or hash, enough to tell two apart by eye."""
    return str(value)[:8]


@register.filter
def step_label(decision: Decision) -> str:
    """What was decided, in the words of the lifecycle."""
    labels = (row.label for row in TRANSITIONS if row.name == decision.step)
    return _(str(next(labels, decision.step.replace("_", " ").capitalize())))


@register.filter
def role_label(role: str) -> str:
    return _(str(Role(role).label)) if role in Role.values else role


@register.filter
def said(words: str) -> str:
    """Words of a table in the reader's language (see `registry.vocabulary`)."""
    return _(words) if words else ""


@register.filter
def item(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: object) -> str:
    """The address's query with these parts changed, empty ones dropped: list state lives in the URL."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value not in (None, ""):
            params[name] = str(value)
    return f"?{params.urlencode()}"


CELL = re.compile(r"^<(td|th)")


@register.simple_tag
def list_headers(changelist: Any) -> list[dict[str, Any]]:
    return list(result_headers(changelist))


@register.simple_tag
def list_rows(changelist: Any) -> Iterator[list[SafeString]]:
    """Rows of cells that carry their column's name, so that a narrow screen can show them one below the other."""
    names = [str(header["text"]) for header in result_headers(changelist)]
    for row in results(changelist):
        yield [_labelled(cell, name) for cell, name in zip(row, names, strict=False)]


def _labelled(cell: str, name: str) -> SafeString:
    label = escape(name[:1].upper() + name[1:])
    return mark_safe(CELL.sub(lambda found: f'<{found[1]} data-label="{label}"', str(cell), count=1))
