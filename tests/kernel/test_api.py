"""What every address under /api/ promises: problem documents, protective headers, exactly one audit entry.

B-8.1-1, B-9-1.
"""

import json
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from audit.models import Entry
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context, tenant_transaction

pytestmark = [pytest.mark.django_db, pytest.mark.req("B-8.1-1")]


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.kernel.api_urls"


@pytest.fixture
def api() -> Client:
    return Client(raise_request_exception=False)


def entries() -> list[Entry]:
    with tenant_context(ALL_TENANTS):
        return list(Entry.objects.order_by("entry_id"))


def only_entry() -> dict[str, Any]:
    found = entries()
    assert len(found) == 1
    return found[0].document


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    document: dict[str, Any] = json.loads(response.content)
    assert (document["status"], document["code"], document["source"]) == (status, code, "scp")
    assert document["request_id"] == response.headers["X-Request-Id"]
    return document


def assert_protected(response: Any) -> None:
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_an_answer_goes_out_with_its_receipt_and_its_headers(api: Client) -> None:
    response = api.get("/api/v1/echo")
    entry = only_entry()
    assert (response.status_code, response.content) == (200, b'{"a":1}')
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Audit-Receipt"].startswith(f"{entry['id']};")
    assert_protected(response)


@pytest.mark.req("B-9-1")
def test_an_answer_without_an_entry_is_withheld(api: Client) -> None:
    response = api.get("/api/v1/silent")
    assert_problem(response, 500, "internal_error")
    assert b"secret" not in response.content
    assert only_entry()["data"] == {"reason": "Silent answered without an audit entry"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "kind"),
    [
        ("get", "/api/v1/nothing", 404, "not_found", "request"),
        ("post", "/api/", 404, "not_found", "request"),
        ("get", "/api/v1/echo%00", 404, "not_found", "request"),
        ("put", "/api/v1/echo", 405, "method_not_allowed", "request"),
        ("options", "/api/v1/echo", 405, "method_not_allowed", "request"),
        ("trace", "/api/v1/echo", 405, "method_not_allowed", "request"),
        ("get", "/api/v1/closed", 403, "permission_refused", "denied"),
        ("get", "/api/v1/broken/scope", 403, "scope_violation", "incident"),
        ("get", "/api/v1/broken/database", 503, "database_unavailable", "request"),
        ("get", "/api/v1/broken/value", 500, "internal_error", "request"),
        ("get", "/api/v1/broken/deep", 500, "internal_error", "request"),
        ("get", "/api/v1/plain", 500, "internal_error", "request"),
    ],
)
def test_whatever_goes_wrong_is_a_problem_document_and_one_entry(
    method: str, path: str, status: int, code: str, kind: str, api: Client
) -> None:
    response = getattr(api, method)(path)
    assert_problem(response, status, code)
    assert_protected(response)
    assert b"hunter2" not in response.content
    entry = only_entry()
    assert (entry["kind"], entry["result"]["code"], entry["result"]["http"]) == (kind, code, status)
    assert entry["req"]["id"] == response.headers["X-Request-Id"]
    assert "hunter2" not in json.dumps(entry)


def test_a_405_names_the_methods_there_are(api: Client) -> None:
    assert api.put("/api/v1/echo").headers["Allow"] == "GET, HEAD, POST"


def test_what_a_failing_view_had_recorded_is_rolled_back_and_the_failure_is_recorded_for_its_tenant(
    api: Client,
) -> None:
    api.get("/api/v1/broken/scope")
    entry = only_entry()
    assert (entry["action"], entry["tenant"], entry["data"]) == ("api.request", "NZ", {"reason": "vertical"})


@pytest.mark.parametrize("path", ["/api/v1/echo?format=api", "/api/v1/echo?format=xml", "/api/v1/echo?_method=DELETE"])
def test_the_query_does_not_choose_the_form(path: str, api: Client) -> None:
    assert api.get(path).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ["text/html", "application/xml"])
def test_only_json_is_offered(accept: str, api: Client) -> None:
    assert_problem(api.get("/api/v1/echo", headers={"accept": accept}), 406, "not_acceptable")


def test_a_host_that_is_not_ours_is_malformed(api: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]
    assert_problem(api.get("/api/v1/echo", headers={"host": "evil.example"}), 400, "malformed_request")


