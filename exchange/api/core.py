"""The core's own address: persons, records and consent, in batches of which all is stored or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exchange.actions import consents, persons, records
from exchange.actions.persons import Supplied
from exchange.api import schemas
from exchange.api.items import LARGEST_BATCH, ConsentItem, PersonItem, RecordItem
from exchange.api.parameters import no_parameters
from registry.api.authentication import BearerAuthentication, IsCore
from registry.models import Tenant
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.api import PortalAPIView
from scp_portal.kernel.api.views import underlying
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.problems import NotFound, ValidationFailed
from scp_portal.kernel.tenancy import TENANT_CODE, tenant_transaction

LARGEST_BODY = 8 * 1024 * 1024


class CoreView(PortalAPIView):
    """A batch: `{"items": [...]}` with 1 to 1,000 items."""

    authentication_classes = [BearerAuthentication]
    permission_classes = [IsCore]
    http_method_names = ("put",)  # type: ignore[assignment]
    body_limit = LARGEST_BODY
    item: type[serializers.Serializer[Any]]

    def put(self, request: Request, tenant_id: str) -> Response:
        no_parameters(request.query_params)
        with core_transaction(request, tenant_id) as facts:
            items = _checked(request.data, self.item)
            answer = self.store(items, tenant_id, request, facts)
        return Response(answer)

    def store(
        self, items: list[dict[str, Any]], tenant_id: str, request: Request, facts: RequestFacts
    ) -> dict[str, Any]:
        raise NotImplementedError

    def counted(self, supplied: Supplied) -> dict[str, Any]:
        self.audited(supplied.receipt)
        return {"created": supplied.created, "updated": supplied.updated, "unchanged": supplied.unchanged}


class Persons(CoreView):
    item = PersonItem

    @schemas.core_persons
    def put(self, request: Request, tenant_id: str) -> Response:
        return super().put(request, tenant_id)

    def store(
        self, items: list[dict[str, Any]], tenant_id: str, request: Request, facts: RequestFacts
    ) -> dict[str, Any]:
        references = [item["reference"] for item in items]
        _refuse_duplicates(references, "reference")
        return self.counted(persons.upsert(references, tenant_id=tenant_id, actor=_actor(request), request=facts))


class Records(CoreView):
    item = RecordItem

    @schemas.core_records
    def put(self, request: Request, tenant_id: str) -> Response:
        return super().put(request, tenant_id)

    def store(
        self, items: list[dict[str, Any]], tenant_id: str, request: Request, facts: RequestFacts
    ) -> dict[str, Any]:
        given = [records.Item(**{**item, "verticals": tuple(item.get("verticals", ()))}) for item in items]
        return self.counted(records.upsert(given, tenant_id=tenant_id, actor=_actor(request), request=facts))


class Consents(CoreView):
    item = ConsentItem

    @schemas.core_consents
    def put(self, request: Request, tenant_id: str) -> Response:
        return super().put(request, tenant_id)

    def store(
        self, items: list[dict[str, Any]], tenant_id: str, request: Request, facts: RequestFacts
    ) -> dict[str, Any]:
        given = [consents.Item(**item) for item in items]
        self.audited(consents.record(given, tenant_id=tenant_id, actor=_actor(request), request=facts))
        return {"recorded": len(given)}


def _actor(request: Request) -> Actor:
    return cast(Actor, request.user)


@contextmanager
def core_transaction(request: Request, tenant_id: str) -> Iterator[RequestFacts]:
    """The transaction of a batch, under the tenant it is for. Raises NotFound for a tenant that is not there."""
    if not TENANT_CODE.fullmatch(tenant_id):
        raise NotFound()
    inner = underlying(request)
    with tenant_transaction(tenant_id):
        if not Tenant.objects.filter(pk=tenant_id).exists():
            raise NotFound()
        inner.tenant_id = tenant_id  # type: ignore[attr-defined]
        yield RequestFacts.of(inner)


def _checked(body: Any, item: type[serializers.Serializer[Any]]) -> list[dict[str, Any]]:
    """The items, each of the right form. Raises ValidationFailed with one error per fault, named by its index."""
    if not isinstance(body, Mapping) or set(body) != {"items"} or not isinstance(body["items"], list):
        raise _invalid("items", 'The body is an object with one member: {"items": [...]}.')
    if not 1 <= len(body["items"]) <= LARGEST_BATCH:
        raise _invalid("items", f"A batch has 1 to {LARGEST_BATCH} items.")
    form = item()
    valid: list[dict[str, Any]] = []
    faults: list[Any] = []
    for index, given in enumerate(body["items"]):
        try:
            valid.append(form.run_validation(given))
            faults.append({})
        except serializers.ValidationError as error:
            faults.append(error.detail)
            if index - len(valid) >= records.FAULTS_TOLD:
                break
    if len(valid) < len(body["items"]):
        raise serializers.ValidationError({"items": faults})
    return valid


def _refuse_duplicates(names: list[str], field: str) -> None:
    first: dict[str, int] = {}
    errors = [
        {"index": index, "field": f"items[{index}].{field}", "code": "duplicate", "message": f"As items[{at}]."}
        for index, name in enumerate(names)
        if (at := first.setdefault(name, index)) != index
    ]
    if errors:
        raise ValidationFailed("Nothing of the batch was stored.", errors=errors[: records.FAULTS_TOLD])


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, errors=[{"field": field, "code": "invalid", "message": message}])
