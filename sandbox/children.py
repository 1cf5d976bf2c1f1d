"""The programs that the sandbox starts: each in a process group of its own, with its log in a file."""

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.addresses import HOST, PROJECT

_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A running program; `ready_path` answers 200 once it can be used."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    ready_path: str
    log: Path

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", self.ready_path, headers={"Host": f"localhost:{self.port}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_lines(self, count: int = 20) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def start(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    ready_path: str,
    environment: Mapping[str, str],
    logs: Path,
) -> Child:
    """Start a program; its own session keeps the terminal's Ctrl-C for us, so that we end the children in order."""
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=PROJECT,
            start_new_session=True,
        )
    return Child(name, process, port, ready_path, log)


def stop(children: Sequence[Child], grace: float = _GRACE) -> None:
    """Ask all to end, wait `grace` seconds together, and kill whatever is left of their process groups."""
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
