"""Which channel or proof may do what, as one table. Every path asks it; none decides by itself.

A channel is the registered number or address of an account; a proof is what was shown instead. What each may do depends
on its state: proved by a code, unused for a year, changed lately, vouched for by the desk, restored by "this was not
me". `docs/channels.md` is generated from `TABLE`. Pure: no store, no clock.

Sources: security.md T-01 to T-05, U-07, U-08; NIST SP 800-63B-4, 4.2 (account recovery).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from idp.accounts.account import Account

YEAR = 31_536_000.0
"""Seconds without a correct code after which a number may belong to someone else (U-08)."""

REST = 259_200.0
"""72 hours in seconds: how long something just changed, linked or restored cannot be used for recovery (U-07)."""

FRESH = 300.0
"""Seconds during which a login with a proved time, or with an additional code, counts as recent."""

BACK_WITHIN = 600.0
"""Seconds to enter that code after returning from an upstream that does not state the login time."""

PROOFED = 2
"""The level of identity proofing (`ial`) from which an electronic identity can recover an account (Decree 69/2024)."""

Channel = Literal["sms", "email"]
Purpose = Literal[
    # Codes, under the names that `one_time` gives them.
    "login", "step_up", "password", "recovery", "contact", "link", "device", "registration", "activation", "profile",
    # A link by text message that the hotline starts.
    "hotline",
    # Notifications, and what their receivers may answer.
    "notice", "disavow",
    # What other systems are told or conclude.
    "matching", "claim",
]  # fmt: skip
"""What a channel may be used for."""

ChannelState = Literal["unproved", "vouched", "proved", "unused", "changed", "restored", "rested"]

Power = Literal["end_sessions", "open_case", "end_credentials", "end_links", "restore", "recover", "recover_with_code"]
"""What a proof that is not a channel may do."""

Proof = Literal[
    "eid_fresh", "eid_undated", "eid_old", "eid_weak", "disavow", "disavow_outranked", "disavow_eid_recovery"
]

_CODES: frozenset[Purpose] = frozenset({"login", "step_up", "password", "device", "profile", "activation"})

TABLE: Mapping[tuple[Channel, ChannelState], frozenset[Purpose]] = {
    ("sms", "unproved"): _CODES,
    ("sms", "vouched"): _CODES | {"notice"},
    ("sms", "proved"): _CODES | {"link", "recovery", "hotline", "notice", "disavow", "matching", "claim"},
    ("sms", "unused"): frozenset(),
    ("sms", "changed"): _CODES | {"notice", "claim"},
    ("sms", "restored"): _CODES - {"activation"} | {"notice"},
    ("sms", "rested"): _CODES - {"activation"} | {"notice", "recovery", "hotline"},
    ("email", "unproved"): frozenset({"contact"}),
    ("email", "vouched"): frozenset({"contact"}),
    ("email", "proved"): frozenset({"login", "password", "profile", "recovery", "notice", "disavow", "claim"}),
    ("email", "changed"): frozenset({"login", "password", "profile", "notice", "claim"}),
    ("email", "restored"): frozenset({"contact", "notice"}),
    ("email", "rested"): frozenset({"contact", "notice", "recovery"}),
}
"""What a number or an address may be used for, by its state."""

POWERS: Mapping[Proof, frozenset[Power]] = {
    "eid_fresh": frozenset({"recover"}),
    "eid_undated": frozenset({"recover_with_code"}),
    "eid_old": frozenset(),
    "eid_weak": frozenset(),
    "disavow": frozenset({"end_sessions", "end_credentials", "end_links", "restore"}),
    "disavow_outranked": frozenset({"end_sessions", "open_case"}),
    "disavow_eid_recovery": frozenset({"end_sessions", "end_credentials", "open_case"}),
}
"""What a login through an upstream, or an answer "this was not me", may do."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A registered number (E.164) or address of an account, its state, and when a code last reached it."""

    channel: Channel
    to: str
    state: ChannelState
    proved_at: float | None = None

    def may(self, purpose: Purpose) -> bool:
        """Whether the table allows it."""
        return purpose in TABLE.get((self.channel, self.state), frozenset())


