"""`idp serve`: the provider itself, under gunicorn or granian. The application is the same plain WSGI under both."""

import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec

import click

from config import logging as our_logging
from config import migrate
from config.commands.context import opened_stores, reports_errors, settings, stop
from config.housekeeping import refuse_restored_store
from config.proxy_rules import proxy_rules
from config.serving.numbers import Numbers, make_directory
from config.settings import BadSettings, Settings
from config.stores import Stores


@click.command()
@click.option("--bind", help="Address and port; default: web.bind of the settings.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads per worker.")
@click.option("--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", show_default=True)
@reports_errors
def serve(bind: str | None, workers: int | None, threads: int | None, server: str) -> None:
    """Serve the provider until it is told to stop; running requests then finish.

    Example: idp serve --workers 4 --bind 127.0.0.1:8000
    """
    s = settings()
    web = s.web
    bind, workers, threads = bind or web.bind, workers or web.workers, threads or web.threads
    # What the settings say was judged when they were read; an address on the command line was not.
    rules = proxy_rules(web.model_copy(update={"bind": bind}), production=s.is_production)
    if complaints := [why for is_bad, why in rules if is_bad]:
        stop(complaints, 2)
    base = _checked(s)
    our_logging.set_up(debug=s.debug)
    directory, first = make_directory(), os.getpid()
    # The metrics library decides by this variable, when it is imported, to share its numbers through files.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    try:
        run = _server(server)
        sys.exit(_supervise(lambda: run(bind, workers, threads, s), base, bind, Numbers(directory)))
    finally:
        # Servers and workers come by here too when they end: they are forks of this process.
        if os.getpid() == first:
            shutil.rmtree(directory, ignore_errors=True)


def _supervise(run: Callable[[], None], base: Stores, bind: str, numbers: Numbers) -> int:
    from config.serving.operations import Listener
    from config.serving.supervisor import Supervisor

    where = base.settings.web.operations_bind
    try:
        listener = Listener(where)
    except OSError as error:
        stop([f"web.operations_bind: cannot listen on {where}: {error.strerror}"], 2)
    return Supervisor(run, listener, base, bind, numbers).run()


def _server(name: str) -> Callable[[str, int, int, Settings], None]:
    if name == "gunicorn":
        from config.serving import gunicorn_master

        return gunicorn_master.run
    if find_spec("granian") is None:
        stop(["granian is not installed: pip install 'bhxh-idp[granian]'"], 2)
    from config.serving import granian_parent

    return granian_parent.run


def _checked(s: Settings) -> Stores:
    """Refuse to start on a store that would only fail later, with the command that helps."""
    base = opened_stores()
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
    return base
