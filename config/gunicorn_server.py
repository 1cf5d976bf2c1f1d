"""gunicorn with our settings: bounded lines and headers, graceful stop, no control socket, no access log of its own."""

import ctypes
import logging
import socket
import struct
from contextlib import suppress
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from config.logging import JsonLines
from config.settings import Settings

ATTACH_FILTER = 26
"""`SO_ATTACH_FILTER` of Linux, which Python has no name for."""


class _Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, which by itself keeps its listening socket open until the last request is done.

    Whoever connects meanwhile would wait for an answer and be reset in the end. So at a stop we take what the kernel
    has let in already, and then nobody listens any more: newcomers are refused at once and can go elsewhere.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                _turn_away(listener)
                self._take_everybody(listener)
                listener.close()

    def _take_everybody(self, listener: Any) -> None:
        listener.setblocking(False)
        taken = -1
        while taken != self.nr_conns:
            taken = self.nr_conns
            self.accept(listener)


def _turn_away(listener: Any) -> None:
    """Let nobody new begin to connect: between our last look and the end of the socket somebody would be cut off.

    A filter on the socket drops the first packet of each new connection (SYN, in byte 13 of its header); what the
    caller's system sends again a second later meets a closed port. Where there are no such filters, nothing changes.
    """
    program = (_Instruction * 4)(
        _Instruction(0x30, 0, 0, 13),  # load the byte of flags
        _Instruction(0x45, 0, 1, 0x02),  # SYN?
        _Instruction(0x06, 0, 0, 0),  # then drop it
        _Instruction(0x06, 0, 0, 0xFFFFFFFF),  # else let it pass
    )
    attached = struct.pack("HP", len(program), ctypes.addressof(program))
    with suppress(OSError, AttributeError):
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, attached)


class _Instruction(ctypes.Structure):
    """One step of a socket filter (Linux, `struct sock_filter`)."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]


class _WithoutQuotes(JsonLines):
    """Our log lines, of gunicorn's messages only the fixed part: the rest quotes what a stranger sent."""

    def format(self, record: logging.LogRecord) -> str:
        record.args = ()
        # This one message is put together before it is logged.
        record.msg = str(record.msg).partition(" from ip=")[0]
        return super().format(record)


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's own log in our form."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_WithoutQuotes())


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's way to be run from a program."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in each worker after the fork, so threads and connections are the worker's own."""
        from config.wsgi import build_app

        return build_app()


def run(bind: str, workers: int, threads: int, settings: Settings) -> None:
    """Serve until SIGTERM; requests that are running then get `graceful_timeout` seconds."""
    _Server(
        {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": _Worker,
            "graceful_timeout": settings.web.graceful_timeout,
            "timeout": 30,
            "keepalive": 5,
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            "limit_request_field_size": 8190,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "proc_name": "idp",
            "loglevel": "warning",
            "logger_class": _Log,
        }
    ).run()
