"""Who may do what with an integration: one truth for actions, pages and API (B-6.2).

Every `may_*` answers a verdict: yes, or no with the reason in plain words and the people who could act instead.
Verdicts read the decisions and role grants that the transaction sees; they change nothing.
"""

from __future__ import annotations

from registry import lifecycle
from registry.case import Case
from registry.lifecycle import CREATOR, OPERATOR, REQUESTERS, Status, Transition
from registry.models import Integration, Partner, Role
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict

VIEWERS = (
    Role.TENANT_ADMIN,
    Role.UMBRELLA_AUTHORITY,
    Role.OPERATOR,
    Role.AUDITOR,
    Role.ROOT,
    Role.VERTICAL_OWNER,
    Role.PARTNER_USER,
)


def explain(actor: Actor, integration: Integration) -> list[tuple[Transition, Verdict]]:
    """Every step that a person could take from here, with this person's verdict."""
    case = Case(actor, integration)
    return [(row, case.verdict(row.name)) for row in lifecycle.from_state(integration.status) if row.roles]


def may(name: str, actor: Actor, integration: Integration) -> Verdict:
    """The verdict on a step by its name in the table."""
    return Case(actor, integration).verdict(name)


def may_view(actor: Actor, integration: Integration) -> Verdict:
    """Its tenant's people, the owners of its verticals, its partner, and those who oversee all tenants."""
    case = Case(actor, integration)
    if actor.kind == ActorKind.SYSTEM or any(case.holds(role) for role in VIEWERS):
        return ALLOWED
    return Verdict.no("It belongs to another tenant, vertical or partner.")


def may_create(actor: Actor, tenant_id: str, partner: Partner | None = None) -> Verdict:
    """Its tenant's administrator, or a user of the partner it is for (B-6.2-1)."""
    if actor.kind != ActorKind.PERSON:
        return Verdict.no("Only a person may ask for an integration.")
    if actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    mine = actor.holds(Role.PARTNER_USER, tenant_id=tenant_id, partner_id=str(partner.pk) if partner else None)
    if mine:
        return ALLOWED
    return Verdict.no("An integration is asked for by its tenant's administrator or its partner.")


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
    return Verdict.no("Its tenant's administrator and its partner edit a draft.", case.who_can(REQUESTERS))


def may_rotate_secret(actor: Actor, integration: Integration) -> Verdict:
    """Those who may see a secret: the tenant's administrator and the operator, never who approved it (rule h)."""
    case = Case(actor, integration)
    if integration.status not in lifecycle.SERVING or not integration.auth_client_id:
        return Verdict.no("It has no machine client in use.")
    if actor.kind != ActorKind.PERSON or not (case.holds(CREATOR) or case.holds(OPERATOR)):
        return Verdict.no(
            "Secrets are seen by the tenant's administrator or the operator.", case.who_can([CREATOR, OPERATOR])
        )
    if case.did("approve", this_revision=True):
        return Verdict.no(
            "You approved it, so someone else sees its secret.", case.who_can([CREATOR, OPERATOR]), sod=True
        )
    return ALLOWED


def may_submit(actor: Actor, integration: Integration) -> Verdict:
    return may("submit", actor, integration)


def may_withdraw_request(actor: Actor, integration: Integration) -> Verdict:
    return may("withdraw_request", actor, integration)


def may_return_for_changes(actor: Actor, integration: Integration) -> Verdict:
    return may("return_for_changes", actor, integration)


def may_accept(actor: Actor, integration: Integration) -> Verdict:
    return may("accept", actor, integration)


def may_approve(actor: Actor, integration: Integration) -> Verdict:
    return may("approve", actor, integration)


def may_reject(actor: Actor, integration: Integration) -> Verdict:
    return may("reject", actor, integration)


def may_revise(actor: Actor, integration: Integration) -> Verdict:
    return may("revise", actor, integration)


def may_void_approval(actor: Actor, integration: Integration) -> Verdict:
    return may("void_approval", actor, integration)


def may_activate(actor: Actor, integration: Integration) -> Verdict:
    return may("activate", actor, integration)


def may_restrict(actor: Actor, integration: Integration) -> Verdict:
    return may("restrict", actor, integration)


def may_suspend(actor: Actor, integration: Integration) -> Verdict:
    return may("suspend", actor, integration)


def may_resume(actor: Actor, integration: Integration) -> Verdict:
    return may("resume", actor, integration)


def may_resume_restricted(actor: Actor, integration: Integration) -> Verdict:
    return may("resume_restricted", actor, integration)


def may_deprecate(actor: Actor, integration: Integration) -> Verdict:
    return may("deprecate", actor, integration)


def may_cancel_deprecation(actor: Actor, integration: Integration) -> Verdict:
    return may("cancel_deprecation", actor, integration)


def may_archive(actor: Actor, integration: Integration) -> Verdict:
    return may("archive", actor, integration)


def may_terminate(actor: Actor, integration: Integration) -> Verdict:
    return may("terminate", actor, integration)


def may_confirm_renewal(actor: Actor, integration: Integration) -> Verdict:
    return may("confirm_renewal", actor, integration)


def may_renew(actor: Actor, integration: Integration) -> Verdict:
    return may("renew", actor, integration)


def may_cancel(actor: Actor, integration: Integration) -> Verdict:
    return may("cancel", actor, integration)
