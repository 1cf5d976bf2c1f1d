"""The inbox: every SMS and e-mail that the provider sends in development, read from a folder of JSON files.

It shows them as a phone and as a mailbox would. One file is one message, an object with `channel` (sms or email), `to`,
`subject`, `body`, perhaps `html`, and `sent_at` in seconds. Files that are half written, too large or no message at all
are counted and passed over.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request

from sandbox import serving
from sandbox.addresses import HERE, Addresses

MOST_SHOWN = 100
_LARGEST = 64 * 1024
_HANOI = timezone(timedelta(hours=7))
_LINK = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)])")
_LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; sandbox allow-popups"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `sent_at` is in seconds since the epoch."""

    channel: str
    to: str
    subject: str
    body: str
    sent_at: float
    html: str = ""
    name: str = ""

    @property
    def when(self) -> str:
        return datetime.fromtimestamp(self.sent_at, _HANOI).strftime("%H:%M:%S %d/%m/%Y")

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The body in pieces, each with whether it is a link."""
        return [(piece, bool(place % 2)) for place, piece in enumerate(_LINK.split(self.body))]


def read_folder(folder: Path) -> tuple[list[Message], int]:
    """The newest messages first, and how many files could not be read as one."""
    files = sorted(folder.glob("*.json"), key=_age)[:MOST_SHOWN] if folder.is_dir() else []
    found = [_read(file) for file in files]
    messages = [each for each in found if each is not None]
    return sorted(messages, key=lambda each: -each.sent_at), found.count(None)


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:
        return 0.0


def _read(file: Path) -> Message | None:
    try:
        if file.stat().st_size > _LARGEST:
            return None
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        sent_at = float(content.get("sent_at", file.stat().st_mtime))
        datetime.fromtimestamp(sent_at, _HANOI)
        names = ("channel", "to", "subject", "body", "html")
        channel, to, subject, body, html = (str(content.get(name) or "") for name in names)
        return Message(channel, to, subject, body, sent_at, html, file.stem)
    except (OSError, ValueError, OverflowError, TypeError, AttributeError, RecursionError):
        return None


def create_app(where: Addresses) -> Flask:
    """The inbox's page, and its letters as they look."""
    app = Flask("sandbox.inbox", root_path=str(HERE))
    app.context_processor(lambda: {"where": where})

    def home() -> str:
        messages, unreadable = read_folder(where.messages)
        texts = [each for each in messages if each.channel == "sms"]
        mails = [each for each in messages if each.channel != "sms"]
        renewing = "auto" in request.args
        return render_template("inbox.html", texts=texts, mails=mails, unreadable=unreadable, renewing=renewing)

    def letter(name: str) -> Response:
        """A mail as its reader's program would draw it, in a page that can load and do nothing."""
        found = next((each for each in read_folder(where.messages)[0] if each.name == name and each.html), None)
        answer = Response(found.html if found else "Không có thư này.", 200 if found else 404, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = _LETTER_POLICY
        return answer

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/letters/<name>", view_func=letter)
    return app


def serve(where: Addresses) -> None:
    """Serve the inbox."""
    serving.serve(create_app(where), where.inbox_port)
