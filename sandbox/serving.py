"""Serving small Flask applications on the loopback until a signal comes."""

import logging
import signal
import threading

from flask import Flask, Response
from werkzeug.serving import make_server

from sandbox.addresses import HOST

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
"""The content policy of every page that sets none."""


def serve(app: Flask, port: int, *more: tuple[Flask, int]) -> None:
    """Serve in threads until SIGTERM or SIGINT. Exits with a sentence when a port is taken."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    servers = []
    for each, where in ((app, port), *more):
        each.after_request(_add_headers)
        servers.append(make_server(HOST, where, each, threaded=True))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    ended.wait()
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response
