"""Refresh token families: one row per grant, a generation number, and a secret that is in no table.

A refresh token is `r_<family>.<generation>.<mac>`, the mac keyed with the family's sealed secret. So the one allowed
successor can be recomputed during the grace period without being stored: clients that lost a response or raced
themselves get the same token. Anything older than the immediate predecessor, or later than the grace period, is reuse
and ends the family (RFC 9700, 4.14.2).
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from idp.oidc.gate import GrantState
from idp.oidc.grant import Grant
from idp.ports import Clock

_TOKEN = re.compile(r"r_([A-Za-z0-9_-]{22})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})", re.ASCII)

RefreshState = Literal["current", "predecessor", "reused", "dead"]


@dataclass(frozen=True, slots=True)
class Family:
    """The life of one grant's refresh tokens."""

    id: str
    grant_id: str
    grant: Grant
    sealed_secret: str
    generation: int
    created_at: float
    rotated_at: float
    expires_at: float
    revoked_at: float | None = None

    def presented(self, generation: int, now: float, *, idle: float, grace: float, epoch: float) -> RefreshState:
        """The current state of a token of this generation."""
        if self.revoked_at is not None or self.created_at < epoch:
            return "dead"
        if now >= self.expires_at or now >= self.rotated_at + idle:
            return "dead"
        if generation == self.generation:
            return "current"
        if generation == self.generation - 1 and now < self.rotated_at + grace:
            return "predecessor"
        return "reused"


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed refresh token; nothing about it is proved before the mac is checked."""

    family_id: str
    generation: int
    mac: str


def read_token(text: str) -> Token | None:
    """Parse a refresh token; None when it has no valid shape."""
    match = _TOKEN.fullmatch(text) if len(text) <= 100 else None
    return Token(match[1], int(match[2]), match[3]) if match else None


class FamilyStore(Protocol):
    """Where families are stored; each method is one statement or one transaction."""

    def add(self, family: Family) -> bool:
        """Write a new family; False when this grant has one already."""
        ...

    def load(self, family_id: str) -> tuple[Family, GrantState] | None:
        """The family and the facts for the gate, in one joined read."""
        ...

    def advance(self, family_id: str, generation: int, now: float) -> bool:
        """Raise the generation from exactly `generation` of a family that is not revoked.

        False when another request did.
        """
        ...

    def note_use(self, family_id: str, generation: int, now: float) -> bool:
        """Note that this generation was used, which stays the current one; False when it is no longer."""
        ...

    def revoke_grant(self, grant_id: str, *, now: float, until: float) -> None:
        """End the grant's family and mark the grant revoked until `until`."""
        ...

    def revoke_token(self, jti: str, until: float) -> None:
        """Mark one access token revoked until it expires."""
        ...


@dataclass(frozen=True, slots=True)
class FamilyLimits:
    """Seconds: idle limit, absolute limit, and the absolute limit in a browser that proves no key."""

    idle: float = 2_592_000
    absolute: float = 7_776_000
    in_browser: float = 86_400

    def life(self, grant: Grant, *, in_browser: bool) -> float:
        """Seconds from the first token on; rotation adds none (OAuth 2.0 for Browser-Based Apps, refresh tokens)."""
        return min(self.absolute, self.in_browser) if in_browser and not grant.jkt else self.absolute


class Families:
    """Begins, rotates and ends families. `seal` and `unseal` get the family's id as context."""

    def __init__(
        self,
        store: FamilyStore,
        clock: Clock,
        limits: FamilyLimits,
        *,
        seal: Callable[[bytes, str], str],
        unseal: Callable[[str, str], bytes],
    ) -> None:
        self._store = store
        self._clock = clock
        self.limits = limits
        self._seal = seal
        self._unseal = unseal

    def begin(self, grant: Grant, grant_id: str, *, in_browser: bool = False) -> str | None:
        """The first refresh token of a grant, maybe for a page; None when the grant has a family already."""
        now = self._clock()
        family_id, secret = secrets.token_urlsafe(16), secrets.token_bytes(32)
        expires_at = now + self.limits.life(grant, in_browser=in_browser)
        family = Family(family_id, grant_id, grant, self._seal(secret, family_id), 1, now, now, expires_at)
        return _token(secret, family_id, 1) if self._store.add(family) else None

    def load(self, text: str, client_id: str) -> tuple[Family, GrantState, Token] | None:
        """The family behind a genuine refresh token of this client, in any state."""
        genuine = self._genuine(text)
        return genuine if genuine and genuine[0].grant.client_id == client_id else None

    def owner_of(self, text: str) -> Grant | None:
        """The grant of a genuine refresh token; for the record of a client that presented another's."""
        genuine = self._genuine(text)
        return genuine[0].grant if genuine else None

    def _genuine(self, text: str) -> tuple[Family, GrantState, Token] | None:
        token = read_token(text)
        kept = self._store.load(token.family_id) if token else None
        if token is None or kept is None or not self._is_genuine(kept[0], token):
            return None
        return (*kept, token)

    def present(self, family: Family, grant_state: GrantState, token: Token, *, grace: float) -> RefreshState:
        """The state of the presented token; reuse ends the family before the response is sent."""
        now = self._clock()
        state = family.presented(token.generation, now, idle=self.limits.idle, grace=grace, epoch=grant_state.epoch)
        if state == "reused":
            self.revoke_grant(family.grant_id)
        return state

    def keep(self, family: Family, token: Token, state: RefreshState) -> str | None:
        """Use the presented token, which stays good, and return it; None when another request changed the family."""
        if state != "current":
            return self.advance(family, token, state)
        used = self._store.note_use(family.id, token.generation, self._clock())
        return f"r_{token.family_id}.{token.generation}.{token.mac}" if used else None

    def advance(self, family: Family, token: Token, state: RefreshState) -> str | None:
        """Spend the presented token and return its one successor; None when another request changed the family.

        A lost race is not reuse: the caller reads the family again, and within the grace period the loser gets the
        winner's successor.
        """
        if state == "current" and not self._store.advance(family.id, token.generation, self._clock()):
            return None
        return _token(self._unseal(family.sealed_secret, family.id), family.id, token.generation + 1)

    def revoke_grant(self, grant_id: str) -> None:
        """End everything that was issued from a grant.

        The mark outlives the longest family: a first redemption that is still minting may write its family after this,
        and that family must already be revoked.
        """
        now = self._clock()
        self._store.revoke_grant(grant_id, now=now, until=now + self.limits.absolute + 60)

    def revoke_token(self, jti: str, expires_at: float) -> None:
        """End one access token."""
        self._store.revoke_token(jti, expires_at + 60)

    def _is_genuine(self, family: Family, token: Token) -> bool:
        expected = _token(self._unseal(family.sealed_secret, family.id), family.id, token.generation)
        return hmac.compare_digest(expected, f"r_{token.family_id}.{token.generation}.{token.mac}")


def _token(secret: bytes, family_id: str, generation: int) -> str:
    mac = hmac.digest(secret, f"refresh\0{family_id}\0{generation}".encode(), hashlib.sha256)
    return f"r_{family_id}.{generation}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"
