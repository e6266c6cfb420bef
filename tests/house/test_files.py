"""What the repository must not hold, and how its code is cut."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scp_portal.embedded.processes import ROOT

PACKAGES = ("scp_portal", "audit", "registry", "exchange", "webhooks")
CONFIGURATION = {".toml", ".cfg", ".ini", ".lock", ".yml", ".yaml"}
LONGEST_FUNCTION, LONGEST_FILE = 60, 500


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def code_lines(function: ast.AST) -> int:
    """Lines that hold code: a statement of SQL or a docstring is read in another way."""
    texts = [node for node in ast.walk(function) if isinstance(node, ast.Constant | ast.JoinedStr)]
    inside = {line for text in texts for line in range(text.lineno + 1, (text.end_lineno or 0) + 1)}
    return len(set(range(function.lineno, function.end_lineno + 1)) - inside)  # type: ignore[attr-defined]


def test_the_lock_file_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text()
    assert not re.search(r"https?://|file://|--index-url|--find-links", lock)
    pinned = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)(.*(?:\n    .*)*)", lock, re.MULTILINE)
    assert len(pinned) > 60
    assert [name for name, _, rest in pinned if "--hash=sha256:" not in rest] == []


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]
    locked = dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    wrong = [str(one) for one in asked if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"))]
    assert wrong == []


def test_no_configuration_names_a_package_host() -> None:
    telltale = re.compile(r"index-url\s*=|extra-index|find-links\s*=|registry\s*=\s*http|trusted-host\s*=", re.I)
    guilty = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in tracked()
        if path.suffix in CONFIGURATION or path.name == ".npmrc"
        for line in path.read_text(errors="replace").splitlines()
        if telltale.search(line)
    ]
    assert guilty == []


def test_no_generated_lock_of_uv_is_tracked() -> None:
    assert [path for path in tracked() if path.name == "uv.lock"] == []


def test_functions_can_be_read_at_a_glance() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > LONGEST_FUNCTION
    ]
    assert long == []


def test_a_file_holds_one_subject() -> None:
    long = [str(path.relative_to(ROOT)) for path in sources() if len(path.read_text().splitlines()) > LONGEST_FILE]
    assert long == []


def test_no_error_is_swallowed() -> None:
    """A handler whose body is only `pass` hides what went wrong; `contextlib.suppress` names what it expects."""
    swallowed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
    ]
    assert swallowed == []


def test_no_promise_is_left_in_the_code() -> None:
    word = re.compile(r"\b(TODO|FIXME)\b")
    assert [str(path.relative_to(ROOT)) for path in sources() if word.search(path.read_text())] == []
