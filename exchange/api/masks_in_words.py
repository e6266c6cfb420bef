"""What a mask does to a value, in words for whoever receives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.policy.lattice import (
    Band,
    Clear,
    Date,
    Geo,
    Mask,
    Null,
    Omit,
    Partial,
    Pseudonymise,
    Redact,
    Round,
)

PARTIAL = {
    "start": "at most {keep} of its first characters, the rest hidden",
    "end": "at most {keep} of its last characters, the rest hidden",
    "mail": "the first character and the domain of an e-mail address",
    "phone": "the last two digits of a telephone number",
}
WORDS: dict[type[Mask], Callable[[Any], str]] = {
    Omit: lambda mask: "left out",
    Null: lambda mask: "always empty",
    Redact: lambda mask: "replaced by [redacted]",
    Clear: lambda mask: "as it is",
    Pseudonymise: lambda mask: f"a pseudonym, the same throughout this {mask.key_scope}",
    Partial: lambda mask: PARTIAL[mask.shape].format(keep=mask.keep),
    Date: lambda mask: f"the date to the {mask.unit}",
    Band: lambda mask: (
        f"a band with the edges {', '.join(map(str, mask.edges))}"
        + ("" if mask.unit == "value" else f" (age in {mask.unit})")
    ),
    Geo: lambda mask: f"the centre of a cell of {10**-mask.decimals:g} degrees",
    Round: lambda mask: f"rounded down to a multiple of {mask.base}",
}


def in_words(mask: Mask) -> str:
    return WORDS[type(mask)](mask)
