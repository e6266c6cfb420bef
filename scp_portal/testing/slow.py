"""`@pytest.mark.slow`: minutes, not seconds. Run with `--slow`, where `CI=true`, or when named (`file::test`)."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("portal").addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or os.environ.get("CI") == "true":
        return
    named = tuple(argument for argument in map(str, config.invocation_params.args) if "::" in argument)
    left_out = [item for item in items if item.get_closest_marker("slow") and not item.nodeid.startswith(named)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
