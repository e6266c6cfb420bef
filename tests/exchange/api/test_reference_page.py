"""The API reference in a browser, under the portal's own content security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer


@pytest.mark.req("B-7.3-1")
def test_the_reference_page_shows_every_operation_without_a_violation(page: Page, live_server: LiveServer) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/api/docs/")
    expect(page.locator(".opblock")).to_have_count(7)
    page.locator("#operations-api-records_list .opblock-summary-control, [id$=records_list] button").first.click()
    expect(page.get_by_text("updated_since").first).to_be_visible()
    assert said == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
