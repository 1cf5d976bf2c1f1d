"""Messages as files, which the sandbox inbox shows. Refused in production: codes and links would be readable."""

import json
import os
from pathlib import Path

from idp.messages.message import Message
from idp.messages.sending import Receipt
from idp.messages.texts import render_mail, render_sms
from idp.ports import Clock


class FileSender:
    """Writes one JSON file per message, named by its id: a repeat replaces the first, as a good gateway drops it."""

    longest = 10.0

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def send(self, message: Message) -> Receipt:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written to a temporary file and renamed: readers never see half a file.
        draft = self._folder / f".{message.id}.{os.getpid()}"
        content = json.dumps(self._content(message), ensure_ascii=False)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        draft.replace(self._folder / f"{message.id}.json")
        return Receipt()

    def _content(self, message: Message) -> dict[str, object]:
        entry = {"id": message.id, "channel": message.channel, "to": message.to, "sent_at": self._clock()}
        if message.channel == "sms":
            return entry | {"body": render_sms(message)}
        mail = render_mail(message)
        return entry | {"subject": mail.subject, "body": mail.text, "html": mail.html}
