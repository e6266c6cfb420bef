from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.api import authentication
from tests.exchange.issuer import Issuer
from tests.exchange.world import World


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """The portal trusts this issuer's keys; everything else of the verification is the real thing."""
    issuer = Issuer()
    verifier = issuer.verifier()
    monkeypatch.setattr(authentication, "verifier", lambda: verifier)
    return issuer


@pytest.fixture
def make_world(db: None, issuer: Issuer) -> Callable[..., World]:
    def made(**options: Any) -> World:
        return World(issuer, **options)

    return made


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
