"""Cursors: a place in a dataset as an opaque text, worth something only to the request it was made for.

The text holds the key, the end of its life and the policy's hash; its seal (HMAC-SHA256) also covers integration,
dataset and all other parameters, so that none of them can be exchanged. Changed rules make a cursor stale (409),
everything else that is wrong with it makes it invalid (400).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from exchange.reading import Key
from scp_portal.kernel.problems import CursorInvalid, CursorStale
from scp_portal.kernel.secrets import keyring

LIFETIME = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BODY = struct.Struct(">q16sI16s")
SEAL_BYTES = 16
LENGTH = 4 * (BODY.size + SEAL_BYTES) // 3


@dataclass(frozen=True, slots=True)
class Binding:
    """The request a cursor belongs to. `parameters` are the other parameters, as (name, value)."""

    integration_id: str
    dataset: str
    policy_hash: str
    parameters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, integration_id: str, dataset: str, policy_hash: str, parameters: Iterable[tuple[str, str]]) -> Binding:
        return cls(integration_id, dataset, policy_hash, tuple(sorted(parameters)))


def seal(key: Key, binding: Binding, *, now: datetime) -> str:
    """The cursor that leads on after `key`."""
    microseconds = (key.updated_at - EPOCH) // timedelta(microseconds=1)
    expires = int((now + LIFETIME).timestamp())
    body = BODY.pack(microseconds, key.record_id.bytes, expires, _short(binding.policy_hash))
    return base64.urlsafe_b64encode(body + _mac(body, binding)).decode()


def open_sealed(text: str, binding: Binding, *, now: datetime) -> Key:
    """The key inside. Raises CursorInvalid or CursorStale."""
    body, mac = _parts(text)
    if not hmac.compare_digest(mac, _mac(body, binding)):
        raise CursorInvalid()
    microseconds, record_id, expires, policy_hash = BODY.unpack(body)
    if expires <= now.timestamp():
        raise CursorInvalid("The cursor is older than an hour.")
    if policy_hash != _short(binding.policy_hash):
        raise CursorStale()
    return Key(EPOCH + timedelta(microseconds=microseconds), UUID(bytes=record_id))


def _parts(text: str) -> tuple[bytes, bytes]:
    """Body and seal; a text that is not its own canonical encoding is refused."""
    if len(text) != LENGTH or not text.isascii():
        raise CursorInvalid()
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid() from error
    if base64.urlsafe_b64encode(data).decode() != text:
        raise CursorInvalid()
    return data[: BODY.size], data[BODY.size :]


def _short(policy_hash: str) -> bytes:
    return bytes.fromhex(policy_hash)[:16]


def _mac(body: bytes, binding: Binding) -> bytes:
    message = b"\0".join([repr((binding.integration_id, binding.dataset, binding.parameters)).encode(), body])
    return hmac.digest(keyring().derive("exchange/cursor"), message, hashlib.sha256)[:SEAL_BYTES]
