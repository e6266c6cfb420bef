"""One partner's call: the tenant's transaction, the integration as it stands, and the one entry it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import http_date
from rest_framework.request import Request

from audit import actions as audit
from exchange.models import Dataset
from exchange.pseudonyms import keys_of
from registry.api.authentication import Connection, PartnerIdentity, established
from registry.api.standing import Standing
from registry.policy import compile as policies
from registry.policy.masks import Pads
from registry.policy.rules import Channel, EffectivePolicy, Operation
from registry.policy.rules import Request as PolicyRequest
from scp_portal.kernel.api.views import underlying
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.problems import IntegrationNotActive
from scp_portal.kernel.tenancy import tenant_transaction


@dataclass(frozen=True, slots=True)
class PartnerCall:
    """What every view of the partner's API has in hand once the registry has spoken."""

    request: HttpRequest
    identity: PartnerIdentity
    standing: Standing
    connection: Connection

    @property
    def now(self) -> datetime:
        return self.connection.now

    @property
    def as_of(self) -> date:
        """The day on which ages are told."""
        return self.connection.now.date()

    @property
    def pseudonym_keys(self) -> Mapping[str, Pads]:
        row = self.standing.row
        return keys_of(row.tenant_id, str(row.integration_id), str(row.partner_id))

    def policy(
        self, dataset: str, *, fields: frozenset[str] | None = None, verticals: frozenset[str] | None = None
    ) -> EffectivePolicy:
        """The effective policy of reading a dataset now. Raises what `compile.decide` raises."""
        standing = self.standing
        if standing.contract is None:
            raise IntegrationNotActive("The integration has no published contract.")
        asked = self._asked(dataset, fields, verticals)
        return policies.decide(
            standing.integration, self.identity.facts, standing.tenant, standing.verticals, standing.contract, asked
        )

    def _asked(self, dataset: str, fields: frozenset[str] | None, verticals: frozenset[str] | None) -> PolicyRequest:
        return PolicyRequest(
            dataset=dataset,
            operation=Operation.READ,
            channel=Channel.REALTIME,
            now=self.now,
            verticals=verticals,
            fields=fields,
            source_ip=self.connection.source_ip,
            certificate_thumbprint=self.connection.certificate_thumbprint,
            known_fields=_known_fields(dataset) if fields else frozenset(),
        )

    def check_serving(self) -> None:
        """State, window, frozen tenant, network: for answers that need no policy. Raises as `compile.decide` does."""
        policies.check_serving(self.standing.integration, self._asked("", None, None))
        if self.standing.tenant.frozen:
            raise IntegrationNotActive(f"Tenant {self.standing.row.tenant_id} is frozen.")
        self.check_network()

    def check_network(self) -> None:
        """Address and certificate. Raises IpNotAllowed, MtlsRequired."""
        standing = self.standing
        bounds = [standing.tenant.limits]
        if standing.contract is not None:
            bounds.append(standing.contract.limits)
        asked = self._asked("", None, None)
        policies.check_network(standing.integration, self.identity.facts, asked, bounds)

    def record(
        self,
        action: str,
        *,
        policy: EffectivePolicy | None = None,
        data: Mapping[str, Any] | None = None,
        consent: Mapping[str, Any] | None = None,
    ) -> audit.Receipt:
        """The entry of an answered call. Raises AuditUnavailable; then the transaction ends without an answer."""
        row = self.standing.row
        facts = {
            "contract": policy.contract_ref if policy else row.data_contract_ref,
            "policy_hash": policy.policy_hash if policy else "",
            "status": row.status,
        }
        return audit.record(
            action,
            actor=self.request.actor,  # type: ignore[attr-defined]
            result=audit.Result.SUCCESS,
            kind=audit.Kind.REQUEST,
            tenant_id=row.tenant_id,
            vertical=",".join(policy.verticals) if policy else "",
            subject=f"integration:{row.integration_id}",
            data={**facts, **(data or {})},
            data_categories=policy.categories if policy else (),
            consent=consent,
            request=RequestFacts.of(self.request),
            http=200,
        )

    def headers(self) -> dict[str, str]:
        """Of a deprecated integration: since when, until when, and what comes after (RFC 9745, RFC 8594)."""
        row = self.standing.row
        if row.status != "deprecated" or row.sunset_at is None:
            return {}
        links = ['</api/docs/>; rel="deprecation"; type="text/html"']
        if row.successor_id:
            links.append(f'<urn:uuid:{row.successor_id}>; rel="successor-version"')
        return {
            "Deprecation": f"@{int(row.status_changed_at.timestamp())}",
            "Sunset": http_date(row.sunset_at.timestamp()),
            "Link": ", ".join(links),
        }


@contextmanager
def partner_call(request: Request) -> Iterator[PartnerCall]:
    """One transaction, READ COMMITTED, under the token's tenant. Nothing leaves before it has committed.

    Raises ClientMismatch, TokenLifetime, IntegrationNotActive.
    """
    inner = underlying(request)
    identity = cast(PartnerIdentity, request.auth)
    with tenant_transaction(identity.tenant_id):
        standing = established(identity, inner)
        yield PartnerCall(inner, identity, standing, Connection.of(inner, timezone.now()))


def _known_fields(dataset: str) -> frozenset[str]:
    """Fields the dataset has, granted or not."""
    found = Dataset.objects.filter(name=dataset).values_list("fields", flat=True).first()
    return frozenset(found or ())
