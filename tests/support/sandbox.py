"""The whole sandbox as `make run` starts it, on three free ports in a row."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.provider import TESTING

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox; `url(0)` is the provider, 1 the portal, 2 the inbox, 7 the second portal.

    3 is the simulated VNeID, 4 the simulated national portal, 5 the phone.
    """

    process: subprocess.Popen[bytes]
    first_port: int
    output: Path
    data: Path

    def url(self, place: int = 0) -> str:
        return f"http://localhost:{self.first_port + place}"

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")


def free_ports() -> int:
    """The first of them; where each program of the sandbox would listen after it, nobody does."""
    return free_port(*range(1, 11))


@contextlib.contextmanager
def started(home: Path, first_port: int, **more: str) -> Iterator[Sandbox]:
    """Run `python -m sandbox run` with its data under `home`, in test mode, until the block ends.

    `more` goes into its environment.
    """
    output, data = home / "output", home / "data"
    offset = {"SANDBOX_PORT_OFFSET": str(first_port - 8000), "IDP_DATA_DIR": str(data)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    command = [sys.executable, "-m", "sandbox", "run"]
    with running(
        command,
        log=output,
        answers=lambda: "Ctrl-C" in output.read_text(encoding="utf-8", errors="replace"),
        environment=environment | offset | TESTING | more,
        directory=PROJECT,
    ) as process:
        yield Sandbox(process, first_port, output, data)
