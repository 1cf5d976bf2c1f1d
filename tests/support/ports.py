"""Free ports on the loopback for the servers that tests start."""

import os
import random
import socket
from collections import deque

# Below the kernel's range for outgoing connections, so that no client socket is ever in the way. Each of up to four
# workers of a run has a part of its own: a port is chosen seconds before its server binds it.
_ALL, _PARTS = range(20_000, 32_000), 4
_PART = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _PARTS
_RANGE = _ALL[_PART * len(_ALL) // _PARTS : (_PART + 1) * len(_ALL) // _PARTS]
_TAKEN: deque[int] = deque(maxlen=len(_RANGE) // 2)
"""What was given out already, the latest last: of two servers that share a port, some let each other bind it."""


def free_port(*neighbours: int) -> int:
    """A port on 127.0.0.1 that nobody listens on and nobody was given, and the same at each distance after it.

    Random, so that two runs on one machine rarely meet.
    """
    for port in random.sample(_RANGE, k=500):
        wanted = [port, *(port + distance for distance in neighbours)]
        if not set(wanted) & set(_TAKEN) and all(map(_is_free, wanted)):
            _TAKEN.extend(wanted)
            return port
    raise RuntimeError(f"500 ports were tried between {_RANGE.start} and {_RANGE.stop} and all are taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
