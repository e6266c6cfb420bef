"""The API's description: complete, of the right version, and shown without another host."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from scp_portal import openapi
from scp_portal.kernel.problems import catalogue


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(openapi.document())
    return read


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", one) for path, methods in document["paths"].items() for method, one in methods.items()]


@pytest.mark.django_db
def test_it_is_served_to_everyone_as_openapi_3_1() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


def test_every_operation_needs_a_token_and_names_its_problems(document: dict[str, Any]) -> None:
    assert operations(document)
    for name, operation in operations(document):
        assert operation["security"] == [{"clientCredentials": []}], name
        refusals = {status: one for status, one in operation["responses"].items() if status != "200"}
        assert {"401", "403", "405", "500", "503"} <= set(refusals), name
        for status, one in refusals.items():
            assert set(one["content"]) == {"application/problem+json"}, (name, status)


def test_every_example_of_a_problem_has_a_code_of_the_catalogue(document: dict[str, Any]) -> None:
    codes = set(re.findall(r'"code": ?"([a-z_]+)"', json.dumps(document)))
    assert codes
    assert codes <= set(catalogue())


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document))):
        place: Any = document
        for step in reference.split("/"):
            place = place[step]


def test_a_record_is_described_with_its_id_time_and_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["RecordDocument"]["properties"]) == {"record_id", "updated_at", "fields"}
    assert set(schemas["RecordPage"]["properties"]) == {"data", "has_more", "next_cursor", "next"}


@pytest.mark.req("B-7.3-1")
@pytest.mark.django_db
def test_the_reference_page_asks_no_other_host_and_runs_no_inline_script() -> None:
    answer = Client().get("/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)