def test_plain_http_is_refused_and_not_redirected(api: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert_problem(api.get("/api/v1/echo"), 400, "malformed_request")
    assert only_entry()["result"]["status"] == "denied"


def test_the_callers_own_request_id_is_not_taken(api: Client) -> None:
    response = api.get("/api/v1/echo", headers={"x-request-id": "mine"})
    assert response.headers["X-Request-Id"] != "mine"
    assert len({api.get("/api/v1/echo").headers["X-Request-Id"] for _ in range(3)}) == 3


def test_pages_for_people_are_left_alone(api: Client) -> None:
    response = api.get("/plain")
    assert response.content == b"page"
    assert "X-Request-Id" in response.headers
    assert response.headers.get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'"


def send(api: Client, body: bytes, content_type: str = "application/json", **headers: str) -> HttpResponse:
    response: HttpResponse = api.post("/api/v1/echo", body, content_type=content_type, headers=headers)  # type: ignore[assignment]
    return response


GOOD = [
    b'{"a":[1,2.5,null,true,"\xc3\xa9\\ud83d\\ude00"]}',
    b'"text"',
    b"[]",
    b" 1 ",
    ("[" * 32 + "]" * 32).encode(),
    b'{"x":"\\\\u0000"}',
    b"[9223372036854775807,-9223372036854775807]",
]


@pytest.mark.parametrize("body", GOOD)
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_json_is_taken_as_it_is(body: bytes, content_type: str, api: Client) -> None:
    response = send(api, body, content_type)
    assert response.status_code == 200
    assert json.loads(response.content)["seen"] == json.loads(body)


BAD = {
    "not json": b"{a:1}",
    "cut": b'{"a":',
    "two values": b"{} {}",
    "duplicate key": b'{"a":1,"a":2}',
    "nested duplicate key": b'[{"b":{"a":1,"\\u0061":2}}]',
    "NaN": b'{"a":NaN}',
    "Infinity": b"[-Infinity]",
    "float overflow": b"[1e400]",
    "integer of 65 bits": b"[18446744073709551616]",
    "long integer": b"1" * 1500,
    "NUL": b'{"a":"x\\u0000"}',
    "NUL in key": b'{"\\u0000":1}',
    "raw NUL": b'{"a":"\x00"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "surrogate key": b'{"\\udfff":1}',
    "not utf-8": b'{"a":"\xff"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "33 levels": b"[" * 33 + b"]" * 33,
    "deep objects": b'{"a":' * 300 + b"1" + b"}" * 300,
    "comment": b"{} // x",
    "trailing comma": b"[1,]",
    "single quotes": b"{'a':1}",
}


@pytest.mark.req("A-4.4-1")
@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_what_is_not_strict_json_is_malformed(body: bytes, api: Client) -> None:
    document = assert_problem(send(api, body), 400, "malformed_request")
    assert document["detail"].startswith(("The body", "An object", "NaN", "A number", "A text"))
    assert only_entry()["result"]["code"] == "malformed_request"


def test_a_body_nested_a_hundred_thousand_levels_is_malformed(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.kernel.api_urls.Echo.body_limit", 500_000)
    assert_problem(send(api, b"[" * 100_000 + b"]" * 100_000), 400, "malformed_request")


def test_a_body_over_the_views_limit_is_too_large(api: Client) -> None:
    assert send(api, b'"' + b"x" * 1998 + b'"').status_code == 200
    assert_problem(send(api, b'"' + b"x" * 1999 + b'"'), 413, "payload_too_large")


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/json; charset=utf-7", {}),
        ("application/json; charset=utf-16", {}),
        ("application/json", {"content-encoding": "gzip"}),
    ],
)
def test_other_media_types_and_encodings_are_not_supported(
    content_type: str, headers: dict[str, str], api: Client
) -> None:
    assert_problem(send(api, b"{}", content_type, **headers), 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/api/v1/echo", "/api/v1/nothing", "/api/v1/closed", "/api/v1/plain"])
@pytest.mark.req("B-9-1")
@pytest.mark.django_db(transaction=True)
def test_when_nothing_can_be_recorded_nothing_is_answered(path: str, api: Client) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION audit.append(bytea) FROM scp_app")
    response = api.get(path)
    document = assert_problem(response, 503, "audit_unavailable")
    assert document["retryable"]
    assert response.headers["Retry-After"] == "5"
    assert b'"a"' not in response.content


@pytest.mark.django_db(transaction=True)
def test_with_real_commits_a_failing_request_leaves_one_entry(api: Client) -> None:
    api.get("/api/v1/broken/scope")
    with tenant_transaction("NZ"):
        assert [entry.kind for entry in Entry.objects.all()] == ["incident"]


def test_the_address_of_an_unknown_path_is_not_kept(api: Client) -> None:
    response = api.get("/api/v1/persons/Ana%20Silva?token=aaa.bbb.ccc")
    assert json.loads(response.content)["instance"] == "/api/v1/persons/Ana%20Silva"
    body = json.dumps(only_entry())
    assert "Ana" not in body
    assert "aaa" not in body
