"""The SMS gateway of the sandbox as a program of its own, on a free port."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.support.ports import free_port
from tests.support.processes import running

PROJECT = Path(__file__).parents[2]
SECRET = "a secret that the gateway knows too"


@dataclass(frozen=True)
class SmsGateway:
    """A running gateway."""

    port: int
    http: urllib3.PoolManager

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/messages"

    def behave(self, **how: object) -> None:
        """Change what it does: `answer`, `slow`, `drops_repeats`, `receipts`, `receipts_after`, `receipt_says`."""
        fields = {name: str(value) for name, value in how.items()}
        answer = self.http.request(
            "POST", f"http://localhost:{self.port}/behaviour", fields=fields, encode_multipart=False, redirect=False
        )
        assert answer.status == 303, answer.data

    def delivered(self) -> list[dict[str, Any]]:
        """Every message that was taken: `id`, `to`, `text`, how often it was `asked` for and `delivered`."""
        found: list[dict[str, Any]] = self.http.request("GET", f"http://localhost:{self.port}/delivered").json()
        return found

    def settings(self) -> dict[str, Any]:
        """The settings of a provider that uses it."""
        return {"sms": "gateway", "gateway": {"url": self.url, "secret": SECRET}}

    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {
            "IDP_MESSAGES__SMS": "gateway",
            "IDP_MESSAGES__GATEWAY__URL": self.url,
            "IDP_MESSAGES__GATEWAY__SECRET": SECRET,
        }


@contextlib.contextmanager
def sms_gateway(home: Path, receipts: str = "") -> Iterator[SmsGateway]:
    """Run it until the block ends; `receipts` is where it tells what arrived."""
    port = free_port()
    environment = os.environ | {
        "SANDBOX_PORT_OFFSET": str(port - 8008),
        "SANDBOX_SMS_SECRET": SECRET,
        "SANDBOX_SMS_RECEIPTS": receipts,
        "IDP_DATA_DIR": str(home),
    }
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(30)) as http:
        gateway = SmsGateway(port, http)

        def answers() -> bool:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                gateway.delivered()
                return True
            return False

        command = [sys.executable, "-m", "sandbox", "sms"]
        log = home / "sms.log"
        with running(command, log=log, answers=answers, environment=environment, directory=PROJECT):
            yield gateway
