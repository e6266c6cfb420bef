from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from audit.models import Kind
from registry.api import authentication
from registry.models import Partner
from scp_portal.kernel.tenancy import tenant_context
from tests import make
from tests.exchange.issuer import LEFT_OUT, good_claims, private_key
from tests.exchange.world import World, entries

PATH = "/api/v1/whoami"


def refused(world: World, token: str, code: str, status: int = 401) -> dict[str, Any]:
    """The problem document; exactly one entry was written for the request."""
    before = len(entries())
    answer = world.get(PATH, token=token)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert len(entries()) == before + 1
    document: dict[str, Any] = answer.json()
    return document


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def every_claim(world: World, **claims: Any) -> dict[str, Any]:
    return {**good_claims(world.integration.auth_client_id), **world.claims(), **claims}


def test_a_good_token_is_let_in(world: World) -> None:
    assert world.get(PATH).status_code == 200


@pytest.mark.django_db
@pytest.mark.req("B-7.3-1")
def test_no_token_is_401_and_says_which_scheme() -> None:
    answer = Client().get(PATH)
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_required"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.req("B-7.2-1")
def test_an_api_key_alone_never_authenticates(world: World) -> None:
    answer = Client().get(PATH, headers={"X-Api-Key": "abc", "Api-Key": world.token()})
    assert answer.json()["code"] == "authentication_required"


@pytest.mark.parametrize("name", ["none", "None", "nOnE", ""])
def test_an_unsigned_token_is_refused(world: World, name: str) -> None:
    """AN-01."""
    refused(
        world, f"{part({'alg': name, 'typ': 'JWT', 'kid': 'test-key'})}.{part(every_claim(world))}.", "token_invalid"
    )


@pytest.mark.req("B-7.1-1")
@pytest.mark.parametrize("form", ["pem", "der", "jwks", "ssh"])
def test_the_public_key_is_no_shared_secret(world: World, form: str) -> None:
    """AN-02."""
    public = private_key().public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwks": world.issuer.fetch(""),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }[form]
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'test-key'})}.{part(every_claim(world))}"
    seal = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    refused(world, f"{signed}.{seal}", "token_invalid")


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "' OR 1=1--", "http://127.0.0.1:1/", "x" * 4000, 7, ["a"], None, pytest.param(LEFT_OUT, id="-")],
    ids=repr,
)
def test_a_strange_key_id_is_refused(world: World, kid: Any) -> None:
    """AN-03."""
    head = {"alg": "RS256", "typ": "JWT"} if kid is LEFT_OUT else {"alg": "RS256", "typ": "JWT", "kid": kid}
    refused(world, f"{part(head)}.{part(every_claim(world))}.AAAA", "token_invalid")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_keys_and_addresses_in_the_header_are_not_looked_at(world: World, name: str) -> None:
    """AN-04."""
    stranger = jwt.encode(
        every_claim(world), private_key("stranger"), algorithm="RS256", headers={"kid": "test-key", name: "http://x/"}
    )
    refused(world, stranger, "token_invalid")


@pytest.mark.parametrize("headers", [{"crit": ["x"]}, {"b64": False}, {"crit": ["b64"], "b64": False}], ids=repr)
def test_a_critical_header_is_refused(world: World, headers: dict[str, Any]) -> None:
    """AN-05."""
    forged = f"{part({'alg': 'RS256', 'kid': 'test-key', **headers})}.{part(every_claim(world))}"
    seal = private_key().sign(forged.encode(), PKCS1v15(), SHA256())
    refused(world, f"{forged}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}", "token_invalid")


@pytest.mark.parametrize("token", ["a.b.c", "a.b.c.d.e", "x" * 60_000, ".", "..", "é.b.c"], ids=lambda t: t[:9])
def test_what_is_no_token_is_refused(world: World, token: str) -> None:
    """AN-05."""
    if token.isascii():
        refused(world, token, "token_invalid")
    else:
        answer = Client().get(PATH, HTTP_AUTHORIZATION=f"Bearer {token}")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None}, {"exp": [1]}, {"exp": "x"}, {"exp": True}, {"exp": -1}, {"exp": 1e300}, {"iat": None},
        {"nbf": []}, {"aud": {}}, {"aud": 7}, {"sub": 5}, {"jti": {}}, {"azp": []}, {"tenant_id": 3},
        {"integration_id": ["x"]}, {"verticals": "health"}, {"verticals": {"health": 1}}, {"verticals": [1]},
        {"integration_id": "not-a-uuid"}, {"tenant_id": "*"}, {"tenant_id": "NZ,KE"}, {"tenant_id": ""},
        {"tenant_id": "N\x00Z"}, {"cnf": "x"}, {"cnf": {}},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.req("B-7.1-2")
