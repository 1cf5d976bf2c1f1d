"""The one guarded HTTP client of all rooms: https, a deadline, a size cap, no redirects, a CA of the operator's choice.

SMTP, SQL and Redis are the named exceptions. An answer that breaks a bound is no answer.
"""

import json
import time
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

LARGEST_ANSWER = 65_536
TOTAL_SECONDS = 5.0


class OutboundFailed(Exception):
    """The other side could not be asked, or answered out of bounds. The message is for the log."""


class Outbound:
    """Fetches small JSON documents."""

    def __init__(self, ca_file: Path | None = None, *, plain_http: bool = False) -> None:
        trust: Any = {"ca_certs": str(ca_file)} if ca_file else {}
        self._pool = urllib3.PoolManager(num_pools=20, maxsize=4, cert_reqs="CERT_REQUIRED", **trust)
        self._plain_http = plain_http

    def get_json(self, url: str) -> dict[str, Any]:
        """The JSON object at `url`: at most 64 KiB, within five seconds. Raises `OutboundFailed`."""
        if not url.startswith("https://") and not self._plain_http:
            raise OutboundFailed("only https")
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            response = self._pool.request(
                "GET",
                url,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=TOTAL_SECONDS, connect=2.0),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            )
            with response:
                body = _bounded(response, deadline)
        except HTTPError as error:
            raise OutboundFailed(type(error).__name__) from None
        if response.status != 200:
            raise OutboundFailed(f"status {response.status}")
        return _object(body)


def _bounded(response: Any, deadline: float) -> bytes:
    body = b""
    for chunk in response.stream(8192, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise OutboundFailed("answer is too large")
        if time.monotonic() > deadline:
            raise OutboundFailed("answer is too slow")
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise OutboundFailed("answer is no JSON object")
    return found
