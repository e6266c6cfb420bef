"""Secrets at rest: AES-256-GCM under named keys that can be rotated, and keys derived from them (B-7.3-1)."""

import base64
import binascii
import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SecretUnreadable(Exception):
    """The sealed text is not one, its key is not in the ring, it was changed, or it belongs to another place."""


class Keyring:
    """Named 256-bit keys; the first one seals. Rotation puts a new key in front and keeps the old ones readable."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise ImproperlyConfigured("SECRET_KEYS names no key.")
        self._keys = keys
        self.current = next(iter(keys))
        self._derived: dict[tuple[str, str, int], bytes] = {}

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """`kid:base64,kid2:base64`. Raises ImproperlyConfigured, without quoting a key."""
        keys: dict[str, bytes] = {}
        for position, part in enumerate(text.split(","), start=1):
            kid, _, encoded = part.strip().partition(":")
            if not kid or not kid.replace("-", "").replace("_", "").isalnum() or kid in keys:
                raise ImproperlyConfigured(f"SECRET_KEYS, key {position}: needs a name of its own, letters and digits.")
            keys[kid] = _key_bytes(encoded, position)
        return cls(keys)

    def seal(self, plaintext: bytes, *, context: str) -> str:
        """`v1.kid.nonce.ciphertext`, bound to where it is kept, such as `registry_clientsync.secret:<id>`."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._cipher(self.current).encrypt(nonce, plaintext, self._bound(self.current, context))
        return ".".join((_VERSION, self.current, _encode(nonce), _encode(ciphertext)))

    def open_sealed(self, sealed: str, *, context: str) -> bytes:
        """Raises SecretUnreadable."""
        try:
            version, kid, nonce, ciphertext = sealed.split(".")
            if version != _VERSION or kid not in self._keys:
                raise SecretUnreadable("unknown version or key")
            return self._cipher(kid).decrypt(_decode(nonce), _decode(ciphertext), self._bound(kid, context))
        except (ValueError, InvalidTag) as error:
            raise SecretUnreadable("not a sealed text of this place") from error

    def derive(self, info: str, *, kid: str | None = None, length: int = 32) -> bytes:
        """A key for one use (HKDF-SHA-256, RFC 5869). Name the kid where the result must outlive rotation."""
        source = kid or self.current
        if source not in self._keys:
            raise ImproperlyConfigured(f"SECRET_KEYS holds no key named {source!r}.")
        wanted = (info, source, length)
        if wanted not in self._derived:
            hkdf = HKDF(algorithm=SHA256(), length=length, salt=None, info=f"scp/{info}".encode())
            self._derived[wanted] = hkdf.derive(self._keys[source])
        return self._derived[wanted]

    def _cipher(self, kid: str) -> AESGCM:
        return AESGCM(self.derive("seal", kid=kid))

    @staticmethod
    def _bound(kid: str, context: str) -> bytes:
        return f"{_VERSION}.{kid}.{context}".encode()


def keyring() -> Keyring:
    """The ring of settings.SECRET_KEYS."""
    return _keyring(settings.SECRET_KEYS)


@lru_cache(maxsize=4)
def _keyring(text: str) -> Keyring:
    return Keyring.from_text(text)


def _key_bytes(encoded: str, position: int) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(f"SECRET_KEYS, key {position}: not 32 bytes in base64.")
    return key


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
