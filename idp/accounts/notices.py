"""Notices: every change to an account is reported on every channel that may be notified, including the previous one.

If the channel may also answer, the notice carries a link, "this was not me", that works once within 72 hours. `trust`
decides which channel may do what.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from idp.accounts import trust
from idp.accounts.account import Account
from idp.dates import local_date
from idp.ephemeral_records import digest
from idp.messages.message import Channel, Message
from idp.ports import Clock
from idp.sentences import Language

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
    "disavowed",
    "registration_asked",
]
Receiver = tuple[Channel, str]
UNDO_LIFE = 259_200.0
"""72 hours, in seconds."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What "not me" would take back: the event and the values before it. Only the token's digest is stored."""

    digest: str
    account_id: str
    about: str
    before: Mapping[str, str]
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """The messages of one notice and what its link undoes."""

    messages: tuple[Message, ...] = ()
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Where something happened, as described in the notice: browser and language."""

    browser: str = ""
    language: Language = "vi"


NO_NOTICE = Notice()
NOWHERE = Scene()


class Notices:
    """Writes notices. `issuer` is the public URL that the link is built from, never the host of a request."""

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
    ) -> Notice:
        """The notice of an event of `account`, sent to the contacts from before and after it.

        `before` holds previous values under the names of the account's fields, those of `previous` for number and
        address. Without `texts` only mail is sent, no text messages.
        """
        now = self._clock()
        known = dict(before or {})
        token = secrets.token_urlsafe(16)
        receivers = {to: can for to, can in _receivers(account, known, now).items() if texts or to[0] != "sms"}
        notice = self._messages(about, account, scene, receivers, f"{self._issuer}/not-me/{token}")
        undo = Undo(undo_digest(token), account.id, about, known, now, now + UNDO_LIFE)
        return Notice(notice, undo if any(receivers.values()) else None)

    def plain(self, about: About, account: Account, scene: Scene) -> tuple[Message, ...]:
        """The messages to every channel that may be notified, without a link to answer."""
        return self._messages(about, account, scene, dict.fromkeys(_receivers(account, {}, self._clock()), False), "")

    def of_disavowal(self, account: Account, after: Account, before: Mapping[str, str], scene: Scene) -> Notice:
        """Notify all previous, current and restored channels that "this was not me" was said; nobody can answer it."""
        now = self._clock()
        everywhere = {**_receivers(account, before, now), **_receivers(after, {}, now)}
        return Notice(self._messages("disavowed", account, scene, dict.fromkeys(everywhere, False), ""))

    def _messages(
        self, about: About, account: Account, scene: Scene, receivers: Mapping[Receiver, bool], url: str
    ) -> tuple[Message, ...]:
        now = self._clock()
        facts = {
            "event": about,
            "time": local_date(now),
            "browser": scene.browser,
        }
        return tuple(
            Message(
                channel,
                to,
                "notice",
                now + UNDO_LIFE,
                facts | {"undo_url": url if can_answer else ""},
                scene.language,
                account_id=account.id,
            )
            for (channel, to), can_answer in receivers.items()
        )


def undo_digest(token: str) -> str:
    """The form in which the store keeps the link's token."""
    return digest("undo", token)


def previous(account: Account, changed: Sequence[str], now: float) -> dict[str, str]:
    """What a notice keeps of the `phone` or `email` that a change replaces: only contacts that may answer it."""
    ways = {"phone": trust.number(account, "disavow", now), "email": trust.address(account, "disavow", now)}
    return {name: ways[name] or "" for name in changed}


def _receivers(account: Account, before: Mapping[str, str], now: float) -> dict[Receiver, bool]:
    """Every contact of the person, without duplicates, and whether it may answer that it was not them."""
    ways = {(c.channel, c.to): c.may("disavow") for c in trust.reachable(account, "notice", now)}
    previous_ways: list[tuple[Channel, str | None]] = [("sms", before.get("phone")), ("email", before.get("email"))]
    return ways | {(channel, to): True for channel, to in previous_ways if to}