def test_a_rightly_signed_token_with_wrong_types_is_refused(world: World, claims: dict[str, Any]) -> None:
    """AN-06, AN-21."""
    refused(world, world.token(**claims), "token_invalid")


@pytest.mark.req("B-7.1-2")
@pytest.mark.parametrize(
    "name", ["exp", "iat", "iss", "sub", "aud", "azp", "jti", "typ", "tenant_id", "integration_id", "verticals"]
)
def test_every_claim_is_needed(world: World, name: str) -> None:
    """AN-07."""
    refused(world, world.token(**{name: LEFT_OUT}), "token_invalid")


@pytest.mark.parametrize(
    "change", [lambda i: f"{i}/", str.upper, lambda i: i.replace("/scp", "/other"), lambda i: i[:-1]]
)
def test_another_issuer_is_refused(world: World, settings: Any, change: Any) -> None:
    """AN-08."""
    refused(world, world.token(iss=change(settings.TOKEN_ISSUER)), "token_invalid")


@pytest.mark.parametrize("audience", ["account", "other-api", ["account", "other-api"], []])
def test_a_token_for_another_audience_is_refused(world: World, audience: Any) -> None:
    """AN-09."""
    refused(world, world.token(aud=audience), "token_invalid")


def test_one_audience_of_several_may_be_ours(world: World) -> None:
    """AN-09."""
    assert world.get(PATH, token=world.token(aud=["account", "scp-gateway"])).status_code == 200


@pytest.mark.req("B-7.1-2", "B-10-5")
def test_a_token_of_another_client_is_an_incident(world: World) -> None:
    """AN-10."""
    refused(world, world.token(client_id="scp-int-of-somebody-else"), "client_mismatch")
    assert entries()[-1].kind == Kind.INCIDENT


@pytest.mark.req("B-4.1-1")
def test_a_token_that_names_another_tenant_is_an_incident(world: World) -> None:
    make.tenant("KE")
    refused(world, world.token(tenant_id="KE"), "client_mismatch")
    last = entries()[-1]
    assert (last.kind, last.tenant_id) == (Kind.INCIDENT, None)


def test_a_token_that_names_another_integration_is_an_incident(make_world: Any) -> None:
    """AN-10: azp of A with the claims of B."""
    one, other = make_world(code="NZ"), make_world(code="KE")
    token = one.token(**other.claims())
    refused(one, token, "client_mismatch")


@pytest.mark.parametrize("kind", ["ID", "Refresh", "Logout", "Offline"])
def test_other_kinds_of_token_are_refused(world: World, kind: str) -> None:
    """AN-11."""
    refused(world, world.token(typ=kind), "token_invalid")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"exp": -25}, 200),
        ({"exp": -35}, 401),
        ({"iat": 25}, 200),
        ({"iat": 35}, 401),
        ({"nbf": 25}, 200),
        ({"nbf": 35}, 401),
    ],
    ids=repr,
)
def test_clocks_may_differ_by_half_a_minute(world: World, claims: dict[str, int], status: int) -> None:
    """AN-12, with five seconds for the test itself."""
    now = int(time.time())
    moved = {name: now + seconds for name, seconds in claims.items()}
    if "exp" in claims:
        moved["iat"] = moved["exp"] - 200
    if "iat" in claims:
        moved["exp"] = moved["iat"] + 200
    assert world.get(PATH, token=world.token(**moved)).status_code == status


@pytest.mark.req("B-7.2-4")
def test_a_token_that_lives_for_a_day_is_refused(world: World) -> None:
    """AN-13."""
    now = int(time.time())
    refused(world, world.token(iat=now, exp=now + 24 * 3600), "token_lifetime")


