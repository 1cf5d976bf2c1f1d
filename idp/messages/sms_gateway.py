"""Text messages through an HTTP gateway, in the format that its operator expects.

The gateway gets our id (`Idempotency-Key`, and `{id}` in the body) and should drop repeats: a message whose response
was lost is sent again. With a secret, each body is signed: `X-Signature: sha256=<HMAC-SHA256 in hex>`.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from idp.messages.message import Message
from idp.messages.sending import PermanentFailure, Receipt, TemporaryFailure
from idp.messages.texts import render_sms
from idp.outbound import Outbound, OutboundFailed

FIELDS = ("id", "to", "digits", "text")
"""The fields of a body template: our id, the number in E.164, the same without the plus, the text."""

HOPELESS = frozenset((400, 404, 405, 410, 413, 415, 422))
"""Statuses that will not change on a retry. Wrong credentials are not among them: an operator fixes those."""

HAS_IT_ALREADY = 409
_FIELD = re.compile("{(" + "|".join(FIELDS) + ")}")


@dataclass(frozen=True, slots=True)
class GatewayRules:
    """How a gateway expects requests."""

    url: str
    body: str
    content_type: str = "application/json"
    bearer: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)


def fill(body: str, content_type: str, values: dict[str, str]) -> str:
    """The template with its fields filled in as JSON strings, or as form values."""
    spell: Callable[[str], str] = json.dumps if content_type == "application/json" else quote_plus
    return _FIELD.sub(lambda field: spell(values[field[1]]), body)


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Signature` for a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class GatewaySender:
    """Posts each message once, within the limits of `Outbound`."""

    longest = 15.0

    def __init__(self, outbound: Outbound, rules: GatewayRules) -> None:
        self._outbound = outbound
        self._rules = rules

    def send(self, message: Message) -> Receipt:
        body = self._body(message)
        try:
            status = self._outbound.post(self._rules.url, body, self._headers(message, body)).status
        except OutboundFailed as error:
            raise TemporaryFailure(str(error)) from None
        if 200 <= status < 300 or status == HAS_IT_ALREADY:
            return Receipt()
        raise (PermanentFailure if status in HOPELESS else TemporaryFailure)(f"status {status}")

    def _body(self, message: Message) -> bytes:
        values = {
            "id": message.id,
            "to": message.to,
            "digits": message.to.removeprefix("+"),
            "text": render_sms(message),
        }
        return fill(self._rules.body, self._rules.content_type, values).encode()

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": self._rules.content_type, "Idempotency-Key": message.id}
        if self._rules.bearer:
            headers["Authorization"] = f"Bearer {self._rules.bearer}"
        if self._rules.secret:
            headers["X-Signature"] = signature(self._rules.secret, body)
        return headers
