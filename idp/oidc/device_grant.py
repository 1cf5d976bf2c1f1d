"""The device grant (RFC 8628): a device without a keyboard shows a short code, and a person approves it elsewhere.

The typed code names the one record of the request; the device holds that and 256 random bits, of which the record keeps
a digest. Every transition is one compare-and-swap on one key, and reading the code on the screen is not enough to get
tokens.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from hmac import compare_digest
from secrets import choice, token_urlsafe
from typing import Literal

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidGrantError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import AuthorizationPendingError, ExpiredTokenError, SlowDownError
from pydantic import TypeAdapter

from idp.ephemeral_records import digest
from idp.errors import Busy, Expired, TooMany
from idp.limits.durable import Hit, LimitPolicy, RateLimits
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization import InvalidTarget, read_scopes
from idp.oidc.clients import DEVICE_CODE, SCOPES, Client
from idp.oidc.grant import Grant
from idp.ports import Clock, EphemeralStore, Spent

ALPHABET, LENGTH = "BCDFGHJKLMNPQRSTVWXZ", 8
"""No vowels, so no words, and no look-alikes (RFC 8628, 6.1): 34 bits."""

LIFE, REMEMBERED = 600.0, 600.0
"""Seconds to decide, and then seconds during which the device is still told that it was too late."""

INTERVAL, SLOWER, SLOWEST, EARLY = 5, 5, 60, 0.5
"""Seconds between polls, the increment for polling too fast, its maximum, and the tolerance for early timers."""

WRONG_CODES = LimitPolicy(free=5, base=60, cap=60, memory=60, sliding=False)
"""Five wrong codes a minute from one address and in one session (RFC 8628, 5.1)."""

TRIES = 32
Claim = Callable[[str, float], bool]
"""Records durably, until the given time, that a code has ended; True for the first caller only."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A device's request and its state. `secret` is a digest; `grant` is what the person allowed."""

    secret: str
    client_id: str
    scopes: tuple[str, ...]
    resource: str | None
    network: str
    begun_at: float
    interval: int = INTERVAL
    polled_at: float = 0.0
    state: Literal["pending", "allowed", "denied"] = "pending"
    grant: Grant | None = None

    @property
    def expires_at(self) -> float:
        return self.begun_at + LIFE

    def is_open(self, now: float) -> bool:
        """Whether a person may still decide."""
        return self.state == "pending" and self.begun_at <= now < self.expires_at

    def polled(self, now: float) -> tuple["DeviceCode", OAuth2Error | None]:
        """The record after a poll, and the error to return; no error means that the tokens are to be delivered."""
        if self.state == "denied":
            return self, AccessDeniedError("The person said no.")
        if now >= self.expires_at:
            return self, ExpiredTokenError()
        if self.state == "allowed":
            return self, None
        if 0 <= now - self.polled_at < self.interval - EARLY:
            slower = min(self.interval + SLOWER, SLOWEST)
            is_slowest = slower == self.interval
            return self if is_slowest else replace(self, interval=slower, polled_at=now), SlowDownError()
        return replace(self, polled_at=now), AuthorizationPendingError()


CODEC = TypeAdapter(DeviceCode)


@dataclass(frozen=True, slots=True)
class Begun:
    """What the device gets: the code that it keeps, and the one that it shows."""

    device_code: str
    user_code: str