@pytest.mark.req("B-7.2-4")
def test_a_token_that_lives_longer_than_the_integrations_tokens_may_is_refused(world: World) -> None:
    now = int(time.time())
    refused(world, world.token(iat=now, exp=now + 600), "token_lifetime")


@pytest.mark.req("B-6.2-7", "B-7.1-2")
def test_a_suspended_integration_is_refused_at_the_next_request_with_a_valid_token(world: World) -> None:
    """AN-14, behaviour 48."""
    token = world.token()
    assert world.read(token=token).status_code == 200
    with make.seen():
        make._walk(world.integration, "suspend", world.cast)
    answer = world.read(token=token)
    assert (answer.status_code, answer.json()["code"]) == (403, "integration_not_active")


@pytest.mark.req("B-7.1-1")
def test_a_new_key_works_and_a_removed_one_does_not(world: World) -> None:
    """AN-16: the set is asked again for a key it did not have; what is gone from it is no longer accepted."""
    old = world.token()
    assert world.get(PATH, token=old).status_code == 200
    world.issuer.kids = ["second-key"]
    new = world.issuer.sign(every_claim(world), kid="second-key")
    keys = world_keys()
    keys._tried_at = None
    assert world.get(PATH, token=new).status_code == 200
    refused(world, old, "token_invalid")


def world_keys() -> Any:
    return authentication.verifier().keys


def test_while_the_issuer_is_down_known_keys_work_and_unknown_ones_are_503(world: World) -> None:
    """AN-18, behaviour 57."""
    assert world.get(PATH).status_code == 200

    def down() -> bytes:
        raise OSError("connection refused")

    world.issuer.fails = down
    world_keys()._tried_at = None
    assert world.get(PATH).status_code == 200
    refused(world, world.issuer.sign(every_claim(world), kid="unknown"), "idp_unavailable", 503)


def test_a_flood_of_unknown_keys_asks_the_issuer_once(world: World) -> None:
    """Behaviour 56."""
    world.get(PATH)
    before = world.issuer.fetches
    for number in range(50):
        world.get(PATH, token=world.issuer.sign(every_claim(world), kid=f"random-{number}"))
    assert world.issuer.fetches - before <= 1


@pytest.mark.req("B-4.2-1", "B-7.1-2")
def test_a_vertical_missing_from_the_token_is_refused_as_out_of_scope(world: World) -> None:
    """AN-21, behaviour 7."""
    answer = world.read(token=world.token(verticals=["education"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_violation")
    assert entries()[-1].kind == Kind.INCIDENT


def test_unknown_verticals_in_the_token_widen_nothing(world: World) -> None:
    """AN-21: only the intersection counts."""
    many = ["health", "*", *(f"v{number}" for number in range(50))]
    assert world.read(token=world.token(verticals=many)).status_code == 200
    assert world.read("education_records", token=world.token(verticals=["education", "health"])).status_code == 403


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic abc", "{token}", "Bearer  {token}", "Bearer {token} ", "Bearer {token}, Bearer a.b.c",
     "Bearer\t{token}", "Bearer {token}\x00", "Bearer {token} extra", "Token {token}"],
)  # fmt: skip
def test_anything_but_one_bearer_token_is_refused(world: World, header: str) -> None:
    """AN-22."""
    answer = Client().get(PATH, HTTP_AUTHORIZATION=header.format(token=world.token()))
    assert answer.status_code == 401


def test_the_scheme_is_named_in_any_case(world: World) -> None:
    assert Client().get(PATH, HTTP_AUTHORIZATION=f"bEARER {world.token()}").status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization"])
def test_a_token_in_the_query_is_no_credential(world: World, name: str) -> None:
    """AN-22."""
    answer = Client().get(PATH, query_params={name: world.token()})
    assert answer.json()["code"] == "authentication_required"


@pytest.mark.req("B-9-1")
def test_no_token_is_written_down(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """AN-22, behaviour 61: neither log nor trail holds the token; its hash, id and key's id are in the trail."""
    good, bad = world.token(), world.token(iss="https://elsewhere")
    with caplog.at_level(logging.DEBUG):
        world.get(PATH, token=good)
        world.get(PATH, token=bad)
    said = caplog.text + "".join(bytes(entry.body).decode() for entry in entries())
    assert good not in said
    assert bad not in said
    assert good.rsplit(".", 1)[1] not in said
    facts = entries()[-2].document["auth"]["tok"]
    assert facts["sha256"] == hashlib.sha256(good.encode()).hexdigest()
    assert facts["kid"] == "test-key"
    assert facts["jti"]


@pytest.mark.req("B-7.2-3")
@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("10.2.0.1", 403), ("2001:db8::7", 200), ("", 403)])
def test_only_listed_addresses_are_served(make_world: Any, address: str, status: int) -> None:
    """Behaviour 59."""
    world = make_world(settings={"ip_allowlist": ["10.1.0.0/16", "2001:db8::/32"]})
    assert world.get(PATH, REMOTE_ADDR=address).status_code == status


