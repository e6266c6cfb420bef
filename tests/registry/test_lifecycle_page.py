import pytest
from django.conf import settings

from registry import lifecycle_page
from registry.lifecycle import MOVES


@pytest.mark.req("B-6.1-1")
def test_the_page_in_the_docs_is_current():
    """Behind? `./portal manage draw_lifecycle` writes it."""
    assert (settings.BASE_DIR / "docs" / "lifecycle.md").read_text(encoding="utf-8") == lifecycle_page.page()


@pytest.mark.req("B-6.1-1")
def test_the_picture_has_an_arrow_for_every_move():
    page = lifecycle_page.page()
    for row in MOVES:
        assert f"    {row.source} --> {row.target}: " in page
