"""The walls of the house: who may import whom, and who may point at whom."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db.models import Field, Model

from scp_portal.embedded.processes import ROOT

LEVELS = {"audit": 0, "registry": 1, "exchange": 2, "webhooks": 2}
NOT_COMPOSITION = {"embedded", "kernel", "testing"}
APPS = set(LEVELS)


def references() -> Iterator[tuple[type[Model], Field[object, object]]]:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, Field) and field.is_relation and field.related_model:
                yield model, field


def test_a_floor_imports_only_what_lies_below_it() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_module_that_composes_is_named_on_the_top_floor() -> None:
    """An import linter sees only the modules that its contract names."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    named = {name.strip(" ()\n").removeprefix("scp_portal.") for name in contract["layers"][0].split(":")}
    parts = {path.stem for path in (ROOT / "scp_portal").glob("*.py")} - {"__init__"}
    parts |= {path.parent.name for path in (ROOT / "scp_portal").glob("*/__init__.py")} - NOT_COMPOSITION
    assert parts == named


@pytest.mark.req("B-2-1")
def test_no_foreign_key_points_upwards() -> None:
    """Foreign keys declared by string escape the import linter."""
    upwards = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model, field in references()
        if isinstance(field.related_model, type)
        and model._meta.app_label in LEVELS
        and LEVELS.get(field.related_model._meta.app_label, -1) > LEVELS[model._meta.app_label]
    ]
    assert upwards == []


def test_neighbours_hold_no_foreign_key_to_each_other() -> None:
    neighbours = {"exchange", "webhooks"}
    crossing = [
        f"{model._meta.label}.{field.name}"
        for model, field in references()
        if isinstance(field.related_model, type)
        and {model._meta.app_label, field.related_model._meta.app_label} == neighbours
    ]
    assert crossing == []


@pytest.mark.parametrize("app", sorted(APPS))
def test_no_model_signal_carries_an_effect(app: str) -> None:
    """What happens on a change is written in the action that makes it."""
    telltale = ("django.db.models.signals", "@receiver(", "post_save.connect", "pre_save.connect")
    guilty = [path for path in (ROOT / app).rglob("*.py") if any(word in path.read_text() for word in telltale)]
    assert guilty == []
