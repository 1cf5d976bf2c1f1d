"""`/messages/receipts`: delivery receipts from the SMS gateway, signed with our shared secret.

One JSON object `{"id": ..., "status": "delivered" | "failed"}` or a list of them; other keys are ignored. Repeated and
unknown ids change nothing and get the same response, so that a gateway need not try again.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from idp.errors import BadRequest
from idp.http.forms import read_body
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.messages.sending import Receipts
from idp.messages.sms_gateway import signature

PATH = "/messages/receipts"
MOST = 500
"""Maximum receipts in one request."""

_OURS = re.compile(r"[0-9a-f]{22}")


class ReceiptDesk:
    """Takes receipts. `observe` is called with what became of a message."""

    def __init__(self, receipts: Receipts, secret: str, observe: Callable[[str, str], object]) -> None:
        self._receipts = receipts
        self._secret = secret
        self._observe = observe

    def table(self) -> Mapping[str, Endpoint]:
        return {PATH: self.take}

    def take(self, environ: Environ) -> EndpointResponse:
        if environ["REQUEST_METHOD"] != "POST":
            return problem(405, "method_not_allowed", [("Allow", "POST")])
        body = read_body(environ)
        signed = environ.get("HTTP_X_SIGNATURE", "").encode("latin-1")
        if not hmac.compare_digest(signed, signature(self._secret, body).encode()):
            return problem(401, "signature", [("WWW-Authenticate", "X-Signature")])
        for message_id, status in list(_read(body)):
            self._note(message_id, status)
        return reply(200, {}, [])

    def _note(self, message_id: str, status: str) -> None:
        if status == "delivered" and self._receipts.arrived(message_id):
            self._observe("sms", "delivered")
        elif status == "failed" and self._receipts.lost(message_id, "said the gateway"):
            self._observe("sms", "lost")


def _read(body: bytes) -> Iterator[tuple[str, str]]:
    """(id, status) of each receipt. Raises `BadRequest`."""
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("receipts are no JSON") from None
    receipts = parsed if isinstance(parsed, list) else [parsed]
    if len(receipts) > MOST:
        raise BadRequest(f"more than {MOST} receipts")
    for receipt in receipts:
        message_id, status = (receipt.get("id"), receipt.get("status")) if isinstance(receipt, dict) else (None, None)
        if not isinstance(message_id, str) or not isinstance(status, str):
            raise BadRequest("a receipt needs id and status")
        if _OURS.fullmatch(message_id):
            yield message_id, status
