"""docs/settings.md names every setting, and nothing that is none."""

from __future__ import annotations

import re

from tests.house.environment import ROOT, settings_read

PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
OF_THE_PORTAL, _, OF_THE_LAUNCHER = PAGE.partition("## The launcher and the tests")
IN_A_ROW = re.compile(r"^\| (`[A-Z_`, ]+`) \|", re.MULTILINE)
READ = re.compile(r"environ(?:\.get\(|\[)[\"'](PORTAL_[A-Z_]+|TEST_[A-Z_]+|CI)[\"']")


def named(text: str) -> set[str]:
    """What the first columns of a text's tables name."""
    return set(re.findall(r"[A-Z_]+", " ".join(IN_A_ROW.findall(text))))


def test_every_setting_stands_on_the_page_and_every_setting_there_is_read() -> None:
    assert named(OF_THE_PORTAL) == settings_read()


def test_every_variable_of_the_launcher_stands_on_the_page_and_is_read_somewhere() -> None:
    files = [ROOT / "portal", *(ROOT / "scp_portal").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    reads = {name for file in files for name in READ.findall(file.read_text(encoding="utf-8"))}
    inner = {"PORTAL_TEST_RUN", "TEST_KEYCLOAK_URL"}  # a run of the tests tells them to its own workers
    assert named(OF_THE_LAUNCHER) == reads - inner
