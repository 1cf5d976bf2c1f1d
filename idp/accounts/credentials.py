"""`Credentials`: changes a password, resets it after a recovery, or revokes it after "not me".

Each is one credential event: one transaction changes the account, ends every other session, device and refresh family,
writes the trail and accepts the notices. `Account.secured_at` is its date; older proofs, codes, links and pending
changes are invalid, and of two concurrent events one wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.notices import NO_NOTICE, NOWHERE, UNDO_LIFE, Notice, Notices, Scene, Undo, previous, undo_digest
from idp.accounts.password_rules import checked_new
from idp.accounts.passwords import Passwords, WeakPassword
from idp.accounts.trust import Channel
from idp.errors import StaleState
from idp.limits.guesses import Failures
from idp.ports import Clock, Event

Way = Literal["email", "sms", "hotline", "eid"]
BY_IDENTITY = ("opened", "confirmed")
"""Links to upstreams based on a proved citizen number: a login through one identifies the person."""

CHANGES = ("phone_changed", "email_changed", "profile_changed")
"""Events that replace a number or address."""

BY_PASSWORD = ("password", "session")
"""Links to upstreams based only on the password, or on a session that it opened."""


@dataclass(frozen=True, slots=True)
class HeldLink:
    """A link of the account to an upstream: how it was made, when, and to which upstream."""

    id: str
    how: str
    made_at: float
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class Securing:
    """One credential event. `since` is the `secured_at` it was decided on; `undone` is the undo link that it uses up.

    `links_end` names links to upstreams that end, `link_returns` one that is restored if nothing prevents it.
    `passkeys_end` names passkeys that end, or says that all of them do. `activation` is the digest of the activation
    for a first password that it uses up. `owner_is_back` says that the previous user of the account may not have been
    its owner: pending requests about its data end unanswered. `vouched` says that a desk or a strong electronic
    identity backs the event: no older notice outranks it. `case` is what was disavowed and an officer has to review.
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

        None when another event came first or the link was used. The date is always later than the previous one, even
        when a clock was set back.
        """
        ...

    def find_undo(self, digest: str, now: float) -> Undo | None:
        """What a live link would undo."""
        ...

    def undo_used_at(self, digest: str) -> float | None:
        """When a link was used, or invalidated together with a used one; None if it is unused, forgotten or unknown."""
        ...

    def links_of(self, account_id: str) -> list[HeldLink]:
        """The links to upstreams that are in force."""
        ...

    def has_passkeys(self, account_id: str) -> bool:
        """Whether a passkey opens the account."""
        ...


class WrongPassword(Exception):
    """The old password does not match."""


class Credentials:
    """The password's life."""

    def __init__(
        self, store: CredentialStore, passwords: Passwords, notices: Notices, failures: Failures, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._notices = notices
        self._failures = failures
        self._clock = clock

    def checked(self, account: Account, old: str, new: str) -> str:
        """The hash of an acceptable new password. Raises `WrongPassword`, `WeakPassword`, `Busy`."""
        if not self._passwords.verify(account.password_hash, old):
            raise WrongPassword
        normal = checked_new(new, account)
        if self._passwords.verify(account.password_hash, normal):
            raise WeakPassword("same")
        return self._passwords.hash(normal)

    def set_number(self, account: Account, number: str, reason: str) -> bool:
        """Give an account an unverified number, as an operator does; False when another event came first.

        A number is an authenticator: the previous contacts are notified, and may answer that it was not them.
        """
        now = self._clock()
        before = previous(account, ["phone"], now) | {"vouched_by": "operator"}
        notice = self._notices.of("phone_changed", replace(account, phone=None), NOWHERE, before=before)
        values = {"phone": number, "phone_verified_at": None, "phone_changed_at": now, "phone_source": "operator"}
        event = Event("account.phone_set", account.id, reason=reason)
        securing = Securing(account.id, account.secured_at, values, event, notice, vouched=True)
        return self._store.secure(securing, now) is not None

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
        """Apply a changed password; session `sid` and the device stay. Returns the time of the change.

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
        """The hash of a password that is allowed for this account. Raises `WeakPassword`, `Busy`."""
        return self._passwords.hash(checked_new(new, account))

    def reset(self, account: Account, new_hash: str, way: Way, scene: Scene, *, through: str = "") -> list[str]:
        """Set a password after a recovery: everything open ends, failed attempts are forgotten.

        Returns the names of the contacts that were removed because they were never proved.

        `through` names the upstream of a recovery by eID.

        The person proved one channel. A number or address that was never proved may be an attacker's, and so may a
        passkey or a link to an upstream that only the lost password made: they are removed (security.md T-03). Raises
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
        self._failures.clear(account.id)
        return unproven + (["link"] if ends else []) + passkeys

    def end_passkey(self, account: Account, passkey_id: str, scene: Scene, *, sid: str) -> None:
        """End a passkey and everything it may have opened; session `sid` stays. Raises `StaleState`."""
        notice = self._notices.of("passkey_removed", account, scene)
        event = Event("account.secured", account.id, facts={"about": "passkey_removed"})
        ends = (passkey_id,)
        securing = Securing(account.id, account.secured_at, {}, event, notice, sid, passkeys_end=ends)
        self._do(securing, self._clock())

    def activate(self, account: Account, new_hash: str, activation: str, scene: Scene) -> None:
        """Set the first password of an account that the desk opened, using up the activation. Raises `StaleState`."""
        now = self._clock()
        values = _password(new_hash, now) | {"phone_verified_at": now}
        notice = self._notices.of("activated", account, scene)
        event = Event("account.activated", account.id)
        self._do(Securing(account.id, account.secured_at, values, event, notice, activation=activation), now)

    def is_recoverable_through(self, account: Account, upstream: str) -> bool:
        """Whether a login through this upstream proves more than the password that may have made the link to it.

        A link made for an existing account counts only after its owner had 72 hours to say "not me" (U-07).
        """
        mine = [link for link in self._store.links_of(account.id) if link.upstream == upstream]
        rested = self._clock() - UNDO_LIFE
        return any(link.how == "opened" or (link.how not in BY_PASSWORD and link.made_at <= rested) for link in mine)

    def has_passkeys(self, account: Account) -> bool:
        """Whether a passkey opens the account."""
        return self._store.has_passkeys(account.id)

    def undo_of(self, token: str) -> Undo | None:
        """What the link of a notice would undo, while it is valid."""
        return self._store.find_undo(undo_digest(token), self._clock())

    def undo_used_at(self, token: str) -> float | None:
        """When the link of a notice was used, or invalidated together with a used one."""
        return self._store.undo_used_at(undo_digest(token))

    def not_me(self, token: str, account: Account, scene: Scene) -> trust.Proof:
        """Undo what a notice reported, as far as `trust` allows the holder of its link; notify all channels.

        Everything open ends. If nobody vouched for the change, the old value is restored, the password no longer works,
        and these end: links to upstreams made then or later, the link that a recovery went through, and every passkey,
        since the same attacker may have made them. If a desk or a strong electronic identity vouched for it, an officer
        gets a case and no channel changes. Returns which of the two it was. Raises `StaleState` when the link is used
        or expired.
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
        """Links made after the event, and the older link that a recovery by eID went through."""
        through = undo.before.get("upstream")
        mine = self._store.links_of(account.id)
        return tuple(link.id for link in mine if link.made_at >= undo.created_at or link.upstream == through)

    def disown_device(self, account: Account, scene: Scene) -> None:
        """The phone that replaced another is not the person's: every session, device and family ends.

        The password stays, so that someone who still holds a phone lost long ago cannot take the password away too.
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
    """How "this was not me" is rated for what happened to the account."""
    return trust.disavowal(undo.about, undo.before, undo.created_at, account.vouched_at)


def _channel(account: Account, way: Way) -> dict[str, str]:
    """The number or address that a recovery used."""
    name = {"email": "email", "eid": ""}.get(way, "phone")
    return {name: getattr(account, name) or ""} if name else {}


def _taken_back(undo: Undo, account: Account, now: float) -> dict[str, object]:
    """The values before the event, none of them verified; after a recovery its channel is no longer trusted.

    The notice names only what was changed; values that were never proved before are not restored.
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
    """Values set by a disputed change cannot be used for recovery for another 72 hours: the desk has to check first."""
    names = [name for name in ("phone", "email") if name in undo.before and getattr(account, name)]
    return {f"{name}_changed_at": now for name in names} if undo.about in CHANGES else {}


def contacts_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Those of the values that are contact details of the person."""
    return {name: value for name, value in values.items() if name.startswith(("phone", "email"))}
