"""The National Public Service Portal as an upstream: OAuth 2.0 as its WSO2 server implements it, with its own names.

`TechID` is the stable name of a person there; `sub` may be a user name that changes. Types vary between string and
number, names between lower and upper case, and empty means missing. Civil data (religion, family, e-mail and more) is
dropped here: only the facts below leave this module. An ID token is optional, but a bad one is refused.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
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
    bearer,
    challenge,
    code_of,
    fetched,
    logout_address,
    parameters,
    reach,
    wished,
    with_query,
)
from federation.id_tokens import LEEWAY, Expected, read_id_token
from federation.remote_keys import RemoteKeys
from idp.accounts.account import Kind
from idp.outbound import Outbound
from idp.ports import Clock

USUAL_CLAIMS = {
    "subject": "TechID",
    "kind": "LoaiTaiKhoan",
    "citizen_number": "SoDinhDanh",
    "name": "HoVaTen",
    "birth_date": "NgayThangNamSinh",
    "phone": "SoDienThoai",
    "bhxh_code": "MaBHXH",
    "tax_code": "MaSoThue",
    "acr": "loAs",
    "ial": "IAL",
}
KINDS: Mapping[str | None, Kind] = {"1": "individual", "2": "organisation"}
_OLD_NUMBER = "SoCMND"
_ENTERPRISE_CODE = "MaSoDoanhNghiep"
_ENTERPRISE_NAME = "TenDoanhNghiep"


@dataclass(frozen=True, slots=True)
class DvcqgUpstream:
    """The portal, as agreed with its operator. `issuer` and `jwks_uri` are needed if it sends ID tokens."""

    id: str
    client_id: str
    client_secret: str = field(repr=False)
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str = ""
    issuer: str = ""
    jwks_uri: str = ""
    scope: str = "openid"
    algorithms: tuple[str, ...] = ("RS256",)
    claims: Mapping[str, str] = field(default_factory=dict)
    acr: Mapping[str, int] = field(default_factory=dict)
    ial: Mapping[str, int] = field(default_factory=dict)
    phone_verified: PhoneVerified = "never"

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that must be reachable."""
        places = (self.authorization_endpoint, self.token_endpoint, self.userinfo_endpoint, self.jwks_uri)
        return frozenset(urlsplit(place).netloc.lower() for place in places if place)

    def claim(self, fact: str) -> str:
        """The claim that holds this fact, in lower case; empty when none does."""
        return self.claims.get(fact, USUAL_CLAIMS.get(fact, "")).lower()


