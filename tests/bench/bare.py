"""The yardsticks: WSGI applications that do nothing but answer fixed JSON, one of them after a read of Redis."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import redis

BODY = b'{"access_token":"' + b"x" * 600 + b'","token_type":"Bearer","expires_in":600,"scope":"openid"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]

REDIS = redis.Redis.from_url(os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:1"))


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]


def one_read(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The same after one GET: the least that any poll of a short-lived store can cost."""
    REDIS.get("q:0123456789012345678901234567890123456789012")
    start_response("200 OK", HEADERS)
    return [BODY]
