"""Many at once: the same call in two processes with four threads each, all beginning together.

The processes are forked from one that has only imported what calls need, so none inherits a connection.
"""

import multiprocessing
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty
from typing import Any

PROCESSES, THREADS = 2, 4
_IMPORTED = ["psycopg", "pytest", "redis", "tests.support.app"]


class Fell(Exception):
    """One of the processes ended by an error, which is told."""


def outcomes(call: Any, *given: Any, patience: float = 120) -> list[Any]:
    """What all the calls of `call(*given)` gave, in one list; fails after `patience` seconds, or when one fell."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    start, results = context.Barrier(PROCESSES), context.Queue()
    children = [context.Process(target=_run, args=(call, given, start, results)) for _ in range(PROCESSES)]
    for child in children:
        child.start()
    try:
        return [item for _ in children for item in _result(results, children, time.monotonic() + patience)]
    finally:
        for child in children:
            child.join(timeout=30)
            child.kill()


def _result(results: Any, children: list[Any], until: float) -> list[Any]:
    """The next result. Raises `Fell` as soon as a child has ended without one."""
    while True:
        # Looked at before the queue: whoever ends well has put its result there already.
        ended = [child.exitcode for child in children if child.exitcode]
        try:
            found = results.get(timeout=0.5)
        except Empty:
            if ended or time.monotonic() > until:
                raise Fell(f"exit codes {[child.exitcode for child in children]}") from None
            continue
        if isinstance(found, str):
            raise Fell(found)
        return list(found)


def _run(call: Callable[..., list[Any]], given: tuple[Any, ...], start: Any, results: Any) -> None:
    together = threading.Barrier(THREADS)

    def one(_: int) -> list[Any]:
        together.wait(timeout=60)
        return call(*given)

    try:
        start.wait(timeout=60)
        with ThreadPoolExecutor(THREADS) as pool:
            results.put([item for found in pool.map(one, range(THREADS)) for item in found])
    except Exception:
        results.put(traceback.format_exc())
