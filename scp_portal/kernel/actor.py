"""Who acts: a person, a machine client or the portal itself, and what they were granted."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal

DEFAULT_ROLE: Final = "member_user"
"""What everyone is who was granted nothing; it reaches no tenant."""


class ActorKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"
    SYSTEM = "system"


class Scope(Enum):
    """`holds(role)` without a scope asks for the role anywhere; an explicit None asks for it without limits."""

    ANYWHERE = "anywhere"


ANYWHERE: Final = Scope.ANYWHERE
Asked = str | None | Literal[Scope.ANYWHERE]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and where it holds. None means everywhere: every tenant, every vertical."""

    role: str
    tenant_id: str | None = None
    vertical: str | None = None
    partner_id: str | None = None

    def covers(self, role: str, tenant_id: Asked, vertical: Asked, partner_id: str | None) -> bool:
        return (
            self.role == role
            and _within(self.tenant_id, tenant_id)
            and _within(self.vertical, vertical)
            and (partner_id is None or partner_id == self.partner_id)
        )

    @property
    def reaches_all_tenants(self) -> bool:
        return self.tenant_id is None and self.partner_id is None and self.role != DEFAULT_ROLE


def _within(granted: str | None, asked: Asked) -> bool:
    return asked is ANYWHERE or granted is None or granted == asked


@dataclass(frozen=True, slots=True)
class Actor:
    """Everything that changes or reads governed things does so as one of these; no actor means no.

    `id` is the user's id, the integration's id, or the name of the system's process.
    """

    kind: ActorKind
    id: str
    name: str
    grants: frozenset[Grant] = frozenset()
    request_id: str = ""

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The portal acting on its own (a clock, a command); holds no role, reaches every tenant."""
        return cls(kind=ActorKind.SYSTEM, id=name, name=name)

    def holds(
        self,
        role: str,
        *,
        tenant_id: Asked = ANYWHERE,
        vertical: Asked = ANYWHERE,
        partner_id: str | None = None,
    ) -> bool:
        """Whether a grant of the role covers what is asked.

        Left out, a scope is not asked about ("anywhere"); None asks for a grant that is not limited in it, so that
        the empty tenant of a platform-wide thing never matches a grant for one tenant. A partner must match exactly.
        """
        return any(grant.covers(role, tenant_id, vertical, partner_id) for grant in self.grants)

    def holds_any(self, *roles: str, tenant_id: Asked = ANYWHERE, vertical: Asked = ANYWHERE) -> bool:
        return any(self.holds(role, tenant_id=tenant_id, vertical=vertical) for role in roles)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def tenants(self) -> frozenset[str] | None:
        """The tenants the actor may look into at all; None is all of them."""
        return self._reach(self.grants)

    def tenants_as(self, *roles: str) -> frozenset[str] | None:
        """The tenants in which the actor holds one of these roles; None is all of them."""
        return self._reach(frozenset(grant for grant in self.grants if grant.role in roles))

    def _reach(self, grants: frozenset[Grant]) -> frozenset[str] | None:
        if self.kind is ActorKind.SYSTEM or any(grant.reaches_all_tenants for grant in grants):
            return None
        return frozenset(grant.tenant_id for grant in grants if grant.tenant_id is not None)
