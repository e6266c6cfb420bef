"""What the issuer knows from files: the clients of the shipped realm, and the people of the demo."""

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REALM_FILE = Path(__file__).resolve().parents[3] / "keycloak" / "scp-realm.json"
PEOPLE_FILE = Path(__file__).resolve().parent.parent / "people.json"
PLACEHOLDER = re.compile(r"\$\{(\w+)(?::([^}]*))?\}")

Client = dict[str, Any]
"""A client as Keycloak's REST interface represents it."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    sub: str
    username: str
    given_name: str
    family_name: str
    name: str
    email: str
    language: str
    role: str
    country: str
    does: str
    groups: tuple[str, ...]


def demo_people() -> list[DemoPerson]:
    """The people of the demo, in the order of the sign-in page."""
    entries = json.loads(PEOPLE_FILE.read_text(encoding="utf-8"))["people"]
    return [DemoPerson(**entry | {"groups": tuple(entry["groups"])}) for entry in entries]


def realm_clients(environment: Mapping[str, str] = os.environ) -> list[Client]:
    """The clients of the shipped realm, placeholders filled from the environment as Keycloak's own import does."""

    def value(match: re.Match[str]) -> str:
        found = environment.get(match[1], match[2])
        if found is None:
            raise SystemExit(f"The issuer needs {match[1]} in its environment, see keycloak/README.md.")
        return json.dumps(found)[1:-1]

    realm = json.loads(PLACEHOLDER.sub(value, REALM_FILE.read_text(encoding="utf-8")))
    return [client | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, client["clientId"]))} for client in realm["clients"]]
