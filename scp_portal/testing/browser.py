"""Chromium for the browser tests: the system's, driven by playwright; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOW_TO_GET = "no Chromium on this machine: apt-get install chromium, or set PORTAL_CHROMIUM to its path"


def find_chromium() -> str | None:
    """Path of the browser: $PORTAL_CHROMIUM, then the first of `NAMES` on the PATH."""
    return os.environ.get("PORTAL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def skip_or_fail(sentence: str) -> None:
    """A part of the machine is missing: skip here, fail where `CI=true` promises that all is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = find_chromium()
    if not chromium:
        skip_or_fail(HOW_TO_GET)
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS}
