"""Tokens: minted in one place through `keys.signing`, and read in one place.

Access tokens are JWTs of RFC 9068 with one audience. They carry `gid` and `sid`, so that ending a grant or a session
invalidates them at the next request without a table of tokens.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from idp.accounts.account import Account
from idp.login.authentication import Authentication, acr_level, acr_name
from idp.oidc import claims
from idp.oidc.authorization_details import Details, as_json, from_json
from idp.oidc.clients import Client
from idp.oidc.grant import Grant
from idp.oidc.response_encryption import encrypted
from idp.oidc.subjects import Subjects
from idp.ports import Clock
from keys.signing import BadToken, Signer, half_hash

ACCESS_TOKEN = "at+jwt"  # noqa: S105  a media type
ID_TOKEN = "JWT"  # noqa: S105  a media type
LOGOUT_TOKEN = "logout+jwt"  # noqa: S105  a media type
LOGOUT_TOKEN_LIFE = 120
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class TokenLife:
    """The lifetimes of tokens in seconds, and the algorithm of access tokens."""

    access_token: int = 600
    id_token: int = 600
    access_token_alg: str = "ES256"  # noqa: S105  the name of an algorithm


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified access token: who, for whom, what for. `account_id` is None for a client's own token.

    With `jkt` only the holder of that key may use it (RFC 9449, 6), with `x5t` only that of the certificate (RFC 8705,
    3): it is useless before `is_held` was asked. `sources` are the tokens that it was exchanged from (RFC 8693), by
    client and `jti`, the newest first.
    """

    jti: str
    client_id: str
    audience: str
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    subject: str
    grant_id: str | None = None
    sid: str | None = None
    authentication: Authentication | None = None
    userinfo_claims: tuple[str, ...] = ()
    offline: bool = False
    jkt: str = ""
    x5t: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    details: Details = ()

    @property
    def act(self) -> dict[str, Any]:
        """Who acts for the person: its client, and nested the one before (RFC 8693, 4.1); empty without an exchange."""
        clients = self.client_id, *(client_id for client_id, _ in self.sources)
        act: dict[str, Any] = {}
        for client_id in reversed(clients[:-1]):
            act = {"sub": client_id} | ({"act": act} if act else {})
        return act

    @property
    def cnf(self) -> dict[str, str]:
        """What it is bound to, as others are told."""
        return confirmation(self.jkt, self.x5t)

    def is_held(self, jkt: str, x5t: str) -> bool:
        """Whether the request that proved this key and showed this certificate may use it; empty means none.

        A proof belongs to its token in both directions (RFC 9449, 7.2). A connection has a certificate for other
        reasons too, so one that the token is not bound to does no harm.
        """
        return self.jkt == jkt and self.x5t in ("", x5t)


