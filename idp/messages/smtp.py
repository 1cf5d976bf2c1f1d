"""Mail through an SMTP server. The Message-ID is ours, so that a repeat can be told from another mail."""

import smtplib
import socket
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Literal

from idp.messages.message import Message
from idp.messages.sending import Never, NotNow, Receipt
from idp.messages.texts import render_mail
from idp.ports import Clock


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and as whom."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


class SmtpSender:
    """One connection for each mail. `trust` is what TLS believes; `step` and `total` bound it, in seconds."""

    longest = 30.0

    def __init__(
        self, server: MailServer, trust: ssl.SSLContext, clock: Clock, *, step: float = 5.0, total: float = 20.0
    ) -> None:
        self._server = server
        self._trust = trust
        self._clock = clock
        self._step = step
        self._total = total

    def send(self, message: Message) -> Receipt:
        try:
            letter = self._letter(message)
        except (ValueError, IndexError, MessageParseError):
            raise Never("not an address") from None
        try:
            self._hand_in(letter, message.to)
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(next(iter(error.recipients.values()))[0]) from None
        except smtplib.SMTPDataError as error:
            raise _verdict(error.smtp_code) from None
        except smtplib.SMTPResponseException as error:
            # About us, not about this mail: an operator mends it.
            raise NotNow(f"smtp {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotNow(type(error).__name__) from None
        return Receipt()

    def _hand_in(self, letter: EmailMessage, to: str) -> None:
        with closing(self._connect()) as smtp:
            # Each step has its deadline; this one is for a server that drips.
            cut = threading.Timer(self._total, _cut, [smtp])
            cut.daemon = True
            cut.start()
            try:
                self._greet(smtp)
                smtp.send_message(letter, parseaddr(self._server.sender)[1], [to])
                # It has the mail; whatever it says about our leaving changes nothing.
                with suppress(OSError, smtplib.SMTPException):
                    smtp.quit()
            finally:
                cut.cancel()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=self._step, context=self._trust)
        return smtplib.SMTP(server.host, server.port, timeout=self._step)

    def _greet(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if server.security == "starttls":
            smtp.starttls(context=self._trust)
        if server.user:
            smtp.login(server.user, server.password)

    def _letter(self, message: Message) -> EmailMessage:
        mail = render_mail(message)
        name, address = parseaddr(self._server.sender)
        letter = EmailMessage(policy=WIRE)
        letter["From"] = Address(name, addr_spec=address)
        letter["To"] = Address(addr_spec=message.to)
        letter["Subject"] = mail.subject
        letter["Date"] = format_datetime(datetime.fromtimestamp(self._clock(), UTC))
        letter["Message-ID"] = f"<{message.id}@{address.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["Content-Language"] = message.language
        letter.set_content(mail.text)
        letter.add_alternative(mail.html, subtype="html")
        return letter


def _verdict(code: int) -> Exception:
    """What an answer about this mail means: a 5xx is final (RFC 5321, 4.2.1), anything else may pass."""
    return (Never if 500 <= code < 600 else NotNow)(f"smtp {code}")


def _cut(smtp: smtplib.SMTP) -> None:
    with suppress(OSError):
        if smtp.sock:
            smtp.sock.shutdown(socket.SHUT_RDWR)
