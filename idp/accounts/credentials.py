"""`Credentials`: a password is changed, set again after a recovery, or taken away by "not me".

Each is one credential event: in one transaction the account changes, every other session, device and refresh family
ends, the trail is written and the notices are accepted. `Account.secured_at` is its date; proofs, codes, links and
pending changes that are older are dead, and of two events at once one wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.notices import NO_NOTICE, UNDO_LIFE, Notice, Notices, Scene, Undo, undo_digest
from idp.accounts.password_rules import checked_new
from idp.accounts.passwords import Passwords, WeakPassword
from idp.accounts.trust import Channel
from idp.errors import StaleState
from idp.ports import Clock, Event

Way = Literal["email", "sms", "hotline", "eid"]
BY_IDENTITY = ("opened", "confirmed")
"""Links to upstreams that a proven citizen number made: whoever comes through one is the person."""

CHANGES = ("phone_changed", "email_changed", "profile_changed")
"""Events that put another number or address in the place of the one before."""

BY_PASSWORD = ("password", "session")
"""Links to upstreams that stand on the password, or on a session that it opened, and on nothing else of the person."""


@dataclass(frozen=True, slots=True)
class HeldLink:
    """A link of the account to an upstream: what made it, when, and to which."""

    id: str
    how: str
    made_at: float
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class Securing:
    """One credential event. `since` is the `secured_at` it was decided on; `undone` the link that it uses up.

    `links_end` names links to upstreams that end, `link_returns` one that holds again when nothing is in its way.
    `passkeys_end` names passkeys that end, or says that none is left. `activation` is the digest of the way to a first
    password that it uses up. `owner_is_back` says that whoever had the account before may not have been its owner: what
    was asked about its data ends unanswered. `vouched` says that a desk or a strong electronic identity stands behind
    the event: no older notice outranks it. `case` is what somebody disavowed and an officer has to look at.
    """

    account_id: str
    since: float
    values: Mapping[str, object]
    event: Event
    notice: Notice = NO_NOTICE
    keep_sid: str | None = None
    keep_device: str | None = None
    undone: str | None = None
    links_end: tuple[str, ...] = ()
    link_returns: str | None = None
    passkeys_end: tuple[str, ...] | Literal["all"] = ()
    activation: str | None = None
    owner_is_back: bool = False
    vouched: bool = False
    case: str = ""


class CredentialStore(Protocol):
    """Carries out credential events."""

    def secure(self, event: Securing, now: float) -> float | None:
        """All of it in one transaction, or nothing; returns the date of the event.

        None when another event came first or the link was used. The date is later than the one before it, also when a
        clock was set back.
        """
        ...

    def find_undo(self, digest: str, now: float) -> Undo | None:
        """What a live link would undo."""
        ...

    def undo_used_at(self, digest: str) -> float | None:
        """When a link was used, or died with one that was; None for one that is unused, forgotten or unknown."""
        ...

    def links_of(self, account_id: str) -> list[HeldLink]:
        """The links to upstreams that hold."""
        ...

    def has_passkeys(self, account_id: str) -> bool:
        """Whether a passkey opens the account."""
        ...


class WrongPassword(Exception):
    """The old password does not match."""


class Credentials:
    """The password's life."""

    def __init__(self, store: CredentialStore, passwords: Passwords, notices: Notices, clock: Clock) -> None:
        self._store = store
        self._passwords = passwords
        self._notices = notices
        self._clock = clock

    def checked(self, account: Account, old: str, new: str) -> str:
        """The hash of a new password that may take effect. Raises `WrongPassword`, `WeakPassword`, `Busy`."""
        if not self._passwords.verify(account.password_hash, old):
            raise WrongPassword
        normal = checked_new(new, account)
        if self._passwords.verify(account.password_hash, normal):
            raise WeakPassword("same")
        return self._passwords.hash(normal)

    def change(
        self,
        account: Account,
        new_hash: str,
        scene: Scene,
        *,
        sid: str | None = None,
        device: str | None = None,
        proved: Channel | None = None,
    ) -> float:
        """Let a changed password take effect; session `sid` and the device stay. Returns the moment of the change.

        `proved` is the channel whose code confirmed it. Raises `StaleState`.
        """
        now = self._clock()
        verified: dict[str, float] = {"phone_verified_at": now} if proved == "sms" else {}
        values = _password(new_hash, now) | verified
        notice = self._notices.of(
            "password_changed", replace(account, phone_verified_at=now) if verified else account, scene
        )
        event = Event("password.changed", account.id, facts={"first": account.password_temporary})
        return self._do(Securing(account.id, account.secured_at, values, event, notice, sid, device), now)

    def hashed(self, new: str, account: Account) -> str:
        """The hash of a password that this account may have. Raises `WeakPassword`, `Busy`."""
        return self._passwords.hash(checked_new(new, account))

    def reset(self, account: Account, new_hash: str, way: Way, scene: Scene, *, through: str = "") -> list[str]:
        """Set a password after a recovery; everything open ends. Returns the names of what was removed unproven.

        `through` names the upstream of a recovery by eID.

        Whoever recovered proved one channel; a number or address that nobody ever proved may be an attacker's, and so
        may a link to an upstream that only the lost password made, and a passkey: they go (security.md T-03). Raises
        `StaleState`.
        """
        now = self._clock()
        unproven, channel = trust.unproved(account, now), _channel(account, way)
        values = _password(new_hash, now) | dict.fromkeys(unproven) | {f"{name}_verified_at": now for name in channel}
        links = self._store.links_of(account.id)
        ends = tuple(link.id for link in links if link.how in BY_PASSWORD)
        passkeys = ["passkey"] if self._store.has_passkeys(account.id) else []
        vouched = any(link.upstream == through and link.how in BY_IDENTITY for link in links)
        before = {"way": way, "upstream": through} | channel | ({"vouched_by": "eid"} if vouched else {})
        notice = self._notices.of("password_recovered", account, scene, before=before)
        event = Event("password.recovered", account.id, facts={"way": way, "removed": len(unproven) + len(ends)})
        since = account.secured_at
        resetting = Securing(account.id, since, values, event, notice, links_end=ends, passkeys_end="all")
        self._do(replace(resetting, owner_is_back=True, vouched=vouched), now)
        return unproven + (["link"] if ends else []) + passkeys

    def end_passkey(self, account: Account, passkey_id: str, scene: Scene, *, sid: str) -> None:
        """End a passkey and everything open that it may have opened; session `sid` stays. Raises `StaleState`."""
        notice = self._notices.of("passkey_removed", account, scene)
        event = Event("account.secured", account.id, facts={"about": "passkey_removed"})
        ends = (passkey_id,)
        securing = Securing(account.id, account.secured_at, {}, event, notice, sid, passkeys_end=ends)
        self._do(securing, self._clock())

    def activate(self, account: Account, new_hash: str, activation: str, scene: Scene) -> None:
        """Set the first password of an account that the desk opened; the way to it is used up. Raises `StaleState`."""
        now = self._clock()
        values = _password(new_hash, now) | {"phone_verified_at": now}
        notice = self._notices.of("activated", account, scene)
        event = Event("account.activated", account.id)
        self._do(Securing(account.id, account.secured_at, values, event, notice, activation=activation), now)

    def is_recoverable_through(self, account: Account, upstream: str) -> bool:
        """Whether a login through this upstream proves more than the password that may have made the link to it.

        A link that was made for an existing account counts once its owner had 72 hours to say "not me" (U-07).
        """
        mine = [link for link in self._store.links_of(account.id) if link.upstream == upstream]
        rested = self._clock() - UNDO_LIFE
        return any(link.how == "opened" or (link.how not in BY_PASSWORD and link.made_at <= rested) for link in mine)

    def has_passkeys(self, account: Account) -> bool:
        """Whether a passkey opens the account."""
        return self._store.has_passkeys(account.id)

    def undo_of(self, token: str) -> Undo | None:
        """What the link of a notice would undo, while it is good."""
        return self._store.find_undo(undo_digest(token), self._clock())

    def undo_used_at(self, token: str) -> float | None:
        """When the link of a notice was used, or died with one that was."""
        return self._store.undo_used_at(undo_digest(token))

    def not_me(self, token: str, account: Account, scene: Scene) -> trust.Proof:
        """Undo what a notice told about, as far as `trust` lets whoever presses its link; tells all channels of it.

        Everything open ends. Where nobody vouched for the change the old value is back, the password opens nothing,
        links to upstreams that were made then or later end, the one that a recovery went through, and every passkey:
        whoever did the one may have done the other. Where a desk or a strong electronic identity did, an officer gets a
        case and no channel changes. Returns which of these it was. Raises `StaleState` when the link is used or over.
        """
        now = self._clock()
        undo = self.undo_of(token)
        if undo is None or undo.account_id != account.id:
            raise StaleState
        proof = disavowal_of(undo, account)
        may = trust.POWERS[proof]
        values = dict(_taken_back(undo, account, now) if "restore" in may else _resting_again(undo, account, now))
        if "end_credentials" in may:
            values |= {"password_hash": None, "password_temporary": False}
        returns = undo.before.get("link") if "restore" in may and undo.about == "link_removed" else None
        undoing = Securing(
            account.id,
            account.secured_at,
            values,
            Event("account.not_me", account.id, facts={"about": undo.about, "as": proof}),
            self._notices.of_disavowal(account, replace(account, **contacts_of(values)), undo.before, scene),
            undone=undo.digest,
            links_end=self._made_since(undo, account) if "end_links" in may else (),
            link_returns=returns,
            passkeys_end="all" if "end_credentials" in may else (),
            owner_is_back="restore" in may,
            case=undo.about if "open_case" in may else "",
        )
        self._do(undoing, now)
        return proof

    def _made_since(self, undo: Undo, account: Account) -> tuple[str, ...]:
        """Links that were made after the event, and the one of before that a recovery by eID went through."""
        through = undo.before.get("upstream")
        mine = self._store.links_of(account.id)
        return tuple(link.id for link in mine if link.made_at >= undo.created_at or link.upstream == through)

    def disown_device(self, account: Account, scene: Scene) -> None:
        """The phone that took the place of another is not the person's: every session, device and family ends.

        The password stays, so that whoever lost a phone long ago and still holds it cannot take that away too.
        Raises `StaleState`.
        """
        event = Event("account.not_me", account.id, facts={"about": "device_enrolled"})
        notice = self._notices.of("device_removed", account, scene)
        self._do(Securing(account.id, account.secured_at, {}, event, notice, owner_is_back=True), self._clock())

    def _do(self, securing: Securing, now: float) -> float:
        moment = self._store.secure(securing, now)
        if moment is None:
            raise StaleState
        return moment


