"""The names of the environment that the settings read, taken from their source."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"env_str", "env_bool", "env_int", "env_list"}


def settings_read() -> set[str]:
    """Every name that scp_portal/settings.py gives to one of its readers."""
    tree = ast.parse((ROOT / "scp_portal" / "settings.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in READERS and isinstance(call.args[0], ast.Constant)
    }
