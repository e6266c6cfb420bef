"""Files as the world makes them: read when they can be, refused in words when not."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.community.columns import STATEMENTS, ColumnsError, find
from exchange.community.conversation import Conversation
from exchange.community.faults import Faults

COMMENTS = "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body"
VOTES = "timestamp,datetime,comment-id,voter-id,vote"


def conversation(folder: Path, *, summary: str = "topic,Trees\n", comments: str = "", votes: str = "") -> Conversation:
    folder.mkdir(exist_ok=True)
    for name, text in (("summary", summary), ("comments", comments), ("votes", votes)):
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    return Conversation(folder, Faults())


def faults_of(read: Conversation) -> list[str]:
    """Read the three files to their end and say what was wrong."""
    read.summary()
    list(read.statements())
    list(read.votes())
    return list(read.faults.lines())


def one(tmp_path: Path, body: str = "Plant more", **files: str) -> Conversation:
    comments = files.pop("comments", f"{COMMENTS}\n1501088623370,x,7,3,2,1,1,{body}\n")
    votes = files.pop("votes", f"{VOTES}\n1501088623999,x,7,4,-1\n")
    return conversation(tmp_path / "trees", comments=comments, votes=votes, **files)


def test_a_conversation_is_read_as_typed_rows(tmp_path: Path) -> None:
    read = one(tmp_path, summary="topic,Trees\nvoters,12\nconversation-description,Where to plant\nhue,green\n")
    summary, (statement,), (vote,) = read.summary(), list(read.statements()), list(read.votes())
    assert (summary.topic, summary.participants, summary.description) == ("Trees", 12, "Where to plant")
    assert (statement.key, statement.author, statement.written, statement.moderation) == (
        "7",
        "3",
        1501088623370,
        "accepted",
    )
    assert (vote.statement, vote.voter, vote.reaction) == ("7", "4", "disagree")
    assert not read.faults
    assert read.lines == 4


@pytest.mark.parametrize(
    "header",
    [
        "Comment ID,Author_ID,TIMESTAMP,Comment Body",
        "\ufeffcomment-id,author-id,timestamp,comment-body",
        "tid,pid,created,txt",
    ],
)
def test_columns_are_found_by_name_whatever_their_order_case_and_signs(tmp_path: Path, header: str) -> None:
    rows = {"id": "7", "author": "3", "time": "1501088623370", "text": "Plant more"}
    read = one(tmp_path, comments=f"{header}\n{','.join(rows.values())}\n")
    (statement,) = read.statements()
    assert (statement.key, statement.author, statement.written, statement.body) == (
        "7",
        "3",
        1501088623370,
        "Plant more",
    )


def test_a_missing_column_is_named_with_what_else_it_may_be_called(tmp_path: Path) -> None:
    (fault,) = faults_of(one(tmp_path, comments="timestamp,comment-id,comment-body\n", votes=f"{VOTES}\n"))
    assert fault.startswith("trees/comments.csv:1: misses the column author-id (or author, user-id")
    assert "the header has timestamp, comment-id, comment-body" in fault


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(ColumnsError, match="names the column timestamp twice"):
        find(STATEMENTS, ["timestamp", "Time Stamp", "comment-id", "author-id", "comment-body"])


def test_a_column_goes_by_its_own_name_before_an_alias() -> None:
    found = find(STATEMENTS, ["id", "comment-id", "created", "timestamp", "author-id", "comment-body", "text"])
    assert found.places[:4] == (3, 1, 4, 5)


def test_line_breaks_quotes_emoji_and_scripts_come_through(tmp_path: Path) -> None:
    body = 'Say "yes" 🌳\nمرحبا, 樹木'
    quoted = '"' + body.replace('"', '""').replace("\n", "\r\n") + '"'
    read = one(tmp_path, body=quoted)
    (statement,) = read.statements()
    assert statement.body == body
    assert not read.faults


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("yesterday,x,8,3,0,0,1,text", "the time 'yesterday' is none"),
        ("99,x,8,3,0,0,1,text", "the time '99' is none of 1990 to 2200"),
        ("2026-03-01T09:00:00,x,8,3,0,0,1,text", "the time '2026-03-01T09:00:00' is none"),
        ("1501088623370,x,,3,0,0,1,text", "the id '' is none"),
        ("1501088623370,x,8,a b,0,0,1,text", "the id 'a b' is none"),
        ("1501088623370,x,8,3,many,0,1,text", "the number 'many' is none"),
        ("1501088623370,x,8,3,٣,0,1,text", "the number '٣' is none"),
        ("1501088623370,x,8,3,0,0,9,text", "the moderation '9' is none"),
        ("1501088623370,x,8,3,0,0,1,", "has no text"),
        ("1501088623370,x,8,3,0,0,1,a\0b", "holds a NUL character"),
        ("1501088623370,x,8,3,0,0,1,a\udcffb", "holds bytes that are not UTF-8"),
        ("1501088623370,x,7,3,0,0,1,text", "the id 7 was used in line 2"),
        ("1501088623370,x,8,3,0,0,1,text,more", "has 9 cells, the header 8"),
        ('1501088623370,x,8,3,0,0,1,"text"more', "is not CSV"),
        ("1501088623370,x,8,3,0,0,1," + "x" * 20_001, "holds a text of 20,001 characters"),
        ("1501088623370,x,8,3,0,0,1," + "x" * 200_000, "is not CSV (field larger than field limit"),
    ],
)
def test_a_bad_row_is_reported_by_its_number_with_the_reason(tmp_path: Path, row: str, what: str) -> None:
    good = "1501088623370,x,7,3,2,1,1,Plant more"
    read = one(tmp_path, comments=f"{COMMENTS}\n{good}\n{row}\n1501088623370,x,9,3,2,1,1,Water them\n")
    assert [s.key for s in read.statements()] == ["7", "9"]
    (fault,) = read.faults.lines()
    assert fault.startswith("trees/comments.csv:3: ")
    assert what in fault
    assert read.faults.fatal == 0


def test_rows_are_numbered_by_their_first_line(tmp_path: Path) -> None:
    rows = ['1501088623370,x,7,3,2,1,1,"one\ntwo\nthree"', "1501088623370,x,8,3,2,1,nine,four"]
    (fault,) = faults_of(one(tmp_path, comments="\n".join([COMMENTS, *rows])))
    assert fault.startswith("trees/comments.csv:5: ")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("1501088623370,x,99,4,1", "votes on the statement '99', which comments.csv does not have"),
        ("1501088623370,x,7,4,2", "the vote '2' is none"),
        ("1501088623370,x,7", "has 3 cells, the header 5"),
    ],
)
def test_a_bad_vote_is_reported(tmp_path: Path, row: str, what: str) -> None:
    (fault,) = faults_of(one(tmp_path, votes=f"{VOTES}\n\n{row}\n"))
    assert fault.startswith("trees/votes.csv:3: ")
    assert what in fault


def test_an_unclosed_quote_is_a_fault_and_no_endless_cell(tmp_path: Path) -> None:
    (fault,) = faults_of(one(tmp_path, body='"never closed', votes=f"{VOTES}\n"))
    assert "trees/comments.csv:2: is not CSV (unexpected end of data)" in fault


def test_utf_16_is_named(tmp_path: Path) -> None:
    read = one(tmp_path)
    (read.folder / "comments.csv").write_text(COMMENTS, encoding="utf-16")
    assert "trees/comments.csv:1: is UTF-16; save the file as UTF-8" in faults_of(read)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    read = one(tmp_path)
    (read.folder / "votes.csv").unlink()
    assert faults_of(read) == ["trees/votes.csv:1: No such file or directory; put a readable file there"]


def test_a_summary_without_topic_is_refused(tmp_path: Path) -> None:
    (fault,) = faults_of(one(tmp_path, summary="url,https://example.org\n"))
    assert fault.startswith("trees/summary.csv:1: names no topic")


def test_a_million_faults_are_counted_and_fifty_kept() -> None:
    faults = Faults()
    for line in range(1_000_000):
        faults.row(f"f:{line}", "bad", "mend")
    assert len(faults.kept) == 50
    assert list(faults.lines())[-1] == "and 999,950 more"


@given(content=st.binary(max_size=400), file=st.sampled_from(["summary.csv", "comments.csv", "votes.csv"]))
def test_no_bytes_make_the_reader_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes, file: str) -> None:
    read = one(tmp_path_factory.mktemp("hostile"))
    (read.folder / file).write_bytes(content)
    faults_of(read)


CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=6))
def test_no_cells_make_the_reader_fail_or_lose_a_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COMMENTS.split(","), *rows])
    read = one(tmp_path_factory.mktemp("hostile"), comments=text.getvalue())
    faults = Faults()
    read.faults = faults
    kept = len(list(read.statements()))
    assert kept + faults.total == len(rows)


@given(body=CELLS.filter(lambda text: text.strip() and "\0" not in text))
def test_every_text_comes_back_as_it_was_but_for_its_line_ends(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COMMENTS.split(","), ["1501088623370", "x", "7", "3", "0", "0", "1", body]])
    (statement,) = one(tmp_path_factory.mktemp("texts"), comments=text.getvalue()).statements()
    assert statement.body == body.replace("\r\n", "\n").replace("\r", "\n").strip()
