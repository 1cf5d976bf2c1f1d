"""An SMS gateway that behaves as badly as it is told to: slow, down, refusing, repeating receipts, late, lying.

`POST /messages` takes one message as JSON (`id`, `to`, `text`); `POST /behaviour` changes how, and so does its page;
`GET /delivered` lists what reached a phone, with how often. With `SANDBOX_SMS_SECRET` it demands signed messages and
signs the receipts that it posts to `SANDBOX_SMS_RECEIPTS`, by itself the provider's `/messages/receipts`.
"""

import hashlib
import hmac
import json
import os
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from flask import Flask, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import serving
from sandbox.addresses import HERE, Addresses

ANSWERS = {"accept": 202, "down": 503, "refuse": 400}
MOST_KEPT = 20_000
_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How messages are answered, and what is said of them later; times are seconds."""

    answer: str = "accept"
    slow: float = 0.0
    drops_repeats: bool = True
    receipts: int = 1
    receipts_after: float = 0.0
    receipt_says: str = "delivered"

    def changed(self, form: dict[str, str]) -> "Behaviour":
        """With the fields of a form; one that is missing stays. Raises `ValueError`."""
        read: dict[str, Any] = {
            "answer": _word(*ANSWERS),
            "slow": _seconds,
            "drops_repeats": lambda text: text == "yes",
            "receipts": lambda text: min(10, max(0, int(text))),
            "receipts_after": _seconds,
            "receipt_says": _word("delivered", "failed"),
        }
        return replace(self, **{name: read[name](value) for name, value in form.items() if name in read})


def _word(*words: str) -> Any:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def _seconds(text: str) -> float:
    return min(_LONGEST, max(0.0, float(text)))


@dataclass
class Gateway:
    """What reached phones: by id the message, and how often it was delivered and asked for."""

    secret: str
    receipts_url: str
    behaviour: Behaviour = Behaviour()
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: dict[str, Any]) -> int:
        """Deliver, or not; gives the status to answer with."""
        now = self.behaviour
        time.sleep(now.slow)
        if now.answer != "accept":
            return ANSWERS[now.answer]
        with self.lock:
            if len(self.messages) >= MOST_KEPT:
                self.messages.pop(next(iter(self.messages)))
            seen = self.messages.setdefault(message["id"], message | {"asked": 0, "delivered": 0})
            seen["asked"] += 1
            seen["delivered"] += 1 if seen["delivered"] == 0 or not now.drops_repeats else 0
        if self.receipts_url and now.receipts:
            threading.Thread(target=self._tell, args=(message["id"], now), daemon=True).start()
        return ANSWERS["accept"]

    def signature(self, body: bytes) -> str:
        return f"sha256={hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()}"

    def _tell(self, message_id: str, now: Behaviour) -> None:
        time.sleep(now.receipts_after)
        body = json.dumps({"id": message_id, "status": now.receipt_says}).encode()
        headers = {"Content-Type": "application/json", "X-Signature": self.signature(body)}
        for _ in range(now.receipts):
            # Whoever does not take a receipt has to live without it: real gateways try once or twice.
            with suppress(OSError):
                asked = urllib.request.Request(self.receipts_url, body, headers)  # noqa: S310
                urllib.request.urlopen(asked, timeout=5).close()  # noqa: S310


def create_app(where: Addresses, gateway: Gateway) -> Flask:
    """The gateway's endpoint, and the page that shows and changes what it does."""
    app = Flask("sandbox.sms", root_path=str(HERE))
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.context_processor(lambda: {"where": where})

    def take() -> tuple[Response, int]:
        body = request.get_data()
        if gateway.secret and not hmac.compare_digest(request.headers.get("X-Signature", ""), gateway.signature(body)):
            return jsonify(error="signature"), 401
        message = request.get_json(silent=True)
        if not isinstance(message, dict) or not all(isinstance(message.get(n), str) for n in ("id", "to", "text")):
            return jsonify(error="id, to and text are needed"), 400
        status = gateway.take({name: message[name][:2000] for name in ("id", "to", "text")})
        return jsonify(id=message["id"]), status

    def change() -> AnyResponse | tuple[Response, int]:
        try:
            gateway.behaviour = gateway.behaviour.changed(request.form.to_dict())
        except ValueError:
            return jsonify(error="no such behaviour"), 400
        return redirect("/", 303)

    def delivered() -> Response:
        with gateway.lock:
            return jsonify(list(gateway.messages.values()))

    def home() -> str:
        with gateway.lock:
            newest = list(gateway.messages.values())[-50:][::-1]
        return render_template("sms.html", messages=newest, now=asdict(gateway.behaviour))

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/messages", view_func=take, methods=["POST"])
    app.add_url_rule("/behaviour", view_func=change, methods=["POST"])
    app.add_url_rule("/delivered", view_func=delivered)
    return app


def serve(where: Addresses) -> None:
    """Serve the gateway."""
    receipts = os.environ.get("SANDBOX_SMS_RECEIPTS", f"{where.provider}/messages/receipts")
    gateway = Gateway(os.environ.get("SANDBOX_SMS_SECRET", ""), receipts)
    serving.serve(create_app(where, gateway), where.sms_port)
