"""Clients of our APIs for apps that somebody else's generator writes from the documents that we serve."""

import importlib
import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.app import ISSUER, App
from tests.support.phones import Phone


@dataclass(frozen=True)
class GeneratedApi:
    """A package that was generated; `client` calls `app` in this process. Calls have the names of operations."""

    name: str
    app: App

    def client(self, token: str = "", auth: httpx.Auth | None = None) -> Any:
        """A client that shows `token` as bearer, or signs with `auth`."""
        transport = httpx.WSGITransport(app=self.app.wsgi, remote_addr="192.0.2.8")
        more = {"base_url": ISSUER, "httpx_args": {"transport": transport} | ({"auth": auth} if auth else {})}
        clients = importlib.import_module(f"{self.name}.client")
        return clients.AuthenticatedClient(token=token, **more) if token else clients.Client(**more)

    def call(self, operation: str, client: Any, **given: Any) -> Any:
        """What an operation answers, read by the generated models."""
        module = importlib.import_module(f"{self.name}.api.default.{operation}")
        return module.sync_detailed(client=client, **given)

    def model(self, model: str, **members: Any) -> Any:
        """A value of one of the generated models."""
        return getattr(importlib.import_module(f"{self.name}.models"), model)(**members)

    def file(self, content: Any) -> Any:
        """A file to send."""
        return importlib.import_module(f"{self.name}.types").File(payload=content)


def generate(document: Any, name: str, where: Path) -> None:
    """Write the package `name` into `where`. A document of which anything would be left out fails."""
    where.mkdir(exist_ok=True)
    (where / f"{name}.json").write_text(json.dumps(document))
    # Its output is not for us to read, so nothing formats it.
    (where / "config.json").write_text(json.dumps({"post_hooks": []}))
    out, config = where / name, where / "config.json"
    generator = str(Path(sys.executable).with_name("openapi-python-client"))
    command = [generator, "generate", "--path", str(where / f"{name}.json"), "--meta", "none", "--fail-on-warning"]
    command += ["--output-path", str(out), "--config", str(config)]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr


class SignedByPhone(httpx.Auth):
    """What our guide asks of an app: each request is signed with the phone's key, again when a nonce is asked for."""

    requires_response_body = True

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for _ in range(2):
            shown = self._phone.access_token
            request.headers["Authorization"] = f"DPoP {shown}"
            request.headers["DPoP"] = self._phone.proof(request.method, request.url.path, access_token=shown)
            response = yield request
            self._phone.nonce = response.headers.get("DPoP-Nonce", self._phone.nonce)
            if response.json().get("code") != "use_dpop_nonce":
                return
