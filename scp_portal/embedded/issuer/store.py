"""What the issuer keeps between starts: its signing key and the machine clients made at run time, readable by its
owner only."""

import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from scp_portal.embedded.issuer.realm import Client


class ClientExists(Exception):
    """The clientId is taken."""


def write_private(path: Path, content: bytes) -> None:
    """Replace the file in one step; nobody but the owner may read it, not even for a moment."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def signing_key(folder: Path) -> rsa.RSAPrivateKey:
    """The key of this folder, made at the first start."""
    path = folder / "signing-key.pem"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(
            path,
            made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SystemExit(f"{path} holds no RSA key; delete it to have a new one made.")
    return key


def _digest(secret: str) -> str:
    # A fast hash is enough for 256 random bits; only secrets made here are stored.
    return hashlib.sha256(secret.encode()).hexdigest()


class ClientStore:
    """Clients by internal id. Those of the realm file are read-only; the others are kept with hashed secrets."""

    def __init__(self, folder: Path, realm_clients: list[Client]) -> None:
        self._path = folder / "clients.json"
        self._lock = threading.Lock()
        self._fixed = {client["id"]: client for client in realm_clients}
        kept = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {"clients": {}, "secrets": {}}
        self._made: dict[str, Client] = kept["clients"]
        self._secrets: dict[str, str] = kept["secrets"]

    def get(self, internal_id: str) -> Client | None:
        return self._made.get(internal_id) or self._fixed.get(internal_id)

    def find(self, client_id: str) -> Client | None:
        everyone = [*self._fixed.values(), *list(self._made.values())]
        return next((client for client in everyone if client["clientId"] == client_id), None)

    def all(self) -> list[Client]:
        return [*self._fixed.values(), *list(self._made.values())]

    def is_fixed(self, internal_id: str) -> bool:
        return internal_id in self._fixed

    def create(self, representation: Client) -> str:
        """The new internal id. Raises ClientExists."""
        with self._lock:
            if self.find(representation["clientId"]):
                raise ClientExists
            internal_id = str(uuid.uuid4())
            self._made[internal_id] = {"enabled": True, **representation, "id": internal_id}
            self._save()
            return internal_id

    def merge(self, internal_id: str, changes: Client) -> None:
        """As Keycloak's PUT: what is given replaces, `attributes` merge, the rest stays."""
        with self._lock:
            old = self._made[internal_id]
            attributes = {**old.get("attributes", {}), **changes.get("attributes", {})}
            self._made[internal_id] = {**old, **changes, "attributes": attributes, "id": internal_id}
            self._save()

    def delete(self, internal_id: str) -> None:
        with self._lock:
            del self._made[internal_id]
            self._secrets.pop(internal_id, None)
            self._save()

    def new_secret(self, internal_id: str) -> str:
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._secrets[internal_id] = _digest(secret)
            self._save()
        return secret

    def authenticate(self, client_id: str, secret: str) -> Client | None:
        """The enabled client of that id whose secret this is."""
        client = self.find(client_id)
        if client is None or not client.get("enabled", True) or client.get("publicClient"):
            return None
        expected = _digest(client["secret"]) if client.get("secret") else self._secrets.get(client["id"], "")
        return client if hmac.compare_digest(expected, _digest(secret)) else None

    def _save(self) -> None:
        write_private(self._path, json.dumps({"clients": self._made, "secrets": self._secrets}, indent=1).encode())
