"""Requests that the loop of a worker answers itself, at once: whatever would wait for more than a store needs a thread.

So nothing on their way may wait for a hash, a disk, a client's server or another request without `needs_thread()`
before it. The request is then answered anew, in a thread, unless something was changed already: then the loop waits
as long as a thread would, once, and pauses. So a request reads before it writes, or needs a thread; the one exception
is the code at `/token`, which is taken first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from idp.errors import StoreDown

PATIENCE = 0.25
"""Seconds that the loop waits for one answer of a store; a busy one takes less, and a thread waits longer."""


class NeedsThread(BaseException):
    """The loop cannot answer this request. No `Exception`: nobody on the way has an answer to it."""


@dataclass(slots=True)
class _Attempt:
    has_changed: bool = False


_attempt: ContextVar[_Attempt | None] = ContextVar("at_once", default=None)


@contextmanager
def at_once() -> Iterator[None]:
    """Answer in the calling thread, or raise `NeedsThread`."""
    before = _attempt.set(_Attempt())
    try:
        yield
    finally:
        _attempt.reset(before)


def is_in_loop() -> bool:
    """Whether this is an attempt of the loop."""
    return _attempt.get() is not None


def needs_thread() -> None:
    """To be called before a wait. Raises `NeedsThread` in the loop of a worker that has changed nothing yet."""
    attempt = _attempt.get()
    if attempt is not None and not attempt.has_changed:
        raise NeedsThread


@contextmanager
def refusing_threads() -> Iterator[None]:
    """Around a read that others must not wait for, as they can go on without. Raises `StoreDown` for `NeedsThread`."""
    try:
        yield
    except NeedsThread:
        raise StoreDown("has not answered at once") from None


def patience(seconds: float | None) -> float | None:
    """How long to wait for a store that may be waited for so many seconds (None: for ever): less in the loop.

    Whoever waited in vain calls `needs_thread()`.
    """
    attempt = _attempt.get()
    if attempt is None or attempt.has_changed:
        return seconds
    return PATIENCE if seconds is None else min(seconds, PATIENCE)


def note_change() -> None:
    """A store is about to be changed, which a second attempt would find: stores call this."""
    attempt = _attempt.get()
    if attempt is not None:
        attempt.has_changed = True
