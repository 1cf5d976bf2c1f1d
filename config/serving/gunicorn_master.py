"""gunicorn with our settings: bounded lines and heads, replaced workers, graceful stop, no access log."""

import logging
import resource
import signal
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from config.logging import JsonLines
from config.serving.gunicorn_worker import Worker
from config.serving.newcomers import turn_away
from config.settings import Settings
from config.wsgi import build_app, draw_shared

READING = {
    "limit_request_line": 8190,
    "limit_request_fields": 60,
    "limit_request_field_size": 8190,
    "forwarded_allow_ips": "",
}
"""How gunicorn reads a request."""

FEWEST_CONNECTIONS, MOST_CONNECTIONS, FILES = 128, 8192, 256
"""Connections of a worker, most of them of browsers that wait, and the files that it needs besides."""


class _Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, in which an old worker ends only when the new ones accept requests."""

    def __init__(self, app: Any) -> None:
        self._retiring: set[int] = set()
        self._told: set[int] = set()
        super().__init__(app)

    def handle_hup(self) -> None:
        """Replace the old workers with new ones, which read the settings again."""
        self._retiring |= set(self.WORKERS)
        self.manage_workers()

    def manage_workers(self) -> None:
        """Keep as many workers as configured, not counting those that are ending."""
        fresh = {pid: worker for pid, worker in self.WORKERS.items() if pid not in self._retiring}
        for _ in range(self.num_workers - len(fresh)):
            self.spawn_worker()
        by_age = sorted(fresh, key=lambda pid: fresh[pid].age)
        self._retiring |= set(by_age[: max(0, len(fresh) - self.num_workers)])
        self._retiring &= set(self.WORKERS)
        self._told &= self._retiring
        if self._retiring - self._told and len(fresh) >= self.num_workers and all(map(_takes_requests, fresh.values())):
            for pid in self._retiring - self._told:
                self.kill_worker(pid, signal.SIGTERM)
            self._told |= self._retiring

    def stop(self, graceful: bool = True) -> None:
        """All workers end, so new connections are refused: the workers share the listening socket."""
        for listener in self.LISTENERS:
            turn_away(listener)
        super().stop(graceful)


def _takes_requests(worker: Any) -> bool:
    """Whether a worker has reported from its loop: until then its file has its creation time, not a monotonic one."""
    return bool(worker.tmp.last_update() <= time.monotonic())


class _WithoutQuotes(JsonLines):
    """Our log lines, with only the fixed part of gunicorn's messages: the rest quotes untrusted input."""

    def format(self, record: logging.LogRecord) -> str:
        if not str(record.msg).startswith("Worker (pid:"):
            record.args = ()
        # Only this message is formatted before it is logged.
        record.msg = str(record.msg).partition(" from ip=")[0]
        return super().format(record)


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's own log in our format."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_WithoutQuotes())


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's way of being run from a program."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in each worker after the fork, so threads and connections belong to the worker."""
        return build_app()

    def run(self) -> None:
        _Master(self).run()


def most_connections() -> int:
    """Ask the system for files for `MOST_CONNECTIONS`; returns how many connections a worker may hold."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + FILES
    if allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, allowed - FILES))


def run(bind: str, workers: int, threads: int, settings: Settings) -> None:
    """Serve until SIGTERM; running requests then get `graceful_timeout` seconds."""
    draw_shared(settings)
    _Server(
        {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_connections": most_connections(),
            "worker_class": Worker,
            "graceful_timeout": settings.web.graceful_timeout,
            "timeout": 30,
            "keepalive": 5,
            **READING,
            "child_exit": lambda _, worker: worker.balance.leave(worker.age),
            "control_socket_disable": True,
            "proc_name": "idp",
            "loglevel": "warning",
            "logger_class": _Log,
        }
    ).run()
