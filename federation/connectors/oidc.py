"""Any standard OpenID Provider as an upstream: OpenID Connect Core 1.0 with the code flow, PKCE and discovery.

Adding one needs only configuration. The security decisions are pinned there: issuer, algorithms, which hosts may be
asked. The metadata only supplies the endpoints, and only on those hosts (F-24).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from federation.connector import (
    Arrival,
    Callback,
    Departure,
    Leaving,
    PhoneVerified,
    UpstreamFailed,
    UpstreamIdentity,
)
from federation.connectors import facts
from federation.connectors.answers import (
    UpstreamClient,
    basic,
    bearer,
    challenge,
    code_of,
    fetched,
    logout_address,
    parameters,
    wished,
    with_query,
)
from federation.id_tokens import Expected, read_id_token, read_logout_token
from federation.remembered import Remembered
from federation.remote_keys import RemoteKeys
from idp.accounts.account import Kind
from idp.accounts.phone import PhoneNumber
from idp.outbound import Outbound
from idp.ports import Clock

USUAL_CLAIMS = {
    "subject": "sub",
    "name": "name",
    "birth_date": "birthdate",
    "phone": "phone_number",
    "phone_verified": "phone_number_verified",
    "acr": "acr",
    "ial": "ial",
}


@dataclass(frozen=True, slots=True)
class OidcUpstream:
    """One OpenID Provider, as configured. `claims` renames our facts if its claims are not the usual ones."""

    id: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    token_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"  # noqa: S105 - a method's name
    response_mode: Literal["query", "form_post"] = "query"
    scope: str = "openid"
    algorithms: tuple[str, ...] = ("RS256",)
    claims: Mapping[str, str] = field(default_factory=dict)
    acr: Mapping[str, int] = field(default_factory=dict)
    ial: Mapping[str, int] = field(default_factory=dict)
    phone_verified: PhoneVerified = "never"
    kind: Kind = "individual"

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that are always asked; more are configured if its endpoints are elsewhere."""
        return frozenset({urlsplit(self.issuer).netloc.lower()})

    def claim(self, fact: str) -> str:
        """The claim that holds this fact; empty when none does."""
        return self.claims.get(fact, USUAL_CLAIMS.get(fact, ""))


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we use of a provider's metadata (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    tells_issuer: bool = False


