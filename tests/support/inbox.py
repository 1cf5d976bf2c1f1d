"""What the people under test received: the folder that the file sender of an installation fills."""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.app import App

Received = dict[str, Any]
_LINK = re.compile(r"https?://\S+")
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


def received(folder: Path) -> list[Received]:
    """Everything in an inbox folder, oldest first."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]
    return sorted(found, key=lambda each: each["sent_at"])


def deliver(app: App) -> list[Received]:
    """Send what is due now in this process and return everything that was ever received, oldest first."""
    app.provider.oidc.deliveries.once()
    return received(app.settings.data_dir / "inbox")


def code_in(message: Received) -> str:
    """The six digits of a one-time code."""
    found = CODE.search(message["body"])
    assert found, message["body"]
    return found[0]


def link_in(message: Received) -> str:
    """The first link."""
    found = _LINK.search(message["body"])
    assert found, message["body"]
    return found[0]
