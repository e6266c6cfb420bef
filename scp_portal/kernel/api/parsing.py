"""Bodies: strict JSON in UTF-8, of limited size, or a problem (never a crash: deep nesting, huge numbers, odd text)."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, Final

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.utils.mediatypes import _MediaType

from scp_portal.kernel.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**63 - 1
_SUSPICIOUS: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes that may write a NUL or half a surrogate pair, which PostgreSQL's text cannot hold."""


class StrictJSONParser(BaseParser):
    """A view sets `body_limit` (bytes) where the site's limit does not fit."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        request = context.get("request")
        if request is not None and request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Content encodings are not accepted; send the JSON as it is.")
        charset = _MediaType(media_type or self.media_type).params.get("charset", "utf-8")
        if charset.lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType("JSON is UTF-8 here.")
        limit = getattr(context.get("view"), "body_limit", None) or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return parse_json(_read(stream, limit))


def _read(stream: IO[Any], limit: int) -> bytes:
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge(f"At most {limit} bytes are accepted here.")
    return body


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises MalformedRequest, which says what is wrong without quoting it."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"The body is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise MalformedRequest(f"The body is not JSON at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise MalformedRequest(_TOO_DEEP) from error
    _check_depth(value)
    if _SUSPICIOUS.search(text):
        _check_text(value)
    return value


_TOO_DEEP: Final = f"The body is nested deeper than {MAX_DEPTH} levels."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedRequest("An object names a member twice.")
    return members


def _constant(name: str) -> Any:
    raise MalformedRequest("NaN and Infinity are not JSON.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedRequest("A number is too large.")
    return number


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 20 else MAX_INTEGER + 1
    if abs(number) > MAX_INTEGER:
        raise MalformedRequest("A number is too large.")
    return number


def _check_depth(value: Any) -> None:
    """Level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for holder in level for child in _children(holder) if isinstance(child, dict | list)]
        if not level:
            return
    raise MalformedRequest(_TOO_DEEP)


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_text(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        waiting.extend(_children(item))
        texts = item.keys() if isinstance(item, dict) else (item,) if isinstance(item, str) else ()
        if any("\x00" in text or _has_surrogate(text) for text in texts):
            raise MalformedRequest("A text holds a NUL or a lone surrogate.")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
