"""The requirement report, on a suite of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scp_portal.embedded.processes import ROOT
from scp_portal.testing.requirements import listed_ids, natural

SUITE = """
import pytest
@pytest.mark.req("B-1-1", "B-1-2")
def test_good(): pass
@pytest.mark.req("B-1-2")
def test_bad(): assert False
"""
TABLE = "| id | text |\n| B-1-1 | one |\n| B-1-2 | two |\n| B-9-1 | nine |\n"
INI = "[pytest]\naddopts = -p scp_portal.testing.requirements --strict-markers\nmarkers = req(*ids): ids\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "requirements.md").write_text(TABLE)
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(INI)
    return tmp_path


def report(suite: Path, *more: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "--req-report", *more, str(suite)]
    command += ["-c", str(suite / "pytest.ini"), "--rootdir", str(suite)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("more", [(), ("-n", "2")])
def test_it_prints_each_requirement_with_its_tests_and_outcomes(suite: Path, more: tuple[str, ...]) -> None:
    lines = [" ".join(line.split()) for line in report(suite, *more).splitlines()]
    assert "B-1-1 passed test_suite.py::test_good" in lines
    assert "B-1-2 failed test_suite.py::test_bad" in lines
    assert "B-9-1 NO TEST" in lines
    assert "2 of 3 requirements carried by a test" in lines


def test_a_marker_without_an_id_is_an_error(suite: Path) -> None:
    (suite / "test_suite.py").write_text("import pytest\n@pytest.mark.req\ndef test_x(): pass\n")
    assert "req takes requirement ids" in report(suite)


def test_an_unknown_marker_is_an_error(suite: Path) -> None:
    (suite / "test_suite.py").write_text("import pytest\n@pytest.mark.reqq('B-1-1')\ndef test_x(): pass\n")
    assert "'reqq' not found in `markers`" in report(suite)


def test_the_project_lists_its_requirements() -> None:
    assert {"B-4.3-2", "B-6.2-3", "A-3.1-1"} <= set(listed_ids(ROOT / "docs" / "requirements.md"))


def test_ids_are_sorted_as_people_count() -> None:
    assert sorted(["B-10-1", "B-4.3-10", "B-4.3-2", "A-2-1"], key=natural) == ["A-2-1", "B-4.3-2", "B-4.3-10", "B-10-1"]
