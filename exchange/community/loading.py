"""Folders of conversations into a tenant's records, in one transaction: all of it or nothing.

The files are streamed into temporary tables by COPY and go from there in a few set-based statements, because COPY into
a table under row-level security is refused. Loading the same folder again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from django.db import connection

from audit import actions as audit
from exchange.community.conversation import COMMENTS, LONGEST_KEY, SUMMARY, VOTES, Conversation, Summary
from exchange.community.datasets import DEFINITIONS, VERTICAL
from exchange.community.faults import CommunityFilesError, Faults
from exchange.community.sql import ANALYSE, CONSENTLESS, KNOWN, PERSONS, RECORDS, STAGES, copy_into
from exchange.models import Dataset
from registry.actions import consent as consents
from registry.models import ConsentNotice, ConsentStatus, Role, Tenant, TenantVertical
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems import NotFound
from scp_portal.kernel.tenancy import tenant_transaction

FILES: Final = (SUMMARY, COMMENTS, VOTES)
NO_CLOCK: Final = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
"""A bulk load is started by hand and watched; the clock that protects the web's requests is not for it."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """`lines` are those of comments.csv and votes.csv with their headers, as `wc -l` counts them.

    `replaced` votes gave way to a later vote of the same person on the same statement.
    """

    conversations: int
    lines: int
    statements: int
    votes: int
    replaced: int
    skipped: int
    persons: int
    consents: int
    created: int
    changed: int

    @property
    def unchanged(self) -> int:
        return self.conversations + self.statements + self.votes - self.replaced - self.created - self.changed


@dataclass(frozen=True, slots=True)
class Staged:
    conversation: Conversation
    summary: Summary


def may_load(actor: Actor, tenant_id: str) -> Verdict:
    """Bulk data enters by an administrator's hand only (A-4.2-1)."""
    if actor.kind is ActorKind.SYSTEM or actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("Community files are loaded by an administrator.", "a tenant administrator")


def load(
    folder: Path,
    *,
    tenant_id: str,
    actor: Actor,
    give_consent: bool = False,
    skip_bad_rows: bool = False,
    say: Say = lambda line: None,
) -> Loaded:
    """Load one conversation's folder, or a folder of such folders.

    With `give_consent`, persons who never said anything about the community's vertical get a consent that refers to
    the newest notice; without, their records stay unseen until they consent. Raises CommunityFilesError with every
    fault, NotFound for a tenant that can't take them, PermissionRefused.
    """
    faults = Faults()
    conversations = find(folder, faults)
    with tenant_transaction(tenant_id):
        require(may_load(actor, tenant_id))
        _require_tenant(tenant_id)
        _ensure_datasets()
        with connection.cursor() as cursor:
            cursor.execute(NO_CLOCK)
            cursor.execute(STAGES)
            staged = [_stage(cursor, conversation, say) for conversation in conversations]
            if faults.fatal or (faults and not skip_bad_rows):
                raise CommunityFilesError(faults)
            for line in faults.lines():
                say(f"left out: {line}")
            cursor.execute(PERSONS, {"tenant": tenant_id})
            persons = cursor.rowcount
            cursor.execute(KNOWN, {"tenant": tenant_id})
            cursor.execute(ANALYSE)
            agreed = _give_consent(cursor, tenant_id, folder, actor) if give_consent else 0
            created, changed, replaced = _write(cursor, tenant_id, say)
        loaded = _counted(staged, faults.total, persons, agreed, created, changed, replaced)
        _tell(loaded, folder, tenant_id, actor)
    return loaded


# -- finding -----------------------------------------------------------------------------------------------------


def find(folder: Path, faults: Faults) -> list[Conversation]:
    """The conversations in a folder: itself, or those of its folders that hold one of the three files."""
    if not folder.is_dir():
        faults.file(str(folder), "is no folder", "name a folder that holds summary.csv, comments.csv and votes.csv")
        raise CommunityFilesError(faults)
    folders = [folder] if _holds_files(folder) else sorted(filter(_holds_files, folder.iterdir()))
    if not folders:
        faults.file(str(folder), "holds no conversation", f"a conversation is a folder with {', '.join(FILES)}")
        raise CommunityFilesError(faults)
    conversations = [Conversation(path, faults) for path in folders]
    _check_names(conversations, faults)
    return conversations


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in FILES)


