"""`Message`: one thing to tell one recipient, and the port behind which messages wait."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Channel = Literal["sms", "email", "portal"]
Language = Literal["vi", "en"]
AWAITED = frozenset(("otp", "recovery_link"))
"""Templates that somebody waits for and can ask for again."""


def new_message_id() -> str:
    """22 characters from the operating system; gateways see it and drop repeats of it, operators type it."""
    return secrets.token_hex(11)


@dataclass(frozen=True, slots=True)
class Message:
    """What to say (`template` and its `facts`), to whom and until when it is worth saying.

    `to` is a number in E.164, an e-mail address or a portal's client id. `good_until` is in seconds since the epoch: a
    code that has expired is not sent any more.
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
        """Whether it may be refused when too many wait. A notice may not: it stands or falls with what it tells."""
        return self.template in AWAITED
