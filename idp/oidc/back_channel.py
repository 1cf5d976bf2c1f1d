"""Telling portals that a session has ended (OpenID Connect Back-Channel Logout 1.0).

Whoever redeems a code and has registered a `backchannel_logout_uri` is noted with the session. However the session
ends, each of them gets one message in the same transaction; it is tried with a fresh token for an hour.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from idp.messages.message import Message

TRIED_FOR = 3600.0
"""Seconds until a portal that does not answer is given up."""

Outcome = Literal["told", "trying", "unreached"]


@dataclass(frozen=True, slots=True)
class ToldClient:
    """A client of an ended session, and how far telling it has come."""

    client_id: str
    outcome: Outcome


class SessionClients(Protocol):
    """Where the clients of a session are kept."""

    def add(self, sid: str, client_id: str, *, until: float) -> bool:
        """Note that the client is in the session, until the session's own end or `until` if that is later.

        False when the session has ended: then nothing may be issued in it. No end in between is missed.
        """
        ...

    def told(self, sid: str) -> list[ToldClient]:
        """The clients of an ended session."""
        ...


def logout_message(account_id: str, sid: str, client_id: str, now: float) -> Message:
    """What goes into the outbox. The address is looked up at each try, as it is registered then."""
    return Message(
        "portal", client_id, "logout", now + TRIED_FOR, {"sid": sid}, account_id=account_id, client_id=client_id
    )
