"""`@pytest.mark.req("B-4.3-2")` ties a test to the requirements it proves; `--req-report` prints who proves what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ROW = re.compile(r"^\| ([A-Z]+-[\d.]+(?:-\w+)?) \|", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("portal").addoption(
        "--req-report",
        action="store_true",
        help="print each requirement and the tests that carry its id; with --collect-only nothing is run",
    )


def listed_ids(file: Path) -> list[str]:
    """The ids in the first column of the tables in `file`, in their order; empty without that file."""
    return list(dict.fromkeys(ROW.findall(file.read_text(encoding="utf-8")))) if file.exists() else []


def marked_ids(item: pytest.Item) -> Iterable[str]:
    """The ids a test carries; several `req` markers and several ids in one add up."""
    for marker in item.iter_markers("req"):
        if not marker.args or not all(isinstance(identifier, str) for identifier in marker.args):
            raise pytest.UsageError(f"{item.nodeid}: req takes requirement ids, as in req('B-4.3-2')")
        yield from marker.args


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(config), "portal-requirements")


class Report:
    """Collects the ids of the collected tests and their outcomes, and prints the table at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.wanted = bool(config.getoption("--req-report"))
        self.listed = listed_ids(config.rootpath / "docs" / "requirements.md")
        self.tests: dict[str, list[str]] = defaultdict(list)
        self.outcomes: dict[str, str] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for identifier in marked_ids(item):
                if item.nodeid not in self.tests[identifier]:
                    self.tests[identifier].append(item.nodeid)
                item.user_properties.append(("req", identifier))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
        for name, identifier in report.user_properties:  # the controller of xdist collects nothing itself
            if name == "req" and report.nodeid not in self.tests[str(identifier)]:
                self.tests[str(identifier)].append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.wanted:
            terminalreporter.section("requirements")
            for line in self.lines():
                terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """One line per requirement and test: id, outcome, test. A listed id without a test says so."""
        order = list(dict.fromkeys([*self.listed, *sorted(self.tests, key=natural)]))
        table = [self._line(identifier, test) for identifier in order for test in self.tests.get(identifier, [""])]
        proven = sum(1 for identifier in order if self.tests.get(identifier))
        return [*table, f"{proven} of {len(order)} requirements carried by a test"]

    def _line(self, identifier: str, test: str) -> str:
        outcome = self.outcomes.get(test, "not run") if test else "NO TEST"
        return f"{identifier:<12} {outcome:<8} {test}".rstrip()


def natural(identifier: str) -> list[tuple[int, str]]:
    """Sort key under which B-4.3-2 comes before B-4.3-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", identifier)]
