"""One byte sequence for one value: JSON Canonicalization Scheme (RFC 8785), and its hash.

`canonical_bytes` is the strict form of the audit trail (no floats, plain keys), in which the standard
library's encoder gives the very bytes of RFC 8785. `content_hash` takes any JSON value, for documents of others.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any, Final
from uuid import UUID

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 64
_KEY: Final = re.compile(r"[A-Za-z0-9_.$-]+")


class CanonicalError(ValueError):
    """The value has no canonical form; the message says where."""


def canonical_bytes(value: Any) -> bytes:
    """The audit trail's form: keys of `[A-Za-z0-9_.$-]`, whole numbers up to 2^53-1, strings, booleans, null.

    Times become UTC strings `YYYY-MM-DDTHH:MM:SS.ffffffZ`, UUIDs their text. Raises CanonicalError for anything else.
    """
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _encoded(text)


def content_hash(value: Any) -> str:
    """SHA-256, in hex, of the RFC 8785 form of any JSON value: any key, finite floats."""
    return hashlib.sha256(_encoded(_serialised(value))).hexdigest()


def timestamp(moment: datetime) -> str:
    """The one way to write a time: UTC, microseconds, `Z`. Raises CanonicalError for a naive time."""
    if moment.tzinfo is None:
        raise CanonicalError("a time without zone is not a time")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError("a lone surrogate is not text") from error


def _scalar(value: Any) -> Any:
    """Strings, whole numbers, booleans, null, and what is written as a string; everything else is refused."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise CanonicalError("beyond 2^53-1")
        return int(value)
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise CanonicalError(f"{type(value).__name__} has no canonical form here")


def _plain(value: Any, depth: int = 0) -> Any:
    """On the way of every request: exact types first, and a path only when there is a fault to name."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if depth > MAX_DEPTH:
        raise CanonicalError("nested too deep")
    if kind is dict or isinstance(value, Mapping):
        return {_plain_key(key): _inner(inner, key, depth) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [_inner(inner, position, depth) for position, inner in enumerate(value)]
    return _scalar(value)


def _inner(value: Any, place: object, depth: int) -> Any:
    if type(value) is str:
        return value
    try:
        return _plain(value, depth + 1)
    except CanonicalError as error:
        raise CanonicalError(f"{place}: {error}") from error


@lru_cache(maxsize=1024, typed=True)
def _plain_key(key: Any) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise CanonicalError(f"key {key!r} is not allowed")
    return str.__str__(key)


def _serialised(value: Any, depth: int = 0) -> str:
    if depth > MAX_DEPTH:
        raise CanonicalError("nested too deep")
    if isinstance(value, Mapping):
        members = sorted((_utf16(key), key) for key in value)
        return "{" + ",".join(f"{_quoted(key)}:{_serialised(value[key], depth + 1)}" for _, key in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_serialised(inner, depth + 1) for inner in value) + "]"
    if isinstance(value, float):
        return _number(value)
    scalar = _scalar(value)
    return _quoted(scalar) if isinstance(scalar, str) else json.dumps(scalar)


def _utf16(key: Any) -> bytes:
    """RFC 8785, section 3.2.3: sorted by UTF-16 code units, which is not the order of code points beyond the BMP."""
    if not isinstance(key, str):
        raise CanonicalError(f"key {key!r} is not a string")
    try:
        return key.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise CanonicalError("a lone surrogate is not text") from error


def _number(value: float) -> str:
    """ECMAScript's Number to String (ECMA-262, 6.1.6.1.20), from the shortest digits that Python's repr finds."""
    if not math.isfinite(value):
        raise CanonicalError("not a finite number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """`digits` with the decimal point after its first `point` places, in ECMAScript's choice of notation."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = f"e{point - 1:+d}"
    return (digits if count == 1 else f"{digits[0]}.{digits[1:]}") + exponent
