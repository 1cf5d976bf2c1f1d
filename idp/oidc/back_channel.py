"""Notifies clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).

A client that redeems a code and has a `backchannel_logout_uri` is recorded with the session. However the session ends,
each of them gets one message in the same transaction; it is retried with a fresh token for an hour.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Literal, Protocol
from urllib.parse import urlencode

from idp.messages.message import Message
from idp.messages.sending import PermanentFailure, Receipt, TemporaryFailure
from idp.oidc.clients import Clients
from idp.oidc.tokens import Tokens
from idp.outbound import Outbound, OutboundFailed
from idp.ports import Clock

TRIED_FOR = 3600.0
"""Time-out in seconds for a client that does not answer."""

Outcome = Literal["told", "trying", "unreached"]


@dataclass(frozen=True, slots=True)
class NotifiedClient:
    """A client of an ended session, and how far its notification has come."""

    client_id: str
    outcome: Outcome


class SessionClients(Protocol):
    """Where the clients of a session are stored."""

    def add(self, sid: str, client_id: str, *, until: float) -> bool:
        """Record that the client is in the session, until the session's own end or `until` if that is later.

        False when the session has ended: then nothing may be issued in it. A concurrent end is never missed.
        """
        ...

    def clients_of(self, sid: str) -> list[NotifiedClient]:
        """The clients of an ended session."""
        ...


def logout_message(account_id: str, sid: str, client_id: str, now: float) -> Message:
    """The outbox message. The URL is looked up at each try, as registered at that time."""
    return Message(
        "portal", client_id, "logout", now + TRIED_FOR, {"sid": sid}, account_id=account_id, client_id=client_id
    )


class PortalSender:
    """Posts logout tokens, each created for its try. A slow client cannot delay others for long."""

    longest = 30.0

    def __init__(self, clients: Clients, tokens: Tokens, outbound: Outbound, clock: Clock) -> None:
        self._clients = clients
        self._tokens = tokens
        self._outbound = outbound
        self._rests = Rests(clock)

    def send(self, message: Message) -> Receipt:
        client = self._clients.find(message.client_id)
        if client is None or client.backchannel_logout_uri is None or message.account_id is None:
            raise PermanentFailure("the client has no address for it any more")
        token = self._tokens.for_logout(client, message.account_id, message.facts["sid"])
        with self._rests.asking(client.client_id):
            status = self._post(client.backchannel_logout_uri, token)
        if status == 400:
            raise PermanentFailure("status 400")
        if status not in (200, 204):
            raise TemporaryFailure(f"status {status}")
        return Receipt(is_delivered=True)

    def _post(self, uri: str, token: str) -> int:
        form = urlencode({"logout_token": token}).encode()
        try:
            return self._outbound.post(uri, form, {"Content-Type": "application/x-www-form-urlencoded"}).status
        except OutboundFailed as error:
            raise TemporaryFailure(str(error)) from None


class Rests:
    """A client that took a second or more rests for nine times as long: it gets at most a tenth of a thread's time.

    After the pause one thread tries again, and the others wait for its result.
    """

    def __init__(self, clock: Clock, *, slow: float = 1.0, longest: float = 30.0) -> None:
        self._clock = clock
        self._slow = slow
        self._longest = longest
        self._lock = Lock()
        self._until: dict[str, float] = {}

    @contextmanager
    def asking(self, client_id: str) -> Iterator[None]:
        """Measure the duration of the block. Raises `TemporaryFailure` while the client rests."""
        began = self._clock()
        with self._lock:
            until = self._until.get(client_id)
            if until is not None and began < until:
                raise TemporaryFailure("it was slow and rests")
            if until is not None:
                self._until[client_id] = began + self._longest
        try:
            yield
        finally:
            ended = self._clock()
            with self._lock:
                if ended - began < self._slow:
                    self._until.pop(client_id, None)
                else:
                    self._until[client_id] = ended + 9 * (ended - began)
