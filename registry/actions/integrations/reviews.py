"""The reviewers' and the authority's steps: return, accept, approve, reject (rows 4-8)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from registry import lifecycle
from registry.actions import steps
from registry.actions.integrations.requests import REVIEW_DAYS, working_days_after
from registry.case import Case
from registry.guards import partner_in_good_standing
from registry.models import Integration, Risk
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import ScopeViolation


def return_for_changes(
    integration: Integration, *, actor: Actor, reason: str, expected_hash: str = "", expected_version: int | None = None
) -> Integration:
    """Back to draft with a comment, by an owner or by the authority; all reviews are void (rows 4 and 6)."""
    return steps.take(
        "return_for_changes",
        integration,
        actor=actor,
        reason=reason,
        expected_hash=expected_hash,
        expected_version=expected_version,
    )


def accept(
    integration: Integration,
    *,
    actor: Actor,
    vertical: str = "",
    note: str = "",
    expected_hash: str = "",
    expected_version: int | None = None,
) -> Integration:
    """Accept for one vertical, or for each that the actor owns; with the last one it is reviewed (row 5)."""
    with steps.attempt("accept", integration, actor):
        _, case = steps.begin(
            "accept", integration, actor, expected_hash=expected_hash, expected_version=expected_version
        )
        for each in to_accept(case, vertical, "accept"):
            row = lifecycle.kept_step("accept", integration.status)
            if not _waiting(case, "accept", besides=each):
                row = lifecycle.step("accept", integration.status)
            due: dict[str, Any] = {"due_at": working_days_after(timezone.now(), REVIEW_DAYS)} if row.moves else {}
            steps.finish(row, case, reason=note, vertical=each, **due)
            case = Case(actor, integration)
    return integration


def to_accept(case: Case, vertical: str, step: str) -> list[str]:
    """The asked vertical, or all of the actor's that have not accepted. Raises ScopeViolation for another's."""
    mine = [each for each in case.owned() if each not in case.accepted(step)]
    if not vertical:
        return mine
    if vertical not in mine:
        raise ScopeViolation("You are not the owner of this vertical here, or it has accepted already.")
    return [vertical]


def _waiting(case: Case, step: str, besides: str) -> list[str]:
    done = {*case.accepted(step), besides}
    return [vertical for vertical in case.integration.vertical_ids if vertical not in done]


def approve(
    integration: Integration,
    *,
    actor: Actor,
    note: str = "",
    conditions: str = "",
    expected_hash: str = "",
    expected_version: int | None = None,
) -> Integration:
    """The authority's yes (row 7). At high risk the first of two keeps the state; the second is another person's."""
    with steps.attempt("approve", integration, actor):
        row, case = steps.begin(
            "approve", integration, actor, expected_hash=expected_hash, expected_version=expected_version
        )
        partner_in_good_standing(integration)
        if integration.risk == Risk.HIGH and not _approved_once(case):
            steps.finish(lifecycle.kept_step("approve", integration.status), case, reason=note)
            return integration
        conditions = conditions.strip() or integration.conditions
        steps.finish(row, case, reason=note, conditions=conditions, approved_at=timezone.now())
    return integration


def _approved_once(case: Case) -> bool:
    thing = case.integration
    return any(
        past.step == "approve" and past.revision == thing.revision and past.content_hash == thing.content_hash
        for past in case.decisions
    )


def reject(
    integration: Integration,
    *,
    actor: Actor,
    reason: str,
    reason_code: str,
    expected_hash: str = "",
    expected_version: int | None = None,
) -> Integration:
    """The authority's no, final for this revision (row 8)."""
    return steps.take(
        "reject",
        integration,
        actor=actor,
        reason=reason,
        reason_code=reason_code,
        expected_hash=expected_hash,
        expected_version=expected_version,
    )
