"""What existed before a strong proof: older login methods and channels, each kept or ended as the person decides.

A person who held the account before its owner proved their identity electronically may have left a password, a passkey,
a link or a number (security.md T-01 to T-05). One credential event ends everything the owner does not keep.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from federation.linking import Link, Links
from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.accounts.passkey import HolderKind, Passkey
from idp.login.authentication import Authentication
from idp.ports import Clock, Event

Kind = Literal["password", "passkey", "link", "phone", "email"]
CODE_LASTS = 300.0
"""Seconds during which a code opens the page that makes a link."""


@dataclass(frozen=True, slots=True)
class Older:
    """One older item. `name` is how the person knows it, `used` says that this very login used it."""

    kind: Kind
    id: str
    name: str
    since: float | None
    used: bool = False

    @property
    def key(self) -> str:
        """Its name in a form."""
        return f"{self.kind}:{self.id}"


class HeldPasskeys(Protocol):
    """The part of `Passkeys` used here."""

    def of(self, kind: HolderKind, holder: str) -> list[Passkey]: ...


class Keeping:
    """Lists what is older than a link, and ends what its owner does not keep."""

    def __init__(self, links: Links, passkeys: HeldPasskeys, masked: Callable[[str, str], str], clock: Clock) -> None:
        self._links = links
        self._passkeys = passkeys
        self._masked = masked
        self._clock = clock

    def link(self, account_id: str, link_id: str) -> Link | None:
        """The link about which the person still has to be asked; None when they were."""
        mine = self._links.of_account(account_id)
        return next((link for link in mine if link.id == link_id and link.to_review), None)

    def waiting(self, account_id: str) -> Link | None:
        """A link about which the person still has to be asked."""
        return next((link for link in self._links.of_account(account_id) if link.to_review), None)

    def older(self, account: Account, link: Link, proof: Authentication) -> list[Older]:
        """Everything else that opens the account or reaches its owner."""
        ways = []
        if account.password_hash:
            ways.append(Older("password", "", "", account.password_changed_at, proof.through == "password"))
        for passkey in self._passkeys.of("account", account.id):
            ways.append(Older("passkey", passkey.id, passkey.name, passkey.created_at, proof.through == "passkey"))
        for other in self._links.of_account(account.id):
            if other.id != link.id:
                ways.append(Older("link", other.id, other.subject.upstream, other.made_at))
        by_code = proof.otp_at is not None and "sms" in proof.amr and proof.otp_at >= link.made_at - CODE_LASTS
        for contact in trust.contacts(account, self._clock()):
            name, number = self._masked(contact.channel, contact.to), contact.channel == "sms"
            ways.append(Older("phone" if number else "email", "", name, contact.proved_at, by_code and number))
        return ways

    def settle(
        self, account: Account, link: Link, proof: Authentication, *, kept: Collection[str], sid: str | None = None
    ) -> tuple[Authentication, float]:
        """End everything not kept; returns the proof of this login as of now, and its date.

        `sid` names the session of a person who was already logged in: it continues. Raises `LinkConflict`.
        """
        gone = [each for each in self.older(account, link, proof) if each.key not in kept]
        event = Event("account.secured", account.id, facts={"about": "strong_link", "count": len(gone)})
        securing = Securing(
            account.id,
            account.secured_at,
            _cleared(gone),
            event,
            keep_sid=sid,
            links_end=tuple(each.id for each in gone if each.kind == "link"),
            passkeys_end=tuple(each.id for each in gone if each.kind == "passkey"),
            vouched=True,
        )
        moment = self._links.reviewed(link, securing, self._clock())
        upstream_session = self._links.upstream_session(account.id, proof.auth_time)
        if upstream_session:
            # The login is identified by its time: ending it there, or here from there, has to find it.
            self._links.remember(replace(upstream_session, auth_time=moment))
        return replace(proof, auth_time=moment), moment


def _cleared(gone: Sequence[Older]) -> dict[str, object]:
    """The fields of the account that are then empty."""
    values: dict[str, object] = {}
    for each in gone:
        if each.kind == "password":
            values |= {"password_hash": None, "password_temporary": False}
        elif each.kind in ("phone", "email"):
            values |= {each.kind: None, f"{each.kind}_verified_at": None, f"{each.kind}_source": ""}
    return values