def contacts(account: Account, now: float) -> list[Contact]:
    """The number and the address of the account, in this order. `now` is in seconds since the epoch."""
    usable = []
    if account.phone:
        proved, source, changed = account.phone_verified_at, account.phone_source, account.phone_changed_at
        usable.append(Contact("sms", account.phone, _state(proved, source, changed, now, unused_after=YEAR), proved))
    if account.email:
        proved, source, changed = account.email_verified_at, account.email_source, account.email_changed_at
        usable.append(Contact("email", account.email, _state(proved, source, changed, now), proved))
    return usable


def reachable(account: Account, purpose: Purpose, now: float) -> list[Contact]:
    """The contacts that may be used for this purpose, the number first."""
    return [contact for contact in contacts(account, now) if contact.may(purpose)]


def number(account: Account, purpose: Purpose, now: float) -> str | None:
    """The registered number, if it may be used for this."""
    return next((c.to for c in reachable(account, purpose, now) if c.channel == "sms"), None)


def address(account: Account, purpose: Purpose, now: float) -> str | None:
    """The registered address, if it may be used for this."""
    return next((c.to for c in reachable(account, purpose, now) if c.channel == "email"), None)


def unproved(account: Account, now: float) -> list[str]:
    """Which of `phone` and `email` were never proved or vouched for: they may be an attacker's (T-03)."""
    names = {"sms": "phone", "email": "email"}
    return [names[c.channel] for c in contacts(account, now) if c.state == "unproved"]


def is_evidence(account: Account, now: float, *, proved_within: float, unchanged_for: float) -> bool:
    """Whether the number may identify the person when an upstream sends the same one.

    An upstream's agreement may require more than the table: a code within so many seconds, no change for so many.
    """
    proved, changed = account.phone_verified_at, account.phone_changed_at
    lately = proved is not None and now - proved <= proved_within
    settled = changed is None or now - changed >= unchanged_for
    return number(account, "matching", now) is not None and lately and settled


def is_resting(account: Account, now: float) -> bool:
    """Whether the number was changed or restored within 72 hours: until then it stays (U-07)."""
    return any(c.channel == "sms" and c.state in ("changed", "restored") for c in contacts(account, now))


def eid_proof(*, ial: int, brief: bool, firm: bool, auth_time: float, dated: bool, now: float) -> Proof:
    """How a login through an upstream is rated.

    `firm` says that more than the lost password made the link and that it has rested; `auth_time` is the time of the
    login if the upstream proved it (`dated`), else of the return. `brief` is a login on an unfamiliar screen.
    """
    if ial < PROOFED or brief or not firm:
        return "eid_weak"
    if not 0 <= now - auth_time <= (FRESH if dated else BACK_WITHIN):
        return "eid_old"
    return "eid_fresh" if dated else "eid_undated"


def disavowal(about: str, before: Mapping[str, str], created_at: float, vouched_at: float | None) -> Proof:
    """How "this was not me" is rated for an event `about` that was reported by a notice at `created_at`.

    `before` is what the notice keeps; its `vouched_by` says that a desk or a strong electronic identity backed the
    event. `vouched_at` is when one last did for this account: an older notice went to the previous holder.
    """
    if about == "password_recovered" and before.get("vouched_by"):
        return "disavow_eid_recovery"
    outranked = bool(before.get("vouched_by")) or (vouched_at is not None and vouched_at >= created_at)
    return "disavow_outranked" if outranked else "disavow"


def _state(
    proved: float | None, source: str, changed: float | None, now: float, *, unused_after: float = float("inf")
) -> ChannelState:
    lately = changed is not None and now - changed < REST
    if proved is None:
        if source == "undo":
            return "restored" if lately else "rested"
        return "vouched" if source in ("desk", "operator") else "unproved"
    if now - proved > unused_after:
        return "unused"
    return "changed" if lately else "proved"
