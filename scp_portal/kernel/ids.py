"""Time-ordered identifiers: UUID version 7 (RFC 9562, section 5.7), made here because PostgreSQL 15 has none."""

import secrets
import threading
import time
import uuid

_MASK_RANDOM = (1 << 62) - 1
_VARIANT = 0b10 << 62
_VERSION = 7 << 76

wall_clock_ns = time.time_ns
"""The clock of the identifiers. The audit trail refuses ids more than five minutes off the database's clock,
so a test that freezes time points this back at the real one."""

_lock = threading.Lock()
_last_tick = 0


def uuid7() -> uuid.UUID:
    """A new id that sorts after every id made before it in this process.

    48 bits of milliseconds, 12 bits of the fraction of a millisecond (method 3 of RFC 9562, section 6.2), 62 random.
    """
    milliseconds, fraction = divmod(_next_tick(), 4096)
    value = (milliseconds << 80) | _VERSION | (fraction << 64) | _VARIANT | (secrets.randbits(62) & _MASK_RANDOM)
    return uuid.UUID(int=value)


def _next_tick() -> int:
    """Time in 1/4096 milliseconds, never the same twice; a clock set back by a hair does not disturb the order."""
    global _last_tick
    now = wall_clock_ns() * 4096 // 1_000_000
    with _lock:
        set_back = _last_tick - now > 4096 * 1000
        _last_tick = now if set_back else max(now, _last_tick + 1)
        return _last_tick
