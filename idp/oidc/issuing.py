"""The operations of grants and endpoints as plain verbs: redeem, present, spend, ask the gate, mint.

`Issuing` is the one place that turns a grant into tokens, for every grant type.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import InvalidGrantError

from idp.accounts.devices import Device, DeviceBinding
from idp.accounts.password_rules import PasswordAge
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization_details import Details
from idp.oidc.back_channel import SessionClients
from idp.oidc.clients import Client
from idp.oidc.codes import Codes
from idp.oidc.families import Family, RefreshState, Token
from idp.oidc.gate import GrantState, IssueRequest, may_issue
from idp.oidc.grant import AuthorizationCode, Grant
from idp.oidc.tokens import AccessToken, Tokens
from idp.ports import AuditLog, Clock, Event

log = logging.getLogger(__name__)
RevocationIds = tuple[()] | tuple[str] | tuple[str, str]


class GrantStates(Protocol):
    """Reads the facts for the gate, in one statement each."""

    def of_session(self, session_digest: str, client_id: str) -> GrantState:
        """By session cookie: its account and the account's consent for the client."""
        ...

    def of_account(self, account_id: str, client_id: str) -> GrantState:
        """By account, without a session: at the end of a login."""
        ...

    def of_grant(self, account_id: str, client_id: str, sid: str, revocation_ids: RevocationIds) -> GrantState:
        """By the contents of a code or token; `revocation_ids` are the grant id or `jti`, or both."""
        ...


class DeviceBindings(Protocol):
    """Who holds the place in an app of one device; stored by `idp.accounts.devices`."""

    def binding(self, account_id: str, client_id: str, jkt: str) -> DeviceBinding:
        """As seen from the key `jkt`."""
        ...

    def present(self, account_id: str, client_id: str) -> Device | None:
        """The device that holds the place."""
        ...

    def make_way(self, device_id: str) -> bool:
        """End the device that another replaces."""
        ...


@dataclass(frozen=True, slots=True)
class Refresh:
    """A genuine refresh token, read but not yet spent."""

    family: Family
    grant_state: GrantState
    token: Token
    state: RefreshState

    def get_scope(self) -> str:
        """What Authlib compares a narrower request with (RFC 6749, 6)."""
        return " ".join(self.family.grant.scopes)


