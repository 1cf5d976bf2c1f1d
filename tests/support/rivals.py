"""Many at once: the same call in two processes with four threads each, all beginning together."""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PROCESSES, THREADS = 2, 4


def outcomes(call: Any, *given: Any, patience: float = 120) -> list[Any]:
    """What all the calls of `call(*given)` gave, in one list; fails after `patience` seconds."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(PROCESSES), context.Queue()
    children = [context.Process(target=_run, args=(call, given, start, results)) for _ in range(PROCESSES)]
    for child in children:
        child.start()
    found = [item for _ in children for item in results.get(timeout=patience)]
    for child in children:
        child.join(timeout=30)
        assert child.exitcode == 0
    return found


def _run(call: Callable[..., list[Any]], given: tuple[Any, ...], start: Any, results: Any) -> None:
    together = threading.Barrier(THREADS)

    def one(_: int) -> list[Any]:
        together.wait(timeout=60)
        return call(*given)

    start.wait(timeout=60)
    with ThreadPoolExecutor(THREADS) as pool:
        results.put([item for found in pool.map(one, range(THREADS)) for item in found])
