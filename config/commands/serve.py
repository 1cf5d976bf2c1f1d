"""`idp serve`: the provider itself, under gunicorn or granian. The application is the same plain WSGI under both."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click

from config import migrate
from config.commands.context import foundation, settings, stop, told
from config.housekeeping import refuse_restored_store
from config.settings import BadSettings, Settings

METRICS = "idp-metrics-"
"""What the directories of shared numbers are called, before the process that serves."""


@click.command()
@click.option("--bind", help="Address and port; default: web.bind of the settings.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads per worker.")
@click.option("--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", show_default=True)
@told
def serve(bind: str | None, workers: int | None, threads: int | None, server: str) -> None:
    """Serve the provider until it is told to stop; running requests then finish.

    Example: idp serve --workers 4 --bind 127.0.0.1:8000
    """
    s = settings()
    _check(s)
    web = s.web
    bind, workers, threads = bind or web.bind, workers or web.workers, threads or web.threads
    sweep_metrics(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{METRICS}{os.getpid()}-") as metrics:
        # The metrics library decides by this variable, at import, to share its numbers through files.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        if server == "granian":
            _granian(bind, workers, threads, s)
        else:
            _gunicorn(bind, workers, threads, s)


def sweep_metrics(directory: Path) -> None:
    """Take away the numbers that a killed process left behind."""
    for left in directory.glob(f"{METRICS}*-*"):
        pid = left.name.removeprefix(METRICS).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)) and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _check(s: Settings) -> None:
    """Refuse to start on a store that would only fail later, with the command that helps."""
    base = foundation()
    try:
        if migrate.current(base.database) != migrate.newest():
            stop(["the database is not at the newest revision: run `idp db upgrade`"], 2)
        base.refuse_evicting_redis()
        refuse_restored_store(base)
        base.rings.ring()
        base.rotator.ensure(s.keys.algorithms)
    except BadSettings as error:
        stop(error.complaints, 2)
    base.close()
    if s.testing.enabled:
        click.echo("idp: TEST MODE: captchas have a fixed answer, never use this with real people", err=True)


def _gunicorn(bind: str, workers: int, threads: int, s: Settings) -> None:
    from config.gunicorn_server import run

    run(bind, workers, threads, s)


def _granian(bind: str, workers: int, threads: int, s: Settings) -> None:
    try:
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
    except ImportError:
        stop(["granian is not installed: pip install 'bhxh-idp[granian]'"], 2)
    address, _, port = bind.rpartition(":")
    server: Any = Granian(
        "config.wsgi:app",
        address=address.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        # HTTP/1.1 as behind gunicorn, and far smaller heads than the 400 KiB that granian would read.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=32_768),
        workers=workers,
        blocking_threads=threads,
        # A worker that was asked something in the very moment of the stop may wait for ever (granian issue 875).
        workers_kill_timeout=s.web.graceful_timeout,
        log_enabled=False,
    )
    server.serve()
