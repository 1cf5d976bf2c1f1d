"""granian with our settings. It is an extra: `pip install 'bhxh-idp[granian]'`."""

import logging
import multiprocessing
import socket
import time
from contextlib import suppress
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketSpec  # type: ignore[attr-defined]

from config.serving.gathering import Gathered
from config.serving.newcomers import turn_away
from config.serving.operations import read_bind
from config.settings import Settings
from config.wsgi import build_app

log = logging.getLogger("idp")
MOST_BODIES, MOST_CONNECTIONS = 256, 1024
"""Bodies that are on their way, and connections, per worker; granian cuts off none of them, however slow."""


TAKE_IN = 0.2


class _Parent(Granian):  # type: ignore[misc, valid-type]
    """granian's parent, with one listening socket for all workers, as gunicorn has it.

    By itself granian gives each worker of Linux one of its own, and resets whoever waits at that of a dead one.
    """

    def _init_shared_socket(self) -> None:
        self._shd = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._sfd = self._shd.get_fd()
        self._sso: Any = socket.socket(fileno=self._sfd)
        # It would end altogether where one worker dies twice in 5.5 seconds.
        self.respawned_wrks = _Forgotten()

    def _drop_shared_socket(self) -> None:
        """A stop begins: its workers keep the socket to their end, so it has to be closed for all of them."""
        turn_away(self._sso)
        # Who is in the queue has this long to be taken by a worker; then newcomers are refused at once.
        time.sleep(TAKE_IN)
        with suppress(OSError):
            self._sso.shutdown(socket.SHUT_RDWR)
        super()._drop_shared_socket()


class _Forgotten(dict[int, float]):
    """When which worker was replaced."""

    def get(self, key: int, default: Any = None) -> Any:
        return default


def run(bind: str, workers: int, threads: int, settings: Settings) -> None:
    """Serve until SIGTERM; a worker that ends by itself is replaced."""
    address, port = read_bind(bind)
    # Only a fork has the socket.
    multiprocessing.set_start_method("fork", force=True)
    _Parent(
        "idp",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        # HTTP/1.1 as behind gunicorn, and far smaller heads than the 400 KiB that granian would read.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=32_768, header_read_timeout=10_000),
        workers=workers,
        # A body that is on its way has a thread of its own; seats for whole requests are as many as were asked for.
        blocking_threads=MOST_BODIES + threads,
        backpressure=MOST_CONNECTIONS,
        respawn_failed_workers=True,
        # A worker that was asked something in the very moment of the stop may wait for ever (granian issue 875).
        workers_kill_timeout=settings.web.graceful_timeout,
        log_enabled=False,
    ).serve(target_loader=lambda: _built(threads), wrap_loader=False)


def _built(threads: int) -> Gathered:
    try:
        return Gathered(build_app(), threads)
    except Exception as error:
        # It is tried again at once, and a store that is down should not be asked all the time.
        log.error("worker cannot start", extra={"reason": type(error).__name__})
        time.sleep(1.0)
        raise
