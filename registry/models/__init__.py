"""The registry's tables, a file per aggregate."""

from registry.models.consent import (
    PERMITTING,
    ConsentEpoch,
    ConsentEvent,
    ConsentNotice,
    ConsentState,
    ConsentStatus,
    Person,
)
from registry.models.contract import DataContract
from registry.models.integration import ClientSync, Decision, Integration, Risk, Status
from registry.models.partner import Partner, PartnerType
from registry.models.rate_limit import RateLimitPolicy
from registry.models.tenant import Tenant, TenantVertical, Vertical
from registry.models.user import STAFF_ROLES, Role, RoleGrant, RoleMapping, User

__all__ = [
    "PERMITTING",
    "STAFF_ROLES",
    "ClientSync",
    "ConsentEpoch",
    "ConsentEvent",
    "ConsentNotice",
    "ConsentState",
    "ConsentStatus",
    "DataContract",
    "Decision",
    "Integration",
    "Partner",
    "PartnerType",
    "Person",
    "RateLimitPolicy",
    "Risk",
    "Role",
    "RoleGrant",
    "RoleMapping",
    "Status",
    "Tenant",
    "TenantVertical",
    "User",
    "Vertical",
]
