"""Clients register themselves (RFC 7591) and manage that (RFC 7592); none is in use before an operator agrees.

Who registers shows the token of an invitation, who manages the token of the registration. An approved client that
changes anything waits again: what an operator agreed to is what runs.
"""

import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from authlib.oauth2 import OAuth2Error

from idp.ephemeral_records import new_secret
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.oidc.client_invitations import (
    ClientRegistrationStore,
    RegisteredClient,
    initial_token_digest,
    registration_token_digest,
)
from idp.oidc.clients import Client, secret_digest
from idp.oidc.requested_metadata import OFFERED, decided_of, refusal, requested_client, wants_secret
from idp.oidc.software_statements import SoftwareStatements, read_again
from idp.outbound import OutboundFailed
from idp.ports import Clock, Event

NOT_SENT = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")
"""What a change must not contain (RFC 7592, 2.2)."""


class InvalidToken(OAuth2Error):  # type: ignore[misc]
    """The token opens nothing, whatever the reason (RFC 6750, 3.1)."""

    error = "invalid_token"
    status_code = 401


class NotPermitted(OAuth2Error):  # type: ignore[misc]
    """An operator closed the client, or refused it (RFC 7592, 2)."""

    error = "access_denied"
    status_code = 403


@dataclass(frozen=True, slots=True)
class ClientInformation:
    """What a client is told: its registration, its token for that, and its secret when there is a new one."""

    registered: RegisteredClient
    token: str
    secret: str | None = None


