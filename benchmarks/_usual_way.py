"""The same page the usual way: rows become model instances, a ModelSerializer masks them and makes them JSON.

Token, standing, tenant context and audit entry are the portal's own, and masks, guard and counts do what the database
does, so that the two pages differ in nothing but where the answer is made.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db.models import Exists, OuterRef, Q
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

application = get_wsgi_application()

DAY, DIGITS = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), re.compile(r"\d{5,20}", re.ASCII)
NO_SIGNS = str.maketrans("", "", " ()+./-")
TEXTS = ("title", "given_name", "birth_date", "phone", "clinic", "dose_code", "note")
TYPES: dict[str, type] = {**dict.fromkeys(TEXTS, str), "overdue_days": int}

from exchange.api.calls import partner_call  # noqa: E402  # needs the settings loaded
from exchange.api.partner import PartnerView  # noqa: E402
from exchange.models import Record  # noqa: E402
from registry.models import PERMITTING, ConsentEpoch, ConsentState  # noqa: E402
from registry.policy.masks import Pads  # noqa: E402
from scp_portal.kernel.problems import SchemaGuard  # noqa: E402
from scp_portal.urls import urlpatterns as portal_urlpatterns  # noqa: E402


class Text(serializers.Field[Any, Any, Any, Any]):
    """A text as it is; anything else is nothing."""

    def to_representation(self, value: Any) -> str | None:
        return self.masked(value) if isinstance(value, str) else None

    def masked(self, value: str) -> str | None:
        return value


class Initial(Text):
    def masked(self, value: str) -> str:
        return f"{value[0]}***" if len(value) >= 4 else "***"


class Month(Text):
    def masked(self, value: str) -> str | None:
        try:
            return date.fromisoformat(value).isoformat()[:7] if DAY.fullmatch(value) else None
        except ValueError:
            return None


class Phone(Text):
    def masked(self, value: str) -> str:
        digits = value.translate(NO_SIGNS)
        return f"***{digits[-2:]}" if DIGITS.fullmatch(digits) else "***"


class Weeks(serializers.Field[Any, Any, Any, Any]):
    def to_representation(self, value: Any) -> int | None:
        return value // 7 * 7 if isinstance(value, int) and not isinstance(value, bool) else None


class Pseudonym(serializers.Field[Any, Any, Any, Any]):
    def to_representation(self, value: Any) -> str:
        pads: Pads = self.context["pads"]
        inner = hashlib.sha256(pads.inner + str(value).encode()).digest()
        return "psn_" + hashlib.sha256(pads.outer + inner).hexdigest()[:32]


class PayloadSerializer(serializers.Serializer[Any]):
    """The contract's fields, masked in Python as carefully as the database does it."""

    person_ref = Pseudonym(source="person_id")
    title = Text()
    given_name = Initial()
    birth_date = Month()
    phone = Phone()
    clinic = Text()
    dose_code = Text()
    overdue_days = Weeks()
    note = Text()


def fits(payload: dict[str, Any]) -> bool:
    """The schema guard: stored values are of the types their contract declares, or null."""
    return all(isinstance(payload.get(name), kind | None) for name, kind in TYPES.items())


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
            if not all(fits(row.payload) for row in page):
                raise SchemaGuard()
            last = page[:100][-1]
            seen = Q(updated_at__lt=last.updated_at) | Q(updated_at=last.updated_at, record_id__lte=last.record_id)
            looked_at = Record.objects.filter(seen, tenant_id=policy.tenant_id, dataset_id=name).count()
            epochs = dict(ConsentEpoch.objects.filter(tenant_id=policy.tenant_id).values_list("vertical_id", "epoch"))
            context = {"pads": call.pseudonym_keys["integration"]}
            data = RecordSerializer(page[:100], many=True, context=context).data
            told = {"dataset": name, "kept": len(data), "withheld": looked_at - len(data)}
            self.audited(call.record("records.read", policy=policy, data=told, consent={"epochs": epochs}))
        return Response({"data": data, "has_more": len(page) > 100})


urlpatterns = [path("api/usual/<str:name>", UsualRecords.as_view()), *portal_urlpatterns]
