"""`idp serve`: the provider itself, under gunicorn."""

import os
import shutil
import sys
from collections.abc import Callable

import click

from config import logging as our_logging
from config import migrate
from config.cli.context import opened_stores, reports_errors, settings, stop
from config.proxy_rules import proxy_rules
from config.serving.numbers import Numbers, make_directory
from config.settings import BadSettings, Settings
from config.stores import Stores
from config.witness import refuse_restored_store


@click.command()
@click.option("--bind", help="Address and port; default: web.bind of the settings.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads per worker.")
@click.option("--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", hidden=True)
@reports_errors
def serve(bind: str | None, workers: int | None, threads: int | None, server: str) -> None:
    """Serve the provider until a signal; running requests then finish.

    Example: idp serve --workers 4 --bind 127.0.0.1:8000
    """
    if server != "gunicorn":
        click.echo("idp: gunicorn serves, which is faster now; --server will go with the next release", err=True)
    s = settings()
    web = s.web
    bind, workers, threads = bind or web.bind, workers or web.workers, threads or web.threads
    # The settings were checked when they were read; a bind address on the command line was not.
    rules = proxy_rules(web.model_copy(update={"bind": bind}), production=s.is_production)
    if complaints := [why for is_bad, why in rules if is_bad]:
        stop(complaints, 2)
    base = _checked(s)
    our_logging.set_up(debug=s.debug)
    directory, first = make_directory(), os.getpid()
    # The metrics library reads this variable on import to decide whether to share its numbers through files.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    try:
        sys.exit(_supervise(lambda: _serve(bind, workers, threads, s), base, bind, Numbers(directory)))
    finally:
        # Servers and workers also get here when they end: they are forks of this process.
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


def _serve(bind: str, workers: int, threads: int, s: Settings) -> None:
    from config.serving import gunicorn_master

    gunicorn_master.run(bind, workers, threads, s)


def _checked(s: Settings) -> Stores:
    """Refuse to start on a store that would only fail later, and name the command that helps."""
    base = opened_stores()
    try:
        schema = migrate.schema(base.database)
        if not schema.runs:
            stop([schema.remedy], 2)
        if schema.current != schema.newest:
            click.echo(f"idp: the database is at {schema.current}, this release knows {schema.newest}", err=True)
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