class DeviceCodes:
    """All pending device requests. `claim` decides durably how each ends."""

    def __init__(self, store: EphemeralStore, clock: Clock, claim: Claim, per_address: LocalRateLimiter) -> None:
        self._store = store
        self._clock = clock
        self._claim = claim
        self._per_address = per_address

    def begin(
        self,
        client: Client,
        scope: str | None,
        resource: str | None,
        network: str,
        known_scopes: Collection[str] = SCOPES,
    ) -> Begun:
        """Start a request. Raises OAuth errors, and `TooMany` when the network starts too many."""
        if not client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The client is not registered for the device grant.")
        scopes = read_scopes(client, scope or "", known_scopes)
        if resource is not None and resource not in client.resource:
            raise InvalidTarget("The resource is not registered for this client.")
        if not self._per_address.hit(network):
            raise TooMany("too many device codes begun", retry_after=self._per_address.retry_after)
        now = self._clock()
        for _ in range(TRIES):
            user_code = "".join(choice(ALPHABET) for _ in range(LENGTH))
            device_code = f"{user_code}.{token_urlsafe(32)}"
            value = DeviceCode(_secret(device_code), client.client_id, scopes, resource, network, now)
            until = value.expires_at + REMEMBERED
            if self._store.put(_key(user_code), CODEC.dump_json(value), expires_at=until, now=now):
                return Begun(device_code, user_code)
        raise Busy("no free user code")

    def find(self, user_code: str) -> DeviceCode | None:
        """The request of a typed code, while it can be decided."""
        now = self._clock()
        kept = self._store.get(_key(user_code), now=now)
        value = CODEC.validate_json(kept) if kept is not None else None
        return value if value is not None and value.is_open(now) else None

    def allow(self, user_code: str, secret: str, grant: Grant) -> None:
        """The person approves the displayed request, which `secret` identifies. Raises `Expired`."""
        self._decide(user_code, secret, "allowed", grant)

    def deny(self, user_code: str, secret: str) -> None:
        """The person refuses; this is final. Raises `Expired`."""
        denied = self._decide(user_code, secret, "denied", None)
        if not self._claim(denied.secret, denied.expires_at + REMEMBERED):
            raise Expired("the device code was delivered before")

    def poll(self, device_code: str, client_id: str) -> Grant:
        """The person's grant, returned once and claimed durably before that. Raises OAuth errors."""
        user_code, dot, _ = device_code.partition(".")
        if not dot or len(device_code) > 64 or not _is_code(user_code):
            raise _invalid()
        for _ in range(TRIES):
            now = self._clock()
            kept = self._store.get(_key(user_code), now=now)
            value = CODEC.validate_json(kept) if kept is not None else None
            if value is None or not compare_digest(value.secret, _secret(device_code)) or value.client_id != client_id:
                raise _invalid()
            after, error = value.polled(now)
            if error is None:
                return self._delivered(user_code, value)
            if after is value or self._store.replace(_key(user_code), kept or b"", CODEC.dump_json(after), now=now):
                raise error
        raise Busy("a device code changes all the time")

    def _delivered(self, user_code: str, value: DeviceCode) -> Grant:
        """Take the record first. The durable claim decides in case the store lost its last seconds."""
        taken = self._store.take(_key(user_code), now=self._clock())
        if taken is None or isinstance(taken, Spent) or value.grant is None:
            raise _invalid()
        if not self._claim(value.secret, value.expires_at + REMEMBERED):
            raise _invalid()
        return value.grant

    def _decide(
        self, user_code: str, secret: str, state: Literal["allowed", "denied"], grant: Grant | None
    ) -> DeviceCode:
        for _ in range(TRIES):
            now = self._clock()
            kept = self._store.get(_key(user_code), now=now)
            value = CODEC.validate_json(kept) if kept is not None else None
            if kept is None or value is None or value.secret != secret or not value.is_open(now):
                raise Expired("the device code is over or was decided")
            after = replace(value, state=state, grant=grant)
            if self._store.replace(_key(user_code), kept, CODEC.dump_json(after), now=now):
                return after
        raise Busy("a device code changes all the time")


class UserCodes:
    """Looks up typed codes, and slows down guessing."""

    def __init__(self, codes: DeviceCodes, rate_limits: RateLimits, clock: Clock) -> None:
        self._codes = codes
        self._rate_limits = rate_limits
        self._clock = clock

    def find(self, user_code: str, address: str, sid: str) -> DeviceCode | None:
        """The open request, or None, which counts as a failure. Raises `TooMany` without looking."""
        now = self._clock()
        keys = (f"user-code:{address}", f"user-code:{sid}")
        decisions = self._rate_limits.hit([Hit(key, WRONG_CODES) for key in keys], now)
        waits = [decision.wait(now) for decision in decisions if not decision.allowed]
        if waits:
            raise TooMany("too many wrong user codes", retry_after=max(waits))
        kept = self._codes.find(user_code)
        if kept is not None:
            self._rate_limits.forgive(give_back=dict.fromkeys(keys, 1))
        return kept


def read_user_code(typed: str) -> str | None:
    """The code in a person's input: any case, with or without dash and spaces. None when it is not a possible code."""
    letters = "".join(c for c in typed.upper() if c not in "-–— .") if len(typed) <= 32 else ""
    return letters if _is_code(letters) else None


def format_user_code(user_code: str) -> str:
    """The display form: two groups of four."""
    return f"{user_code[:4]}-{user_code[4:]}"


def _is_code(text: str) -> bool:
    return len(text) == LENGTH and set(text) <= set(ALPHABET)


def _key(user_code: str) -> str:
    return f"u:{digest('user-code', user_code)}"


def _secret(device_code: str) -> str:
    return digest("device-code", device_code)


def _invalid() -> InvalidGrantError:
    """One response for unknown, foreign, delivered and forgotten codes."""
    return InvalidGrantError("The device code is invalid or used.")
