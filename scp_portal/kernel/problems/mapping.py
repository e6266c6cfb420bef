"""Foreign exceptions become problems here and nowhere else; what is not known is an InternalError."""

import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from django import db
from django.core import exceptions as core
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf

from scp_portal.kernel.problems import codes
from scp_portal.kernel.problems.base import FieldError, Problem

_TIMEOUTS = frozenset({"57014", "55P03", "25P03", "25P04", "57P05"})
"""SQLSTATE: statement cancelled, lock not available, idle in transaction, transaction and idle session timeouts."""
_LOST_RACES = frozenset({"40001", "40P01"})
"""SQLSTATE: serialization failure, deadlock."""


def from_exception(exc: BaseException) -> Problem:
    """The problem to answer with. Texts of unknown exceptions are neither sent nor kept: they may quote data."""
    if isinstance(exc, Problem):
        return exc
    for kinds, translate in _TRANSLATIONS:
        if isinstance(exc, kinds):
            return translate(exc)
    return codes.InternalError(internal=_where(exc))


def _where(exc: BaseException) -> str:
    """Class and place of an exception, without its text."""
    frames = traceback.extract_tb(exc.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(exc).__module__}.{type(exc).__qualname__}{place}"


def _plain(kind: type[Problem]) -> Callable[[Any], Problem]:
    return lambda exc: kind(internal=_where(exc))


def _from_database(exc: BaseException) -> Problem:
    cause = exc if isinstance(exc, psycopg.Error) else exc.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    if state in _TIMEOUTS:
        return codes.QueryTimeout(internal=f"sqlstate {state}")
    if state in _LOST_RACES:
        return codes.Conflict(internal=f"sqlstate {state}")
    if isinstance(exc, _UNREACHABLE):
        return codes.DatabaseUnavailable(internal=f"sqlstate {state}" if state else _where(exc))
    return codes.InternalError(internal=f"{_where(exc)} sqlstate {state}")


def _from_validation(exc: drf.ValidationError) -> Problem:
    return codes.ValidationFailed(errors=list(_field_errors(exc.get_full_details(), "")))


def _field_errors(detail: Any, path: str) -> Iterator[FieldError]:
    """DRF's nested details as a flat list of {field, code, message}."""
    if isinstance(detail, dict) and set(detail) == {"message", "code"} and not isinstance(detail["message"], dict):
        yield {"field": path, "code": str(detail["code"]), "message": str(detail["message"])}
    elif isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            leaf = isinstance(inner, dict) and set(inner) == {"message", "code"}
            yield from _field_errors(inner, path if leaf else f"{path}[{index}]")


def _from_throttled(exc: drf.Throttled) -> Problem:
    return codes.RateLimited(headers={"Retry-After": str(int(getattr(exc, "wait", None) or 1))})


def _from_method(exc: drf.MethodNotAllowed) -> Problem:
    return codes.MethodNotAllowed(internal=str(exc.default_code))


_UNREACHABLE = (db.OperationalError, db.InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
_TRANSLATIONS: list[tuple[Any, Callable[[Any], Problem]]] = [
    ((Http404, drf.NotFound, core.ObjectDoesNotExist), _plain(codes.NotFound)),
    (drf.MethodNotAllowed, _from_method),
    (drf.NotAcceptable, _plain(codes.NotAcceptable)),
    (drf.UnsupportedMediaType, _plain(codes.UnsupportedMediaType)),
    (drf.Throttled, _from_throttled),
    (drf.NotAuthenticated, _plain(codes.AuthenticationRequired)),
    (drf.AuthenticationFailed, _plain(codes.TokenInvalid)),
    ((core.PermissionDenied, drf.PermissionDenied), _plain(codes.PermissionRefused)),
    (drf.ValidationError, _from_validation),
    (core.RequestDataTooBig, _plain(codes.PayloadTooLarge)),
    (
        (drf.ParseError, core.SuspiciousOperation, core.BadRequest, UnreadablePostError, MultiPartParserError),
        _plain(codes.MalformedRequest),
    ),
    ((json.JSONDecodeError, UnicodeError), _plain(codes.MalformedRequest)),
    ((db.DatabaseError, db.InterfaceError, psycopg.Error), _from_database),
]
