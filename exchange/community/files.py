"""CSV files of the world, row by row: UTF-8 with or without its mark, quoted line breaks, every script."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from exchange.community import columns
from exchange.community.faults import Faults

WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SAVE_AS_UTF8 = "save the file as UTF-8"
CHECK_QUOTES = "put the text in double quotes and double the quotes inside it"


@dataclass
class SourceFile:
    """One file being read. `lines` counts the physical lines read so far, the header's included."""

    path: Path
    faults: Faults
    lines: int = field(default=0, init=False)

    def where(self, line: int) -> str:
        return f"{self.path.parent.name}/{self.path.name}:{line}"

    def is_readable(self) -> bool:
        """Whether it is there and is not of an encoding that has no line of its own; if not, says so."""
        try:
            with self.path.open("rb") as stream:
                start = stream.read(4)
        except OSError as error:
            self.faults.file(self.where(1), error.strerror or "can't be read", "put a readable file there")
            return False
        if start.startswith(WIDE_MARKS):
            self.faults.file(self.where(1), "is UTF-16", SAVE_AS_UTF8)
            return False
        return True

    def raw_rows(self) -> Iterator[tuple[int, list[str]]]:
        """(first line, cells) of each row that is not empty. Bytes that are no UTF-8 come as lone surrogates."""
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            while True:
                first = reader.line_num + 1
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    self.faults.row(self.where(first), f"is not CSV ({error})", CHECK_QUOTES)
                    continue
                finally:
                    self.lines = reader.line_num
                if row is None:
                    return
                if row:
                    yield first, row


def table(source: SourceFile, wanted: tuple[columns.Column, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(first line, the wanted cells in their order) of each row; an optional column that is not there gives ""."""
    if not source.is_readable():
        return
    rows = source.raw_rows()
    line, header = next(rows, (1, []))
    try:
        found = columns.find(wanted, header)
    except columns.ColumnsError as error:
        source.faults.file(source.where(line), str(error), "name the columns in the first line")
        return
    pick = _picker(found)
    for line, row in rows:
        if len(row) != found.width:
            what = f"has {len(row)} cells, the header {found.width}"
            source.faults.row(source.where(line), what, CHECK_QUOTES)
            continue
        yield line, pick(row)


def _picker(found: columns.Found) -> Callable[[list[str]], tuple[str, ...]]:
    """One C call per row; a missing optional column is an empty cell put after the last."""
    places = [found.width if place is None else place for place in found.places]
    get = itemgetter(*places)
    if found.width not in places:
        return get
    return lambda row: get([*row, ""])


def key_values(source: SourceFile) -> Iterator[tuple[int, str, str]]:
    """(line, folded key, value) of a file with one key per row."""
    if not source.is_readable():
        return
    for line, row in source.raw_rows():
        if len(row) != 2:
            source.faults.row(source.where(line), f"has {len(row)} cells", "write key,value; with commas in quotes")
            continue
        yield line, columns.fold(row[0]), row[1]
