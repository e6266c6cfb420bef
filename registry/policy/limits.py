"""Bounds that several rules set together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.parsing import RuleError, whole, yes_or_no

MOST_RECORDS_PER_PAGE = 200
LEAST_CELL, DEFAULT_CELL, DEFAULT_ROUNDING = 5, 10, 5
LIMITS = ("minCell", "roundTo", "pageSize", "ratePerMinute", "retentionDays", "mtls", "ipAllowlist", "purposes")
"""Their names in the JSON of a tenant's or a vertical's policy."""


@dataclass(frozen=True)
class Limits:
    """Bounds that several rules set together: the strictest of each wins."""

    min_cell: int | None = None
    round_to: int | None = None
    page_size: int | None = None
    rate_per_minute: int | None = None
    retention_days: int | None = None
    mtls: bool = False
    ip_allowlist: bool = False
    purposes: frozenset[str] | None = None
    """Purpose IRIs accepted; None accepts any."""

    @classmethod
    def parse(cls, policy: Mapping[str, Any]) -> Limits:
        """Raises RuleError."""
        purposes = policy.get("purposes")
        if purposes is not None and (not isinstance(purposes, list) or not all(isinstance(p, str) for p in purposes)):
            raise RuleError("This must be a list of purpose IRIs.", ("purposes",))
        return cls(
            min_cell=whole(policy.get("minCell"), 1, 10**6, ("minCell",)),
            round_to=whole(policy.get("roundTo"), 1, 10**6, ("roundTo",)),
            page_size=whole(policy.get("pageSize"), 1, MOST_RECORDS_PER_PAGE, ("pageSize",)),
            rate_per_minute=whole(policy.get("ratePerMinute"), 1, 10**9, ("ratePerMinute",)),
            retention_days=whole(policy.get("retentionDays"), 1, 36500, ("retentionDays",)),
            mtls=yes_or_no(policy.get("mtls", False), ("mtls",)),
            ip_allowlist=yes_or_no(policy.get("ipAllowlist", False), ("ipAllowlist",)),
            purposes=None if purposes is None else frozenset(purposes),
        )

    def as_document(self) -> dict[str, Any]:
        return {**self.__dict__, "purposes": None if self.purposes is None else sorted(self.purposes)}


NO_LIMITS = Limits()
