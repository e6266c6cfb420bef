from __future__ import annotations

from tests.exchange.conftest import issuer, make_world, world

__all__ = ["issuer", "make_world", "world"]
