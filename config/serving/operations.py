"""The operators' listener: a thread of the first process, which waits neither for workers nor for a store."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET
from typing import Any
from urllib.parse import urlsplit

from config.app import notes, readiness
from config.serving.numbers import Numbers
from config.stores import Stores
from idp.errors import StoreDown
from idp.http.health_endpoints import HealthEndpoints
from idp.http.metrics import page_of

SILENCE = 5.0
"""Seconds after which an idle connection to this listener is closed."""

GLANCE, PATIENCE = 0.05, 15.0
"""Seconds to wait for a worker before we use the last answer, and how long that answer counts."""


def operation_of(base: Stores, bind: str, numbers: Numbers) -> HealthEndpoints:
    """The endpoints for operators of an installation whose workers listen on `bind`."""

    def page() -> tuple[str, bytes]:
        with numbers.of_the_living() as directory:
            return page_of(directory)

    workers = _Workers(bind, urlsplit(base.settings.issuer).netloc)
    return HealthEndpoints(page, readiness(base) | {"workers": workers.check}, notes(base.settings))


class _Workers:
    """Whether any worker serves. Busy workers are not gone: a node under load must not be taken for a dead one."""

    def __init__(self, bind: str, host: str) -> None:
        self._address = read_bind(bind)
        self._host = host
        self._asked = threading.Event()
        self._asked.set()
        self._answered = -PATIENCE

    def check(self) -> None:
        """Raises `StoreDown` when no worker has answered."""
        if self._asked.is_set():
            self._asked.clear()
            threading.Thread(target=self._ask, name="ask-a-worker", daemon=True).start()
        self._asked.wait(GLANCE)
        if time.monotonic() - self._answered > PATIENCE:
            raise StoreDown("no worker answers")

    def _ask(self) -> None:
        """Send one request, as a stranger would; a worker that refuses also works."""
        host, port = self._address
        near = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - where others listen
        connection = http.client.HTTPConnection(near, port, timeout=PATIENCE)
        try:
            connection.request("GET", "/jwks", headers={"Host": self._host, "Connection": "close"})
            connection.getresponse().read()
            self._answered = time.monotonic()
        except ConnectionRefusedError:
            self._answered = -PATIENCE
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()
            self._asked.set()


def read_bind(bind: str) -> tuple[str, int]:
    """The address and the port of `address:port`; an IPv6 address is in brackets."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


class Listener:
    """Listens as soon as it is created, and answers from `start` on. Raises `OSError` when it may not listen."""

    def __init__(self, bind: str) -> None:
        address = read_bind(bind)
        self._server = _OperationsServer(address)

    def start(self, answer: Callable[[], HealthEndpoints]) -> None:
        """Answer with the current result of `answer`."""
        self._server.answer = answer
        threading.Thread(target=self._server.serve_forever, name="operations", daemon=True).start()

    def close(self) -> None:
        """Stop listening; for the process that inherited this listener without answering."""
        self._server.server_close()


class _OperationsServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    answer: Callable[[], HealthEndpoints]

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which does a DNS lookup of our own name.
        self.socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnects early is not worth a log line."""


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENCE
    protocol_version = "HTTP/1.1"
    server: _OperationsServer

    def do_GET(self) -> None:
        try:
            status, headers, body = self.server.answer().answer(urlsplit(self.path).path)
        except Exception as error:
            status, headers, body = 503, [], json.dumps({"error": type(error).__name__}).encode()
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def version_string(self) -> str:
        return "idp"

    def log_message(self, format: str, *args: Any) -> None:
        """A health check is not worth a log line."""
