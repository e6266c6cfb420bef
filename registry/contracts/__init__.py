"""Integration Contracts: checking a document of the Open Data Contract Standard, and reading what it means.

    validate(document: str | Mapping) -> Contract(value, version, content_hash)   raises ContractInvalid
    parse(document: str | Mapping) -> ContractVersion                                         the same, for the compiler
    identify(document: str) -> Identity(tenant_id, name, version)           raises ContractInvalid when it names none

Both are cached by content: reading a published contract again costs a hash of its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from registry.contracts import schema
from registry.contracts.document import Document, Fault, Unreadable, read
from registry.contracts.faults import as_mapping
from registry.contracts.rules import ContractReader
from registry.policy.rules import ContractVersion
from scp_portal.kernel.canonical import content_hash
from scp_portal.kernel.problems import ValidationFailed

MOST_FAULTS = 100


class ContractInvalid(ValidationFailed):
    """The document breaks the standard or a house rule. `errors` lists each fault with its line and what to do."""

    def __init__(self, faults: list[dict[str, Any]]) -> None:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"The contract has {count}.", errors=faults[:MOST_FAULTS])


@dataclass(frozen=True)
class Contract:
    """A valid contract: the document as plain JSON, what it means, and the hash that a decision refers to."""

    value: dict[str, Any]
    version: ContractVersion
    content_hash: str


def validate(document: str | Mapping[str, Any]) -> Contract:
    """Check a document (YAML text, or its value). Raises ContractInvalid with every fault found."""
    if isinstance(document, str):
        return _validated(document)
    return _validated(orjson.dumps(_readable(document).value))


def parse(document: str | Mapping[str, Any]) -> ContractVersion:
    """What a contract grants, for the policy compiler. Raises ContractInvalid."""
    return validate(document).version


@dataclass(frozen=True)
class Identity:
    """What a document calls itself."""

    tenant_id: str
    name: str
    version: str


def identify(document: str) -> Identity:
    """The tenant, name and version of a document that may break every other rule. Raises ContractInvalid."""
    readable = _readable(document)
    reader = ContractReader(as_mapping(readable.value))
    identity = Identity(*reader.identity())
    if reader.found:
        raise ContractInvalid([_described(found, readable) for found in reader.found])
    return identity


def fault(document: str, message: str, path: tuple[str | int, ...]) -> dict[str, Any]:
    """One entry of ContractInvalid's errors, for a rule that only the caller can check."""
    return _described(Fault(message, path), _readable(document))


def _readable(document: str | Mapping[str, Any]) -> Document:
    try:
        return read(document)
    except Unreadable as error:
        raise ContractInvalid([_described(error.fault, None)]) from error


@lru_cache(maxsize=512)
def _validated(document: str | bytes) -> Contract:
    readable = _readable(document if isinstance(document, str) else orjson.loads(document))
    value = readable.value
    if not isinstance(value, dict):
        raise ContractInvalid([_described(Fault("A contract is a mapping of keys: start with apiVersion."), readable)])
    reader = ContractReader(value)
    version = reader.read()
    faults = [*readable.duplicates, *schema.faults(value), *reader.found]
    if faults:
        described = [_described(fault, readable) for fault in faults]
        raise ContractInvalid(sorted(described, key=lambda e: (e["line"] or 0, e["column"] or 0)))
    return Contract(value, version, content_hash(value))


def _described(fault: Fault, document: Document | None) -> dict[str, Any]:
    """Line and column count from 1; both are None for a document that did not come from text."""
    place = fault.place or (document.place(fault.path) if document else None)
    line, column = place or (None, None)
    path = ".".join(map(str, fault.path))
    return {
        "field": path,
        "path": path,
        "line": line,
        "column": column,
        "code": "contract_fault",
        "message": fault.message,
    }


__all__ = ["Contract", "ContractInvalid", "Identity", "fault", "identify", "parse", "validate"]
