"""`EphemeralStore` in Redis: one round trip per method, and one key for all but the last two.

A value is stored as `<expires_at>|<run>|<bytes>`. `take` is one `SET … XX KEEPTTL GET` that swaps it for a tombstone,
so the server itself decides which caller was first. `replace` compares and swaps in a script on one key; a script also
reads or takes one value and puts another beside it.

`run` identifies the lifetime of the server that the value was written to. A replica that was promoted, or a server that
was started from a snapshot, may have lost the tombstone and still have the value: it has another run, and everything
written under an earlier run is invalid there. A connection learns the run when it is opened, so methods pay nothing for
it.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, RedisError, TimeoutError

from idp.at_once import is_in_loop, needs_thread, note_change, patience
from idp.errors import StoreDown
from idp.ports import SPENT, NewRecord, Spent
from idp.store.rest import Rest, Resting

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
_PUT_BESIDE = b"""
local packed = redis.call('GET', KEYS[1])
local expires, run = string.match(packed or '', '^([^|]*)|([^|]*)|')
if run ~= ARGV[1] or tonumber(expires) <= tonumber(ARGV[2]) then return {packed, 0} end
if ARGV[3] == 'take' then redis.call('SET', KEYS[1], 'spent', 'KEEPTTL') end
return {packed, redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5], 'NX') and 1 or 0}
"""
_SHA = {script: hashlib.sha1(script, usedforsecurity=False).hexdigest() for script in (_SWAP, _PUT_BESIDE)}
_BROOM_SLACK = 1.0
_LEARN_AGAIN = 60.0
"""Minimum seconds between two times that a value of another run makes this process's connections read the run again."""

_RUN = re.compile(rb"^(?:run_id|master_replid2|second_repl_offset):(\S+)", re.MULTILINE)
"""The process, and its last promotion: a server that was replica and primary again lost something in between."""


def _ignore(seconds: float) -> None:
    """Default when the latency is not observed."""


@contextmanager
def _deadline(observe: Callable[[float], None], rest: Rest) -> Iterator[None]:
    """If Redis returns anything but an answer, nothing was decided."""
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
    """Do the usual handshake, then store the server's run. Called for every connection that is opened or reopened."""
    connection.on_connect()
    connection.send_command("INFO")
    runs = _RUN.findall(connection.read_response(disable_decoding=True))
    if not runs:
        raise RedisError("INFO tells no run_id")
    connection.run = hashlib.sha256(b" ".join(runs)).hexdigest()[:16].encode()


def _packed(new: NewRecord, run: bytes) -> bytes:
    return b"%.6f|%b|%b" % (new.expires_at, run, new.value)


def _milliseconds(new: NewRecord, now: float) -> int:
    return max(1, int((new.expires_at - now + _BROOM_SLACK) * 1000))


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
        new = NewRecord(key, value, expires_at)

        def set_new(run: bytes) -> tuple[Any, ...]:
            return "SET", self._prefix + key, _packed(new, run), "PX", _milliseconds(new, now), "NX"

        return self._ask(set_new)[0] is not None

    def get(self, key: str, *, now: float) -> bytes | None:
        kept = self._live(*self._ask(lambda _: ("GET", self._prefix + key)), now)
        return kept if isinstance(kept, bytes) else None

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        swap = ("SET", self._prefix + key, _TOMBSTONE, "XX", "KEEPTTL", "GET")
        return self._live(*self._ask(lambda _: swap), now)

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        done, _ = self._run(_SWAP, [key], lambda run: (b"%b|%b" % (run, old), b"%b|%b" % (run, new), repr(now)))
        return bool(done)

    def get_and_put(self, key: str, new: NewRecord, *, now: float) -> tuple[bytes | None, bool]:
        kept, was_put = self._put_beside("get", key, new, now)
        return (kept if isinstance(kept, bytes) else None), was_put

    def take_and_put(self, key: str, new: NewRecord, *, now: float) -> bytes | Spent | None:
        return self._put_beside("take", key, new, now)[0]

    def _put_beside(self, how: str, key: str, new: NewRecord, now: float) -> tuple[bytes | Spent | None, bool]:
        def arguments(run: bytes) -> tuple[Any, ...]:
            return run, repr(now), how, _packed(new, run), _milliseconds(new, now)

        (packed, was_put), run = self._run(_PUT_BESIDE, [key, new.key], arguments)
        return self._live(packed, run, now), bool(was_put)

    def _run(
        self, script: bytes, keys: Sequence[str], arguments: Callable[[bytes], tuple[Any, ...]]
    ) -> tuple[Any, bytes]:
        """The answer of a script, which is sent in full only to a server that does not know it yet."""

        def call(how: str, what: str | bytes) -> Callable[[bytes], tuple[Any, ...]]:
            return lambda run: (how, what, len(keys), *(self._prefix + key for key in keys), *arguments(run))

        try:
            return self._ask(call("EVALSHA", _SHA[script]))
        except NoScriptError:
            return self._ask(call("EVAL", script))

    def _ask(self, command: Callable[[bytes], tuple[Any, ...]]) -> tuple[Any, bytes]:
        """The answer to `command`, which receives the run, and the run of the connection that delivered it."""

        def once() -> tuple[Any, bytes]:
            connection.connect()
            words = command(connection.run)
            if words[0] != "GET":
                note_change()
            connection.send_command(*words)
            usual = connection.socket_timeout
            longest = patience(usual)
            # Another timeout than the usual one costs two system calls.
            shorter = {} if longest == usual else {"timeout": longest}
            return connection.read_response(**shorter), connection.run

        with _deadline(self.observe, self._rest):
            self._leave_opening_to_threads()
            connection = self._pool.get_connection()
            try:
                answer: tuple[Any, bytes] = connection.retry.call_with_retry(once, lambda _: connection.disconnect())
                return answer
            finally:
                self._pool.release(connection)

    def _leave_opening_to_threads(self) -> None:
        """A new connection may wait for longer than an answer. Raises `NeedsThread` in the loop of a worker."""
        if is_in_loop():
            idle = self._pool._available_connections
            if not (idle and idle[-1].is_connected):
                needs_thread()

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
        """Make idle connections read the run again: if it changed under an open one, what that one wrote is invalid."""
        now = time.monotonic()
        if now >= self._trusted_until:
            self._trusted_until = now + _LEARN_AGAIN
            self._pool.disconnect(inuse_connections=False)
