"""Settings become the ways out for messages, and what watches the queue."""

import ssl
from typing import Literal

from config.settings import Settings
from idp.messages.console import ConsoleSender
from idp.messages.file_inbox import FileSender
from idp.messages.message import Channel
from idp.messages.sending import Deliveries, Nowhere, Queue, Sender
from idp.messages.sms_gateway import GatewayRules, GatewaySender
from idp.messages.smtp import MailServer, SmtpSender
from idp.outbound import Outbound
from idp.ports import Clock
from idp.store.outbox import SqlOutbox
from idp.store.store_errors import STORE_DOWN

LOOK_EVERY = 5.0
"""Seconds that a worker keeps the length of the queue before it asks again."""


def deliveries_of(settings: Settings, queue: Queue, clock: Clock, portals: Sender | None = None) -> Deliveries:
    """What sends messages; without `portals` what is for a portal waits."""
    senders: dict[Channel, Sender] = {
        "sms": sender_of(settings, "sms", clock),
        "email": sender_of(settings, "email", clock),
    }
    return Deliveries(queue, senders | ({"portal": portals} if portals else {}), clock)


def sender_of(settings: Settings, channel: Literal["sms", "email"], clock: Clock) -> Sender:
    """The way out that the settings choose for text messages or mail."""
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
    """The secret that the gateway signs its receipts with; empty when nobody will send any."""
    secret = settings.messages.gateway.secret
    return secret.get_secret_value() if secret and settings.sends_by("sms") == "gateway" else ""


class QueueWatch:
    """How many messages wait and for how long, asked now and then; a store that is down leaves the last answer."""

    def __init__(self, outbox: SqlOutbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._next_look = 0.0
        self._seen: dict[Channel, tuple[int, float]] = {}

    def length(self, channel: Channel) -> float:
        return self._look().get(channel, (0, 0.0))[0]

    def oldest(self, channel: Channel) -> float:
        return self._look().get(channel, (0, 0.0))[1]

    def _look(self) -> dict[Channel, tuple[int, float]]:
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            try:
                self._seen = self._outbox.waiting()
            except STORE_DOWN:
                return self._seen
        return self._seen


def _gateway(settings: Settings) -> GatewayRules:
    given = settings.messages.gateway
    return GatewayRules(
        url=given.url,
        body=given.body,
        content_type=given.content_type,
        bearer=given.bearer.get_secret_value() if given.bearer else None,
        secret=given.secret.get_secret_value() if given.secret else None,
    )


def _mail_server(settings: Settings) -> MailServer:
    given = settings.messages.smtp
    password = given.password.get_secret_value() if given.password else ""
    return MailServer(given.host, given.port, given.security, given.sender, given.user, password)