class Tokens:
    """Mints and reads tokens of this issuer."""

    def __init__(self, issuer: str, signer: Signer, subjects: Subjects, clock: Clock, life: TokenLife) -> None:
        self.issuer = issuer
        self.life = life
        self._signer = signer
        self._subjects = subjects
        self._clock = clock

    def for_grant(
        self, grant: Grant, grant_id: str, client: Client, account: Account, scopes: Collection[str]
    ) -> dict[str, Any]:
        """The token response for a person's grant: access token and, for `openid`, an ID token."""
        now = int(self._clock())
        subject = self._subjects.of(account.id, client)
        access_token = self._access_token(client, subject, scopes, now, grant.resource, self._of_login(grant, grant_id))
        answer = self._answer(access_token, scopes, grant.jkt)
        if grant.details:
            answer["authorization_details"] = as_json(grant.details)
        if "openid" in scopes:
            answer["id_token"] = self._id_token(grant, client, account, subject, scopes, access_token, now)
        return answer

    def for_client(
        self, client: Client, scopes: Collection[str], resource: str | None, cnf: Mapping[str, str]
    ) -> dict[str, Any]:
        """The token response of the client credentials grant (RFC 6749, 4.4); `cnf` is what the token is bound to."""
        bound = {"cnf": cnf} if cnf else {}
        token = self._access_token(client, client.client_id, scopes, int(self._clock()), resource, bound)
        return self._answer(token, scopes, cnf.get("jkt", ""))

    def for_exchange(self, token: AccessToken, client: Client) -> dict[str, Any]:
        """The access token that says what `token` says, as a token response. Raises `ValueError` for a client's own."""
        proof, sid, grant_id = token.authentication, token.sid, token.grant_id
        if proof is None or sid is None or grant_id is None:
            raise ValueError("a client's own token is for nobody else")
        grant = Grant(token.client_id, proof, sid, token.scopes, jkt=token.jkt, x5t=token.x5t)
        facts = self._of_login(grant, grant_id) | {"jti": token.jti, "exp": token.expires_at}
        facts |= {"act": token.act, "exchanged": token.sources} | ({"offline": True} if token.offline else {})
        now = token.issued_at
        text = self._access_token(client, token.subject, token.scopes, now, token.audience, facts)
        return self._answer(text, token.scopes, token.jkt) | {"expires_in": token.expires_at - now}

    def for_logout(self, client: Client, account_id: str, sid: str) -> str:
        """A logout token, created anew for each try (OpenID Connect Back-Channel Logout 1.0, 2.4)."""
        now = int(self._clock())
        body = {
            "iss": self.issuer,
            "sub": self._subjects.of(account_id, client),
            "aud": client.client_id,
            "iat": now,
            "exp": now + LOGOUT_TOKEN_LIFE,
            "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
            "sid": sid,
        }
        return self._signer.sign(body, alg=client.id_token_signed_response_alg, typ=LOGOUT_TOKEN)

    def read(self, text: str) -> AccessToken:
        """Verify an access token of ours. Raises `keys.signing.BadToken`."""
        claims = self._signer.verify(text, typ=ACCESS_TOKEN)
        try:
            return self._as_access_token(claims)
        except (KeyError, TypeError, ValueError) as error:
            raise BadToken(f"claims: {error}") from None

    def account_id(self, token: AccessToken, client: Client) -> str | None:
        """The account of the token, or None for a client's own."""
        return self._subjects.account_id(token.subject, client) if token.sid else None

    def subject_for(self, client: Client, token: AccessToken, owner: Client) -> str:
        """The `sub` by which another client knows the person of a token of `owner`."""
        return self._subjects.of(self._subjects.account_id(token.subject, owner) or "", client)

    def read_hint(self, text: str) -> Mapping[str, Any]:
        """Verify an ID token of ours as a hint; it may have expired (OIDC RP-Initiated Logout 2). Raises `BadToken`."""
        hint = self._signer.verify(text, typ=ID_TOKEN, allow_expired=True)
        if hint.get("iss") != self.issuer or not isinstance(hint.get("aud"), str):
            raise BadToken("hint of another issuer")
        return hint

    def hinted_account(self, hint: Mapping[str, Any], client: Client) -> str | None:
        """The account named by a verified hint of this client."""
        sub = hint.get("sub")
        return self._subjects.account_id(sub, client) if hint.get("aud") == client.client_id and sub else None

    def has_expired(self, claims: Mapping[str, Any]) -> bool:
        """Whether verified claims are past their `exp`."""
        return bool(claims["exp"] <= self._clock())

    def named_account(self, sub: str, client: Client) -> str | None:
        """The account that `sub` names for this client."""
        return self._subjects.account_id(sub, client)

    def _access_token(
        self,
        client: Client,
        subject: str,
        scopes: Collection[str],
        now: int,
        resource: str | None,
        login: Mapping[str, Any],
    ) -> str:
        body: dict[str, Any] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": resource or self.issuer,
            "client_id": client.client_id,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + self.life.access_token,
            "jti": secrets.token_urlsafe(16),
        }
        return self._signer.sign({**body, **login}, alg=self.life.access_token_alg, typ=ACCESS_TOKEN)

    def _of_login(self, grant: Grant, grant_id: str) -> dict[str, Any]:
        proof = grant.authentication
        cnf = confirmation(grant.jkt, grant.x5t)
        facts: dict[str, Any] = ({"cnf": cnf} if cnf else {}) | {
            **_told_time(proof),
            "proved_at": int(proof.auth_time),
            "idp": _told_way(proof),
            "acr": acr_name(proof.acr),
            "amr": list(proof.amr),
            "sid": grant.sid,
            "gid": grant_id,
        }
        if grant.offline:
            facts["offline"] = True
        if grant.userinfo_claims:
            facts["userinfo_claims"] = list(grant.userinfo_claims)
        if grant.details:
            facts["authorization_details"] = as_json(grant.details)
        return facts

    def _id_token(
        self,
        grant: Grant,
        client: Client,
        account: Account,
        subject: str,
        scopes: Collection[str],
        access_token: str,
        now: int,
    ) -> str:
        proof = grant.authentication
        alg = client.id_token_signed_response_alg
        told_of = set(scopes).intersection(claims.IN_ID_TOKEN) if client.id_token_claims else ()
        body: dict[str, Any] = claims.let_out(
            account, now, scopes=told_of, asked=grant.id_token_claims, allowed=client.scopes
        ) | {
            "iss": self.issuer,
            "sub": subject,
            "aud": client.client_id,
            "iat": now,
            "exp": now + self.life.id_token,
            **_told_time(proof),
            "acr": acr_name(proof.acr),
            "amr": list(proof.amr),
            **_login_facts(proof, claims.LOGIN_FACTS if "bhxh" in scopes else grant.id_token_claims),
            "sid": grant.sid,
            "at_hash": half_hash(access_token, alg),
        }
        if grant.nonce is not None:
            body["nonce"] = grant.nonce
        return encrypted(self._signer.sign(body, alg=alg, typ=ID_TOKEN), client, "id_token")

    def _answer(self, access_token: str, scopes: Collection[str], jkt: str) -> dict[str, Any]:
        return {
            "access_token": access_token,
            "token_type": "DPoP" if jkt else "Bearer",
            "expires_in": self.life.access_token,
            "scope": " ".join(scopes),
        }

    def _as_access_token(self, claims: Mapping[str, Any]) -> AccessToken:
        if claims["iss"] != self.issuer:
            raise ValueError("another issuer")
        sid, cnf = claims.get("sid"), claims.get("cnf", {})
        if cnf != confirmation(cnf.get("jkt", ""), cnf.get("x5t#S256", "")):
            raise ValueError("bound to something unknown")
        return AccessToken(
            jti=claims["jti"],
            client_id=claims["client_id"],
            audience=claims["aud"],
            scopes=tuple(claims["scope"].split()),
            issued_at=claims["iat"],
            expires_at=claims["exp"],
            subject=claims["sub"],
            grant_id=claims.get("gid"),
            sid=sid,
            authentication=_authentication(claims) if sid else None,
            userinfo_claims=tuple(claims.get("userinfo_claims", ())),
            offline=claims.get("offline") is True,
            jkt=cnf.get("jkt", ""),
            x5t=cnf.get("x5t#S256", ""),
            sources=tuple((client_id, jti) for client_id, jti in claims.get("exchanged", ())),
            details=from_json(claims.get("authorization_details", ())),
        )


