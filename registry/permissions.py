"""Who may do what with an integration: one truth for actions, pages and API (B-6.2).

Each function answers a verdict: yes, or no with the reason in plain words and the people who could act instead.
Verdicts read the decisions and role grants that the transaction sees; they change nothing.
"""

from __future__ import annotations

from registry import lifecycle
from registry.case import Case
from registry.lifecycle import CREATOR, OPERATOR, REQUESTERS, Status, Transition
from registry.models import Integration, Partner, Role
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict


def explain(actor: Actor, integration: Integration) -> list[tuple[Transition, Verdict]]:
    """Every step that a person could take from here, with this person's verdict."""
    case = Case(actor, integration)
    return [(row, case.verdict(row.name)) for row in lifecycle.from_state(integration.status) if row.roles]


def may(name: str, actor: Actor, integration: Integration) -> Verdict:
    """The verdict on a step by its name in the table."""
    return Case(actor, integration).verdict(name)


def may_create(actor: Actor, tenant_id: str, partner: Partner | None = None) -> Verdict:
    """Its tenant's administrator, or a user of the partner it is for (B-6.2-1)."""
    if actor.kind != ActorKind.PERSON:
        return Verdict.no("Only a person may ask for an integration.")
    if actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    mine = actor.holds(Role.PARTNER_USER, tenant_id=tenant_id, partner_id=str(partner.pk) if partner else None)
    if mine:
        return ALLOWED
    return Verdict.no("Only its tenant's administrator or its partner may ask for an integration.")


def may_edit(actor: Actor, integration: Integration) -> Verdict:
    """In draft; or when approved, which voids the approval (row 10)."""
    case = Case(actor, integration)
    if integration.status == Status.APPROVED:
        return case.verdict("void_approval")
    if integration.status != Status.DRAFT:
        here = Status(integration.status).label.lower()
        return Verdict.no(f"It is {here}; its content changes in draft only.")
    if actor.kind == ActorKind.PERSON and any(case.holds(role) for role in REQUESTERS):
        return ALLOWED
    return Verdict.no("Only its tenant's administrator and its partner may edit a draft.", case.who_can(REQUESTERS))


def may_rotate_secret(actor: Actor, integration: Integration) -> Verdict:
    """Those who may see a secret: the tenant's administrator and the operator, never who approved it (rule h)."""
    case = Case(actor, integration)
    if integration.status not in lifecycle.SERVING or not integration.auth_client_id:
        return Verdict.no("It has no machine client that could have a new secret.")
    if actor.kind != ActorKind.PERSON or not (case.holds(CREATOR) or case.holds(OPERATOR)):
        return Verdict.no(
            "Only the tenant's administrator and the operator may see its secret.", case.who_can([CREATOR, OPERATOR])
        )
    if case.did("approve", this_revision=True):
        return Verdict.no(
            "You approved it, so another person must replace its secret.", case.who_can([CREATOR, OPERATOR]), sod=True
        )
    return ALLOWED
