"""The policy engine asks neither Django nor a database: it can be read, tested and reasoned about by itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REGISTRY = Path(__file__).parents[3] / "registry"
MODULES = sorted([*(REGISTRY / "policy").glob("*.py"), *(REGISTRY / "contracts").glob("*.py")])
ALLOWED = {"registry.policy", "registry.contracts", "scp_portal.kernel.canonical", "scp_portal.kernel.problems"}
FRAMEWORKS = {"django", "rest_framework", "psycopg", "redis", "requests", "audit", "exchange", "webhooks"}


def imported(module: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_policy_and_contracts_import_no_framework(module: Path) -> None:
    names = imported(module)
    assert not {name for name in names if name.split(".")[0] in FRAMEWORKS}
    ours = {name for name in names if name.split(".")[0] in {"registry", "scp_portal"}}
    assert all(any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED) for name in ours)
