"""What docs/concepts/policy.md says of masks is what they do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from registry.policy.lattice import READERS, parse_mask
from registry.policy.rules import FieldRule
from tests.registry.policy.facts import masked

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "policy.md"
ROWS = re.findall(r"^\| `(\{\"fn\".*?\})` \| `(.*?)` \| `(.*?)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
KINDS = {"geo": "object", "round": "number", "band": "string"}


@pytest.mark.parametrize(("mask", "value", "leaves"), ROWS)
def test_a_row_of_the_mask_table_is_true(database: psycopg.Connection[Any], mask: str, value: str, leaves: str) -> None:
    document = json.loads(mask)
    rule = FieldRule(("v",), parse_mask(document), "personal", KINDS.get(document["fn"], "string"))
    told = masked(database, [rule], {"v": json.loads(value)})["v"]
    if leaves.endswith('…"'):
        assert told.startswith(json.loads(leaves).removesuffix("…"))
    else:
        assert told == json.loads(leaves)


def test_the_table_shows_every_mask() -> None:
    shown = {json.loads(mask)["fn"] for mask, _, _ in ROWS}
    assert shown | {"omit"} == set(READERS)
