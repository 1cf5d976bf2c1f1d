"""The receiver of a portal that is told of logouts: a real server, which answers as the test says."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.support import leaks


@dataclass
class Receiver:
    """What one portal was sent, and what it answers; `answering` happens before each answer."""

    url: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    garbage: bytes = b""
    answering: Callable[[], object] = lambda: None
    forms: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def tokens(self) -> list[str]:
        return [form["logout_token"][0] for form in self.forms]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            leaks.ISSUED.update(form.get("logout_token", ()))
            receiver.forms.append(form | {"content-type": [self.headers["Content-Type"]]})
            receiver.answering()
            if receiver.garbage:
                self.wfile.write(receiver.garbage)
                return
            with contextlib.suppress(OSError):
                self.send_response(receiver.status)
                for name, value in ({"Content-Length": str(len(receiver.body))} | dict(receiver.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/told"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
