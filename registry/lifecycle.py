"""The one table of transitions of an integration (B-6.1-1): Python, trigger, picture, pages and tests read it.

`Moves` turns the table into django-fsm methods that only move and stamp. Who may move is asked in
`registry.permissions`, what a move entails is done in `registry.actions.integrations`, and
`registry.lifecycle_sql` writes the same table as the database's own guard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import models

from scp_portal.kernel import fsm
from scp_portal.kernel.problems import ArchivedImmutable, IllegalTransition

REASON_MIN_LENGTH: Final = 10
"""Characters of the reason that every negative step needs."""


class Status(models.TextChoices):
    """The ten states of an integration."""

    DRAFT = "draft", "Draft"
    REQUESTED = "requested", "Requested"
    REVIEWED = "reviewed", "Reviewed"
    APPROVED = "approved", "Approved"
    ACTIVE = "active", "Active"
    RESTRICTED = "restricted", "Restricted"
    SUSPENDED = "suspended", "Suspended"
    DEPRECATED = "deprecated", "Deprecated"
    ARCHIVED = "archived", "Archived"
    REJECTED = "rejected", "Rejected"


class ReasonCode(models.TextChoices):
    """Why an integration was refused, limited or stopped; `violation` brings a second pair of eyes to the resume."""

    VIOLATION = "violation", "Violation of the agreement"
    SECURITY = "security", "Security"
    MAINTENANCE = "maintenance", "Maintenance"
    PARTNER_REQUEST = "partner_request", "Asked for by the partner"
    EXPIRED = "expired", "Past its end date"
    NO_LEGAL_BASIS = "no_legal_basis", "No sufficient legal basis"
    EXCESSIVE_DATA = "excessive_data", "More data than the purpose needs"
    DUPLICATE = "duplicate", "Duplicate of another integration"
    OTHER = "other", "Other"


SERVING: Final = (Status.ACTIVE, Status.RESTRICTED, Status.DEPRECATED)
"""States in which a partner's reads are answered."""

CREATOR, REVIEWER, AUTHORITY, OPERATOR = "tenant_admin", "vertical_owner", "umbrella_authority", "operator"
REQUESTERS: Final = ("partner_user", "tenant_admin")

FROZEN_FIELDS: Final = (
    "integration_name",
    "partner_id",
    "vertical_ids",
    "active_from",
    "active_until",
    "data_contract_id",
    "purpose",
    "legal_basis",
    "legal_basis_reference",
    "retention_days",
    "transfers",
    "dpia_link",
    "mtls_required",
    "risk",
)
"""What reviewers and the umbrella authority agree to: changes in draft only. `active_until` moves by a renewal."""

CONFIG_FIELDS: Final = ("ip_allowlist", "rate_limit_policy_id", "certificate_thumbprint", "token_lifetime")
"""Technical settings that may change later without a new review (row 27)."""

IDENTITY_FIELDS: Final = ("integration_id", "tenant_id", "created_by_id", "created_at")
"""Never change."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step from one state. `row` is the row of the table in the design; `source` is None for creation.

    A step whose target is its source is a decision that keeps the state, such as one vertical's acceptance.
    """

    row: int
    name: str
    source: Status | None
    target: Status
    event: str
    label: str
    consequence: str
    roles: tuple[str, ...] = ()
    by_system: bool = False
    needs_reason: bool = False
    reason_codes: tuple[ReasonCode, ...] = ()

    @property
    def moves(self) -> bool:
        return self.source is not None and self.source != self.target

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.name, self.source or "", self.target)


def _rows(sources: Iterable[Status], **fields: Any) -> tuple[Transition, ...]:
    return tuple(Transition(source=source, **fields) for source in sources)


S = Status
_STOP_CODES = (
    ReasonCode.VIOLATION,
    ReasonCode.SECURITY,
    ReasonCode.MAINTENANCE,
    ReasonCode.PARTNER_REQUEST,
    ReasonCode.OTHER,
)
_REJECT_CODES = (
    ReasonCode.NO_LEGAL_BASIS,
    ReasonCode.EXCESSIVE_DATA,
    ReasonCode.DUPLICATE,
    ReasonCode.SECURITY,
    ReasonCode.OTHER,
)

