"""`Ephemeral` in Redis: one round trip and one key for each method.

A value is stored as `<expires_at>|<bytes>`. `take` is one `SET … XX KEEPTTL GET` that swaps it for a tombstone, so the
server itself decides who was first. `replace` compares and swaps in a script of one key (also fine on a Cluster).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from idp.errors import StoreDown
from idp.ports import SPENT, Spent

_TOMBSTONE = b"spent"
_SWAP = """
local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end
local bar = string.find(packed, '|', 1, true)
if not bar or string.sub(packed, bar + 1) ~= ARGV[1] then return 0 end
if tonumber(string.sub(packed, 1, bar - 1)) <= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], string.sub(packed, 1, bar) .. ARGV[2], 'KEEPTTL')
return 1
"""
_BROOM_SLACK = 1.0


def _ignore(seconds: float) -> None:
    """Nobody watches the latency."""


@contextmanager
def _deadline(observe: Callable[[float], None]) -> Iterator[None]:
    """Whatever Redis says instead of an answer, nothing was decided."""
    began = time.perf_counter()
    try:
        yield
    except RedisError as error:
        raise StoreDown(f"redis: {type(error).__name__}") from error
    finally:
        observe(time.perf_counter() - began)


class RedisEphemeral:
    """Short-lived values in Redis under `prefix`."""

    def __init__(self, redis: Redis, prefix: str = "idp:") -> None:
        self.observe: Callable[[float], None] = _ignore
        self._redis = redis
        self._prefix = prefix
        self._swap: Callable[..., Any] = redis.register_script(_SWAP)

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        packed = b"%.6f|%b" % (expires_at, value)
        milliseconds = max(1, int((expires_at - now + _BROOM_SLACK) * 1000))
        with _deadline(self.observe):
            return bool(self._redis.set(self._prefix + key, packed, nx=True, px=milliseconds))

    def get(self, key: str, *, now: float) -> bytes | None:
        with _deadline(self.observe):
            packed: Any = self._redis.get(self._prefix + key)
        found = _live(packed, now)
        return found if isinstance(found, bytes) else None

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        with _deadline(self.observe):
            before: Any = self._redis.set(self._prefix + key, _TOMBSTONE, xx=True, keepttl=True, get=True)
        return _live(before, now)

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        with _deadline(self.observe):
            return bool(self._swap(keys=[self._prefix + key], args=[old, new, repr(now)]))


def _live(packed: bytes | None, now: float) -> bytes | Spent | None:
    if packed is None:
        return None
    if packed == _TOMBSTONE:
        return SPENT
    until, _, value = packed.partition(b"|")
    return value if float(until) > now else None