class DynamicRegistration:
    """The use cases. `digest_key` is that of client secrets, `algorithms()` are those that we have keys for.

    `changed()` is called after each change; `calls` bounds how often a network may call. `fetch(uri)` gives the JSON at
    an address of a client, or raises `OutboundFailed`.
    """

    def __init__(
        self,
        store: ClientRegistrationStore,
        statements: SoftwareStatements,
        digest_key: bytes,
        algorithms: Callable[[], Collection[str]],
        calls: LocalRateLimiter,
        clock: Clock,
        changed: Callable[[], None],
        fetch: Callable[[str], Any],
    ) -> None:
        self._store = store
        self._statements = statements
        self._digest_key = digest_key
        self._algorithms = algorithms
        self._calls = calls
        self._clock = clock
        self._changed = changed
        self._fetch = fetch

    def register(self, token: str, metadata: Mapping[str, Any], network: str) -> ClientInformation:
        """Register what is described. Raises `OAuth2Error`, `TooMany`."""
        self._admit(network)
        now = self._clock()
        invitation = self._store.invitation(initial_token_digest(token), now)
        if invitation is None:
            raise InvalidToken("The token is unknown, used up or over: ask for another invitation.")
        client_id, own = f"c-{secrets.token_hex(8)}", new_secret("cr")
        described = _vouched(metadata, self._claims(metadata.get("software_statement")))
        secret = secrets.token_urlsafe(32) if wants_secret(described) else None
        decided = {"client_id": client_id, "require_pkce": invitation.require_pkce}
        client = self._client(described, invitation.scope, decided, self._digest(client_id, secret))
        if invitation.approved:
            client = replace(client, approval="", disabled=False)
        digest = registration_token_digest(client_id, own)
        new = RegisteredClient(client, digest, invitation.id, now, metadata.get("software_statement"))
        facts: dict[str, str | bool] = {"invitation": invitation.id, "approved": invitation.approved}
        if not self._store.add(invitation, new, Event("client.registered", client_id=client_id, facts=facts), now):
            raise InvalidToken("The token was used up meanwhile: ask for another invitation.")
        self._changed()
        return ClientInformation(new, own, secret)

    def read(self, client_id: str, token: str, network: str) -> ClientInformation:
        """The registration as it is (RFC 7592, 2.1). Raises `InvalidToken`, `TooMany`."""
        return ClientInformation(self._proven(client_id, token, network), token)

    def replace(self, client_id: str, token: str, metadata: Mapping[str, Any], network: str) -> ClientInformation:
        """Put other metadata in the place of all (RFC 7592, 2.2). Raises `OAuth2Error`, `StaleState`, `TooMany`.

        The token is another one from then on. The same metadata change nothing else.
        """
        before = self._proven(client_id, token, network)
        self._permit(before.client, "refused")
        described = _vouched(self._of_change(before, metadata), read_again(before.statement))
        secret = secrets.token_urlsafe(32) if wants_secret(described) and not before.client.secret_digest else None
        kept = before.client.secret_digest if wants_secret(described) else None
        digest = self._digest(client_id, secret) or kept
        client = _settled(
            before.client, self._client(described, before.client.scope, decided_of(before.client), digest)
        )
        own = new_secret("cr")
        after = replace(before, client=client, token_digest=registration_token_digest(client_id, own))
        changed = _changed(before.client, client)
        reason = f"by the client itself: {', '.join(changed) or 'its token only'}"
        self._store.replace(before, after, Event("client.changed", client_id=client_id, reason=reason), self._clock())
        self._changed()
        return ClientInformation(after, own, secret)

    def remove(self, client_id: str, token: str, network: str) -> None:
        """End the client and everything that was issued to it (RFC 7592, 2.3). Raises `OAuth2Error`, `TooMany`."""
        registered = self._proven(client_id, token, network)
        self._permit(registered.client)
        event = Event("client.removed", client_id=client_id, reason="by the client itself")
        self._store.remove(registered, event, self._clock())
        self._changed()

    def _admit(self, network: str) -> None:
        if not self._calls.hit(network):
            raise TooMany("too many registrations", retry_after=self._calls.retry_after)

    def _proven(self, client_id: str, token: str, network: str) -> RegisteredClient:
        """The client whose registration access token this is. Raises `InvalidToken`, `TooMany`."""
        self._admit(network)
        registered = self._store.find(client_id)
        digest = registration_token_digest(client_id, token)
        if registered is None or not hmac.compare_digest(registered.token_digest, digest):
            raise InvalidToken("The token is not, or no longer, that of this client.")
        return registered

    @staticmethod
    def _permit(client: Client, *refused: str) -> None:
        """Raises `NotPermitted` for a client that an operator disabled, or whose `approval` is one of `refused`."""
        if client.approval in refused or (client.disabled and not client.approval):
            raise NotPermitted("An operator closed this client.")

    def _client(
        self, described: Mapping[str, Any], scope: str, decided: Mapping[str, Any], digest: str | None
    ) -> Client:
        """The client as described. Raises `OAuth2Error`, also for an algorithm that we have no key for."""
        client = requested_client(described, scope, decided, digest)
        lacking = set(client.signing_algs) - {"RS256", *self._algorithms()}
        if lacking:
            raise refusal([f"{', '.join(sorted(lacking))} is not among the algorithms of the metadata document"])
        if client.sector_identifier_uri:
            self._check_sector(client.sector_identifier_uri, client.redirect_uris)
        return client

    def _check_sector(self, uri: str, redirect_uris: Collection[str]) -> None:
        """The sector lists every redirect URI (OIDC Registration 5): nobody joins one unasked. Raises `OAuth2Error`."""
        try:
            listed = self._fetch(uri)
        except OutboundFailed as error:
            raise refusal([f"sector_identifier_uri cannot be read: {error}"]) from None
        if not isinstance(listed, list) or not set(redirect_uris) <= {each for each in listed if isinstance(each, str)}:
            raise refusal(["sector_identifier_uri has no list of all that this client is returned to"])

    def _claims(self, statement: object) -> Mapping[str, Any]:
        return {} if statement is None else self._statements.claims(statement)

    def _of_change(self, before: RegisteredClient, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The members that describe the client in a request for a change (RFC 7592, 2.2). Raises `OAuth2Error`."""
        client, secret = before.client, metadata.get("client_secret", "")
        digest = self._digest(client.client_id, secret) if isinstance(secret, str) else "-"
        if metadata.get("client_id") != client.client_id:
            raise refusal(["client_id is needed, and stays"])
        if secret != "" and not hmac.compare_digest(client.secret_digest or "-", digest or ""):
            raise refusal(["client_secret is not the present one, and is not chosen by clients"])
        if metadata.get("software_statement", before.statement) != before.statement:
            raise refusal(["software_statement stays; register anew for another one"])
        if unsent := sorted(set(NOT_SENT) & metadata.keys()):
            raise refusal([f"{', '.join(unsent)}: not in a change (RFC 7592, 2.2)"])
        return {name: value for name, value in metadata.items() if name not in ("client_id", "client_secret")}

    def _digest(self, client_id: str, secret: str | None) -> str | None:
        return secret_digest(self._digest_key, client_id, secret) if secret else None


def _vouched(metadata: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with what a statement says of the same members in their place (RFC 7591, 3.1.1)."""
    own = {name: value for name, value in metadata.items() if value is not None}
    return own | {name: value for name, value in claims.items() if name in OFFERED}


def _changed(before: Client, after: Client) -> list[str]:
    """The members that are not the same."""
    new = asdict(after)
    return [
        name for name, value in asdict(before).items() if value != new[name] and name not in ("approval", "disabled")
    ]


def _settled(before: Client, after: Client) -> Client:
    """`after`, waiting for an operator if anything of it is new."""
    ended = {name: getattr(before, name) for name in ("old_secret_digest", "old_secret_expires_at")}
    after = replace(after, **ended)
    return after if _changed(before, after) else before
