"""The same page the usual way: rows become model instances, a ModelSerializer masks them and makes them JSON.

Token, standing, tenant context, consent test and audit entry are the portal's own, so that the two pages differ in
nothing but how the answer is made.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db.models import Exists, OuterRef, Q
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

application = get_wsgi_application()

from exchange.api.calls import partner_call  # noqa: E402  # needs the settings loaded
from exchange.api.partner import PartnerView  # noqa: E402
from exchange.models import Record  # noqa: E402
from registry.models import PERMITTING, ConsentState  # noqa: E402
from registry.policy.masks import Pads  # noqa: E402
from scp_portal.urls import urlpatterns as portal_urlpatterns  # noqa: E402


class PayloadSerializer(serializers.Serializer[Any]):
    """The contract's fields, masked in Python."""

    person_ref = serializers.SerializerMethodField()
    title = serializers.CharField()
    given_name = serializers.SerializerMethodField()
    birth_date = serializers.SerializerMethodField()
    phone = serializers.SerializerMethodField()
    clinic = serializers.CharField()
    dose_code = serializers.CharField()
    overdue_days = serializers.SerializerMethodField()
    note = serializers.CharField()

    def get_person_ref(self, payload: dict[str, Any]) -> str:
        pads: Pads = self.context["pads"]
        inner = hashlib.sha256(pads.inner + str(payload["person_id"]).encode()).digest()
        return "psn_" + hashlib.sha256(pads.outer + inner).hexdigest()[:32]

    def get_given_name(self, payload: dict[str, Any]) -> str:
        name = payload["given_name"]
        return f"{name[0]}***" if len(name) >= 4 else "***"

    def get_birth_date(self, payload: dict[str, Any]) -> str:
        return str(payload["birth_date"])[:7]

    def get_phone(self, payload: dict[str, Any]) -> str:
        return f"***{payload['phone'][-2:]}"

    def get_overdue_days(self, payload: dict[str, Any]) -> int:
        return int(payload["overdue_days"]) // 7 * 7


class RecordSerializer(serializers.ModelSerializer[Record]):
    fields_of_it = PayloadSerializer(source="payload")

    class Meta:
        model = Record
        fields = ["record_id", "updated_at", "fields_of_it"]


class UsualRecords(PartnerView):
    """GET: the first hundred records."""

    def get(self, request: Request, name: str) -> Response:
        with partner_call(request) as call:
            policy = call.policy(name)
            now = timezone.now()
            consent = ConsentState.objects.filter(
                Q(valid_until=None) | Q(valid_until__gt=now),
                tenant_id=policy.tenant_id,
                person_id=OuterRef("person_id"),
                vertical_id=policy.verticals[0],
                status__in=PERMITTING,
                effective_from__lte=now,
                notice_version__gte=policy.consent_min_notice,
            )
            rows = Record.objects.filter(Exists(consent), tenant_id=policy.tenant_id, dataset_id=name)
            page = list(rows.order_by("updated_at", "record_id")[:101])
            for row in page:
                row.payload["person_id"] = row.person_id
            context = {"pads": call.pseudonym_keys["integration"]}
            data = RecordSerializer(page[:100], many=True, context=context).data
            self.audited(call.record("records.read", policy=policy, data={"dataset": name, "kept": len(data)}))
        return Response({"data": data, "has_more": len(page) > 100})




urlpatterns = [path("api/usual/<str:name>", UsualRecords.as_view()), *portal_urlpatterns]
