"""Builds the senders of messages from the settings, and observes the queue."""

import ssl
from typing import Literal, get_args

from config.settings import Settings
from idp.http.store_errors import STORE_DOWN
from idp.messages.console import ConsoleSender
from idp.messages.file_inbox import FileSender
from idp.messages.message import Channel
from idp.messages.sending import Deliveries, Nowhere, Queue, Sender
from idp.messages.sms_gateway import GatewayRules, GatewaySender
from idp.messages.smtp import MailServer, SmtpSender
from idp.outbound import Outbound
from idp.ports import Clock
from idp.store.outbox import SqlOutbox
from idp.wakeups import Wakeups

LOOK_EVERY, IDLE = 5.0, 30.0
"""Seconds that a worker caches the length of the queue: while it changes, and of one that was empty."""


def deliveries_of(settings: Settings, queue: Queue, clock: Clock, portals: Sender | None = None) -> Deliveries:
    """Sends messages; without `portals`, messages to clients wait."""
    senders: dict[Channel, Sender] = {
        "sms": sender_of(settings, "sms", clock),
        "email": sender_of(settings, "email", clock),
    }
    return Deliveries(queue, senders | ({"portal": portals} if portals else {}), clock)


def sender_of(settings: Settings, channel: Literal["sms", "email"], clock: Clock) -> Sender:
    """The configured sender of text messages or mail."""
    match settings.sends_by(channel):
        case "console":
            return ConsoleSender()
        case "file":
            return FileSender(settings.data_dir / "inbox", clock)
        case "gateway":
            return GatewaySender(
                Outbound(settings.outbound.ca_file, plain_http=not settings.is_production), _gateway(settings)
            )
        case "smtp":
            trust = ssl.create_default_context(cafile=settings.outbound.ca_file)
            return SmtpSender(_mail_server(settings), trust, clock)
        case _:
            return Nowhere()


def receipts_secret(settings: Settings) -> str:
    """The secret for the gateway's signed receipts; empty when no receipts are expected."""
    secret = settings.messages.gateway.secret
    return secret.get_secret_value() if secret and settings.sends_by("sms") == "gateway" else ""


class QueueWatch:
    """How many messages wait and for how long, read now and then; a store that is down leaves the last result."""

    def __init__(self, outbox: SqlOutbox, clock: Clock, wakeups: Wakeups) -> None:
        self._outbox = outbox
        self._clock = clock
        self._wakeups = wakeups
        self._counts = 0
        self._next_look = 0.0
        self._seen: dict[Channel, tuple[int, float]] = {}

    def length(self, channel: Channel) -> float:
        return self._look().get(channel, (0, 0.0))[0]

    def oldest(self, channel: Channel) -> float:
        return self._look().get(channel, (0, 0.0))[1]

    def _look(self) -> dict[Channel, tuple[int, float]]:
        now, counts = self._clock(), sum(map(self._wakeups.count, get_args(Channel)))
        is_quiet = counts == self._counts and not self._seen
        if now >= self._next_look + (IDLE - LOOK_EVERY if is_quiet else 0.0):
            self._counts = counts
            self._next_look = now + LOOK_EVERY
            try:
                self._seen = self._outbox.waiting()
            except STORE_DOWN:
                return self._seen
        return self._seen


def _gateway(settings: Settings) -> GatewayRules:
    gateway = settings.messages.gateway
    return GatewayRules(
        url=gateway.url,
        body=gateway.body,
        content_type=gateway.content_type,
        bearer=gateway.bearer.get_secret_value() if gateway.bearer else None,
        secret=gateway.secret.get_secret_value() if gateway.secret else None,
    )


def _mail_server(settings: Settings) -> MailServer:
    smtp = settings.messages.smtp
    password = smtp.password.get_secret_value() if smtp.password else ""
    return MailServer(smtp.host, smtp.port, smtp.security, smtp.sender, smtp.user, password)
