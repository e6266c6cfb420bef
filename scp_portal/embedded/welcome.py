"""What the terminal says when the portal is ready: where to go, as whom, and one line to try."""

from __future__ import annotations

import json
import os
from pathlib import Path

CLIENT = "demo-client.json"  # in the folder that PORTAL_VAR names, mode 0600
PEOPLE = Path(__file__).with_name("people.json")


def text(url: str) -> str:
    """The demo's welcome; a portal without the demo has its own people, partners and ways in."""
    if not (Path(os.environ["PORTAL_VAR"]) / CLIENT).exists():
        return f"\n  Open {url}\n\n  Ctrl-C stops everything.\n"
    return f"""
  Open {url} and choose who you are; there are no passwords:

{people()}

  A partner's machine reads governed records (a token first, then the page):

    {curl(url)}

  Ctrl-C stops everything.
"""


def people() -> str:
    """One line per role, and how many more there are to choose from."""
    known = json.loads(PEOPLE.read_text(encoding="utf-8"))["people"]
    first = {person["role"]: person for person in reversed(known)}
    chosen = [person for person in known if first[person["role"]] is person]
    lines = [f"    {person['name']:<18} {person['role'] + ',':<22} {person['country']}" for person in chosen]
    return "\n".join([*lines, f"    and {len(known) - len(chosen)} others"])


def curl(url: str) -> str:
    """One shell line: fetch a token for the demo's machine client, then a page of records with it.

    `load_demo` leaves the client's `client_id` and `client_secret`, and a `dataset` it may read, in `CLIENT`.
    """
    client = json.loads((Path(os.environ["PORTAL_VAR"]) / CLIENT).read_text(encoding="utf-8"))
    issuer = f"{os.environ['KEYCLOAK_URL']}/realms/scp/protocol/openid-connect/token"
    ask = f"curl -s -u '{client['client_id']}:{client['client_secret']}' -d grant_type=client_credentials {issuer}"
    token = f"""$({ask} | sed 's/.*"access_token" *: *"\\([^"]*\\).*/\\1/')"""
    page = f"{url}api/v1/datasets/{client['dataset']}/records?page_size=3"
    return f"""curl -s -H "Authorization: Bearer {token}" '{page}'"""
