"""Messages on standard error, for a developer at a terminal. Refused in production: it shows codes and links."""

import sys
from typing import TextIO

from idp.messages.message import Message
from idp.messages.sending import Receipt
from idp.messages.texts import render_mail, render_sms


class ConsoleSender:
    """Prints each message."""

    longest = 10.0

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def send(self, message: Message) -> Receipt:
        if message.channel == "sms":
            text = render_sms(message)
        else:
            mail = render_mail(message)
            text = f"{mail.subject}\n\n{mail.text}"
        print(f"--- {message.channel} {message.id} -> {message.to}\n{text}\n---", file=self._stream, flush=True)
        return Receipt()
