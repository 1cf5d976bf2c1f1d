"""What is measured, started the way an operator would: the provider on its stores, and the bare yardstick."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idp.oidc.metadata import DISCOVERY
from tests.bench import gauge
from tests.bench.journeys import CAPTCHA, CLIENTS, PEOPLE, person
from tests.support import servers
from tests.support.ports import free_port
from tests.support.processes import running

PROJECT = Path(__file__).parents[2]
SERVERS = ("gthread", "gevent")
"""gunicorn with our worker, or with gevent's."""


@dataclass(frozen=True, slots=True)
class Size:
    """Worker processes, and threads (or greenlets at once) in each."""

    workers: int = 2
    threads: int = 8


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int
    pid: int
    start_cpu: float = 0.0
    """CPU seconds until the first answer."""

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"


COMMAND = """try:
    from config.cli.main import main
except ImportError:  # a checkout in which config/cli.py was the command
    from config.cli import main
main()"""


@dataclass
class Installation:
    """A migrated and loaded provider that can be served several times. `code` is where its program lies."""

    home: Path
    settings: Mapping[str, str]
    code: Path = PROJECT
    port: int = field(default_factory=free_port)

    def prepare(self) -> None:
        """Migrate, and load people and clients."""
        self._idp("db", "upgrade")
        for kind, records in (("accounts", [person(number) for number in range(PEOPLE)]), ("clients", CLIENTS)):
            file = self.home / f"{kind}.json"
            file.write_text(json.dumps(records), encoding="utf-8")
            self._idp(kind, "load", str(file), "--reason", "bench")

    @contextlib.contextmanager
    def served(self, server: str, size: Size) -> Iterator[Served]:
        """Serve until the block ends."""
        bind = f"127.0.0.1:{self.port}"
        command = [*self._command("serve", "--bind", bind), "--workers", str(size.workers)]
        command += ["--threads", str(size.threads)]
        with tempfile.TemporaryDirectory(prefix="idp-metrics-") as metrics:
            environment = self._environment()
            if server == "gevent":
                environment["PROMETHEUS_MULTIPROC_DIR"] = metrics
                command = gunicorn("config.wsgi:app", "gevent", self.port, size)
            with started(command, self.port, self.home / "log", environment, self.code) as one:
                yield one

    def _idp(self, *words: str) -> None:
        subprocess.run(self._command(*words), env=self._environment(), cwd=self.code, check=True, capture_output=True)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", COMMAND, *words]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        own = {
            "IDP_ENVIRONMENT": "development",
            "IDP_ISSUER": f"http://localhost:{self.port}",
            "IDP_DATA_DIR": str(self.home / "data"),
            "IDP_TESTING__ENABLED": "true",
            "IDP_TESTING__FIXED_CAPTCHA": CAPTCHA,
            # All visitors come from one address; what limiters floods is not what is measured.
            "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "1000000000",
            "IDP_LIMITS__ATTEMPTS_IN_TOTAL": "1000000000",
            "IDP_LIMITS__NETWORK_ACCOUNTS": "1000000000",
            # Every connection may wait for its hash: the price of a login is measured, not who is sent away.
            "IDP_LOGIN__HASH_QUEUE": "1000",
        }
        if self.code == PROJECT:
            own["IDP_WEB__OPERATIONS_BIND"] = f"127.0.0.1:{free_port()}"
        return inherited | own | dict(self.settings)


@contextlib.contextmanager
def installations(stores: str, code: Path) -> Iterator[Installation]:
    """An installation on `sqlite`, or on `postgresql` with Redis; both make what they commit durable."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idp-bench-")))
        settings = {}
        if stores == "postgresql":
            settings["IDP_STORE__DATABASE_URL"] = stack.enter_context(servers.postgresql(durable=True))
            settings["IDP_STORE__REDIS_URL"] = stack.enter_context(servers.redis_server())
        installation = Installation(home, settings, code)
        installation.prepare()
        yield installation


@contextlib.contextmanager
def peer(size: Size, alg: str, stores: str) -> Iterator[Served]:
    """npm's oidc-provider with as many workers; `alg` signs its ID tokens.

    `stores` is `redis` for one of its own, or `postgresql` for what lasts in a durable one beside that Redis.
    """
    port = free_port()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idp-bench-")))
        facts = {
            "PEER_PORT": str(port),
            "PEER_REDIS": stack.enter_context(servers.redis_server()),
            "PEER_POSTGRESQL": "",
            "PEER_WORKERS": str(size.workers),
            "PEER_CLIENTS": json.dumps(CLIENTS),
            "PEER_PEOPLE": json.dumps([person(number) for number in range(PEOPLE)]),
            "PEER_ALG": alg,
            "NODE_ENV": "production",
        }
        if stores == "postgresql":
            facts["PEER_POSTGRESQL"] = stack.enter_context(servers.postgresql(durable=True))
        command, here = ["node", "server.mjs"], Path(__file__).parent / "peer"
        yield stack.enter_context(started(command, port, home / "log", dict(os.environ) | facts, here))


@contextlib.contextmanager
def bare(size: Size) -> Iterator[Served]:
    """The yardstick: gunicorn with the same workers and threads, and an application that does nothing."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="idp-bench-") as home:
        command = gunicorn("tests.bench.bare:app", "gthread", port, size)
        with started(command, port, Path(home) / "log", dict(os.environ), PROJECT) as one:
            yield one


def gunicorn(app: str, worker_class: str, port: int, size: Size) -> list[str]:
    """The command that serves `app`, with the options that `idp serve` sets."""
    command = [sys.executable, "-m", "gunicorn", app, "--worker-class", worker_class, "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(size.workers), "--threads", str(size.threads), "--keep-alive", "5"]
    return [*command, "--log-level", "warning", "--no-control-socket"]


@contextlib.contextmanager
def started(command: list[str], port: int, log: Path, environment: dict[str, str], directory: Path) -> Iterator[Served]:
    """Run a server until the block ends."""
    with running(
        command, log=log, answers=lambda: _answers(port), environment=environment, directory=directory
    ) as process:
        spent = gauge.cpu_seconds(process.pid)
        time.sleep(1)  # The first worker answers; let the others start too.
        yield Served(port, process.pid, spent)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}{DISCOVERY}", timeout=1) as page:
        return bool(page.status == 200)
    return False