def _check_names(conversations: list[Conversation], faults: Faults) -> None:
    seen: dict[str, Path] = {}
    for conversation in conversations:
        key = conversation.key
        if not key or len(key) > LONGEST_KEY:
            what = f"the folder's name gives no key of 1 to {LONGEST_KEY} characters"
            faults.file(str(conversation.folder), what, "rename it with letters, digits, dots and hyphens")
        elif key in seen:
            faults.file(str(conversation.folder), f"has the same key as {seen[key].name}", "rename one of them")
        seen[key] = conversation.folder
    if faults:
        raise CommunityFilesError(faults)


# -- staging -----------------------------------------------------------------------------------------------------


def _stage(cursor: Any, conversation: Conversation, say: Say) -> Staged:
    """Statements before votes: a vote may only name what was said."""
    key = conversation.key
    before = conversation.faults.total
    summary = conversation.summary()
    copy_into(cursor, "staged_summary", [(key, *asdict(summary).values())])
    copy_into(cursor, "staged_statement", ((key, *row) for row in conversation.statements()))
    copy_into(cursor, "staged_vote", ((key, *row) for row in conversation.votes()))
    bad = conversation.faults.total - before
    wrong = f", {bad:,} bad" if bad else ""
    say(f"{key}: {conversation.statements_read:,} statements, {conversation.votes_read:,} votes read{wrong}")
    return Staged(conversation, summary)


# -- writing -----------------------------------------------------------------------------------------------------


def _write(cursor: Any, tenant_id: str, say: Say) -> tuple[int, int, int]:
    """(created, changed, replaced) records of the three datasets; rows that say what is stored are left alone."""
    created = changed = 0
    for dataset, statement in RECORDS.items():
        cursor.execute(statement, {"tenant": tenant_id, "vertical": VERTICAL})
        fresh, touched = cursor.fetchone()
        created, changed = created + fresh, changed + touched - fresh
        say(f"{dataset}: {fresh:,} new, {touched - fresh:,} changed")
    cursor.execute("SELECT count(*) - count(DISTINCT (conversation, statement, voter)) FROM staged_vote")
    return created, changed, cursor.fetchone()[0]


def _give_consent(cursor: Any, tenant_id: str, folder: Path, actor: Actor) -> int:
    notices = ConsentNotice.objects.filter(tenant_id=tenant_id, vertical_id=VERTICAL)
    version = notices.order_by("-version").values_list("version", flat=True).first()
    if version is None:
        raise NotFound(f"The tenant {tenant_id} has no notice for {VERTICAL}: publish one, then give consent.")
    cursor.execute(CONSENTLESS, {"tenant": tenant_id, "vertical": VERTICAL})
    rows = [
        consents.ConsentRow(
            person_id=person,
            vertical=VERTICAL,
            status=ConsentStatus.GIVEN,
            notice_version=version,
            method="imported",
            evidence_ref=f"community files {folder.name}"[:200],
        )
        for (person,) in cursor.fetchall()
    ]
    return consents.record_batch(rows, tenant_id=tenant_id, actor=actor)


def _require_tenant(tenant_id: str) -> None:
    if not Tenant.objects.filter(pk=tenant_id).exists():
        raise NotFound(f"There is no tenant {tenant_id}.")
    if not TenantVertical.objects.filter(tenant_id=tenant_id, vertical_id=VERTICAL).exists():
        raise NotFound(f"The tenant {tenant_id} has no vertical {VERTICAL}.")


def _ensure_datasets() -> None:
    for name, definition in DEFINITIONS.items():
        Dataset.objects.get_or_create(name=name, defaults=definition)


def _counted(
    staged: list[Staged], skipped: int, persons: int, agreed: int, created: int, changed: int, replaced: int
) -> Loaded:
    return Loaded(
        conversations=len(staged),
        lines=sum(part.conversation.lines for part in staged),
        statements=sum(part.conversation.statements_read for part in staged),
        votes=sum(part.conversation.votes_read for part in staged),
        replaced=replaced,
        skipped=skipped,
        persons=persons,
        consents=agreed,
        created=created,
        changed=changed,
    )


def _tell(loaded: Loaded, folder: Path, tenant_id: str, actor: Actor) -> None:
    subject, facts = f"folder:{folder.name}"[:200], asdict(loaded)
    audit.publish("community.loaded", actor=actor, tenant_id=tenant_id, subject=subject, data=facts)
    audit.record(
        "community.loaded",
        actor=actor,
        result=audit.Result.SUCCESS,
        tenant_id=tenant_id,
        vertical=VERTICAL,
        subject=subject,
        data=facts,
    )
