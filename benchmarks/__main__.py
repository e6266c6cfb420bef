"""`./portal bench NAME ...`: run one benchmark with the arguments that follow."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

PRIVATE = {"__init__", "__main__"}


def names() -> list[str]:
    """Modules of this folder that are run by themselves."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")} - PRIVATE
    return sorted(name for name in found if not name.startswith("_"))


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in names():
        sys.exit(f"usage: ./portal bench NAME, where NAME is one of: {', '.join(names())}")
    sys.argv = sys.argv[1:]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
