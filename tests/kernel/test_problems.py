"""Codes, documents, and what foreign exceptions become. B-8.1-1."""

import gc
import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django import db
from django.core import exceptions as core
from django.http import Http404
from rest_framework import exceptions as drf

from scp_portal.kernel import problems
from scp_portal.kernel.problems import Problem, as_document, catalogue, from_exception

KINDS = list(catalogue().items())


@pytest.mark.req("B-8.1-1")
@pytest.mark.parametrize(("code", "kind"), KINDS)
def test_every_code_says_what_it_means_and_what_to_do(code: str, kind: type[Problem]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert 400 <= kind.status < 600
    assert kind.title
    assert kind.meaning.endswith(".")
    assert kind.remedy.endswith(".")
    assert (kind.category == "server") == (kind.status >= 500)
    assert ("WWW-Authenticate" in kind().headers) == (kind.status == 401)


def test_the_promised_codes_exist() -> None:
    promised = """authentication_required token_invalid token_lifetime client_mismatch scope_violation consent_denied
        integration_not_active integration_restricted integration_window dataset_not_permitted ip_not_allowed
        mtls_required permission_refused sod_violation invalid_parameter cursor_invalid unknown_field malformed_request
        not_found method_not_allowed not_acceptable unsupported_media_type payload_too_large cursor_stale
        illegal_transition archived_immutable conflict content_changed validation_failed rate_limited internal_error
        schema_guard audit_unavailable idp_unavailable database_unavailable"""
    assert set(promised.split()) <= set(catalogue())


@pytest.mark.req("B-8.1-1")
def test_the_document_is_rfc_9457_with_the_portals_members() -> None:
    problem = problems.UnknownField(
        "No field “x”.", errors=[{"field": "x"}], internal="not for the caller", status=999, hint="spelling"
    )
    document = as_document(problem, instance="/api/v1/x", request_id="0192f3a4-b5c6-7000-8000-000000000001")
    assert document == {
        "type": "/problems/unknown_field",
        "title": "Unknown field",
        "status": 400,
        "detail": "No field “x”.",
        "instance": "/api/v1/x",
        "code": "unknown_field",
        "category": "client",
        "source": "scp",
        "trace_id": "0192f3a4b5c670008000000000000001",
        "request_id": "0192f3a4-b5c6-7000-8000-000000000001",
        "retryable": False,
        "errors": [{"field": "x"}],
        "hint": "spelling",
    }
    assert "not for the caller" not in json.dumps(document)


def database_error(sqlstate: str) -> Callable[[], Exception]:
    def make() -> Exception:
        error = db.OperationalError("text with a value")
        error.__cause__ = psycopg.errors.lookup(sqlstate)("text with a value")
        return error

    return make


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (Http404, "not_found"),
        (core.ObjectDoesNotExist, "not_found"),
        (drf.NotFound, "not_found"),
        (core.PermissionDenied, "permission_refused"),
        (drf.PermissionDenied, "permission_refused"),
        (drf.NotAuthenticated, "authentication_required"),
        (drf.AuthenticationFailed, "token_invalid"),
        (lambda: drf.MethodNotAllowed("PUT"), "method_not_allowed"),
        (drf.NotAcceptable, "not_acceptable"),
        (lambda: drf.UnsupportedMediaType("text/html"), "unsupported_media_type"),
        (drf.ParseError, "malformed_request"),
        (drf.Throttled, "rate_limited"),
        (core.RequestDataTooBig, "payload_too_large"),
        (core.SuspiciousOperation, "malformed_request"),
        (core.BadRequest, "malformed_request"),
        (lambda: json.JSONDecodeError("x", "doc", 0), "malformed_request"),
        (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "malformed_request"),
        (database_error("57014"), "query_timeout"),
        (database_error("55P03"), "query_timeout"),
        (database_error("40001"), "conflict"),
        (database_error("40P01"), "conflict"),
        (lambda: db.OperationalError("connection refused"), "database_unavailable"),
        (lambda: db.InterfaceError("connection closed"), "database_unavailable"),
        (lambda: psycopg.OperationalError("pool timeout"), "database_unavailable"),
        (lambda: db.IntegrityError("duplicate"), "internal_error"),
        (lambda: db.DataError("out of range"), "internal_error"),
        (RecursionError, "internal_error"),
        (lambda: ValueError("x"), "internal_error"),
    ],
)
def test_a_foreign_exception_becomes_a_problem(make: Callable[[], Exception], code: str) -> None:
    assert from_exception(make()).code == code


def test_a_problem_stays_itself() -> None:
    problem = problems.CursorStale()
    assert from_exception(problem) is problem


def test_an_unknown_exceptions_text_goes_nowhere() -> None:
    try:
        raise LookupError("person 4711 has an illness")
    except LookupError as error:
        problem = from_exception(error)
    assert "4711" not in json.dumps(as_document(problem, instance="", request_id=""))
    assert "4711" not in problem.internal
    assert problem.internal.startswith("builtins.LookupError at test_problems.py:")


def test_faults_of_a_serializer_are_listed_flat() -> None:
    detail: Any = {
        "name": ["too long"],
        "window": {"start": ["not a date", "empty"]},
        "rows": [{}, {"id": ["missing"]}],
    }
    found = [(fault["field"], fault["message"]) for fault in from_exception(drf.ValidationError(detail)).errors]
    assert found == [
        ("name", "too long"),
        ("window.start", "not a date"),
        ("window.start", "empty"),
        ("rows[1].id", "missing"),
    ]


def test_two_problems_with_one_code_are_noticed() -> None:
    twin = type("Twin", (Problem,), {"code": "not_found"})
    with pytest.raises(TypeError, match="not_found"):
        catalogue()
    del twin
    gc.collect()
    assert catalogue()["not_found"] is problems.NotFound


def test_a_subclass_without_a_code_of_its_own_answers_as_its_parent() -> None:
    child = type("Child", (problems.NotFound,), {})
    assert catalogue()["not_found"] is problems.NotFound
    assert child().code == "not_found"
