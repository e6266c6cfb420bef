"""A folder of conversations enters a tenant: all of it or nothing, and twice is once."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry, Event
from exchange.community.faults import CommunityFilesError
from exchange.community.loading import load
from exchange.models import Record
from registry.models import ConsentState, Person
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import NotFound, PermissionRefused
from tests import make

HERE = Path(__file__).resolve()
POLIS = HERE.parents[3] / ".." / "shared" / "data" / "polis"
LINES = 122_191
"""Of comments.csv and votes.csv of the seven conversations together, headers and quoted line breaks included
(`cat */comments.csv */votes.csv | wc -l`)."""
STATEMENTS, VOTES, REPLACED = 1_057, 121_041, 937
SYSTEM = Actor.system("load_community")
COMMENTS = "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n"
VOTES_HEADER = "timestamp,datetime,comment-id,voter-id,vote\n"

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> str:
    make.tenant("NZ", ["community"])
    make.notice("NZ", "community")
    return "NZ"


def folder(at: Path, name: str = "trees", *, comments: str = "", votes: str = "") -> Path:
    path = at / name
    path.mkdir()
    (path / "summary.csv").write_text("topic,Trees\nvoters,2\n")
    (path / "comments.csv").write_text(COMMENTS + (comments or "1501088623370,x,7,3,2,1,1,Plant more 🌳\n"))
    (path / "votes.csv").write_text(VOTES_HEADER + (votes or "1501088623999,x,7,4,-1\n1501088624999,x,7,4,1\n"))
    return path


def run(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("load_community", str(path), "--tenant", "NZ", *options, stdout=out, stderr=out)
    return out.getvalue()


def records(dataset: str) -> list[Record]:
    return list(Record.objects.filter(dataset=dataset).order_by("source_key"))


def polis() -> Path:
    if not POLIS.is_dir():
        sentence = f"the seven conversations are not at {POLIS}"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return POLIS


def test_a_conversation_becomes_records_of_three_datasets(tmp_path: Path, tenant: str) -> None:
    loaded = load(folder(tmp_path), tenant_id=tenant, actor=SYSTEM)
    with make.seen(tenant):
        (community,), (post,), (comment,) = records("sub_communities"), records("posts"), records("comments")
        assert community.person is None
        assert community.payload["topic"] == "Trees"
        assert post.payload["body"] == "Plant more 🌳"
        assert post.payload["written_at"] == "2017-07-26T17:03:43.370Z"
        assert post.person is not None
        assert post.person.reference == post.payload["author_id"] == "trees/3"
        assert comment.source_key == "trees/7/4"
        assert comment.payload["reaction"] == "agree"
        assert {record.verticals[0] for record in (community, post, comment)} == {"community"}
    assert (loaded.created, loaded.replaced, loaded.persons, loaded.consents) == (3, 1, 2, 0)


def test_loading_again_changes_nothing_and_what_differs_is_changed(tmp_path: Path, tenant: str) -> None:
    path = folder(tmp_path)
    load(path, tenant_id=tenant, actor=SYSTEM, give_consent=True)
    with make.seen(tenant):
        before = {record.pk: record.updated_at for record in Record.objects.all()}
    again = load(path, tenant_id=tenant, actor=SYSTEM, give_consent=True)
    assert (again.created, again.changed, again.unchanged, again.persons, again.consents) == (0, 0, 3, 0, 0)
    with make.seen(tenant):
        assert {record.pk: record.updated_at for record in Record.objects.all()} == before
    (path / "votes.csv").write_text(VOTES_HEADER + "1501088624999,x,7,4,0\n")
    assert load(path, tenant_id=tenant, actor=SYSTEM).changed == 1


@pytest.mark.req("B-4.3-1")
def test_without_the_option_nobody_has_consented(tmp_path: Path, tenant: str) -> None:
    load(folder(tmp_path), tenant_id=tenant, actor=SYSTEM)
    with make.seen(tenant):
        assert Person.objects.count() == 2
        assert not ConsentState.objects.exists()


@pytest.mark.req("B-4.3-2")
def test_who_withdrew_is_not_made_to_consent_by_a_file(tmp_path: Path, tenant: str) -> None:
    withdrawn = make.person(tenant, "trees/4")
    make.consent(withdrawn, "withdrawn", "community", notice_version="")
    loaded = load(folder(tmp_path), tenant_id=tenant, actor=SYSTEM, give_consent=True)
    assert loaded.consents == 1
    with make.seen(tenant):
        assert ConsentState.objects.get(person=withdrawn).status == "withdrawn"
        assert ConsentState.objects.exclude(person=withdrawn).get().notice_version == "2026-03"


def test_the_same_number_in_two_conversations_is_two_persons(tmp_path: Path, tenant: str) -> None:
    for name in ("trees", "birds"):
        folder(tmp_path, name)
    assert load(tmp_path, tenant_id=tenant, actor=SYSTEM).persons == 4


def test_a_bad_row_anywhere_loads_nothing(tmp_path: Path, tenant: str) -> None:
    folder(tmp_path, "birds")
    folder(tmp_path, "trees", votes="1501088623999,x,7,4,-1\nyesterday,x,7,5,1\n")
    with pytest.raises(CommandError) as error:
        run(tmp_path)
    assert "Nothing was loaded." in str(error.value)
    assert "trees/votes.csv:3: the time 'yesterday' is none; write milliseconds since 1970" in str(error.value)
    with make.seen(tenant):
        assert not Record.objects.exists()
        assert not Person.objects.exists()


def test_bad_rows_can_be_left_out_and_are_named(tmp_path: Path, tenant: str) -> None:
    path = folder(tmp_path, votes="1501088623999,x,7,4,-1\nyesterday,x,7,5,1\n")
    said = run(path, "--skip-bad-rows")
    assert "left out: trees/votes.csv:3: the time 'yesterday' is none" in said
    assert "1 bad rows were left out." in said
    with make.seen(tenant):
        assert Record.objects.count() == 3


def test_a_file_without_its_columns_cannot_be_skipped(tmp_path: Path, tenant: str) -> None:
    path = folder(tmp_path)
    (path / "votes.csv").write_text("when,what\n1,2\n")
    with pytest.raises(CommunityFilesError):
        load(path, tenant_id=tenant, actor=SYSTEM, skip_bad_rows=True)


def test_the_trail_tells_what_was_loaded_and_by_whom(tmp_path: Path, tenant: str) -> None:
    load(folder(tmp_path), tenant_id=tenant, actor=SYSTEM)
    with make.seen(tenant):
        entry = Entry.objects.get(action="community.loaded")
        assert entry.document["data"]["votes"] == 2
        assert (entry.actor_kind, entry.actor_id) == ("system", "load_community")
        assert Event.objects.get(type="community.loaded").data["created"] == 3


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nowhere", "is no folder"), ("empty", "holds no conversation; a conversation is a folder with summary.csv")],
)
def test_a_folder_that_is_none_is_said_so(tmp_path: Path, tenant: str, name: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match=sentence):
        run(tmp_path / name)


@pytest.mark.parametrize("code", ["XX", "nz", "*", "NZ,EG", ""])
def test_a_tenant_that_is_none_is_said_so(tmp_path: Path, tenant: str, code: str) -> None:
    with pytest.raises(CommandError, match=r"There is no tenant|short, such as NZ"):
        call_command("load_community", str(folder(tmp_path)), "--tenant", code)


def test_a_tenant_without_the_vertical_or_the_notice_is_said_so(tmp_path: Path) -> None:
    make.tenant("EG", ["health"])
    make.tenant("TW", ["community"])
    path = folder(tmp_path)
    with pytest.raises(NotFound, match="has no vertical community"):
        load(path, tenant_id="EG", actor=SYSTEM)
    with pytest.raises(NotFound, match="has no notice for community"):
        load(path, tenant_id="TW", actor=SYSTEM, give_consent=True)


@pytest.mark.req("A-4.2-1")
def test_only_an_administrator_of_the_tenant_loads_files(tmp_path: Path, tenant: str) -> None:
    path = folder(tmp_path)
    with pytest.raises(PermissionRefused):
        load(path, tenant_id=tenant, actor=make.actor("partner_user", tenant))
    assert load(path, tenant_id=tenant, actor=make.actor("tenant_admin", tenant)).created == 3


@pytest.mark.req("B-1-1")
def test_every_line_of_the_seven_real_conversations_is_accounted_for(tenant: str) -> None:
    loaded = load(polis(), tenant_id=tenant, actor=SYSTEM, give_consent=True)
    assert (loaded.conversations, loaded.lines, loaded.skipped) == (7, LINES, 0)
    assert (loaded.statements, loaded.votes, loaded.replaced) == (STATEMENTS, VOTES, REPLACED)
    with make.seen(tenant):
        counted = [Record.objects.filter(dataset=name).count() for name in ("sub_communities", "posts", "comments")]
        assert counted == [7, STATEMENTS, VOTES - REPLACED]
        assert loaded.created == sum(counted)
        assert Person.objects.count() == loaded.persons == loaded.consents
        chinese = Record.objects.get(dataset="sub_communities", source_key="vtaiwan.uberx")
        assert chinese.payload["topic"] == "UberX 自用車載客 — vTaiwan.tw"
        assert chinese.payload["participants"] == 1921
        assert Record.objects.filter(dataset="posts", payload__body__icontains="計程車").count() > 20
