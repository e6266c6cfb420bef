"""The pages of the documentation: each is found from its index, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.environment import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "keycloak" / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)[^)]*\)")


def linked(page: Path) -> set[Path]:
    return {(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))}


def test_no_link_between_pages_leads_nowhere() -> None:
    assert [str(target) for page in PAGES for target in linked(page) if not target.exists()] == []


def test_the_index_leads_to_every_page() -> None:
    index = DOCS / "README.md"
    assert set(DOCS.rglob("*.md")) - linked(index) == {index}
