"""The page `docs/lifecycle.md`: picture and table of an integration's life, written from the table of transitions."""

from __future__ import annotations

from registry.lifecycle import CONFIG_FIELDS, FROZEN_FIELDS, MOVES, REASON_MIN_LENGTH, TRANSITIONS, Status, Transition

ROLES = {
    "partner_user": "partner",
    "tenant_admin": "tenant administrator",
    "vertical_owner": "vertical owner",
    "umbrella_authority": "umbrella authority",
    "operator": "operator",
}
MEANING = {
    Status.DRAFT: "Being written by the tenant or its partner.",
    Status.REQUESTED: "Content frozen; the owner of each vertical reviews it.",
    Status.REVIEWED: "Every vertical has accepted; the umbrella authority decides.",
    Status.APPROVED: "May be activated within 90 days. Nothing is served.",
    Status.ACTIVE: "Everything the contract grants is served.",
    Status.RESTRICTED: "Reads are served; pushes, imports and deliveries stop.",
    Status.SUSPENDED: "Nothing is served; the machine client is disabled.",
    Status.DEPRECATED: "Served until its sunset; every answer says so.",
    Status.ARCHIVED: "Locked for good. The history stays.",
    Status.REJECTED: "Refused in this revision; may be revised or cancelled.",
}


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join(
        [
            "# The life of an integration",
            "",
            "Written by `./portal manage draw_lifecycle` from `registry/lifecycle.py`; a test fails when it is behind.",
            "Every move is an action with a verdict, an audit entry and an event. A trigger in the database refuses",
            "every move that is not in this table, or for which no decision in the same transaction stands.",
            "",
            *_picture(),
            "",
            "## States",
            "",
            "| state | meaning |",
            "| --- | --- |",
            *(f"| {status.label} | {MEANING[status]} |" for status in Status),
            "",
            "## Steps",
            "",
            f"A step marked ✎ needs a reason of at least {REASON_MIN_LENGTH} characters.",
            "",
            "| row | step | from | to | who | what follows | event |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *map(_line, TRANSITIONS),
            "",
            *_rules(),
        ]
    )


def _picture() -> list[str]:
    drawn: dict[tuple[str, str], list[str]] = {}
    for row in MOVES:
        names = drawn.setdefault((str(row.source), str(row.target)), [])
        if row.name not in names:
            names.append(row.name)
    arrows = [f"    {a} --> {b}: {', '.join(names).replace('_', ' ')}" for (a, b), names in drawn.items()]
    states = [f"    {status.value}: {status.label}" for status in Status]
    return [
        "```mermaid",
        "stateDiagram-v2",
        *states,
        f"    [*] --> {Status.DRAFT.value}: create",
        *arrows,
        f"    {Status.ARCHIVED.value} --> [*]",
        "```",
    ]


def _line(row: Transition) -> str:
    who = [ROLES[role] for role in row.roles] + (["the clock"] if row.by_system else [])
    source = row.source.label if row.source else "–"
    target = row.target.label if row.moves or row.source is None else "(stays)"
    mark = " ✎" if row.needs_reason else ""
    name = row.name.replace("_", " ")
    return f"| {row.row} | {name}{mark} | {source} | {target} | {', '.join(who)} | {row.consequence} | `{row.event}` |"


def _rules() -> list[str]:
    return [
        "## Separate duties",
        "",
        "Held in the verdicts (`registry/case.py`) and again by triggers over the decisions. Two accounts with one",
        "e-mail address are one person.",
        "",
        "- Who created or submitted it, in whatever revision, never reviews, returns, rejects or approves it.",
        "- A vertical owner who reviewed it never decides about its approval.",
        "- Who restricted or suspended it never resumes it; after a violation only the umbrella authority does.",
        "- At high risk two different persons approve.",
        "- A vertical owner reviews only its vertical in its tenant.",
        "- Who approved it never activates it or sees its secret.",
        "",
        "## What is frozen",
        "",
        f"From submission on, until it is a draft again: {_names(FROZEN_FIELDS)}.",
        "Every return to draft starts the next revision, and acceptances of an earlier one no longer count.",
        "",
        f"Technical settings may change later: {_names(CONFIG_FIELDS)}.",
        "",
    ]


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(f"`{field}`" for field in fields)