class DvcqgConnector:
    """Implements `Connector` for the National Public Service Portal."""

    def __init__(self, upstream: DvcqgUpstream, outbound: Outbound, clock: Clock) -> None:
        self._upstream = upstream
        self._outbound = outbound
        self._clock = clock
        self._keys = RemoteKeys(
            lambda deadline: fetched(outbound, upstream.jwks_uri, "jwks", deadline), upstream.algorithms, clock
        )

    def start(self, leaving: Leaving) -> Departure:
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
            "acr_values": wished(self._upstream.acr, leaving.acr) or "LoA1",
            **({"prompt": "login", "max_age": "0"} if leaving.fresh else {}),
        }
        kept = {"nonce": nonce, "verifier": verifier}
        if leaving.fresh:
            kept["since"] = str(int(self._clock()))
        return Departure(with_query(self._upstream.authorization_endpoint, **asked), kept)

    def finish(self, callback: Callback) -> Arrival:
        ask = UpstreamClient(self._outbound)
        form = {
            "grant_type": "authorization_code",
            "code": code_of(parameters(callback.query)),
            "redirect_uri": callback.redirect_uri,
            "client_id": self._upstream.client_id,
            "client_secret": self._upstream.client_secret,
            "code_verifier": callback.kept["verifier"],
        }
        tokens = ask.token(self._upstream.token_endpoint, form)
        access_token = bearer(tokens)
        claims = self._claims(tokens.get("id_token"), access_token, callback.kept["nonce"], ask.deadline)
        _demand_fresh(claims, callback.kept.get("since"))
        profile = _lowered(ask.profile(self._upstream.userinfo_endpoint, access_token))
        if claims and facts.subject(profile.get("sub"), may_be_whole=True) != claims["sub"]:
            raise UpstreamFailed("refused", "userinfo: sub")
        hint = str(tokens["id_token"]) if claims else ""
        return Arrival(self._identity(profile), claims.get("sid", ""), hint, claims.get("auth_time"))

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        address = self._upstream.end_session_endpoint if hint else ""
        return logout_address(address, self._upstream.client_id, hint, return_to, state)

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        raise UpstreamFailed("refused", "this upstream sends no logout tokens")

    def check(self) -> None:
        reach(self._outbound, self._upstream.authorization_endpoint)

    def forget(self) -> None:
        self._keys.forget()

    def _claims(self, id_token: object, access_token: str, nonce: str, deadline: float) -> dict[str, Any]:
        """The claims of the ID token; none when there is none. One that cannot be checked is treated as bad."""
        if id_token in (None, ""):
            return {}
        upstream = self._upstream
        if not (upstream.issuer and upstream.jwks_uri):
            raise UpstreamFailed("misconfigured", "an ID token came, and no issuer or jwks_uri is configured")
        return read_id_token(
            id_token,
            Expected(upstream.issuer, upstream.client_id, upstream.algorithms),
            lambda kid, algorithm: self._keys.find(kid, algorithm, deadline),
            nonce=nonce,
            now=self._clock(),
            access_token=access_token,
        )

    def _identity(self, profile: Mapping[str, Any]) -> UpstreamIdentity:
        def fact(name: str) -> object:
            return profile.get(claim) if (claim := self._upstream.claim(name)) else None

        subject, kind = facts.subject(fact("subject"), may_be_whole=True), KINDS.get(facts.text(fact("kind")))
        if subject is None or kind is None:
            raise UpstreamFailed("refused", "profile: no TechID, or no known kind of account")
        is_person = kind == "individual"
        return UpstreamIdentity(
            self._upstream.id,
            subject,
            kind,
            citizen_number=_citizen_number(fact("citizen_number"), profile) if is_person else None,
            name=facts.name(fact("name") if is_person else profile.get(_ENTERPRISE_NAME.lower())),
            birth_date=facts.birth_date(fact("birth_date"), self._clock()) if is_person else None,
            phone=facts.phone(fact("phone")) if self._upstream.phone_verified == "by_agreement" else None,
            bhxh_code=facts.digits(fact("bhxh_code"), 10),
            tax_code=_tax_code(fact("tax_code"), profile),
            acr=facts.level(fact("acr"), self._upstream.acr, 1),
            ial=facts.level(fact("ial"), self._upstream.ial, 0),
        )


def _citizen_number(value: object, profile: Mapping[str, Any]) -> str | None:
    """Either field may hold the twelve digits; two different ones count as none."""
    numbers = {facts.citizen_number(value), facts.citizen_number(profile.get(_OLD_NUMBER.lower()))} - {None}
    if len(numbers) > 1:
        raise UpstreamFailed("refused", "profile: two citizen numbers")
    return next(iter(numbers), None)


def _tax_code(value: object, profile: Mapping[str, Any]) -> str | None:
    return facts.digits(value, 10, 12, 13) or facts.digits(profile.get(_ENTERPRISE_CODE.lower()), 10, 12, 13)


def _lowered(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Claims by their lower-case names; the same name in two cases is refused as ambiguous."""
    lowered = {name.lower(): value for name, value in profile.items()}
    if len(lowered) != len(profile):
        raise UpstreamFailed("refused", "profile: a claim twice")
    return lowered


def _demand_fresh(claims: Mapping[str, Any], since: str | None) -> None:
    """If a new login was requested, refuse a response that declares itself older.

    Many responses do not say: then it is unknown, and a caller that has to know asks for more.
    """
    auth_time = claims.get("auth_time")
    if since is not None and auth_time is not None and auth_time < float(since) - LEEWAY:
        raise UpstreamFailed("refused", "auth_time is too old")
