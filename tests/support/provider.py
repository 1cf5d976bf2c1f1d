"""The real provider: `idp serve` with its own data directory, on a free port, as an operator would start it."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from tests.support import leaks
from tests.support.ports import free_port
from tests.support.processes import children, running

IDP = Path(sys.executable).with_name("idp")
FIXED_CAPTCHA = "00000"
TESTING = {
    "IDP_TESTING__ENABLED": "true",
    "IDP_TESTING__FIXED_CAPTCHA": FIXED_CAPTCHA,
}


@dataclass
class Provider:
    """One installation. `settings` are environment variables; everything lives under `home`."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    operations_port: int = field(default_factory=free_port)
    workers: int = 1
    under: tuple[str, ...] = ()
    """A command that runs the server, such as `prlimit`."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def issuer(self) -> str:
        return self.settings.get("IDP_ISSUER", f"http://localhost:{self.port}")

    @property
    def log(self) -> Path:
        return self.home / "idp.log"

    def command(self, *words: str, fails: bool = False) -> str:
        """Run `idp ...` beside the server and give what it printed; anything but the expected exit is a failure."""
        done = subprocess.run(
            [IDP, *words], env=self._environment(), cwd=self.home, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode != 0) == fails, f"idp {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def complaint(self, *words: str) -> str:
        """Run `idp ...`, which must refuse; gives what it said on standard error."""
        done = subprocess.run(
            [IDP, *words], env=self._environment(), cwd=self.home, capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0, f"idp {' '.join(words)} did not refuse"
        return done.stderr

    def load(self, kind: str, records: list[dict[str, Any]]) -> None:
        """Load `accounts` or `clients`."""
        file = self.home / f"{kind}.json"
        file.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
        self.command(kind, "load", str(file), "--reason", "test")

    @contextlib.contextmanager
    def serving(self) -> Iterator["Provider"]:
        """Serve until the block ends."""
        command = [*self.under, str(IDP), "serve", "--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers)]
        with running(
            command, log=self.log, answers=self.is_ready, environment=self._environment(), directory=self.home
        ) as self.process:
            yield self
        leaks.read(self.log)

    def logged(self) -> list[dict[str, Any]]:
        """Every whole JSON line of the log so far."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def workers_by_request(self) -> dict[str, int]:
        """Which process answered which request, by `X-Request-Id`."""
        return {line["request_id"]: line["pid"] for line in self.logged() if line["message"] == "answered"}

    def worker_processes(self) -> set[int]:
        """The processes that the server has started and that live."""
        master = self.master_process()
        return children(master) if master else set()

    def master_process(self) -> int | None:
        """gunicorn's master; `process` is the one before it, which serves nobody."""
        assert self.process
        return next(iter(children(self.process.pid)), None)

    def operations(self, path: str, patience: float = 5.0) -> urllib3.BaseHTTPResponse:
        """What operators are told at `path`. Raises `HTTPError`."""
        with urllib3.PoolManager() as pool:
            url = f"http://127.0.0.1:{self.operations_port}{path}"
            return pool.request("GET", url, retries=False, timeout=patience)

    def metrics(self) -> str:
        """The page for Prometheus."""
        return self.operations("/metrics").data.decode()

    def is_ready(self) -> bool:
        """Whether it says so."""
        try:
            return self.operations("/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        usual = {
            "IDP_ENVIRONMENT": "development",
            "IDP_ISSUER": self.issuer,
            "IDP_DATA_DIR": str(self.home / "data"),
            "IDP_WEB__OPERATIONS_BIND": f"127.0.0.1:{self.operations_port}",
        }
        return inherited | usual | dict(self.settings)


@contextlib.contextmanager
def running_provider(
    home: Path,
    settings: Mapping[str, str] | None = None,
    *,
    people: list[dict[str, Any]] | None = None,
    clients: list[dict[str, Any]] | None = None,
    workers: int = 1,
) -> Iterator[Provider]:
    """Migrate, load and serve in `home`; test mode is on unless `settings` say otherwise."""
    provider = Provider(home, TESTING | dict(settings or {}), workers=workers)
    provider.command("db", "upgrade")
    if people:
        provider.load("accounts", people)
    if clients:
        provider.load("clients", clients)
    with provider.serving():
        yield provider
