"""A document against the schema of the Open Data Contract Standard itself."""

from __future__ import annotations

import copy
import importlib.resources
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError, best_match

from registry.contracts.document import Fault

VERSIONS = ("v3.1.0", "v3.2.0")
SINCE_3_2 = {
    "SchemaElement": ("synonyms", "deprecated"),
    "SchemaObject": ("context",),
    "SchemaBaseProperty": ("semanticType", "enum"),
    "ServiceLevelAgreementProperty": ("authoritativeDefinitions", "customProperties"),
    "CustomProperty": ("vendor",),
    "RelationshipBase": ("id",),
}
"""Keys that v3.2.0 added, by definition. The package brings the newest schema only; a v3.1.0 document has none."""


@cache
def _validator(version: str) -> Draft201909Validator:
    source = importlib.resources.files("open_data_contract_standard").joinpath("schema.json").read_bytes()
    schema: dict[str, Any] = orjson.loads(source)
    if version == "v3.1.0":
        schema = copy.deepcopy(schema)
        del schema["properties"]["context"]
        for definition, keys in SINCE_3_2.items():
            for key in keys:
                del schema["$defs"][definition]["properties"][key]
    return Draft201909Validator(schema)


def faults(value: Any) -> Iterator[Fault]:
    """Every way in which a document departs from the standard it names."""
    version = value.get("apiVersion") if isinstance(value, dict) else None
    known = version if isinstance(version, str) and version in VERSIONS else VERSIONS[0]
    seen = set()
    for error in _validator(known).iter_errors(value):
        fault = _fault(error)
        if (fault.path, fault.message) not in seen:
            seen.add((fault.path, fault.message))
            yield fault


def _fault(error: ValidationError) -> Fault:
    """The innermost cause: `anyOf` alone would only say that nothing fitted."""
    cause = best_match([error]) or error
    path = tuple(cause.absolute_path)
    if cause.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(cause.instance, dict):
        unknown = [key for key in cause.instance if f"'{key}'" in cause.message]
        named = ", ".join(unknown)[:200]
        return Fault(
            f"The standard knows no key {named} here: remove it or write it as a custom property.",
            (*path, *unknown[:1]),
        )
    message = cause.message if len(cause.message) <= 300 else cause.message[:140] + " … " + cause.message[-140:]
    return Fault(f"Not as the standard wants it: {message}.", path)
