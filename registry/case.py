"""One actor before one integration: roles, history, and the rules that keep duties separate.

The rules (a) to (h) are those of the lifecycle's design; the database holds them once more over the decisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from typing import Final

from django.db.models import Q
from django.utils import timezone

from audit.models import Entry
from registry import lifecycle
from registry.lifecycle import AUTHORITY, REVIEWER, ReasonCode, Status, Transition
from registry.models import Decision, Integration, Role, RoleGrant, User
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict

NAMED_AT_MOST = 3
QUIET: Final = timedelta(days=7)
"""A deprecated integration that nobody has called for this long is no longer used."""
OVERSEERS_VERDICT = ("approve", "reject", "return_for_changes")
RESUMING = ("resume", "resume_restricted", "renew")
IMPOSING = ("restrict", "suspend", "expire")


class Case:
    """One actor and one integration, with the history that separation of duties needs, read at most once."""

    def __init__(self, actor: Actor, integration: Integration) -> None:
        self.actor = actor
        self.integration = integration

    # -- what was before -----------------------------------------------------------------------------------------

    @cached_property
    def decisions(self) -> list[Decision]:
        return sorted(self.integration.decisions.all(), key=lambda past: past.id)

    @cached_property
    def same_person(self) -> frozenset[str]:
        """Ids of the actor's accounts: this one, and any with the same e-mail address."""
        if self.actor.kind != ActorKind.PERSON:
            return frozenset()
        mail = User.objects.filter(pk=self.actor.id).values_list("email", flat=True).first()
        same = User.objects.filter(email__iexact=mail).values_list("pk", flat=True) if mail else ()
        return frozenset({self.actor.id, *map(str, same)})

    def did(self, *steps: str, this_revision: bool = False) -> list[Decision]:
        """The actor's own earlier decisions."""
        return [
            past
            for past in self.decisions
            if past.step in steps
            and str(past.actor_id) in self.same_person
            and (not this_revision or past.revision == self.integration.revision)
        ]

    def accepted(self, step: str = "accept") -> set[str]:
        """Verticals that have accepted what stands now (or confirmed the renewal since it stopped)."""
        stopped = max((past.id for past in self.decisions if past.step in IMPOSING), default=0)
        return {
            past.vertical
            for past in self.decisions
            if past.step == step
            and past.revision == self.integration.revision
            and past.content_hash == self.integration.content_hash
            and (step == "accept" or past.id > stopped)
        }

    @property
    def imposed(self) -> Decision | None:
        """The latest restriction or suspension."""
        return next((past for past in reversed(self.decisions) if past.step in IMPOSING), None)

    # -- roles ---------------------------------------------------------------------------------------------------

    def holds(self, role: str) -> bool:
        """In this integration's tenant, and as its partner or the owner of one of its verticals."""
        tenant, partner = self.integration.tenant_id, str(self.integration.partner_id)
        if role == Role.PARTNER_USER:
            return self.actor.holds(role, tenant_id=tenant, partner_id=partner)
        if role == Role.VERTICAL_OWNER:
            return bool(self.owned())
        return self.actor.holds(role, tenant_id=tenant)

    def owned(self) -> list[str]:
        """The integration's verticals that the actor owns."""
        tenant = self.integration.tenant_id
        return [
            vertical
            for vertical in self.integration.vertical_ids
            if self.actor.holds(Role.VERTICAL_OWNER, tenant_id=tenant, vertical=vertical)
        ]

    def role_for(self, row: Transition) -> str:
        """In which of its roles the actor takes the step; empty when in none."""
        return next((role for role in row.roles if self.holds(role)), "")

    def who_can(self, roles: Iterable[str], step: str = "") -> str:
        """Roles and a few people who hold one of them here and have no part in it that forbids the step."""
        roles = list(roles)
        if not roles:
            return "The portal itself, by the clock"
        names = list(dict.fromkeys(grant.user.name for grant in self._holders(roles, step)))[:NAMED_AT_MOST]
        listed = _either(str(Role(role).label) for role in roles)
        return f"{listed}: {', '.join(names)}" if names else listed

    def _holders(self, roles: list[str], step: str) -> Iterable[RoleGrant]:
        thing = self.integration
        of_place = Q(tenant_id=None) | Q(tenant_id=thing.tenant_id)
        of_vertical = Q(vertical_id=None) | Q(vertical_id__in=thing.vertical_ids)
        of_partner = Q(partner_id=None) | Q(partner_id=thing.partner_id)
        return (
            RoleGrant.objects.filter(of_place, of_vertical, of_partner, role__in=roles, user__is_active=True)
            .exclude(user_id__in=self.same_person | self._barred(step))
            .select_related("user")
            .order_by("user__name")[: NAMED_AT_MOST * 2]
        )

    def _barred(self, step: str) -> frozenset[str]:
        """People whom their part in it forbids the step; the rules below say it of the actor, in words."""
        parts: dict[str, tuple[str, ...]] = {
            "accept": ("create", "submit"),
            "return_for_changes": ("create", "submit", "accept"),
            "approve": ("create", "submit", "accept", "approve"),
            "reject": ("create", "submit", "accept"),
            "activate": ("approve",),
            "renew": ("confirm_renewal", *IMPOSING),
            "resume": IMPOSING,
            "resume_restricted": IMPOSING,
        }
        barred = {str(past.actor_id) for past in self.decisions if past.step in parts.get(step, ()) and past.actor_id}
        return frozenset({*barred, str(self.integration.created_by_id)} if "create" in parts.get(step, ()) else barred)

    # -- the verdict ---------------------------------------------------------------------------------------------

    def verdict(self, name: str) -> Verdict:
        row = next((row for row in lifecycle.from_state(self.integration.status) if row.name == name), None)
        if row is None:
            return self._not_from_here(name)
        if self.actor.kind == ActorKind.SYSTEM:
            return (
                ALLOWED
                if row.by_system
                else Verdict.no("Only a person may do this.", self.who_can(row.roles, row.name))
            )
        if self.actor.kind != ActorKind.PERSON:
            return Verdict.no("A machine client may not do this.", self.who_can(row.roles, row.name))
        if not self.role_for(row):
            return Verdict.no(self._role_missing(row), self.who_can(row.roles, row.name))
        rules = (
            self.makers_do_not_review,
            self.reviewers_do_not_approve,
            self.two_persons,
            self.own_vertical,
            self.not_past_its_end,
            self.another_resumes,
            self.renewal_is_confirmed,
            self.no_longer_used,
        )
        return next((verdict for rule in rules if not (verdict := rule(row)).allowed), ALLOWED)

    def _not_from_here(self, name: str) -> Verdict:
        if self.integration.status == Status.ARCHIVED:
            return Verdict.no("It is archived: it is kept as it was and can't be changed by anyone.")
        here = Status(self.integration.status).label
        sources = [Status(row.source).label for row in lifecycle.TRANSITIONS if row.name == name and row.source]
        return Verdict.no(f"It is {here.lower()}; this starts from {' or '.join(dict.fromkeys(sources)).lower()}.")

    def _role_missing(self, row: Transition) -> str:
        if not row.roles:
            return "This happens by itself when its time has come."
        return f"This is for the {_either(str(Role(role).label).lower() for role in row.roles)} to do."

    def makers_do_not_review(self, row: Transition) -> Verdict:
        """(a) Who created or submitted it never reviews, returns, rejects or approves it."""
        if row.name not in ("accept", *OVERSEERS_VERDICT):
            return ALLOWED
        act = "approve" if row.source == Status.REVIEWED else "review"
        if str(self.integration.created_by_id) in self.same_person:
            return self._sod(row, f"You created it, so you cannot {act} it.")
        if self.did("submit"):
            return self._sod(row, f"You submitted it, so you cannot {act} it.")
        return ALLOWED

    def reviewers_do_not_approve(self, row: Transition) -> Verdict:
        """(b) A vertical owner who reviewed it never decides about its approval."""
        if row.source != Status.REVIEWED or not (reviewed := self.did("accept")):
            return ALLOWED
        act = {"approve": "approve", "reject": "reject"}.get(row.name, "decide about")
        return self._sod(row, f"You reviewed it for {_title(reviewed[-1].vertical)}, so you cannot {act} it.")

    def two_persons(self, row: Transition) -> Verdict:
        """(d) The second approval is another person's; (h) who approved never sees the client's secret."""
        if row.name not in ("approve", "activate") or not self.did("approve", this_revision=True):
            return ALLOWED
        if row.name == "approve":
            return self._sod(row, "You gave the first approval; the second must come from another person.")
        return self._sod(row, "You approved it, so someone else activates it and sees its secret.")

    def own_vertical(self, row: Transition) -> Verdict:
        """(f) A vertical owner reviews only its vertical in its tenant, once."""
        if row.name not in ("accept", "confirm_renewal"):
            return ALLOWED
        done = self.accepted(row.name)
        if set(self.owned()) - done:
            return ALLOWED
        waiting = [_title(vertical) for vertical in self.integration.vertical_ids if vertical not in done]
        mine = ", ".join(map(_title, self.owned()))
        return Verdict.no(
            f"{mine} has accepted it already; {', '.join(waiting)} has still to.", self.who_can([REVIEWER], row.name)
        )

    def another_resumes(self, row: Transition) -> Verdict:
        """(c) Who restricted or suspended it never resumes it; after a violation only the authority does."""
        if row.name not in RESUMING or (imposed := self.imposed) is None:
            return ALLOWED
        if str(imposed.actor_id) in self.same_person:
            verb = "restricted" if imposed.step == "restrict" else "suspended"
            return self._sod(row, f"You {verb} it, so someone else must lift that.")
        if row.source != Status.RESTRICTED or self.holds(AUTHORITY):
            return ALLOWED
        if imposed.reason_code in (ReasonCode.VIOLATION, ReasonCode.SECURITY):
            because = ReasonCode(imposed.reason_code).label.lower()
            why = f"It was restricted for {because}; the umbrella authority lifts that."
            return Verdict.no(why, self.who_can([AUTHORITY], row.name))
        if not self.holds(imposed.role):
            label = str(Role(imposed.role).label).lower() if imposed.role in Role.values else "the portal"
            return Verdict.no(f"The {label} restricted it and lifts that.", self.who_can([AUTHORITY], row.name))
        return ALLOWED

    def renewal_is_confirmed(self, row: Transition) -> Verdict:
        """Row 22: a renewal follows the vertical owners' look at the unchanged contract, by other persons."""
        if row.name not in ("renew", "confirm_renewal"):
            return ALLOWED
        if self.integration.status_reason_code != ReasonCode.EXPIRED:
            return Verdict.no("It was suspended for another reason than its end date; resume it instead.")
        if row.name == "confirm_renewal":
            return ALLOWED
        if self.did("confirm_renewal"):
            return self._sod(row, "You confirmed the renewal for a vertical, so someone else renews it.")
        missing = [v for v in self.integration.vertical_ids if v not in self.accepted("confirm_renewal")]
        if missing:
            return Verdict.no(
                f"{', '.join(map(_title, missing))} has still to confirm.", self.who_can([REVIEWER], row.name)
            )
        return ALLOWED

    def no_longer_used(self, row: Transition) -> Verdict:
        """Row 19: before its sunset it goes only when its successor serves and nobody has called it for a while."""
        thing, now = self.integration, timezone.now()
        if (row.name, row.source) != ("archive", Status.DEPRECATED) or (thing.sunset_at and thing.sunset_at <= now):
            return ALLOWED
        when = "It is archived at its sunset; before that"
        if thing.successor is None or thing.successor.status != Status.ACTIVE:
            return Verdict.no(f"{when}, its successor has to be active.", self.who_can([]))
        calls = Entry.objects.about(f"integration:{thing.pk}").filter(actor_kind=ActorKind.MACHINE)
        last = calls.filter(recorded_at__gte=now - QUIET).values_list("recorded_at", flat=True).first()
        if last is None:
            return ALLOWED
        why = f"{when}, no call may have come for {QUIET.days} days; the last was on {last:%Y-%m-%d %H:%M} UTC."
        return Verdict.no(why, self.who_can([]))

    def not_past_its_end(self, row: Transition) -> Verdict:
        """What has expired is renewed, not resumed."""
        if row.name in ("resume", "resume_restricted") and self.integration.status_reason_code == ReasonCode.EXPIRED:
            return Verdict.no("It is past its end date; it has to be renewed.", self.who_can([AUTHORITY], row.name))
        return ALLOWED

    def _sod(self, row: Transition, why: str) -> Verdict:
        return Verdict.no(why, self.who_can(row.roles, row.name), sod=True)


def _either(names: Iterable[str]) -> str:
    """`a, b or c`."""
    listed = list(names)
    return " or ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))


def _title(vertical: str) -> str:
    return vertical.replace("_", " ").capitalize()
