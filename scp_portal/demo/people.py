"""The people of the demo are those of the embedded issuer; here they get their accounts, so that they can act."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from registry.models import Partner, RoleGrant, RoleMapping, User
from scp_portal import embedded
from scp_portal.kernel.actor import Actor

FILE: Final = Path(embedded.__file__).with_name("people.json")


@dataclass
class Cast:
    """Who can act in the demo, by user name."""

    users: dict[str, User]

    def __getitem__(self, username: str) -> Actor:
        return self.users[username].as_actor()


def read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def settle(partners: dict[str, Partner]) -> Cast:
    """Role mappings for every group, an account with its grants for every person. `partners` is by tenant."""
    known = read()
    mappings = {group: map_group(group, means, partners) for group, means in known["groups"].items()}
    return Cast({person["username"]: _account(person, mappings) for person in known["people"]})


def map_group(group: str, means: dict[str, str], partners: dict[str, Partner]) -> RoleMapping:
    partner = partners[means["tenant"]] if means["role"] == "partner_user" else None
    return RoleMapping.objects.create(
        group=group,
        role=means["role"],
        tenant_id=means.get("tenant"),
        vertical_id=means.get("vertical"),
        partner=partner,
    )


def _account(person: dict[str, Any], mappings: dict[str, RoleMapping]) -> User:
    user = User.objects.create(
        issuer=settings.TOKEN_ISSUER,
        subject=person["sub"],
        name=person["name"],
        email=person["email"],
        language=person["language"].lower(),
    )
    for group in person["groups"]:
        means = mappings[group]
        RoleGrant.objects.create(
            user=user,
            role=means.role,
            tenant_id=means.tenant_id,
            vertical_id=means.vertical_id,
            partner_id=means.partner_id,
            source=RoleGrant.Source.OIDC,
        )
    return user
