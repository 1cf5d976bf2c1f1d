"""The yardstick: a WSGI application that does nothing but answer fixed JSON."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"access_token":"' + b"x" * 600 + b'","token_type":"Bearer","expires_in":600,"scope":"openid"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]
