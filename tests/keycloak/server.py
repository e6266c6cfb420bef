"""A real Keycloak for the tests: pytest plugin with the session fixture `keycloak`, one server for the whole run.

`TEST_KEYCLOAK_URL` (or `KEYCLOAK_URL`, which the settings' plugin passes on under that name) uses a server that runs
already and has the shipped realm; `TEST_KEYCLOAK_ADMIN` and `TEST_KEYCLOAK_ADMIN_PASSWORD` are its administrator's.
Otherwise the official distribution is started, once for all workers of xdist.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scp_portal.embedded.issuer.realm import DemoPerson, demo_people
from scp_portal.embedded.processes import exclusive
from scp_portal.testing.environment import ENVIRONMENT
from tests.keycloak.distribution import ADMIN_NAME, CACHE, SECRET_NAMES, START_SECONDS, Missing, Started, start
from tests.keycloak.handle import Keycloak


def _given() -> Keycloak | None:
    url = os.environ.get("TEST_KEYCLOAK_URL")
    if not url or url == ENVIRONMENT["KEYCLOAK_URL"]:  # the settings' stand-in, as xdist's workers inherit it
        return None
    given = {name: os.environ.get(name, "") for name in SECRET_NAMES}
    admin, password = (os.environ.get(f"TEST_KEYCLOAK_{name}", "") for name in ("ADMIN", "ADMIN_PASSWORD"))
    return Keycloak(url.rstrip("/"), admin, password, given)


@contextmanager
def shared_between_workers(folder: Path) -> Iterator[Keycloak]:
    """The first worker starts the server, writes down where it is, and ends it when the last one is done with it."""
    state, users = folder / "keycloak.json", Count(folder / "keycloak.users")
    started: Started | None = None
    with exclusive(folder / "keycloak.lock"):
        if not state.exists():
            started = start()
            ours = started.keycloak
            facts = {"url": ours.url, "password": ours.admin_password, "secrets": ours.secrets}
            state.touch(mode=0o600)
            state.write_text(json.dumps(facts))
        users.add(1)
        known = json.loads(state.read_text())
    try:
        yield Keycloak(known["url"], ADMIN_NAME, known["password"], known["secrets"])
    finally:
        users.add(-1)
        if started is not None:
            _end_after_the_others(started, state, users)


def _end_after_the_others(started: Started, state: Path, users: Count) -> None:
    while True:
        with exclusive(state.with_suffix(".lock")):
            if users.value() == 0:
                state.unlink()
                started.stop()
                return
        time.sleep(0.2)


class Count:
    """A number in a file; every change holds the lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def value(self) -> int:
        return int(self.path.read_text()) if self.path.exists() else 0

    def add(self, number: int) -> None:
        with exclusive(self.path.with_suffix(".lock-count")):
            self.path.write_text(str(self.value() + number))


@pytest.hookimpl
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever is first waits for the server to start, on a busy machine for minutes."""
    for item in items:
        if "keycloak" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(START_SECONDS + 120))


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Keycloak]:
    """A real Keycloak with the shipped realm and the people of the demo. Skips, or fails with CI=true, when there is
    none."""
    CACHE.mkdir(parents=True, exist_ok=True)
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    given = _given()
    with ExitStack() as stack:
        try:
            server = given or stack.enter_context(shared_between_workers(shared))
        except Missing as missing:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(str(missing))
            pytest.skip(str(missing))
        with exclusive(shared / "keycloak-people.lock"):
            for person in demo_people():
                server.add_person(person)
        yield server


@pytest.fixture
def demo_person() -> Callable[[str], DemoPerson]:
    """`demo_person("grace.whitfield")`."""
    people = {person.username: person for person in demo_people()}
    return people.__getitem__