TRANSITIONS: Final[tuple[Transition, ...]] = (
    Transition(
        1, "create", None, S.DRAFT, "integration.created", "New integration",
        "A draft that only its tenant and its partner see. Nothing is asked of anyone yet.", REQUESTERS,
    ),
    Transition(
        2, "submit", S.DRAFT, S.REQUESTED, "integration.requested", "Submit for review",
        "The content is frozen and the owner of each vertical is asked to review it.", REQUESTERS,
    ),
    Transition(
        3, "withdraw_request", S.REQUESTED, S.DRAFT, "integration.request_withdrawn", "Withdraw request",
        "The request goes back to draft and the reviews so far are void.", REQUESTERS,
    ),
    Transition(
        4, "return_for_changes", S.REQUESTED, S.DRAFT, "integration.returned", "Return for changes",
        "The request goes back to draft with your comment; all reviews are void.", (REVIEWER,), needs_reason=True,
    ),
    Transition(
        5, "accept", S.REQUESTED, S.REQUESTED, "integration.accepted", "Accept for your vertical",
        "Your vertical agrees to scope and purpose; the other verticals have yet to.", (REVIEWER,),
    ),
    Transition(
        5, "accept", S.REQUESTED, S.REVIEWED, "integration.reviewed", "Accept for your vertical",
        "Every vertical has agreed; the umbrella authority is asked to decide.", (REVIEWER,),
    ),
    Transition(
        6, "return_for_changes", S.REVIEWED, S.DRAFT, "integration.returned", "Return for changes",
        "The request goes back to draft with your comment; all reviews are void.", (AUTHORITY,), needs_reason=True,
    ),
    Transition(
        7, "approve", S.REVIEWED, S.REVIEWED, "integration.approval_given", "Approve",
        "The first of the two approvals that a high risk needs; another person gives the second.", (AUTHORITY,),
    ),
    Transition(
        7, "approve", S.REVIEWED, S.APPROVED, "integration.approved", "Approve",
        "The tenant may activate it within 90 days. Nothing is served yet.", (AUTHORITY,),
    ),
    Transition(
        8, "reject", S.REVIEWED, S.REJECTED, "integration.rejected", "Reject",
        "The request is refused. The requester is told why and may revise it.", (AUTHORITY,), needs_reason=True,
        reason_codes=_REJECT_CODES,
    ),
    Transition(
        9, "revise", S.REJECTED, S.DRAFT, "integration.revised", "Revise",
        "A new revision starts in draft; the refusal stays in the history.", REQUESTERS,
    ),
    Transition(
        10, "void_approval", S.APPROVED, S.DRAFT, "integration.approval_voided", "Change after approval",
        "The approval is void; it must be reviewed and approved again.", REQUESTERS,
    ),
    Transition(
        10, "lapse", S.APPROVED, S.DRAFT, "integration.approval_voided", "Approval lapsed",
        "The approval was not used within 90 days and is void.", by_system=True,
    ),
    Transition(
        11, "activate", S.APPROVED, S.ACTIVE, "integration.activated", "Activate",
        "A machine client is made and its secret is shown to you once; the partner can read from now on.",
        (CREATOR, OPERATOR),
    ),
    Transition(
        12, "restrict", S.ACTIVE, S.RESTRICTED, "integration.restricted", "Restrict to reading",
        "Reads go on; pushes, imports and deliveries stop.", (REVIEWER, CREATOR, AUTHORITY), by_system=True,
        needs_reason=True, reason_codes=_STOP_CODES,
    ),
    *_rows(
        (S.ACTIVE, S.RESTRICTED, S.DEPRECATED), row=13, name="suspend", target=S.SUSPENDED,
        event="integration.suspended", label="Suspend now",
        consequence="The very next request is refused and the machine client is disabled.",
        roles=(CREATOR, AUTHORITY, OPERATOR), by_system=True, needs_reason=True, reason_codes=_STOP_CODES,
    ),
    Transition(
        14, "resume", S.RESTRICTED, S.ACTIVE, "integration.resumed", "Resume",
        "Everything the contract grants is served again.", (AUTHORITY, CREATOR, REVIEWER), needs_reason=True,
    ),
    Transition(
        15, "resume", S.SUSPENDED, S.ACTIVE, "integration.resumed", "Resume",
        "The machine client is enabled again; the partner needs a new token.", (AUTHORITY,), needs_reason=True,
    ),
    Transition(
        16, "resume_restricted", S.SUSPENDED, S.RESTRICTED, "integration.resumed_restricted", "Resume for reading",
        "Reads are served again; pushes, imports and deliveries stay stopped.", (AUTHORITY,), needs_reason=True,
    ),
    *_rows(
        (S.ACTIVE, S.RESTRICTED), row=17, name="deprecate", target=S.DEPRECATED, event="integration.deprecated",
        label="Deprecate", consequence="Served until its sunset date; every answer says so to the partner.",
        roles=(CREATOR, AUTHORITY), needs_reason=True,
    ),
    Transition(
        18, "cancel_deprecation", S.DEPRECATED, S.ACTIVE, "integration.deprecation_cancelled", "Cancel deprecation",
        "The sunset date is dropped; it is served as before.", (AUTHORITY,),
    ),
    Transition(
        19, "archive", S.DEPRECATED, S.ARCHIVED, "integration.archived", "Archive",
        "Locked for good: the machine client is deleted, the history stays.", (CREATOR,), by_system=True,
    ),
    *_rows(
        (S.RESTRICTED, S.SUSPENDED), row=20, name="terminate", target=S.ARCHIVED, event="integration.archived",
        label="Terminate", consequence="Locked for good: the machine client is deleted, the history stays.",
        roles=(AUTHORITY,), needs_reason=True,
    ),
    *_rows(
        (S.ACTIVE, S.RESTRICTED, S.DEPRECATED), row=21, name="expire", target=S.SUSPENDED,
        event="integration.expired", label="Expired",
        consequence="Its end date has passed; requests have been refused since that instant.", by_system=True,
    ),
    Transition(
        22, "confirm_renewal", S.SUSPENDED, S.SUSPENDED, "integration.renewal_confirmed", "Confirm the renewal",
        "Your vertical agrees to a renewal of the unchanged contract.", (REVIEWER,),
    ),
    Transition(
        22, "renew", S.SUSPENDED, S.ACTIVE, "integration.renewed", "Renew",
        "Served again until the new end date.", (AUTHORITY,), needs_reason=True,
    ),
    Transition(
        23, "archive", S.SUSPENDED, S.ARCHIVED, "integration.archived", "Archive",
        "It was not renewed within 90 days of its end date and is locked for good.", by_system=True,
    ),
    *_rows(
        (S.DRAFT, S.REJECTED), row=24, name="cancel", target=S.ARCHIVED, event="integration.cancelled",
        label="Cancel", consequence="Locked for good. A new integration can be made at any time.",
        roles=REQUESTERS, needs_reason=True,
    ),
)  # fmt: skip

