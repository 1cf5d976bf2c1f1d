"""Delivering messages: take the next one of a channel, send it, record the outcome.

A message is claimed for as long as its sender may need. If the process dies, the claim expires and the message is sent
again under the same id: at least once, and a gateway that drops repeated ids delivers it once. Only a refusal counts as
a try; a crash does not, so a killed worker loses no message.
"""

import logging
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from idp.messages.message import Channel, Message
from idp.ports import Clock

State = Literal["waiting", "sending", "sent", "delivered", "failed", "expired"]
Observe = Callable[[str, str], object]
"""Called with the channel and the outcome of a message."""

log = logging.getLogger(__name__)


class TemporaryFailure(Exception):
    """The other side does not accept it now; the reason is a few words without recipient, code or link."""


class PermanentFailure(Exception):
    """The other side will never accept it; the same holds for the reason."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side has accepted the message; `is_delivered` is True if that also confirms delivery."""

    is_delivered: bool = False


class Sender(Protocol):
    """One channel's sender. Renders and hands over; raises `TemporaryFailure` or `PermanentFailure`."""

    longest: float
    """Seconds after which a send has certainly ended, with or without success."""

    def send(self, message: Message) -> Receipt: ...


class Receipts(Protocol):
    """Records what a gateway reports later about a message."""

    def arrived(self, message_id: str) -> bool:
        """It was delivered, even if sending it seemed to fail; False when the message is unknown."""
        ...

    def lost(self, message_id: str, reason: str) -> bool:
        """It was accepted but will not arrive; False when it is unknown, or already reported as delivered."""
        ...


class Nowhere:
    """No sender is configured: fails each message with that reason, so that `idp messages list` shows it."""

    longest = 10.0

    def send(self, message: Message) -> Receipt:
        raise PermanentFailure("no sender is configured")


@dataclass(frozen=True, slots=True)
class Taken:
    """A message claimed until `until`; `tries` is how often it was refused before."""

    message: Message
    tries: int
    until: float


class Queue(Protocol):
    """Where messages wait to be sent."""

    def take(self, channel: Channel, seconds: float) -> Taken | None:
        """Claim the message that is next, for so many seconds: no other worker gets it in that time."""
        ...

    def next_turn(self, channel: Channel) -> float | None:
        """When the next message of the channel is due, or its claim expires; None when none waits."""
        ...

    def put_off(self, taken: Taken, until: float, reason: str) -> None:
        """It was refused; try again at `until`. Does nothing if the claim is no longer ours."""
        ...

    def finish(self, taken: Taken, state: State, reason: str = "") -> None:
        """It is finished, with or without success. Does nothing if the claim is no longer ours."""
        ...


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to retry after a refusal, and after how many seconds: doubling, with jitter."""

    most: int
    first: float
    longest: float

    def pause(self, tries: int) -> float:
        return float(min(self.longest, self.first * 2.0 ** min(tries, 30)) * random.uniform(0.5, 1.0))  # noqa: S311


RETRIES: Mapping[str, Retries] = {
    "otp": Retries(2, 10, 60),
    "recovery_link": Retries(2, 10, 60),
    "logout": Retries(60, 10, 300),
}
"""What a person is waiting for is retried twice (W-07); the rest has time. A logout expires by its own deadline."""

PATIENT = Retries(12, 30, 3600)


class Deliveries:
    """Sends what is due. `senders` are the senders by channel; a channel without one is left alone."""

    def __init__(self, queue: Queue, senders: Mapping[Channel, Sender], clock: Clock) -> None:
        self._queue = queue
        self._senders = senders
        self._clock = clock
        self.observe: Observe = lambda _channel, _state: None

    @property
    def channels(self) -> Sequence[Channel]:
        return tuple(self._senders)

    def once(self) -> int:
        """Send everything that is due now, on every channel; returns how many messages were taken."""
        count = 0
        for channel in self._senders:
            while self.next(channel):
                count += 1
        return count

    def due_in(self, channel: Channel) -> float:
        """Seconds until the next message is due: 0 when it is, infinite when none waits."""
        turn = self._queue.next_turn(channel)
        return math.inf if turn is None else max(0.0, turn - self._clock())

    def next(self, channel: Channel) -> bool:
        """Send the next message; False when none is due."""
        sender = self._senders[channel]
        taken = self._queue.take(channel, sender.longest)
        if taken is None:
            return False
        if taken.message.good_until <= self._clock():
            self._finish(taken, "expired")
            return True
        try:
            receipt = sender.send(taken.message)
        except PermanentFailure as error:
            self._finish(taken, "failed", str(error))
        except TemporaryFailure as error:
            self._again(taken, str(error))
        except Exception as error:
            # A broken sender must not stop the others, nor retry this message for ever.
            log.exception("sender broke", extra={"channel": channel, "message_id": taken.message.id})
            self._again(taken, type(error).__name__)
        else:
            self._finish(taken, "delivered" if receipt.is_delivered else "sent")
        return True

    def _again(self, taken: Taken, reason: str) -> None:
        """Postpone it, or give up: tried often enough, or expired by the next try."""
        message = taken.message
        retries = RETRIES.get(message.template, PATIENT)
        until = self._clock() + retries.pause(taken.tries)
        if taken.tries >= retries.most:
            self._finish(taken, "failed", reason)
        elif until >= message.good_until:
            self._finish(taken, "expired", reason)
        else:
            self._queue.put_off(taken, until, reason)
            self._tell(taken, "put off", reason)

    def _finish(self, taken: Taken, state: State, reason: str = "") -> None:
        self._queue.finish(taken, state, reason)
        self._tell(taken, state, reason)

    def _tell(self, taken: Taken, became: str, reason: str) -> None:
        message = taken.message
        self.observe(message.channel, became.replace(" ", "_"))
        facts = {"message_id": message.id, "channel": message.channel, "template": message.template, "became": became}
        log.info("message", extra=facts | ({"reason": reason} if reason else {}))