@pytest.mark.req("B-7.2-3")
def test_a_forwarded_address_counts_only_from_our_proxy(make_world: Any, settings: Any) -> None:
    """AN-24, behaviour 59."""
    world = make_world(settings={"ip_allowlist": ["10.1.0.0/16"]})
    spoofed = {"X-Forwarded-For": "10.1.2.3"}
    assert world.get(PATH, REMOTE_ADDR="192.0.2.9", headers=spoofed).json()["code"] == "ip_not_allowed"
    settings.TRUSTED_PROXIES = ["192.0.2.9/32"]
    assert world.get(PATH, REMOTE_ADDR="192.0.2.9", headers=spoofed).status_code == 200
    through_two = {"X-Forwarded-For": "10.1.2.3, 198.51.100.1"}
    assert world.get(PATH, REMOTE_ADDR="192.0.2.9", headers=through_two).status_code == 403


@pytest.mark.req("B-7.2-2")
def test_a_bound_integration_needs_its_own_certificate_from_our_proxy(make_world: Any, settings: Any) -> None:
    """AN-24, behaviour 58."""
    digest = hashlib.sha256(b"certificate").digest()
    settings.TRUSTED_PROXIES, settings.CLIENT_CERTIFICATE_HEADER = ["192.0.2.9"], "X-Client-Cert-Sha256"
    world = make_world(settings={"mtls_required": True, "certificate_thumbprint": digest.hex()})
    bound = world.token(cnf={"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()})
    shown = {"X-Client-Cert-Sha256": digest.hex()}

    def status(token: str, address: str, headers: dict[str, str]) -> int:
        code: int = world.get(PATH, token=token, REMOTE_ADDR=address, headers=headers).status_code
        return code

    assert status(bound, "192.0.2.9", shown) == 200
    assert status(bound, "192.0.2.9", {}) == 403
    assert status(bound, "192.0.2.9", {"X-Client-Cert-Sha256": "00" * 32}) == 403
    assert status(bound, "203.0.113.5", shown) == 403, "a header from elsewhere is not believed"
    assert status(world.token(cnf={"x5t#S256": "A" * 43}), "192.0.2.9", shown) == 403, "bound to another certificate"
    assert status(world.token(), "192.0.2.9", shown) == 200, "the pinned certificate itself is enough"


def test_a_blocked_partner_is_not_served(world: World) -> None:
    with make.seen():
        Partner.objects.filter(pk=world.integration.partner_id).update(blocked_at=timezone.now())
    assert world.read().json()["code"] == "integration_not_active"


def test_the_cores_token_opens_no_partner_address(world: World) -> None:
    token = world.issuer.token("scp-core", scp_role="core")
    refused(world, token, "scope_violation", 403)


def test_a_partner_that_calls_itself_core_is_not(world: World) -> None:
    token = world.token(scp_role="core")
    answer = Client().put(
        "/api/v1/core/NZ/persons", {"items": [{"reference": "x"}]}, content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_violation")


def test_the_core_client_without_its_role_is_no_core(world: World) -> None:
    refused(world, world.issuer.token("scp-core"), "token_invalid")


def test_the_context_of_a_request_does_not_outlive_it(world: World) -> None:
    """TI-07: nothing is left of the tenant once the answer is given."""
    world.get(PATH)
    with transaction.atomic(), tenant_context(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_integration")
        assert cursor.fetchone() == (0,)
