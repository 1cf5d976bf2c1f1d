"""Settings become the ways out for messages."""

from typing import Literal

from config.settings import Settings
from idp.messages.console import ConsoleSender
from idp.messages.file_inbox import FileSender
from idp.messages.message import Channel
from idp.messages.sending import Deliveries, Nowhere, Queue, Sender
from idp.ports import Clock


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
        case _:
            return Nowhere()
