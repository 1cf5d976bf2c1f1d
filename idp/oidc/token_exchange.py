"""Token exchange (RFC 8693): a client brings the access token of another one, and gets one of its own for the person.

The operator allows each pair of clients. The new token names who acts (`act`), belongs to the same session and grant,
and counts as long as the one it came from: both clients meet the gate, here and at each use. It never holds more scopes
than the token and the clients have, never lives longer, and loses no binding. A subject token may be exchanged as
often as it may be used, up to a rate; a proof and an assertion count once, as everywhere.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError

from idp.at_once import needs_thread
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization import InvalidTarget
from idp.oidc.clients import Client, Clients
from idp.oidc.inspection import Inspection
from idp.oidc.issuing import Issuing
from idp.oidc.tokens import AccessToken
from idp.ports import AuditLog, Clock, Event
from keys.signing import BadToken

log = logging.getLogger(__name__)

TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a type
MOST_ACTORS = 4
"""How many clients may act for a person, one after the other, with a token and those it came from."""
EXCHANGES = 60
"""How often a client may exchange one subject token, per minute and worker."""

INVALID = "The subject_token is no access token of ours that counts now for both clients."


class TokenExchange:
    """Judges requests and issues tokens. `limiter` counts by client and subject token."""

    def __init__(
        self,
        inspection: Inspection,
        issuing: Issuing,
        clients: Clients,
        audit: AuditLog,
        clock: Clock,
        limiter: LocalRateLimiter,
    ) -> None:
        self._inspection = inspection
        self._issuing = issuing
        self._tokens = issuing.tokens
        self._clients = clients
        self._audit = audit
        self._clock = clock
        self._limiter = limiter

    def judge(self, form: Mapping[str, str], client: Client, jkt: str, x5t: str) -> AccessToken:
        """The token that `client` is to get, bound to the proved key and certificate; nothing is issued yet.

        Raises `InvalidRequestError`, `InvalidScopeError` and `InvalidTarget` (RFC 8693, 2.2.2), and `TooMany`.
        """
        _check(form)
        subject, owner = self._subject(form["subject_token"], client)
        if subject.jkt not in ("", jkt) or subject.x5t not in ("", x5t):
            raise _refused(client, "binding", "The subject_token is bound to a key or certificate: prove that one.")
        scopes = _scopes(form.get("scope"), subject, owner, client)
        audience = _audience(form, client, self._tokens.issuer)
        token = replace(self._exchanged(subject, owner, client), scopes=scopes, audience=audience, jkt=jkt, x5t=x5t)
        # The record of it waits for the disk, so a thread also reads what is needed before.
        needs_thread()
        if not self._limiter.hit(f"{client.client_id} {subject.jti}"):
            raise TooMany("one token is exchanged too often", retry_after=self._limiter.retry_after)
        if self._inspection.state_of(subject, owner) is None:
            raise _refused(client, "subject token ended")
        if self._issuing.standing_of_token(token, client) is None:
            raise _refused(client, "gate")
        return token

    def issue(self, token: AccessToken, client: Client) -> dict[str, Any]:
        """The token response (RFC 8693, 2.2.1), once it is on record whose token the client used for whom."""
        account_id, facts = self._tokens.account_id(token, client), {"owner": token.sources[0][0]}
        self._audit.record(Event("token.exchanged", account_id, client.client_id, facts))
        return self._tokens.for_exchange(token, client) | {"issued_token_type": TOKEN_TYPE}

    def _exchanged(self, subject: AccessToken, owner: Client, client: Client) -> AccessToken:
        """The subject token, handed on to `client`: the same login, session and grant, and no later end."""
        now = int(self._clock())
        return replace(
            subject,
            jti=secrets.token_urlsafe(16),
            client_id=client.client_id,
            issued_at=now,
            expires_at=min(subject.expires_at, now + self._tokens.life.access_token),
            subject=self._tokens.subject_for(client, subject, owner),
            userinfo_claims=(),
            details=(),
            sources=((owner.client_id, subject.jti), *subject.sources),
        )

    def _subject(self, text: str, client: Client) -> tuple[AccessToken, Client]:
        """The genuine subject token and its client, if `client` may bring it. Raises `InvalidRequestError`."""
        try:
            subject = self._tokens.read(text)
        except BadToken as error:
            raise _refused(client, str(error)[:100]) from None
        owner = self._clients.find(subject.client_id)
        if owner is None or subject.authentication is None:
            raise _refused(client, "of nobody, or a client's own")
        if not client.may_exchange(owner, ()):
            why = "The operator does not let this client exchange tokens of the client of this subject_token."
            raise _refused(client, f"pair with {owner.client_id}", why)
        if subject.audience not in (self._tokens.issuer, *client.serves):
            raise _refused(client, "audience", "The subject_token is for an audience that this client does not serve.")
        if len(subject.sources) >= MOST_ACTORS:
            raise _refused(client, "depth", f"The subject_token was exchanged {MOST_ACTORS} times: that is all.")
        return subject, owner


def _check(form: Mapping[str, str]) -> None:
    """What a request has to say, and must not (RFC 8693, 2.1). Raises `InvalidRequestError`."""
    rules = (
        (not form.get("subject_token"), "Missing 'subject_token' in request."),
        (form.get("subject_token_type") != TOKEN_TYPE, f"The subject_token_type has to be {TOKEN_TYPE}."),
        (form.get("requested_token_type", TOKEN_TYPE) != TOKEN_TYPE, f"The requested_token_type may be {TOKEN_TYPE}."),
        (
            "actor_token" in form or "actor_token_type" in form,
            "No actor_token or actor_token_type: the client acts itself.",
        ),
    )
    for is_bad, why in rules:
        if is_bad:
            raise InvalidRequestError(why)


def _scopes(asked: str | None, subject: AccessToken, owner: Client, client: Client) -> tuple[str, ...]:
    """What is asked for, if the token and both clients have it; by default all of that. Raises `InvalidScopeError`."""
    most = tuple(scope for scope in subject.scopes if scope in owner.scopes_with(client))
    scopes = most if asked is None else tuple(dict.fromkeys(asked.split()))
    if not scopes or not set(scopes) <= set(most):
        raise InvalidScopeError("The scope holds what the subject_token or one of the two clients does not have.")
    return scopes


def _audience(form: Mapping[str, str], client: Client, issuer: str) -> str:
    """For whom the token is: one registered resource, or us. Raises `InvalidTarget` (RFC 8693, 2.2.2)."""
    asked = {form[name] for name in ("resource", "audience") if name in form} or {issuer}
    if len(asked) > 1:
        raise InvalidTarget("The resource and the audience are not the same.")
    (audience,) = asked
    if audience not in (issuer, *client.resource):
        raise InvalidTarget("The resource or audience is not registered for this client.")
    return audience


def _refused(client: Client, reason: str, why: str = INVALID) -> InvalidRequestError:
    """An error for a subject token (RFC 8693, 2.2.2); the reason is for the log."""
    log.info("exchange refused", extra={"reason": reason, "client_id": client.client_id})
    return InvalidRequestError(why)
