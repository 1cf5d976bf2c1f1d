"""Mail through an SMTP server. The Message-ID is ours, so that a repeat can be told from a different mail."""

import smtplib
import socket
import ssl
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Any, Literal

from idp.addresses import Resolve, Unreachable, system_resolver
from idp.messages.message import Message
from idp.messages.sending import PermanentFailure, Receipt, TemporaryFailure
from idp.messages.texts import render_mail
from idp.outbound import Guard
from idp.ports import Clock


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that mail is submitted to, and the account."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


class SmtpSender:
    """One connection per mail. `trust` is what TLS trusts; `step` and `total` are limits in seconds.

    `total` covers everything from the DNS look-up on, even with a server that sends slowly; `step` covers each reply.
    """

    longest = 30.0

    def __init__(
        self,
        server: MailServer,
        trust: ssl.SSLContext,
        clock: Clock,
        *,
        step: float = 5.0,
        total: float = 20.0,
        resolve: Resolve = system_resolver,
    ) -> None:
        self._server = server
        self._trust = trust
        self._clock = clock
        self._step = step
        self._total = total
        self._guard = Guard(resolve)

    def send(self, message: Message) -> Receipt:
        try:
            letter = self._letter(message)
        except (ValueError, IndexError, MessageParseError):
            raise PermanentFailure("not an address") from None
        try:
            self._hand_in(letter, message.to)
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(next(iter(error.recipients.values()))[0]) from None
        except smtplib.SMTPDataError as error:
            raise _verdict(error.smtp_code) from None
        except smtplib.SMTPResponseException as error:
            # The error concerns us, not this mail: an operator fixes it.
            raise TemporaryFailure(f"smtp {error.smtp_code}") from None
        except Unreachable as error:
            raise TemporaryFailure(str(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise TemporaryFailure(type(error).__name__) from None
        return Receipt()

    def _hand_in(self, letter: EmailMessage, to: str) -> None:
        with self._guard.until(time.monotonic() + self._total), closing(self._connect()) as smtp:
            self._greet(smtp)
            smtp.send_message(letter, parseaddr(self._server.sender)[1], [to])
            # The server has the mail; its reply to our QUIT changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return _Secure(self._guard, server.host, server.port, timeout=self._step, context=self._trust)
        return _Plain(self._guard, server.host, server.port, timeout=self._step)

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
    """What a reply about this mail means: 5xx is final (RFC 5321, 4.2.1), anything else may pass."""
    return (PermanentFailure if 500 <= code < 600 else TemporaryFailure)(f"smtp {code}")


class _Plain(smtplib.SMTP):
    """An SMTP session under the deadline of the mail, on a connection that is cut at the deadline."""

    def __init__(self, guard: Guard, *args: Any, **named: Any) -> None:
        self._guard = guard
        super().__init__(*args, **named)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = self._guard.connected(host, port, timeout)
        sock.settimeout(timeout)
        return sock


class _Secure(smtplib.SMTP_SSL, _Plain):
    """The same, with TLS from the first byte."""

    def __init__(self, guard: Guard, *args: Any, **named: Any) -> None:
        self._guard = guard
        smtplib.SMTP_SSL.__init__(self, *args, **named)
