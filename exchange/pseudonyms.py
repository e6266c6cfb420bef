"""Keys of pseudonyms: one per scope, so that no two integrations can join what they hold about a person (B-4.4-1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from django.conf import settings

from registry.policy.masks import Pads, pads
from scp_portal.kernel.secrets import keyring


def keys_of(tenant_id: str, integration_id: str, partner_id: str) -> Mapping[str, Pads]:
    """Prepared keys by scope. They derive from settings.PSEUDONYM_KEY_ID, which rotation leaves alone."""
    return _keys_of(tenant_id, integration_id, partner_id, settings.PSEUDONYM_KEY_ID)


@lru_cache(maxsize=1024)
def _keys_of(tenant_id: str, integration_id: str, partner_id: str, kid: str) -> Mapping[str, Pads]:
    scopes = {
        "tenant": tenant_id,
        "partner": f"{tenant_id}/{partner_id}",
        "integration": f"{tenant_id}/{integration_id}",
    }
    return MappingProxyType(
        {scope: pads(keyring().derive(f"pseudonym/{scope}/{whose}", kid=kid)) for scope, whose in scopes.items()}
    )
