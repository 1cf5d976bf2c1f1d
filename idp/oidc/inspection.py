"""What clients may learn about tokens or end: userinfo, introspection (RFC 7662) and revocation (RFC 7009).

Each asks the gate. An inactive token, another client's token and an invalid text get the same response.
"""

from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6750.errors import InsufficientScopeError, InvalidTokenError

from idp.login.authentication import acr_name
from idp.oidc import claims
from idp.oidc.authorization_details import Details, as_json
from idp.oidc.clients import Client, Clients
from idp.oidc.families import Family
from idp.oidc.gate import GrantState, IssueRequest, may_issue
from idp.oidc.issuing import Issuing
from idp.oidc.step_up import ANY_LOGIN, LoginDemand, LoginTooWeak
from idp.oidc.tokens import AccessToken
from idp.ports import Clock
from keys.signing import BadToken

INACTIVE: dict[str, Any] = {"active": False}
BEARER = ("", "")
"""What a request shows that proves no key and has no certificate."""


class Inspection:
    """Examines tokens for userinfo, introspection and revocation."""

    def __init__(self, issuing: Issuing, clients: Clients, clock: Clock) -> None:
        self._issuing = issuing
        self._clients = clients
        self._clock = clock

    def userinfo(self, text: str, jkt: str = "", x5t: str = "") -> tuple[Client, dict[str, Any]]:
        """The client of an access token and the claims that it releases (OIDC Core 5.3). Raises `InvalidTokenError`.

        `jkt` is the key that was proved with it: the one that it is bound to, or none. `x5t` is the certificate of the
        connection.
        """
        token, client, grant_state = self._live(text, (jkt, x5t))
        if token is None or client is None or grant_state is None or grant_state.account is None:
            raise InvalidTokenError("The access token is invalid, expired or revoked.")
        if token.audience != self._issuing.tokens.issuer or "openid" not in token.scopes:
            raise InsufficientScopeError("The access token is not for userinfo.")
        allowed = client.scopes
        asked, now = token.userinfo_claims, self._clock()
        out = claims.let_out(grant_state.account, now, scopes=token.scopes, asked=asked, allowed=allowed)
        return client, {"sub": token.subject} | out

    def introspect(self, text: str, caller: Client) -> dict[str, Any]:
        """What `caller` may know of a token: its own, or one for an audience it serves (RFC 7662, 2.2)."""
        family = self._live_family(text, caller)
        if family:
            return self._describe_family(family, caller)
        token, client, grant_state = self._live(text, None)
        if token is None or client is None or not self._concerns(token, caller):
            return INACTIVE
        if token.sid is not None and grant_state is None:
            return INACTIVE
        return self._describe(token)

    def resource(self, text: str, demand: LoginDemand = ANY_LOGIN) -> dict[str, Any] | None:
        """What one of our protected resources would return for this bearer token, or None when it is invalid.

        Raises `LoginTooWeak` when its login does not meet the demand.
        """
        token, client, grant_state = self._live(text, BEARER)
        if token is None or client is None or (token.sid is not None and grant_state is None):
            return None
        if not demand.is_met(token.authentication, self._clock()):
            raise LoginTooWeak(demand.challenge)
        facts = {"sub": token.subject, "client_id": token.client_id, "scope": " ".join(token.scopes)}
        return facts | _told(token.details)

    def key_of(self, text: str) -> str:
        """The thumbprint of the key that one of our access tokens is bound to; empty for any other text."""
        try:
            return self._issuing.tokens.read(text).jkt
        except BadToken:
            return ""

    def holder(
        self, text: str, jkt: str, *, needs_binding: bool = True
    ) -> tuple[AccessToken, Client, GrantState] | None:
        """The holder of a bound token and their state, or None when it is invalid; `needs_binding` as in the gate.

        For our resources that act for the person, such as the phone's API.
        """
        token, client, grant_state = self._live(text, (jkt, ""), needs_binding)
        if token is None or client is None or grant_state is None or not token.jkt:
            return None
        return token, client, grant_state

    def revoke(self, text: str, caller: Client) -> None:
        """End a token of `caller`; unknown and others' tokens are silently ignored (RFC 7009, 2.2)."""
        loaded = self._issuing.families.load(text, caller.client_id)
        if loaded:
            self._issuing.families.revoke_grant(loaded[0].grant_id)
            return
        try:
            token = self._issuing.tokens.read(text)
        except BadToken:
            return
        if token.client_id == caller.client_id:
            self._issuing.families.revoke_token(token.jti, token.expires_at)

    def _live(
        self, text: str, presented: tuple[str, str] | None, needs_binding: bool = True
    ) -> tuple[AccessToken | None, Client | None, GrantState | None]:
        """Token, its client and, for a person's token, its grant state behind the gate.

        `presented` are the key and the certificate of a request that uses the token; None: it is only looked at.
        """
        try:
            token = self._issuing.tokens.read(text)
        except BadToken:
            return None, None, None
        if presented is not None and not token.is_held(*presented):
            return None, None, None
        client = self._clients.find(token.client_id)
        if client is None or client.disabled:
            return None, None, None
        if token.sid is None:
            return (token, client, None) if self._issuing.is_good(token) else (None, None, None)
        return token, client, self.state_of(token, client, needs_binding=needs_binding)

    def state_of(self, token: AccessToken, client: Client, *, needs_binding: bool = True) -> GrantState | None:
        """What the stores say of a person's token that counts, else None.

        One that was exchanged counts as long as the one that it came from, and as the exchange is allowed (RFC 8693).
        """
        grant_state = self._issuing.standing_of_token(token, client, needs_binding=needs_binding)
        if grant_state is None or not token.sources:
            return grant_state
        (owner_id, jti), *earlier = token.sources
        owner = self._clients.find(owner_id)
        if owner is None or not client.may_exchange(owner, token.scopes):
            return None
        subject = self._issuing.tokens.subject_for(owner, token, client)
        source = replace(token, client_id=owner_id, jti=jti, subject=subject, sources=tuple(earlier))
        return grant_state if self.state_of(source, owner, needs_binding=needs_binding) else None

    def _live_family(self, text: str, caller: Client) -> Family | None:
        loaded = self._issuing.families.load(text, caller.client_id)
        if loaded is None:
            return None
        family, grant_state, token = loaded
        limits, now = self._issuing.families.limits, self._clock()
        state = family.presented(token.generation, now, idle=limits.idle, grace=0, epoch=grant_state.epoch)
        grant = family.grant
        age = self._issuing.age
        grant_state = self._issuing.seated(grant_state, caller, grant.authentication.account_id, grant.jkt)
        request = IssueRequest(
            caller, grant.authentication, grant.scopes, now, age, needs_session=False, details=grant.details
        )
        return family if state == "current" and may_issue(grant_state, request) is None else None

    def _concerns(self, token: AccessToken, caller: Client) -> bool:
        return token.client_id == caller.client_id or token.audience in caller.serves

    def _describe(self, token: AccessToken) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "active": True,
            "token_type": "DPoP" if token.jkt else "Bearer",
            "scope": " ".join(token.scopes),
            "client_id": token.client_id,
            "sub": token.subject,
            "aud": token.audience,
            "iss": self._issuing.tokens.issuer,
            "iat": token.issued_at,
            "exp": token.expires_at,
            "jti": token.jti,
        }
        if token.cnf:
            answer["cnf"] = token.cnf
        if token.act:
            answer["act"] = token.act
        answer |= _told(token.details)
        proof = token.authentication
        if proof:
            answer |= {"acr": acr_name(proof.acr), "amr": list(proof.amr)}
            answer |= {} if proof.acted_at is None else {"auth_time": int(proof.acted_at)}
        return answer

    def _describe_family(self, family: Family, caller: Client) -> dict[str, Any]:
        return {
            "active": True,
            "scope": " ".join(family.grant.scopes),
            "client_id": caller.client_id,
            "iss": self._issuing.tokens.issuer,
            "iat": int(family.created_at),
            "exp": int(min(family.expires_at, family.rotated_at + self._issuing.families.limits.idle)),
        } | _told(family.grant.details)


def _told(details: Details) -> dict[str, Any]:
    """Authorization details as others are told of them (RFC 9396, 9.2); nothing of none."""
    return {"authorization_details": as_json(details)} if details else {}
