"""gunicorn with our settings: bounded lines and heads, replaced workers, graceful stop, no access log of its own."""

import logging
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


class _Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, in which an old worker goes only when the new ones take requests."""

    def __init__(self, app: Any) -> None:
        self._retiring: set[int] = set()
        self._told: set[int] = set()
        super().__init__(app)

    def handle_hup(self) -> None:
        """New workers, which read the settings anew, for the old ones."""
        self._retiring |= set(self.WORKERS)
        self.manage_workers()

    def manage_workers(self) -> None:
        """As many workers as are wanted, not counting those that are on their way out."""
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
        """All end, so newcomers are turned away: the listening socket is the workers' in common."""
        for listener in self.LISTENERS:
            turn_away(listener)
        super().stop(graceful)


def _takes_requests(worker: Any) -> bool:
    """Whether a worker has reported from its loop: until then its file has the time of its making, not a monotonic."""
    return bool(worker.tmp.last_update() <= time.monotonic())


class _WithoutQuotes(JsonLines):
    """Our log lines, of gunicorn's messages only the fixed part: the rest quotes what a stranger sent."""

    def format(self, record: logging.LogRecord) -> str:
        if not str(record.msg).startswith("Worker (pid:"):
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

    def run(self) -> None:
        _Master(self).run()


def run(bind: str, workers: int, threads: int, settings: Settings) -> None:
    """Serve until SIGTERM; requests that are running then get `graceful_timeout` seconds."""
    _Server(
        {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": Worker,
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