MOVES: Final = tuple(row for row in TRANSITIONS if row.moves)
PAIRS: Final = frozenset((row.source, row.target) for row in MOVES)
"""Every (state, next state) that exists; the trigger refuses all others."""
NAMES: Final = tuple(dict.fromkeys(row.name for row in MOVES))


def from_state(source: str) -> tuple[Transition, ...]:
    """The steps that exist in a state, one per name: the page's candidates, before anyone's permission is asked."""
    found: dict[str, Transition] = {}
    for row in TRANSITIONS:
        if row.source == source and (row.name not in found or row.moves):
            found[row.name] = row
    return tuple(found.values())


def step(name: str, source: str) -> Transition:
    """The row of a step in a state. Raises ArchivedImmutable or IllegalTransition when there is none."""
    for row in from_state(source):
        if row.name == name:
            return row
    if source == Status.ARCHIVED:
        raise ArchivedImmutable("An archived integration is kept as it was and can't be changed by anyone.")
    label = Status(source).label if source in Status.values else source
    raise IllegalTransition(f"“{name.replace('_', ' ')}” does not exist for an integration in state {label}.")


def kept_step(name: str, source: str) -> Transition:
    """The row of a decision that keeps the state."""
    return next(row for row in TRANSITIONS if row.name == name and row.source == source and not row.moves)


@fsm.made_from([fsm.Transition(row.name, row.source, row.target) for row in MOVES], field="status")
class Moves(fsm.StateGuard):
    """Mixed into the model: `move()` by name, over django-fsm methods made from the table; `save()` guards `status`.

    The guard in Python answers early and in words; the trigger on the table is what holds.
    """

    if TYPE_CHECKING:
        status: Any

    _moved: bool = False

    class Meta:
        abstract = True

    def move(self, name: str, **stamps: Any) -> None:
        """Make the step and stamp fields. Saves nothing. Raises IllegalTransition or ArchivedImmutable."""
        step(name, self.status)
        fsm.apply(self, name, **stamps)
        self._moved = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises IllegalTransition for a status that was assigned and not moved to."""
        if self._state.adding:
            if self.status != Status.DRAFT:
                raise IllegalTransition("An integration starts in draft.")
        elif not self._moved and self.__dict__.get("status", self._stored_state) != self._stored_state:
            raise IllegalTransition("The status of an integration changes by its steps only.")
        super().save(*args, **kwargs)
        self._moved = False

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self._moved = False
