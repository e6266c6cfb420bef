"""What a partner's client may call: who am I, which datasets, their records, one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from exchange import cursors, reading
from exchange.api import describing, schemas
from exchange.api.calls import PartnerCall, partner_call
from exchange.api.parameters import PageParameters, no_parameters, page_parameters, shape_parameters
from exchange.cursors import Binding
from exchange.reading import START, Key, Page
from registry.api.authentication import BearerAuthentication, IsPartner
from registry.policy.rules import EffectivePolicy
from scp_portal.kernel.api import PortalAPIView
from scp_portal.kernel.problems import NotFound


class JSONOnly(DefaultContentNegotiation):
    """What every client of ours asks for is answered without weighing media types; the rest as usual."""

    PLAIN = frozenset({"*/*", "application/json"})

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if request.META.get("HTTP_ACCEPT", "*/*") in self.PLAIN:
            return next(iter(renderers)), "application/json"
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen


class PartnerView(PortalAPIView):
    """Reading only; the token is asked for before anything else, also by HEAD and by what is not allowed."""

    authentication_classes = [BearerAuthentication]
    permission_classes = [IsPartner]
    content_negotiation_class = JSONOnly
    http_method_names = ("get", "head")  # type: ignore[assignment]


class WhoAmI(PartnerView):
    @schemas.whoami
    def get(self, request: Request) -> Response:
        no_parameters(request.query_params)
        with partner_call(request) as call:
            call.check_network()
            answer = describing.whoami(call)
            self.audited(call.record("whoami.read"))
        return Response(answer, headers=call.headers())


class Datasets(PartnerView):
    @schemas.datasets
    def get(self, request: Request) -> Response:
        no_parameters(request.query_params)
        with partner_call(request) as call:
            call.check_serving()
            answer = describing.datasets(call)
            self.audited(call.record("datasets.read", data={"datasets": [one["name"] for one in answer]}))
        return Response({"data": answer}, headers=call.headers())


class Records(PartnerView):
    @schemas.records
    def get(self, request: Request, name: str) -> Response:
        asked = page_parameters(request.query_params)
        with partner_call(request) as call:
            policy = _policy(call, name, asked.shape.fields, asked.shape.verticals)
            binding = Binding.of(call.identity.facts.integration_id, name, policy.policy_hash, asked.bound)
            after = _place(asked, binding, call)
            page = reading.read_page(
                policy, keys=call.pseudonym_keys, after=after, size=asked.page_size, as_of=call.as_of
            )
            self.audited(_recorded(call, policy, page))
        cursor = cursors.seal(page.next_key, binding, now=call.now) if page.next_key else None
        body, links = _answer(request.path, asked, page, cursor)
        return self.raw(body, headers=_with_links(call.headers(), links))


class Record(PartnerView):
    @schemas.record
    def get(self, request: Request, name: str, record_id: str) -> Response:
        asked = shape_parameters(request.query_params)
        with partner_call(request) as call:
            policy = _policy(call, name, asked.fields, asked.verticals)
            found = _uuid(record_id)
            body = reading.read_one(policy, found, keys=call.pseudonym_keys, as_of=call.as_of)
            about = {"dataset": name, "record": found, "kept": 1, "withheld": 0}
            self.audited(call.record("record.read", policy=policy, data=about, consent=_consent(policy, 1, 0)))
        return self.raw(body, headers=call.headers())


def _policy(
    call: PartnerCall, dataset: str, fields: frozenset[str] | None, verticals: frozenset[str] | None
) -> EffectivePolicy:
    policy = call.policy(dataset, fields=fields, verticals=verticals)
    call.request.vertical = ",".join(policy.verticals)  # type: ignore[attr-defined]
    return policy


def _place(asked: PageParameters, binding: Binding, call: PartnerCall) -> Key:
    if asked.cursor:
        return cursors.open_sealed(asked.cursor, binding, now=call.now)
    return reading.since(asked.updated_since) if asked.updated_since else START


def _uuid(text: str) -> UUID:
    """What is no id names nothing: the same answer as for an id that is not there."""
    try:
        record_id = UUID(text)
    except ValueError as error:
        raise NotFound() from error
    if str(record_id) != text.lower():
        raise NotFound()
    return record_id


def _recorded(call: PartnerCall, policy: EffectivePolicy, page: Page) -> Any:
    data = {"dataset": policy.dataset, "kept": page.count, "withheld": page.withheld, "persons": page.persons}
    consent = _consent(policy, page.count, page.withheld, page.epochs)
    return call.record("records.read", policy=policy, data=data, consent=consent)


def _consent(
    policy: EffectivePolicy, kept: int, withheld: int, epochs: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What the entry says of consent: whose verticals were tested, how many rows that kept and held back."""
    return {
        "verticals": list(policy.verticals),
        "notice": policy.consent_min_notice,
        "kept": kept,
        "withheld": withheld,
        "epochs": dict(epochs or {}),
    }


def _answer(path: str, asked: PageParameters, page: Page, cursor: str | None) -> tuple[bytes, list[str]]:
    """The database's bytes with the way on around them, and the same way on as a link (RFC 8288)."""
    if cursor is None:
        return b'{"data":%b,"has_more":false,"next_cursor":null,"next":null}' % page.body, []
    onward = f"{path}?{urlencode([*asked.bound, ('cursor', cursor)])}"
    around = b'{"data":%b,"has_more":true,"next_cursor":"%b","next":"%b"}'
    return around % (page.body, cursor.encode(), onward.encode()), [f'<{onward}>; rel="next"']


def _with_links(headers: dict[str, str], links: list[str]) -> dict[str, str]:
    together = [*links, *filter(None, [headers.get("Link")])]
    return {**headers, "Link": ", ".join(together)} if together else headers
