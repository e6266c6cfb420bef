"""The API's description (OpenAPI 3.1): what each address takes and answers, problems included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from exchange.api.items import LARGEST_BATCH, ConsentItem, PersonItem, RecordItem
from exchange.api.parameters import DEFAULT_PAGE_SIZE, LARGEST_PAGE
from scp_portal.kernel import problems
from scp_portal.kernel.problems import Problem

PROBLEM = "application/problem+json"
F = TypeVar("F", bound=Callable[..., Any])


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Found by drf-spectacular when this module is imported."""

    target_class = "registry.api.authentication.BearerAuthentication"
    name = "clientCredentials"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Access token of the integration's machine client (OAuth 2.0 client credentials).",
        }


# -- components ----------------------------------------------------------------------------------------------------


class ProblemDocument(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable; `/problems/{code}` says what it means and what to do."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    category = serializers.ChoiceField(choices=["client", "server", "policy", "consent"])
    source = serializers.CharField()  # type: ignore[assignment]
    trace_id = serializers.CharField()
    request_id = serializers.CharField()
    retryable = serializers.BooleanField()
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment]


class RecordDocument(serializers.Serializer[Any]):
    """One record: its id, when it last changed, and the fields the policy grants, masked."""

    record_id = serializers.UUIDField()
    updated_at = serializers.DateTimeField()
    fields = serializers.DictField()  # type: ignore[assignment]


