"""Mail through a real SMTP server: with STARTTLS, with TLS, with a login, and when the server is not well."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from idp.messages.message import Message
from idp.messages.sending import PermanentFailure, TemporaryFailure
from idp.messages.smtp import MailServer, SmtpSender
from tests.support.certificates import Authority
from tests.support.clock import FrozenClock
from tests.support.ports import free_port

TO = "hoa@example.com"
SENDER = "Bảo hiểm xã hội <no-reply@id.example.vn>"


@dataclass
class Postbox:
    """What the server took; `answers` are given instead, first."""

    answers: list[str] = field(default_factory=list)
    letters: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.letters.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        self.receivers.append(envelope.rcpt_tos)
        return "250 OK"


class OverTls(Controller):
    """A server that speaks TLS from the first byte, as on port 465."""

    def __init__(self, handler: Any, context: ssl.SSLContext, port: int) -> None:
        super().__init__(handler, hostname="localhost", port=port, ssl_context=context)

    def factory(self) -> SMTP:
        return SMTP(self.handler)


@dataclass
class Office:
    """A running server and the sender for it."""

    postbox: Postbox
    sender: SmtpSender


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(params=["starttls", "tls", "none"])
def office(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Office]:
    with opened(request.param, authority) as running:
        yield running


@contextlib.contextmanager
def opened(
    security: Any, authority: Authority, name: str = "localhost", password: str = "mat khau"
) -> Iterator[Office]:
    """A server that wants the login idp/mat khau when it speaks TLS, and a sender that says `password`."""
    certificate, key = authority.issue(name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    postbox, port = Postbox(), free_port()
    knows = LoginPassword(b"idp", b"mat khau")

    def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, given: Any) -> AuthResult:
        return AuthResult(success=given == knows, handled=False)

    if security == "tls":
        controller: Controller = OverTls(postbox, context, port)
    elif security == "starttls":
        more = {"tls_context": context, "require_starttls": True, "authenticator": judge, "auth_required": True}
        controller = Controller(postbox, hostname="localhost", port=port, **more)
    else:
        controller = Controller(postbox, hostname="localhost", port=port)
    controller.start()
    login = {"user": "idp", "password": password} if security == "starttls" else {}
    server = MailServer("localhost", port, security, SENDER, **login)
    trust = ssl.create_default_context(cafile=authority.ca_file)
    try:
        yield Office(postbox, SmtpSender(server, trust, FrozenClock()))
    finally:
        controller.stop()


def letter(to: str = TO, **more: str) -> Message:
    facts = {"event": "new_device", "time": "08:00 02/03/2026", "browser": "Chrome, Windows"} | more
    return Message("email", to, "notice", 2e9, {"undo_url": "https://id.example.vn/undo/abc"} | facts)


def test_a_letter_arrives_as_text_and_html_under_our_id(office: Office) -> None:
    message = letter()

    office.sender.send(message)

    [found] = office.postbox.letters
    assert office.postbox.receivers == [[TO]]
    assert found["Message-ID"] == f"<{message.id}@id.example.vn>"
    assert found["Subject"] == "BHXH: Đăng nhập trên thiết bị mới"
    assert found["From"] == SENDER
    assert found["Auto-Submitted"] == "auto-generated"
    text, html = (found.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    assert "https://id.example.vn/undo/abc" in text.get_content()
    assert 'href="https://id.example.vn/undo/abc"' in html.get_content()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("451 later", TemporaryFailure),
        ("452 full", TemporaryFailure),
        ("554 spam", PermanentFailure),
        ("552 too large", PermanentFailure),
    ],
)
def test_what_the_server_says_of_a_letter_decides_whether_to_try_again(
    authority: Authority, answer: str, kind: type[Exception]
) -> None:
    with opened("none", authority) as office:
        office.postbox.answers = [answer]

        with pytest.raises(kind, match=f"smtp {answer[:3]}"):
            office.sender.send(letter())


def test_a_mailbox_that_does_not_exist_is_not_tried_again(authority: Authority) -> None:
    with opened("none", authority) as office, pytest.raises(PermanentFailure, match="smtp 550"):
        office.sender.send(letter("nobody@example.com"))


@pytest.mark.parametrize("to", ["", "hoa", "a@b, c@d", "hoa@example.com\r\nBcc: x@example.com", "<a@b>", "a b@c"])
def test_what_is_no_single_address_is_never_sent(authority: Authority, to: str) -> None:
    with opened("none", authority) as office:
        with pytest.raises(PermanentFailure, match="not an address"):
            office.sender.send(letter(to))
        assert office.postbox.letters == []


def test_a_wrong_password_is_mended_by_an_operator_so_the_letter_waits(authority: Authority) -> None:
    with opened("starttls", authority, password="sai") as office, pytest.raises(TemporaryFailure, match="smtp 535"):
        office.sender.send(letter())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_cannot_prove_its_name_gets_no_letter(authority: Authority, security: str) -> None:
    with opened(security, authority, name="other.example") as office:
        with pytest.raises(TemporaryFailure, match="SSLCertVerificationError"):
            office.sender.send(letter())
        assert office.postbox.letters == []


def test_a_server_without_starttls_gets_no_letter(authority: Authority, tmp_path: Path) -> None:
    with opened("none", authority) as office:
        plain = office.sender._server
        strict = MailServer(plain.host, plain.port, "starttls", SENDER)
        with pytest.raises(TemporaryFailure, match="SMTPNotSupportedError"):
            SmtpSender(strict, ssl.create_default_context(), FrozenClock()).send(letter())
        assert office.postbox.letters == []


def test_nobody_at_the_servers_address_is_a_server_that_is_down() -> None:
    server = MailServer("localhost", 1, "none", SENDER)

    with pytest.raises(TemporaryFailure, match="ConnectionError"):
        SmtpSender(server, ssl.create_default_context(), FrozenClock()).send(letter())


@pytest.mark.parametrize("greeting", [b"", b"2"])
def test_a_server_that_hangs_or_drips_does_not_hold_us(greeting: bytes) -> None:
    """W-07"""
    with dripping(greeting) as port:
        server = MailServer("localhost", port, "none", SENDER)
        sender = SmtpSender(server, ssl.create_default_context(), FrozenClock(), step=0.3, total=1)
        began = time.monotonic()
        with pytest.raises(TemporaryFailure, match="SMTPServerDisconnected"):
            sender.send(letter())

    assert time.monotonic() - began < 10


@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_conversation_that_drips_from_its_first_byte_on_ends_as_a_whole(security: Any) -> None:
    """Each byte comes in time; a record of TLS that drips is never whole."""
    with dripping(b"\x16\x03\x03\x3f\xff" if security == "tls" else b"220-", greets=False) as port:
        server = MailServer("localhost", port, security, SENDER)
        sender = SmtpSender(server, ssl.create_default_context(), FrozenClock(), step=3, total=1)
        began = time.monotonic()
        with pytest.raises(TemporaryFailure):
            sender.send(letter())

    assert time.monotonic() - began < 10


def test_a_name_server_that_is_silent_does_not_hold_us() -> None:
    over = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        over.wait(30)
        return []

    server = MailServer("mail.example", 25, "none", SENDER)
    sender = SmtpSender(server, ssl.create_default_context(), FrozenClock(), step=0.3, total=1, resolve=silent)
    began = time.monotonic()
    try:
        with pytest.raises(TemporaryFailure, match="not resolved in time"):
            sender.send(letter())
    finally:
        over.set()
    assert time.monotonic() - began < 10


@contextlib.contextmanager
def dripping(greeting: bytes, *, greets: bool = True) -> Iterator[int]:
    """A server that greets whole and then lets its answer to everything fall in drops, or says nothing at all."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if greeting and greets:
                connection.sendall(b"220 here\r\n")
            for _ in range(80):
                if over.wait(0.1):
                    break
                connection.sendall(greeting)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                drip(listener.accept()[0])

    with socket.create_server(("localhost", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
