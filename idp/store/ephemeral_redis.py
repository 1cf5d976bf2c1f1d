"""`EphemeralStore` in Redis: one round trip and one key for each method.

A value is stored as `<expires_at>|<run>|<bytes>`. `take` is one `SET … XX KEEPTTL GET` that swaps it for a tombstone,
so the server itself decides who was first. `replace` compares and swaps in a script of one key.

`run` names the life of the server that the value was written to. A replica that was promoted, or a server that was
started from a snapshot, may have forgotten the tombstone and still have the value: it is another run, and everything
that an earlier one wrote is dead there. A connection learns the run when it is made, so no method pays for it.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, RedisError, TimeoutError

from idp.errors import StoreDown
from idp.ports import SPENT, Spent
from keys.rest import Rest, Resting

_TOMBSTONE = b"spent"
_SWAP = b"""
local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end
local bar = string.find(packed, '|', 1, true)
if not bar or string.sub(packed, bar + 1) ~= ARGV[1] then return 0 end
if tonumber(string.sub(packed, 1, bar - 1)) <= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], string.sub(packed, 1, bar) .. ARGV[2], 'KEEPTTL')
return 1
"""
_SWAP_SHA = hashlib.sha1(_SWAP, usedforsecurity=False).hexdigest()
_BROOM_SLACK = 1.0
_LEARN_AGAIN = 60.0
"""Seconds in which a value of another run makes the connections of this process learn the run anew at most once."""

_RUN = re.compile(rb"^(?:run_id|master_replid2|second_repl_offset):(\S+)", re.MULTILINE)
"""The process, and its last promotion: who was primary, replica and primary again forgot something in between."""


def _ignore(seconds: float) -> None:
    """Nobody watches the latency."""


@contextmanager
def _deadline(observe: Callable[[float], None], rest: Rest) -> Iterator[None]:
    """Whatever Redis says instead of an answer, nothing was decided."""
    began = time.perf_counter()
    try:
        rest.ask()
        yield
        rest.answered()
    except NoScriptError:
        rest.answered()
        raise
    except Resting:
        raise StoreDown("redis: has not answered a moment ago") from None
    except RedisError as error:
        rest.waited_in_vain() if isinstance(error, TimeoutError) else rest.answered()
        raise StoreDown(f"redis: {type(error).__name__}") from error
    finally:
        observe(time.perf_counter() - began)


def _learn_run(connection: Any) -> None:
    """Greet the server as ever, then note its run. Called for every connection that is made, and made again."""
    connection.on_connect()
    connection.send_command("INFO")
    found = _RUN.findall(connection.read_response(disable_decoding=True))
    if not found:
        raise RedisError("INFO tells no run_id")
    connection.run = hashlib.sha256(b" ".join(found)).hexdigest()[:16].encode()


class RedisEphemeralStore:
    """Short-lived values in Redis under `prefix`."""

    def __init__(self, redis: Redis, prefix: str = "idp:2:") -> None:
        self.observe: Callable[[float], None] = _ignore
        self._pool: Any = redis.connection_pool
        self._pool.disconnect()
        self._pool.connection_kwargs["redis_connect_func"] = _learn_run
        self._prefix = prefix
        self._rest = Rest()
        self._trusted_until = 0.0

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        milliseconds = max(1, int((expires_at - now + _BROOM_SLACK) * 1000))

        def set_new(run: bytes) -> tuple[Any, ...]:
            packed = b"%.6f|%b|%b" % (expires_at, run, value)
            return "SET", self._prefix + key, packed, "PX", milliseconds, "NX"

        return self._ask(set_new)[0] is not None

    def get(self, key: str, *, now: float) -> bytes | None:
        found = self._live(*self._ask(lambda _: ("GET", self._prefix + key)), now)
        return found if isinstance(found, bytes) else None

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        swap = ("SET", self._prefix + key, _TOMBSTONE, "XX", "KEEPTTL", "GET")
        return self._live(*self._ask(lambda _: swap), now)

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        def swap(how: str, script: str | bytes) -> Callable[[bytes], tuple[Any, ...]]:
            return lambda run: (
                *(how, script, 1, self._prefix + key),
                *(b"%b|%b" % (run, old), b"%b|%b" % (run, new), repr(now)),
            )

        try:
            done, _ = self._ask(swap("EVALSHA", _SWAP_SHA))
        except NoScriptError:
            done, _ = self._ask(swap("EVAL", _SWAP))
        return bool(done)

    def _ask(self, command: Callable[[bytes], tuple[Any, ...]]) -> tuple[Any, bytes]:
        """The answer to `command`, which is given the run, and the run of the very connection that brought it."""

        def once() -> tuple[Any, bytes]:
            connection.connect()
            connection.send_command(*command(connection.run))
            return connection.read_response(), connection.run

        with _deadline(self.observe, self._rest):
            connection = self._pool.get_connection()
            try:
                answer: tuple[Any, bytes] = connection.retry.call_with_retry(once, lambda _: connection.disconnect())
                return answer
            finally:
                self._pool.release(connection)

    def _live(self, packed: bytes | None, run: bytes, now: float) -> bytes | Spent | None:
        if packed is None:
            return None
        if packed == _TOMBSTONE:
            return SPENT
        until, _, rest = packed.partition(b"|")
        of_run, _, value = rest.partition(b"|")
        if of_run != run:
            self._doubt()
            return None
        return value if float(until) > now else None

    def _doubt(self) -> None:
        """Let idle connections learn the run anew: where it changed under one that stayed, what that wrote is dead."""
        now = time.monotonic()
        if now >= self._trusted_until:
            self._trusted_until = now + _LEARN_AGAIN
            self._pool.disconnect(inuse_connections=False)
