"""Serving a small Flask application on the loopback until a signal comes."""

import logging
import signal
import threading

from flask import Flask, Response
from werkzeug.serving import make_server

from sandbox.addresses import HOST


def serve(app: Flask, port: int) -> None:
    """Serve in threads until SIGTERM or SIGINT. Exits with a sentence when the port is taken."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app.after_request(_add_headers)
    server = make_server(HOST, port, app, threaded=True)

    def end(*_: object) -> None:
        # `shutdown` waits for the loop that this signal has just interrupted, hence the thread.
        threading.Thread(target=server.shutdown).start()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    server.serve_forever()
    server.server_close()


def _add_headers(response: Response) -> Response:
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response
