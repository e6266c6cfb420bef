"""Rules are found again by their content: a policy compiled from the same rules is the same policy."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from scp_portal.kernel.canonical import content_hash


class Fingerprinted:
    """Equal when the canonical JSON of `as_document()` is equal."""

    def as_document(self) -> dict[str, Any]:
        raise NotImplementedError

    @cached_property
    def fingerprint(self) -> str:
        return content_hash(self.as_document())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprinted) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)