def _password(new_hash: str, now: float) -> dict[str, object]:
    values: dict[str, object] = {"password_hash": new_hash, "password_changed_at": now, "password_temporary": False}
    return values | {"password_good_until": None, "password_spent_at": None}


def disavowal_of(undo: Undo, account: Account) -> trust.Proof:
    """How "this was not me" stands against what happened to the account."""
    return trust.disavowal(undo.about, undo.before, undo.created_at, account.vouched_at)


def _channel(account: Account, way: Way) -> dict[str, str]:
    """The number or address that a recovery went by."""
    name = {"email": "email", "eid": ""}.get(way, "phone")
    return {name: getattr(account, name) or ""} if name else {}


def _taken_back(undo: Undo, account: Account, now: float) -> dict[str, object]:
    """The values before the event, none of them verified; after a recovery its channel is trusted no more.

    Only what was changed is named in the notice; what nobody had proved before does not come back.
    """
    before = undo.before
    names = [name for name in ("phone", "email") if name in before]
    if undo.about == "password_recovered":
        return {f"{name}_verified_at": None for name in names if getattr(account, name) == before[name]}
    if undo.about not in CHANGES:
        return {}
    back: dict[str, object] = {}
    for name in names:
        back |= {name: before[name] or None, f"{name}_source": "undo" if before[name] else ""}
        back |= {f"{name}_verified_at": None, f"{name}_changed_at": now}
    return back


def _resting_again(undo: Undo, account: Account, now: float) -> dict[str, object]:
    """What a disputed change brought recovers nothing for another 72 hours: the desk has to look first."""
    names = [name for name in ("phone", "email") if name in undo.before and getattr(account, name)]
    return {f"{name}_changed_at": now for name in names} if undo.about in CHANGES else {}


def contacts_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Those of the values that say how the person is reached."""
    return {name: value for name, value in values.items() if name.startswith(("phone", "email"))}