def _invalid_grant(reason: str, client: Client) -> InvalidGrantError:
    """One response for everything that cannot be redeemed; the reason is for the log."""
    log.info("grant refused", extra={"reason": reason, "client_id": client.client_id})
    return InvalidGrantError("The code or refresh token is invalid, expired or used.")


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The sources of the gate's facts: sessions, accounts and grants, the phone of an account, a password's age."""

    grant_states: GrantStates
    bindings: DeviceBindings
    age: PasswordAge


class Issuing:
    """Turns grants into tokens, behind the gate."""

    def __init__(
        self,
        codes: Codes,
        tokens: Tokens,
        facts: GateFacts,
        members: SessionClients,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self.age = facts.age
        self.codes = codes
        self.families = codes.families
        self.tokens = tokens
        self.grant_states = facts.grant_states
        self.members = members
        self.bindings = facts.bindings
        self._audit = audit
        self._clock = clock
        self._foreign = LocalRateLimiter(1, 3600, clock)

    def redeem(self, handle: str, client: Client) -> AuthorizationCode:
        """Take the code first.

        Raises `InvalidGrantError` for unknown and used codes and those of other clients.
        """
        code = self.codes.redeem(handle)
        if code is None:
            raise _invalid_grant("code unknown, expired or spent", client)
        if code.grant.client_id != client.client_id:
            raise _invalid_grant("code of another client", client)
        return code

    def grant_state_of(self, grant: Grant, client: Client) -> GrantState:
        """What the stores say about the grant of a taken code, once the gate has agreed.

        Raises `InvalidGrantError`. It does not check whether the grant was revoked: before it is redeemed only a second
        presentation of the same code can have done that, and the one redemption is answered regardless. Its tokens are
        invalid everywhere because of that mark.
        """
        account_id = grant.authentication.account_id
        grant_state = self.grant_states.of_grant(account_id, client.client_id, grant.sid, ())
        self._gate(grant_state, grant, client)
        return grant_state

    def present(self, text: str, client: Client) -> Refresh:
        """Read a refresh token and ask the gate; reuse ends the family. Raises `InvalidGrantError`."""
        loaded = self.families.load(text, client.client_id)
        if loaded is None:
            self._note_foreign(text, client)
            raise _invalid_grant("refresh token unknown", client)
        family, grant_state, token = loaded
        state = self.families.present(family, grant_state, token, grace=client.refresh_grace)
        if state == "reused":
            self._audit.record(Event("refresh.reused", family.grant.authentication.account_id, client.client_id))
        if state in ("reused", "dead"):
            raise _invalid_grant(f"refresh token {state}", client)
        self._gate(grant_state, family.grant, client)
        return Refresh(family, grant_state, token, state)

    def _note_foreign(self, text: str, client: Client) -> None:
        """A genuine token presented by another client was leaked, or is being tried: an operator has to know."""
        owner = self.families.owner_of(text)
        # Once an hour: repeated presentations must not fill the trail.
        if owner is not None and self._foreign.hit(f"{owner.client_id} {owner.sid} {client.client_id}"):
            facts = {"owner": owner.client_id}
            self._audit.record(Event("refresh.foreign", owner.authentication.account_id, client.client_id, facts))
            log.warning("refresh token of another client", extra={"client_id": client.client_id, **facts})

    def spend(self, refresh: Refresh, client: Client) -> str:
        """Spend the token and return its successor, or the same for a client whose tokens are of no use to others.

        A request that lost a race is judged again by the new state.
        """
        spend = self.families.keep if client.keeps_refresh_tokens else self.families.advance
        successor = spend(refresh.family, refresh.token, refresh.state)
        if successor is None:
            again = self.present(_text(refresh.token), client)
            successor = spend(again.family, again.token, again.state)
        if successor is None:
            raise _invalid_grant("refresh token changed twice meanwhile", client)
        return successor

    def mint(
        self,
        grant: Grant,
        grant_id: str,
        client: Client,
        grant_state: GrantState,
        scopes: Collection[str],
        details: Details,
        *,
        begin: bool,
    ) -> dict[str, Any]:
        """The token response, with `scopes` and `details` of the grant.

        With `begin` also the first refresh token of an offline grant: that stands for the whole grant.
        """
        if grant_state.account is None:
            raise _invalid_grant("no account", client)
        if begin and client.backchannel_logout_uri:
            self._note(grant, client)
        refresh_token = None
        if begin and grant.offline:
            refresh_token = self.families.begin(grant, grant_id, in_browser=client.runs_in_browser)
            if refresh_token is None:
                raise _invalid_grant("the grant has a family already", client)
        grant = replace(grant, details=details)
        answer = self.tokens.for_grant(grant, grant_id, client, grant_state.account, scopes)
        return answer | ({"refresh_token": refresh_token} if refresh_token else {})

    def for_client(
        self, client: Client, scopes: Collection[str], resource: str | None, cnf: Mapping[str, str]
    ) -> dict[str, Any]:
        """A token on the client's own behalf; disabled clients were refused at authentication."""
        return self.tokens.for_client(client, scopes, resource, cnf)

    def standing_of_token(self, token: AccessToken, client: Client, *, needs_binding: bool = True) -> GrantState | None:
        """The state of a person's access token if the gate agrees; `needs_binding` as in `IssueRequest`."""
        account_id = self.tokens.account_id(token, client)
        if account_id is None or token.authentication is None or token.sid is None or token.grant_id is None:
            return None
        revocation_ids = (token.grant_id, token.jti)
        grant_state = self.grant_states.of_grant(account_id, client.client_id, token.sid, revocation_ids)
        if needs_binding:
            grant_state = self.seated(grant_state, client, account_id, token.jkt)
        request = IssueRequest(
            client,
            token.authentication,
            token.scopes,
            self._clock(),
            self.age,
            needs_session=not token.offline,
            needs_binding=needs_binding,
            details=token.details,
        )
        return grant_state if may_issue(grant_state, request) is None else None

    def is_good(self, token: AccessToken) -> bool:
        """Whether a client's own token was neither revoked nor issued before the epoch."""
        grant_state = self.grant_states.of_grant("", token.client_id, "", (token.jti,))
        return not grant_state.revoked and token.issued_at >= grant_state.epoch

    def _note(self, grant: Grant, client: Client) -> None:
        """Record the client to notify when the session ends. Raises `InvalidGrantError` when it has just ended."""
        until = self._clock() + self.families.limits.absolute if grant.offline else 0.0
        if not self.members.add(grant.sid, client.client_id, until=until):
            raise _invalid_grant("session ended meanwhile", client)

    def seated(self, grant_state: GrantState, client: Client, account_id: str, jkt: str) -> GrantState:
        """`grant_state` plus who holds the place; only apps of one device pay for that read."""
        if not client.one_device:
            return grant_state
        return replace(grant_state, binding=self.bindings.binding(account_id, client.client_id, jkt))

    def _gate(self, grant_state: GrantState, grant: Grant, client: Client) -> None:
        grant_state = self.seated(grant_state, client, grant.authentication.account_id, grant.jkt)
        request = IssueRequest(
            client,
            grant.authentication,
            grant.scopes,
            self._clock(),
            self.age,
            needs_session=not grant.offline,
            details=grant.details,
        )
        reason = may_issue(grant_state, request)
        if reason is not None:
            raise _invalid_grant(reason, client)


def _text(token: Token) -> str:
    return f"r_{token.family_id}.{token.generation}.{token.mac}"