class OidcConnector:
    """Implements `Connector` for one OpenID Provider. Nothing is fetched before the first login."""

    def __init__(self, upstream: OidcUpstream, outbound: Outbound, clock: Clock) -> None:
        self._upstream = upstream
        self._outbound = outbound
        self._clock = clock
        self._expected = Expected(upstream.issuer, upstream.client_id, upstream.algorithms)
        self._metadata = Remembered(self._discover, clock)
        self._keys = RemoteKeys(self._jwks, upstream.algorithms, clock)

    def start(self, leaving: Leaving) -> Departure:
        metadata = self._metadata.now(self._outbound.deadline()).value
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        asked = {
            "response_type": "code",
            "client_id": self._upstream.client_id,
            "redirect_uri": leaving.redirect_uri,
            "scope": self._upstream.scope,
            "state": leaving.state,
            "nonce": nonce,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            "ui_locales": leaving.language,
        }
        if self._upstream.response_mode != "query":
            asked["response_mode"] = self._upstream.response_mode
        if levels := wished(self._upstream.acr, leaving.acr):
            asked["acr_values"] = levels
        if leaving.login_hint:
            asked["login_hint"] = leaving.login_hint
        kept = {"nonce": nonce, "verifier": verifier}
        if leaving.fresh:
            asked |= {"prompt": "login", "max_age": "0"}
            kept["since"] = str(int(self._clock()))
        return Departure(with_query(metadata.authorization_endpoint, **asked), kept)

    def finish(self, callback: Callback) -> Arrival:
        ask = UpstreamClient(self._outbound)
        metadata = self._metadata.now(ask.deadline).value
        values = parameters(callback.query)
        self._check_sender(values.get("iss"), metadata)
        tokens = self._redeem(ask, metadata, code_of(values), callback)
        access_token = bearer(tokens)
        claims = read_id_token(
            tokens.get("id_token"),
            self._expected,
            lambda kid, algorithm: self._keys.find(kid, algorithm, ask.deadline),
            nonce=callback.kept["nonce"],
            now=self._clock(),
            access_token=access_token,
            since=float(callback.kept["since"]) if "since" in callback.kept else None,
        )
        profile = self._profile(ask, metadata, access_token, claims)
        sid, hint = claims.get("sid", ""), str(tokens["id_token"])
        return Arrival(self._identity(claims, profile), sid, hint, claims.get("auth_time"))

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        try:
            address = self._metadata.now(self._outbound.deadline()).value.end_session_endpoint
        except UpstreamFailed:
            return None
        return logout_address(address, self._upstream.client_id, hint, return_to, state)

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        deadline = self._outbound.deadline()
        claims = read_logout_token(
            logout_token,
            self._expected,
            lambda kid, algorithm: self._keys.find(kid, algorithm, deadline, "logout"),
            now=self._clock(),
        )
        return claims.get("sub"), claims.get("sid")

    def check(self) -> None:
        self._discover(self._outbound.deadline())

    def forget(self) -> None:
        self._metadata.forget()
        self._keys.forget()

    def _check_sender(self, iss: str | None, metadata: Metadata) -> None:
        """RFC 9207: the response names its issuer, which must be the one we asked (B-13), before anything is sent."""
        if iss != self._upstream.issuer and (iss is not None or metadata.tells_issuer):
            raise UpstreamFailed("refused", "callback: iss")

    def _redeem(self, ask: UpstreamClient, metadata: Metadata, code: str, callback: Callback) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback.redirect_uri,
            "code_verifier": callback.kept["verifier"],
        }
        client_id, secret = self._upstream.client_id, self._upstream.client_secret
        if self._upstream.token_auth == "client_secret_basic":  # noqa: S105 - a method's name
            return ask.token(metadata.token_endpoint, form, basic(client_id, secret))
        return ask.token(metadata.token_endpoint, form | {"client_id": client_id, "client_secret": secret})

    def _profile(
        self, ask: UpstreamClient, metadata: Metadata, access_token: str, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The userinfo if the ID token is incomplete; one about another person is ignored (D-02)."""
        wanted = {self._upstream.claim(fact) for fact in ("citizen_number", "name", "birth_date", "phone", "bhxh_code")}
        if not metadata.userinfo_endpoint or wanted - {""} <= claims.keys():
            return {}
        profile = ask.profile(metadata.userinfo_endpoint, access_token)
        if profile.get("sub") != claims["sub"]:
            raise UpstreamFailed("refused", "userinfo: sub")
        return profile

    def _identity(self, claims: Mapping[str, Any], profile: Mapping[str, Any]) -> UpstreamIdentity:
        known = {**profile, **claims}
        upstream, now = self._upstream, self._clock()

        def fact(name: str) -> object:
            return known.get(claim) if (claim := upstream.claim(name)) else None

        subject = facts.subject(fact("subject"))
        if subject is None:
            raise UpstreamFailed("refused", "profile: no subject")
        return UpstreamIdentity(
            upstream.id,
            subject,
            upstream.kind,
            citizen_number=facts.citizen_number(fact("citizen_number")),
            name=facts.name(fact("name")),
            birth_date=facts.birth_date(fact("birth_date"), now),
            phone=self._phone(claims if upstream.claim("phone") in claims else profile),
            bhxh_code=facts.digits(fact("bhxh_code"), 10),
            tax_code=facts.digits(fact("tax_code"), 10, 12, 13),
            # Only the signed token is trusted about how the person logged in.
            acr=facts.level(claims.get(upstream.claim("acr")), upstream.acr, 1),
            ial=facts.level(fact("ial"), upstream.ial, 0),
            amr=facts.methods(claims.get("amr")),
        )

    def _phone(self, known: Mapping[str, Any]) -> PhoneNumber | None:
        """The number, if the document that holds it marks it with `true`, not with a similar value (T-05)."""
        policy = self._upstream.phone_verified
        proven = policy == "by_agreement" or (
            policy == "claim" and known.get(self._upstream.claim("phone_verified")) is True
        )
        return facts.phone(known.get(self._upstream.claim("phone"))) if proven else None

    def _discover(self, deadline: float) -> Metadata:
        address = self._upstream.issuer.rstrip("/") + "/.well-known/openid-configuration"
        return self._judged(fetched(self._outbound, address, "metadata", deadline))

    def _judged(self, known: Mapping[str, Any]) -> Metadata:
        """Metadata of the pinned issuer, with every URL on an allowed host."""
        if known.get("issuer") != self._upstream.issuer:
            raise UpstreamFailed("refused", "metadata: issuer")
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        optional = [name for name in ("userinfo_endpoint", "end_session_endpoint") if known.get(name) is not None]
        places = {name: known.get(name) for name in (*needed, *optional)}
        for name, place in places.items():
            if not isinstance(place, str) or not self._outbound.allows(place):
                raise UpstreamFailed("refused", f"metadata: {name}")
        tells_issuer = known.get("authorization_response_iss_parameter_supported") is True
        return Metadata(**places, tells_issuer=tells_issuer)  # type: ignore[arg-type]

    def _jwks(self, deadline: float) -> dict[str, Any]:
        return fetched(self._outbound, self._metadata.now(deadline).value.jwks_uri, "jwks", deadline)
