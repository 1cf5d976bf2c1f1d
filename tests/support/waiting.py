"""Waiting for what other processes do, whose clock no test can move."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], patience: float = 30.0) -> float:
    """Ask again and again until it is true; gives the seconds that it took. Fails after `patience` seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + patience, f"still not true after {patience} seconds"
        time.sleep(0.02)
    return time.monotonic() - began