def confirmation(jkt: str, x5t: str) -> dict[str, str]:
    """`cnf` (RFC 7800) of a token that is bound to a key, a certificate, both or neither (empty)."""
    return ({"jkt": jkt} if jkt else {}) | ({"x5t#S256": x5t} if x5t else {})


def _told_time(proof: Authentication) -> dict[str, int]:
    """`auth_time` if it is known."""
    return {} if proof.acted_at is None else {"auth_time": int(proof.acted_at)}


def _login_facts(proof: Authentication, names: Collection[str]) -> dict[str, Any]:
    """How well the person is known and through whom they came, as far as it is among `names`."""
    facts = {"ial": proof.ial, "idp": _told_way(proof)}
    return {name: fact for name, fact in facts.items() if name in names}


def _told_way(proof: Authentication) -> str:
    """`idp`: the provider through which the person came."""
    return "local" if proof.through == "password" else proof.through


def _authentication(claims: Mapping[str, Any]) -> Authentication:
    """The login behind a token; `amr` says how a person logged in, not where.

    An older token has neither `idp` nor the time when the proof reached us: it counts as a login that came at its
    `auth_time` through an unknown provider, so no local password is required.
    """
    way, auth_time = claims.get("idp", ""), claims.get("auth_time")
    return Authentication(
        "",
        auth_time=claims.get("proved_at", auth_time),
        amr=tuple(claims["amr"]),
        acr=acr_level(claims["acr"]) or 0,
        through="password" if way == "local" else way,
        upstream_at=auth_time,
    )
