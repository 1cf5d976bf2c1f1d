"""The inbox: every SMS and e-mail that the provider sends in development, read from a folder of JSON files.

One file is one message, an object with `channel` (sms or email), `to`, `subject`, `body` and `sent_at` in seconds.
Files that are half written, too large or no message at all are counted and passed over.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from flask import Flask, render_template

from sandbox import serving
from sandbox.addresses import HERE, Addresses

MOST_SHOWN = 100
_LARGEST = 64 * 1024
_HANOI = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `sent_at` is in seconds since the epoch."""

    channel: str
    to: str
    subject: str
    body: str
    sent_at: float

    @property
    def when(self) -> str:
        return datetime.fromtimestamp(self.sent_at, _HANOI).strftime("%H:%M:%S %d/%m/%Y")


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
        channel, to, subject, body = (str(content.get(name) or "") for name in ("channel", "to", "subject", "body"))
        return Message(channel, to, subject, body, sent_at)
    except (OSError, ValueError, OverflowError, TypeError, AttributeError, RecursionError):
        return None


def create_app(where: Addresses) -> Flask:
    """The inbox's one page."""
    app = Flask("sandbox.inbox", root_path=str(HERE))
    app.context_processor(lambda: {"where": where})

    def home() -> str:
        messages, unreadable = read_folder(where.messages)
        return render_template("inbox.html", messages=messages, unreadable=unreadable)

    app.add_url_rule("/", view_func=home)
    return app


def serve(where: Addresses) -> None:
    """Serve the inbox."""
    serving.serve(create_app(where), where.inbox_port)
