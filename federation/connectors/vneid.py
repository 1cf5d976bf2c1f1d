"""VNeID as an upstream: a code, encrypted envelopes and a profile; it is not OpenID Connect.

There is no ID token, no nonce and no PKCE, so only `state`, TLS and our private key protect a person from receiving
another person's response. Nothing is ever accepted unencrypted, and every failure around an envelope reads the same.

The subject is the citizen number itself: VNeID has no other stable name, and a digest of twelve digits hides nothing
(accounts hold the number in clear text too). So where U-09 compares the citizen number stored at the link, here it
cannot differ; the matching compares name and birth date instead, which change when a number is reassigned.

The values of `accountLevel` and `accountType` are not published. `accountLevel` is mapped by the configured table, and
an unmapped value does not raise the level; `accountType` is not read. A citizen number belongs to a person, so the kind
is individual.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from federation.connector import Arrival, Callback, Departure, Leaving, UpstreamFailed, UpstreamIdentity
from federation.connectors import facts
from federation.connectors.answers import (
    UpstreamClient,
    bearer,
    code_of,
    is_token,
    logout_address,
    parameters,
    reach,
    with_query,
)
from federation.envelope import BadEnvelope, Envelopes
from idp.outbound import Outbound
from idp.ports import Clock
from keys.strict_json import strict_object

USUAL_CLAIMS = {"citizen_number": "citizenPid", "name": "fullName", "birth_date": "birthDate", "ial": "accountLevel"}


@dataclass(frozen=True, slots=True)
class VneidUpstream:
    """VNeID, as agreed with its operator. `claims` renames our facts if its claims are not the usual ones.

    `plain_codes` says that the agreement allows unencrypted codes, without `encrypt_key`.
    """

    id: str
    client_id: str
    client_secret: str = field(repr=False)
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str = ""
    scope: str = "openid"
    claims: Mapping[str, str] = field(default_factory=dict)
    acr: Mapping[str, int] = field(default_factory=dict)
    ial: Mapping[str, int] = field(default_factory=dict)
    plain_codes: bool = False

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that must be reachable."""
        places = (self.authorization_endpoint, self.token_endpoint, self.userinfo_endpoint)
        return frozenset(urlsplit(place).netloc.lower() for place in places)

    def claim(self, fact: str) -> str:
        """The claim that holds this fact; empty when none does."""
        return self.claims.get(fact, USUAL_CLAIMS.get(fact, ""))


class VneidConnector:
    """Implements `Connector` for VNeID."""

    def __init__(self, upstream: VneidUpstream, envelopes: Envelopes, outbound: Outbound, clock: Clock) -> None:
        self._upstream = upstream
        self._envelopes = envelopes
        self._outbound = outbound
        self._clock = clock

    def start(self, leaving: Leaving) -> Departure:
        asked = {
            "response_type": "code",
            "client_id": self._upstream.client_id,
            "redirect_uri": leaving.redirect_uri,
            "scope": self._upstream.scope,
            "state": leaving.state,
            **({"prompt": "login"} if leaving.fresh else {}),
        }
        return Departure(with_query(self._upstream.authorization_endpoint, **asked))

    def finish(self, callback: Callback) -> Arrival:
        ask = UpstreamClient(self._outbound)
        # This query contains plain base64, where `+` is not a space.
        values = parameters(callback.query, plus_is_space=False)
        code, encrypt_key = code_of(values), values.get("encrypt_key")
        if encrypt_key is None and not self._upstream.plain_codes:
            raise _shut()
        form = {
            "grant_type": "authorization_code",
            "code": code if encrypt_key is None else self._code(encrypt_key, code),
            "client_id": self._upstream.client_id,
            "client_secret": self._upstream.client_secret,
            "redirect_uri": callback.redirect_uri,
            **({} if encrypt_key is None else {"encrypt_key": encrypt_key}),
        }
        tokens = self._opened(ask.token(self._upstream.token_endpoint, form))
        profile = self._opened(ask.profile(self._upstream.userinfo_endpoint, bearer(tokens)))
        return Arrival(self._identity(profile))

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        return logout_address(self._upstream.end_session_endpoint, self._upstream.client_id, hint, return_to, state)

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        raise UpstreamFailed("refused", "this upstream sends no logout tokens")

    def check(self) -> None:
        reach(self._outbound, self._upstream.authorization_endpoint)

    def forget(self) -> None:
        """Nothing of it is kept."""

    def _code(self, encrypt_key: str, code: str) -> str:
        """The decrypted code; never the text as received."""
        plain = self._text(encrypt_key, code).decode("ascii", errors="replace")
        if not is_token(plain):
            raise _shut()
        return plain

    def _opened(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON inside a response."""
        try:
            return strict_object(self._text(answer.get("key"), answer.get("data")))
        except ValueError:
            raise _shut() from None

    def _text(self, key: object, data: object) -> bytes:
        try:
            return self._envelopes.open(key, data)
        except BadEnvelope:
            raise _shut() from None

    def _identity(self, profile: Mapping[str, Any]) -> UpstreamIdentity:
        def fact(name: str) -> object:
            return profile.get(claim) if (claim := self._upstream.claim(name)) else None

        citizen_number = facts.citizen_number(facts.subject(fact("citizen_number")))
        if citizen_number is None:
            raise UpstreamFailed("refused", "profile: no citizen number")
        return UpstreamIdentity(
            self._upstream.id,
            citizen_number,
            citizen_number=citizen_number,
            name=facts.name(fact("name")),
            birth_date=facts.birth_date(fact("birth_date"), self._clock()),
            acr=facts.level(fact("acr"), self._upstream.acr, 1),
            ial=facts.level(fact("ial"), self._upstream.ial, 0),
        )


def _shut() -> UpstreamFailed:
    """The one failure for everything that is encrypted."""
    return UpstreamFailed("refused", "the answer does not open")
