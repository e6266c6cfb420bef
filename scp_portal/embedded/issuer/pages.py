"""The issuer's own pages: who do you want to be, and what went wrong. No script, one style sheet, readable in the
dark."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path

from scp_portal.embedded.issuer.realm import DemoPerson

STYLE = (Path(__file__).resolve().parent / "pages.css").read_bytes()


def page(title: str, content: str, style: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{escape(style)}"></head>'
        f'<body><main><p class="brand">SCP Integration Portal <span class="tag">Demo</span></p>'
        f"<h1>{escape(title)}</h1>{content}</main></body></html>"
    )


def choice(people: Iterable[DemoPerson], token: str, action: str, style: str) -> str:
    """The sign-in page. `people` of one role stand together; each is one button of one form."""
    sections = "".join(_role(role, list(members)) for role, members in groupby(people, key=lambda p: p.role))
    return page(
        "Who do you want to be?",
        '<p class="lead">The demo has no passwords. Choose a person and see the portal as they do. '
        "An approval takes three different people, so come back and change roles.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="request" value="{escape(token)}">'
        f"{sections}</form>"
        '<p class="note">These people do not exist. A real deployment signs people in with Keycloak.</p>',
        style,
    )


def _role(role: str, members: list[DemoPerson]) -> str:
    heading = f"role-{members[0].sub}"
    cards = "".join(f"<li>{_card(person)}</li>" for person in members)
    return f'<section aria-labelledby="{heading}"><h2 id="{heading}">{escape(role)}</h2><ul>{cards}</ul></section>'


def _card(person: DemoPerson) -> str:
    name = f'<span class="name" lang="{escape(person.language)}" dir="auto">{escape(person.name)}</span>'
    first = person.given_name[:1] if person.name.isascii() or " " in person.name else person.name[:1]
    return (
        f'<button type="submit" name="person" value="{escape(person.sub)}">'
        f'<span class="face" aria-hidden="true">{escape(first)}</span>'
        f'<span class="who">{name}<span class="does">{escape(person.does)}</span>'
        f'<span class="country">{escape(person.country)}</span></span></button>'
    )


def message(title: str, text: str, style: str) -> str:
    return page(title, f'<p class="lead">{escape(text)}</p>', style)
