"""What is wrong with a file, in words that let its owner put it right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

SHOWN = 50
"""So many faults are kept with their text; all are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: `where` is `folder/file.csv:row`, the row's first line in the file, 1 being the header."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class CommunityFilesError(Exception):
    """The folder as a whole can't be loaded. `faults` says why."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(f"{faults.total} faults")
        self.faults = faults


@dataclass
class Faults:
    """Collects faults without growing with the file. `fatal` ones can't be skipped: the file has no meaning."""

    kept: list[Fault] = field(default_factory=list)
    total: int = 0
    fatal: int = 0

    def row(self, where: str, what: str, remedy: str) -> None:
        self.total += 1
        if len(self.kept) < SHOWN:
            self.kept.append(Fault(where, what, remedy))

    def file(self, where: str, what: str, remedy: str) -> None:
        self.fatal += 1
        self.row(where, what, remedy)

    def __bool__(self) -> bool:
        return self.total > 0

    def lines(self) -> Iterator[str]:
        yield from map(str, self.kept)
        if self.total > len(self.kept):
            yield f"and {self.total - len(self.kept):,} more"
