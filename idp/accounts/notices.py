"""Notices: whatever changes about an account is told on every verified channel, the previous one too.

Each notice carries a link, "this was not me", that works once within 72 hours.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from idp.accounts.account import Account
from idp.accounts.password_rules import VIETNAM
from idp.messages.message import Channel, Language, Message
from idp.ports import Clock
from idp.shelf import digest

About = Literal[
    "new_device",
    "password_changed",
    "password_recovered",
    "phone_changed",
    "email_changed",
    "link_added",
    "link_removed",
    "device_enrolled",
    "device_removed",
    "device_locked",
    "passkey_added",
    "passkey_removed",
    "passkey_cloned",
    "profile_changed",
    "activated",
    "erasure_asked",
]
UNDO_LIFE = 259_200.0
"""72 hours, in seconds."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What "not me" would take back: the event and what was true before it. Only the token's digest is kept."""

    digest: str
    account_id: str
    about: str
    before: Mapping[str, str]
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Told:
    """The messages of one notice and what its link undoes."""

    messages: tuple[Message, ...] = ()
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Where something happened, in words for the notice: browser and language."""

    browser: str = ""
    language: Language = "vi"


NOTHING_TOLD = Told()
NOWHERE = Scene()


class Notices:
    """Writes notices. `issuer` is the public URL that the link is built from, never a request's own host."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock

    def of(
        self,
        about: About,
        account: Account,
        scene: Scene,
        *,
        before: Mapping[str, str] | None = None,
        texts: bool = True,
    ) -> Told:
        """The notice of something that happened to `account`, told to where it could be reached before and after.

        `before` holds previous values under the names of the account's fields. Without `texts` no text message goes
        out, only mail.
        """
        now = self._clock()
        known = dict(before or {})
        token = secrets.token_urlsafe(16)
        undo = Undo(undo_digest(token), account.id, about, known, now, now + UNDO_LIFE)
        facts = {
            "event": about,
            "time": datetime.fromtimestamp(now, VIETNAM).strftime("%H:%M %d/%m/%Y"),
            "browser": scene.browser,
            "undo_url": f"{self._issuer}/not-me/{token}",
        }
        receivers = [r for r in _receivers(account, known) if texts or r[0] != "sms"]
        told = tuple(
            Message(channel, to, "notice", now + UNDO_LIFE, facts, scene.language, account_id=account.id)
            for channel, to in receivers
        )
        return Told(told, undo) if told else NOTHING_TOLD


def undo_digest(token: str) -> str:
    """What the store keeps of the link's token."""
    return digest("undo", token)


def _receivers(account: Account, before: Mapping[str, str]) -> list[tuple[Channel, str]]:
    """Every verified way to reach the person, without repeating one."""
    ways: list[tuple[Channel, str | None]] = [
        ("sms", account.phone if account.phone_verified_at else None),
        ("email", account.email if account.email_verified_at else None),
        ("sms", before.get("phone")),
        ("email", before.get("email")),
    ]
    return list(dict.fromkeys((channel, to) for channel, to in ways if to))
