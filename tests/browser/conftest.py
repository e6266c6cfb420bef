"""A real browser at the portal's pages, signed in as anybody, with what it complains of kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from registry.models import User

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """axe.run(document, {runOnly: %s}).then(found => JSON.stringify(
    found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))])))"""
WATCH = """window.violations = [];
document.addEventListener("securitypolicyviolation", event =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));"""


@dataclass
class Visitor:
    """One person in one browser window."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go there. What the browser refuses or fails at on the way is remembered in `complaints`."""
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        self.complaints += [f"{path}: {one}" for one in self.page.evaluate("window.violations")]
        return self.page

    def barriers(self) -> list[Any]:
        """What axe finds on the page as it is now. Injected over the debugger, past the page's own policy."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        asked = {"expression": RUN_AXE % json.dumps(RULES), "awaitPromise": True, "returnByValue": True}
        return list(json.loads(session.send("Runtime.evaluate", asked)["result"]["value"]))

    def too_wide(self) -> bool:
        """Whether the page itself has to be pushed sideways (WCAG 1.4.10)."""
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(wide))

    def picture(self, name: str) -> None:
        """A full-page picture into the folder that PORTAL_SCREENSHOTS names, if it names one."""
        if folder := os.environ.get("PORTAL_SCREENSHOTS"):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(live_server: Any, browser: Browser) -> Iterator[Visit]:
    """`visit(user, theme="dark", language="ar", width=390)`: that person's window."""
    contexts = []

    def enter(user: User, *, theme: str = "light", language: str = "en", width: int = 1440, **more: Any) -> Visitor:
        client = Client()
        client.force_login(user)
        scheme: Any = theme
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        contexts.append(context)
        cookies = {
            settings.SESSION_COOKIE_NAME: str(client.session.session_key),
            settings.LANGUAGE_COOKIE_NAME: language,
        }
        context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()])
        page = context.new_page()
        page.add_init_script(WATCH)
        visitor = Visitor(page, live_server.url)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        return visitor

    yield enter
    for context in contexts:
        context.close()
