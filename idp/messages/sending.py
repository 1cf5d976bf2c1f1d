"""Handing messages over: take the next one of a channel, send it, write down what became of it.

A message is taken for as long as its sender may need. When the taker dies, its time ends and the message is sent again
under the same id: at least once, and a gateway that drops repeats of an id delivers it once. Only a refusal counts as
a try; a death does not, so a killed worker costs nobody a message.
"""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from idp.messages.message import Channel, Message
from idp.ports import Clock

State = Literal["waiting", "sending", "sent", "delivered", "failed", "expired"]
Observe = Callable[[str, str], object]
"""Told the channel and what became of a message."""

log = logging.getLogger(__name__)


class TemporaryFailure(Exception):
    """The other side does not take it now; the reason is a few words without recipient, code or link."""


class PermanentFailure(Exception):
    """The other side will not take it, however often it is asked; the reason likewise."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side has taken the message; `is_delivered` when that says as well that it arrived."""

    is_delivered: bool = False


class Sender(Protocol):
    """One way out. Renders and hands over; raises `TemporaryFailure` or `PermanentFailure`."""

    longest: float
    """Seconds after which a sending is over for sure, one way or the other."""

    def send(self, message: Message) -> Receipt: ...


class Receipts(Protocol):
    """Where it is written down what a gateway says later of a message."""

    def arrived(self, message_id: str) -> bool:
        """It was delivered, also when its sending looked failed; False when nothing is known of it."""
        ...

    def lost(self, message_id: str, reason: str) -> bool:
        """It was taken but will not arrive; False when it is not known, or said to have arrived already."""
        ...


class Nowhere:
    """No way out is configured: says so of each message, so that `idp messages list` shows it."""

    longest = 10.0

    def send(self, message: Message) -> Receipt:
        raise PermanentFailure("no sender is configured")


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is ours until `until`; `tries` is how often it was refused before."""

    message: Message
    tries: int
    until: float


class Queue(Protocol):
    """Where messages wait for their turn."""

    def take(self, channel: Channel, seconds: float) -> Taken | None:
        """Take the message whose turn it is, for so many seconds: nobody else gets it meanwhile."""
        ...

    def put_off(self, taken: Taken, until: float, reason: str) -> None:
        """It was refused; its next turn is at `until`. Does nothing when it is not ours any more."""
        ...

    def finish(self, taken: Taken, state: State, reason: str = "") -> None:
        """It is done with, one way or the other. Does nothing when it is not ours any more."""
        ...


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try again after a refusal, and after how many seconds: doubling, with jitter."""

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
"""What somebody waits for is tried twice more (W-07); the rest has time. A logout ends by its own hour."""

PATIENT = Retries(12, 30, 3600)


class Deliveries:
    """Sends what is due. `senders` are the ways out, by channel; a channel without one is left alone."""

    def __init__(self, queue: Queue, senders: Mapping[Channel, Sender], clock: Clock) -> None:
        self._queue = queue
        self._senders = senders
        self._clock = clock
        self.observe: Observe = lambda _channel, _state: None

    @property
    def channels(self) -> Sequence[Channel]:
        return tuple(self._senders)

    def once(self) -> int:
        """Send all that is due now, on every channel; returns how many were taken."""
        count = 0
        for channel in self._senders:
            while self.next(channel):
                count += 1
        return count

    def next(self, channel: Channel) -> bool:
        """Send the message whose turn it is; False when none is due."""
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
            # A sender that breaks must not stop the others, nor send this one for ever.
            log.exception("sender broke", extra={"channel": channel, "message_id": taken.message.id})
            self._again(taken, type(error).__name__)
        else:
            self._finish(taken, "delivered" if receipt.is_delivered else "sent")
        return True

    def _again(self, taken: Taken, reason: str) -> None:
        """Put it off, or give up: tried often enough, or not worth saying any more by then."""
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