class RecordPage(serializers.Serializer[Any]):
    """May hold fewer records than asked for, or none, and still lead on: follow `next` until `has_more` is false."""

    data = RecordDocument(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")


class TokenSummary(serializers.Serializer[Any]):
    verticals = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.IntegerField(help_text="Unix seconds.")


class Limits(serializers.Serializer[Any]):
    page_size = serializers.IntegerField()
    burst_per_second = serializers.IntegerField(allow_null=True)
    per_minute = serializers.IntegerField(allow_null=True)
    per_day = serializers.IntegerField(allow_null=True)
    token_seconds = serializers.IntegerField()


class Obstacle(serializers.Serializer[Any]):
    """One reason why a call would be refused."""

    code = serializers.CharField()
    message = serializers.CharField()


class IntegrationDocument(serializers.Serializer[Any]):
    integration_id = serializers.UUIDField()
    tenant_id = serializers.CharField()
    integration_name = serializers.CharField()
    partner_name = serializers.CharField()
    partner_type = serializers.CharField()
    status = serializers.CharField()
    vertical_ids = serializers.ListField(child=serializers.CharField())
    active_from = serializers.DateTimeField(allow_null=True)
    active_until = serializers.DateTimeField(allow_null=True)
    data_contract_ref = serializers.CharField()
    auth_client_id = serializers.CharField()
    rate_limit_policy_id = serializers.UUIDField(allow_null=True)
    created_by = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    datasets = serializers.ListField(child=serializers.CharField())
    token = TokenSummary()
    limits = Limits()
    valid_until = serializers.DateTimeField(allow_null=True)
    to_fix = Obstacle(many=True)


def field_document() -> serializers.Serializer[Any]:
    return inline_serializer(
        "FieldDocument",
        {
            "name": serializers.CharField(),
            "type": serializers.CharField(),
            "class": serializers.CharField(),
            "mask": serializers.DictField(),
            "shown": serializers.CharField(help_text="What the mask leaves, in words."),
        },
    )


class DatasetDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    vertical = serializers.CharField()
    direction = serializers.CharField()
    modes = serializers.ListField(child=serializers.CharField())
    person_free = serializers.BooleanField()
    records = serializers.CharField(help_text="Address of its records.")
    readable = serializers.BooleanField()
    why_not = Obstacle(allow_null=True)
    page_size = serializers.IntegerField(required=False)
    retention_days = serializers.IntegerField(required=False, allow_null=True)
    consent_notice = serializers.CharField(required=False, allow_null=True)
    fields: Any = serializers.ListSerializer(child=field_document())


class Counts(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


# -- answers -------------------------------------------------------------------------------------------------------


def _problem_example(kind: type[Problem]) -> OpenApiExample:
    value = problems.as_document(kind(), instance="/api/v1/…", request_id="019aa0c4-5a7e-7000-8000-000000000000")
    return OpenApiExample(kind.code, value=value, media_type=PROBLEM, response_only=True)


def _answers(given: Any, *kinds: type[Problem]) -> dict[Any, Any]:
    """The answer, and every problem the address may answer with, grouped by status, each with an example."""
    answers: dict[Any, Any] = {200: given}
    for status in sorted({kind.status for kind in kinds}):
        same = [kind for kind in kinds if kind.status == status]
        answers[status, PROBLEM] = OpenApiResponse(
            ProblemDocument,
            description="; ".join(f"`{kind.code}`: {kind.title}" for kind in same),
            examples=[_problem_example(kind) for kind in same],
        )
    return answers


EVERYWHERE = (
    problems.AuthenticationRequired,
    problems.TokenInvalid,
    problems.TokenLifetime,
    problems.ClientMismatch,
    problems.InvalidParameter,
    problems.MethodNotAllowed,
    problems.InternalError,
    problems.AuditUnavailable,
    problems.IdpUnavailable,
    problems.DatabaseUnavailable,
)
GUARDED = (
    problems.IntegrationNotActive,
    problems.IntegrationWindow,
    problems.IpNotAllowed,
    problems.MtlsRequired,
    problems.ScopeViolation,
)
READING = (*GUARDED, problems.DatasetNotPermitted, problems.UnknownField, problems.SchemaGuard)

NAME = OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH, description="The dataset's name.")
FIELDS = OpenApiParameter("fields", OpenApiTypes.STR, description="Fields wanted, separated by commas.")
VERTICALS = OpenApiParameter(
    "verticals",
    OpenApiTypes.STR,
    description="Verticals to read across, separated by commas: persons must consent in all of them, and the "
    "strictest mask of all applies.",
)

RECORD_EXAMPLE = {
    "record_id": "7f3c2b1e-3f4d-4a53-9b0e-2f7f5a1d9c10",
    "updated_at": "2026-03-01T09:00:00.123456+00:00",
    "fields": {"person_ref": "psn_5f0c1d2e3a4b5c6d7e8f901234567890", "dose_code": "MMR2"},
}

whoami = extend_schema(
    operation_id="whoami",
    summary="Which integration am I, and what stands in the way?",
    responses=_answers(IntegrationDocument, *EVERYWHERE, problems.IpNotAllowed, problems.MtlsRequired),
)
datasets = extend_schema(
    operation_id="datasets_list",
    summary="The datasets the contract grants, with fields and masks",
    responses=_answers(inline_serializer("DatasetList", {"data": DatasetDocument(many=True)}), *EVERYWHERE, *GUARDED),
)
records = extend_schema(
    operation_id="records_list",
    summary="Records of a dataset, in the order of their changes",
    parameters=[
        NAME,
        OpenApiParameter(
            "page_size",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": DEFAULT_PAGE_SIZE},
            description="Records per page.",
        ),
        OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
        OpenApiParameter("updated_since", OpenApiTypes.DATETIME, description="Only what changed then or later."),
        FIELDS,
        VERTICALS,
    ],
    responses=_answers(RecordPage, *EVERYWHERE, *READING, problems.CursorInvalid, problems.CursorStale),
    examples=[
        OpenApiExample(
            "a page",
            value={"data": [RECORD_EXAMPLE], "has_more": False, "next_cursor": None, "next": None},
            response_only=True,
            status_codes=["200"],
        )
    ],
)
record = extend_schema(
    operation_id="records_get",
    summary="One record",
    parameters=[
        NAME,
        OpenApiParameter("record_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The record's id."),
        FIELDS,
        VERTICALS,
    ],
    responses=_answers(RecordDocument, *EVERYWHERE, *READING, problems.NotFound, problems.ConsentDenied),
    examples=[OpenApiExample("a record", value=RECORD_EXAMPLE, response_only=True, status_codes=["200"])],
)


def _batch(name: str, item: type[serializers.Serializer[Any]], given: Any, summary: str) -> Callable[[F], F]:
    items: serializers.ListSerializer[Any] = serializers.ListSerializer(child=item(), max_length=LARGEST_BATCH)
    return extend_schema(
        operation_id=f"core_{name}_put",
        summary=summary,
        parameters=[
            OpenApiParameter("tenant_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The tenant's code.")
        ],
        request=inline_serializer(f"{item.__name__}Batch", {"items": items}),
        responses=_answers(
            given,
            *EVERYWHERE,
            problems.ScopeViolation,
            problems.NotFound,
            problems.MalformedRequest,
            problems.PayloadTooLarge,
            problems.UnsupportedMediaType,
            problems.ValidationFailed,
        ),
    )


core_persons = _batch("persons", PersonItem, Counts, "Make persons known (the core's client only)")
core_records = _batch("records", RecordItem, Counts, "Store records (the core's client only)")
core_consents = _batch(
    "consents",
    ConsentItem,
    inline_serializer("Recorded", {"recorded": serializers.IntegerField()}),
    "Record what persons said about their consent (the core's client only)",
)
