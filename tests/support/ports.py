"""Free ports on the loopback for the servers that tests start."""

import random
import socket

# Below the kernel's range for outgoing connections, so that no client socket is ever in the way.
_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on; chosen at random, so that parallel test runs rarely meet."""
    for port in random.sample(_RANGE, k=200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("200 ports were tried between 20000 and 32000 and all are taken")
