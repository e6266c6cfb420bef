"""What `./portal` decides before it starts anything."""

from __future__ import annotations

import importlib.util
import socket
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from scp_portal import commandline
from scp_portal.embedded import fingerprint, welcome
from scp_portal.embedded.processes import ROOT, CannotStart
from scp_portal.embedded.services import Folder, Ports, Services
from scp_portal.embedded.supervisor import main, refuse_taken


@pytest.fixture
def no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "KEYCLOAK_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def entry_script() -> ModuleType:
    loader = SourceFileLoader("portal_script", str(ROOT / "portal"))
    spec = importlib.util.spec_from_loader("portal_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = dont_write
    return module


@pytest.fixture
def stranger() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def services(folder: Path) -> Services:
    return Services(Folder(folder), Ports(), print)


def test_a_taken_port_is_refused_with_the_flag_that_helps(stranger: int) -> None:
    with pytest.raises(CannotStart, match=rf"Port {stranger} is taken .* --port N"):
        refuse_taken(stranger, "--port")


@pytest.mark.usefixtures("no_servers_of_ones_own")
@pytest.mark.req("A-3.1-1")
@pytest.mark.parametrize(
    ("setting", "value", "part"),
    [
        ("DATABASE_URL", "postgresql://scp_app@db/portal", "postgres"),
        ("REDIS_URL", "rediss://cache/0", "valkey"),
        ("KEYCLOAK_URL", "https://id.example", "embedded_issuer"),
    ],
)
def test_a_server_of_ones_own_takes_the_place_of_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, part: str
) -> None:
    assert getattr(services(tmp_path), part)
    monkeypatch.setenv("KEYCLOAK_PROVISIONER_SECRET", "theirs")
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "theirs")
    monkeypatch.setenv(setting, value)
    assert not getattr(services(tmp_path), part)


@pytest.mark.usefixtures("no_servers_of_ones_own")
def test_a_keycloak_without_its_secrets_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_URL", "https://id.example")
    monkeypatch.delenv("OIDC_CLIENT_SECRET", raising=False)
    with pytest.raises(CannotStart, match="OIDC_CLIENT_SECRET must be set"):
        services(tmp_path)


def test_up_refuses_a_folder_that_a_command_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTAL_VAR", str(tmp_path))
    held = Folder(tmp_path)
    assert held.take(alone=False)
    assert main(["up", "--no-browser"]) == 1
    assert "is in use by another" in capsys.readouterr().err


def test_commands_share_a_folder_and_up_has_it_alone(tmp_path: Path) -> None:
    up, command, other = Folder(tmp_path), Folder(tmp_path), Folder(tmp_path)
    assert command.take(alone=False)
    assert other.take(alone=False)
    assert not up.take(alone=True)
    command.release()
    other.release()
    assert up.take(alone=True)
    assert not command.take(alone=False)


def test_commands_find_the_ports_of_the_running_portal(tmp_path: Path) -> None:
    Folder(tmp_path).remember(Ports(9000, 9001))
    assert Folder(tmp_path).ports() == Ports(9000, 9001)


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        (["manage.py", "migrate"], ["manage.py", "migrate", "--database=owner"]),
        (["manage.py", "migrate", "audit", "--plan"], ["manage.py", "migrate", "--database=owner", "audit", "--plan"]),
        (["manage.py", "migrate", "--database", "default"], ["manage.py", "migrate", "--database", "default"]),
        (["manage.py", "check"], ["manage.py", "check"]),
        (["manage.py"], ["manage.py"]),
    ],
)
def test_the_schema_is_changed_by_its_owner(monkeypatch: pytest.MonkeyPatch, typed: list[str], run: list[str]) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://scp_owner@db/portal")
    assert commandline.arguments(typed) == run


def test_the_owners_address_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    monkeypatch.setenv("DATABASE_OWNER_URL_FILE", "/run/secrets/owner")
    assert commandline.arguments(["manage.py", "migrate"]) == ["manage.py", "migrate", "--database=owner"]


def test_without_an_owner_the_command_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    assert commandline.arguments(["manage.py", "migrate"]) == ["manage.py", "migrate"]


def test_data_made_by_other_code_is_looked_at_again(tmp_path: Path) -> None:
    note = fingerprint.Prepared(tmp_path)
    assert not note.by_this_code()
    note.remember()
    assert note.by_this_code()
    note.note.write_text("other")
    assert not note.by_this_code()


def test_what_pip_was_told_is_handed_to_uv(entry_script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    told = {"index-url": "https://index.example/simple", "find-links": "/wheels /more", "cert": "/ca.pem"}
    env = entry_script.uv_environment({**told, "extra-index-url": "https://a.example https://b.example"})
    assert env["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert env["UV_FIND_LINKS"] == "/wheels,/more"
    assert env["UV_INDEX"] == "https://a.example https://b.example"
    assert env["SSL_CERT_FILE"] == "/ca.pem"
    assert env["UV_SYSTEM_CERTS"] == "1"


def test_pips_settings_are_read_from_its_environment_and_files(
    entry_script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\ntimeout = 7\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    assert entry_script.pip_settings(Path(sys.executable))["index-url"] == "https://file.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    assert entry_script.pip_settings(Path(sys.executable))["index-url"] == "https://env.example/simple"


def test_the_welcome_names_somebody_of_each_role() -> None:
    said = welcome.people()
    for role in ("Umbrella authority", "Vertical owner", "Tenant administrator", "Auditor", "Partner user"):
        assert said.count(f"{role},") == 1
