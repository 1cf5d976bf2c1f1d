"""`Message`: one message to one recipient, and the port of the outbox where messages wait."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from idp.sentences import Language

Channel = Literal["sms", "email", "portal"]
AWAITED = frozenset(("otp", "recovery_link"))
"""Templates that a person is waiting for and can request again."""


def new_message_id() -> str:
    """22 random characters from the operating system; gateways use it to drop repeats, operators type it."""
    return secrets.token_hex(11)


@dataclass(frozen=True, slots=True)
class Message:
    """What to say (`template` and its `facts`), to whom, and until when it is worth sending.

    `to` is a number in E.164, an e-mail address or a portal's client id. `good_until` is in seconds since the epoch: an
    expired code is no longer sent.
    """

    channel: Channel
    to: str = field(repr=False)
    template: str
    good_until: float
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    language: Language = "vi"
    account_id: str | None = None
    client_id: str | None = None
    id: str = field(default_factory=new_message_id)

    @property
    def is_awaited(self) -> bool:
        """Whether it may be refused when too many wait. A notice may not: it is committed together with its event."""
        return self.template in AWAITED
