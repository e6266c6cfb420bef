"""Rules in the words of people who read pages, not code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.policy.lattice import Mask


def mask_in_words(mask: Mask) -> str:
    """What becomes of a field: `first 1 characters`, `not sent`."""
    document = mask.as_document()
    words = WORDS.get(str(document["fn"]))
    return words(document) if words else str(document["fn"])


def _partial(mask: Mapping[str, Any]) -> str:
    if "keepStart" in mask:
        return ngettext("first character", "first %(n)d characters", mask["keepStart"]) % {"n": mask["keepStart"]}
    if "keepEnd" in mask:
        return ngettext("last character", "last %(n)d characters", mask["keepEnd"]) % {"n": mask["keepEnd"]}
    return _("mail address, blurred") if mask.get("shape") == "mail" else _("phone number, blurred")


def _band(mask: Mapping[str, Any]) -> str:
    return _("as a band of %(unit)s") % {"unit": str(mask.get("unit", "value")).lower()}


WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "omit": lambda mask: _("not sent"),
    "null": lambda mask: _("sent empty"),
    "redact": lambda mask: _("blacked out"),
    "clear": lambda mask: _("as it is"),
    "pseudonymise": lambda mask: _("pseudonym, key of this %(scope)s") % {"scope": mask.get("keyScope", "integration")},
    "partial": _partial,
    "date": lambda mask: _("date to the %(unit)s") % {"unit": mask["unit"]},
    "band": _band,
    "geo": lambda mask: _("place to %(n)s decimals") % {"n": mask["decimals"]},
    "round": lambda mask: _("rounded to %(base)s") % {"base": mask["base"]},
}


def setter_in_words(who: str, verticals: Mapping[str, str], tenant: str) -> str:
    """`contract`, `tenant` or `vertical health`, as the policy's explanation names them."""
    if who == "contract":
        return _("the contract")
    if who == "tenant":
        return tenant
    code = who.removeprefix("vertical ")
    return _("%(vertical)s (vertical)") % {"vertical": verticals.get(code, code)}
