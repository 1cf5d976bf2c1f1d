"""The grants of the token endpoint: Authlib's order of steps, our decisions, one call each.

What is used once is taken in the look-up (code) or right before minting (refresh token), never after it. The gate is
asked in `authenticate_user`, which Authlib calls before anything is issued.
"""

from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc7636 import CodeChallenge

from idp.oidc.authorization import InvalidTarget
from idp.oidc.authorization_details import Details, narrowed
from idp.oidc.clients import AUTH_METHODS, DEVICE_CODE, SCOPES, TOKEN_EXCHANGE, Client
from idp.oidc.gate import GrantState
from idp.oidc.grant import AuthorizationCode, Grant, grant_id_of
from idp.oidc.issuing import Issuing, Refresh
from idp.oidc.tokens import confirmation

CONFIDENTIAL = [method for method in AUTH_METHODS if method != "none"]


class RequireS256(CodeChallenge):  # type: ignore[misc]
    """PKCE at redemption: S256 or nothing (RFC 7636, 4.6; RFC 9700, 2.1.1). `/authorize` demanded the challenge."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def __init__(self) -> None:
        super().__init__(required=True)

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_token_request", self.validate_code_verifier)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Raises `InvalidGrantError`, also for a verifier that is missing: to the code it is another value."""
        try:
            super().validate_code_verifier(grant, result)
        except InvalidRequestError as error:
            raise InvalidGrantError(error.description) from None


class RedeemedCode:
    """A taken `AuthorizationCode`, in the form that Authlib expects."""

    code_challenge_method = "S256"

    def __init__(self, code: AuthorizationCode) -> None:
        self.code = code
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.code.grant.scopes)


class CodeGrant(authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """`authorization_code` (RFC 6749, 4.1.3)."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)

    @property
    def issuing(self) -> Issuing:
        return self.server.issuing  # type: ignore[no-any-return]

    def query_authorization_code(self, code: str, client: Client) -> RedeemedCode | None:
        redeemed = self.issuing.redeem(code, client)
        return RedeemedCode(redeemed) if redeemed else None

    def authenticate_user(self, authorization_code: RedeemedCode) -> GrantState:
        _same_resource(self.request, authorization_code.code.grant.resource)
        _same_key(self.request, authorization_code.code.grant.jkt)
        self.request.details = _details(self.request, authorization_code.code.grant)
        grant = _bound(authorization_code.code.grant, self.request)
        return self.issuing.grant_state_of(grant, self.request.client)

    def generate_token(
        self, user: GrantState, scope: str, include_refresh_token: bool = True, **_: Any
    ) -> dict[str, Any]:
        code, client = self.request.authorization_code.code, self.request.client
        grant = _bound(code.grant, self.request)
        return self.issuing.mint(grant, code.id, client, user, scope.split(), self.request.details, begin=True)

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing to save: access tokens are self-contained and the family was written when it began."""

    def delete_authorization_code(self, authorization_code: RedeemedCode) -> None:
        """Nothing to delete: the code was taken in the look-up, before anything was minted."""


class RefreshGrant(authlib_grants.RefreshTokenGrant):  # type: ignore[misc]
    """`refresh_token` with rotation, reuse detection and a bounded grace (RFC 6749, 6; RFC 9700, 4.14)."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    @property
    def issuing(self) -> Issuing:
        return self.server.issuing  # type: ignore[no-any-return]

    def _validate_request_token(self, client: Client) -> Refresh:
        text = self.request.form.get("refresh_token")
        if text is None:
            raise InvalidRequestError("Missing 'refresh_token' in request.")
        refresh = self.issuing.present(text, client)
        _same_resource(self.request, refresh.family.grant.resource)
        _same_holder(self.request, refresh.family.grant, client)
        self.request.details = _details(self.request, refresh.family.grant)
        return refresh

    def authenticate_user(self, refresh_token: Refresh) -> GrantState:
        self.request.successor = self.issuing.spend(refresh_token, self.request.client)
        return refresh_token.grant_state

    def generate_token(
        self, user: GrantState, scope: str, include_refresh_token: bool = True, **_: Any
    ) -> dict[str, Any]:
        family = self.request.refresh_token.family
        client, grant = self.request.client, _bound(family.grant, self.request)
        details = self.request.details
        answer = self.issuing.mint(grant, family.grant_id, client, user, scope.split(), details, begin=False)
        return answer | {"refresh_token": self.request.successor}

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing to save: the family was advanced before the token was minted."""

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """Nothing to revoke: the presented token was spent before the successor was minted."""


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]
    """`client_credentials` (RFC 6749, 4.4): a client on its own behalf, never with a person's scopes."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def validate_requested_scope(self) -> None:
        asked = (self.request.payload.scope or "").split()
        own = set(self.request.client.scopes) - set(SCOPES)
        if not set(asked) <= own:
            raise InvalidScopeError("The scope is not registered for this client in its own name.")

    def generate_token(self, scope: str | None = None, **_: Any) -> dict[str, Any]:
        resource = self.request.form.get("resource")
        client = self.request.client
        if resource is not None and resource not in client.resource:
            raise InvalidTarget("The resource is not registered for this client.")
        narrowed((), self.request.form.get("authorization_details"), client)
        scopes, cnf = (scope or "").split(), confirmation(self.request.jkt, self.request.x5t)
        return self.server.issuing.for_client(client, scopes, resource, cnf)  # type: ignore[no-any-return]

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing to save: the token is self-contained."""


class DeviceGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """`urn:ietf:params:oauth:grant-type:device_code` (RFC 8628, 3.4): a poll, and once the tokens."""

    GRANT_TYPE = DEVICE_CODE
    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)

    def validate_token_request(self) -> None:
        request = self.request
        client = request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for the device grant.")
        device_code = request.form.get("device_code")
        if not device_code:
            raise InvalidRequestError("Missing 'device_code' in request.")
        grant = self.server.device_codes.poll(device_code, client.client_id)
        _same_resource(request, grant.resource)
        request.details = _details(request, grant)
        request.grant, request.grant_id = _bound(grant, request), grant_id_of(device_code)
        request.user = self.server.issuing.grant_state_of(request.grant, client)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        request, grant = self.request, self.request.grant
        mint = self.server.issuing.mint
        answer = mint(grant, request.grant_id, request.client, request.user, grant.scopes, request.details, begin=True)
        return 200, answer, self.TOKEN_RESPONSE_HEADER


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """`urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): a client acts for the person of another's token."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def validate_token_request(self) -> None:
        request = self.request
        client = request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for token exchange.")
        narrowed((), request.form.get("authorization_details"), client)
        request.token = self.server.token_exchange.judge(request.form, client, request.jkt, request.x5t)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        answer = self.server.token_exchange.issue(self.request.token, self.request.client)
        return 200, answer, self.TOKEN_RESPONSE_HEADER


def _bound(grant: Grant, request: Any) -> Grant:
    """The grant with what this request proved: its tokens are bound to that."""
    return replace(grant, jkt=request.jkt, x5t=request.x5t)


def _same_resource(request: Any, granted: str | None) -> None:
    """A token request may repeat the granted resource, not change it (RFC 8707, 2.2)."""
    asked = request.form.get("resource")
    if asked is not None and asked != granted:
        raise InvalidTarget("The resource was not granted.")


def _details(request: Any, grant: Grant) -> Details:
    """A token request may name a part of the granted details, not others (RFC 9396, 6)."""
    return narrowed(grant.details, request.form.get("authorization_details"), request.client)


def _same_key(request: Any, jkt: str) -> None:
    """A grant bound to a key is given only to that key (RFC 9449, 10). Raises `InvalidGrantError`."""
    if jkt and request.jkt != jkt:
        raise InvalidGrantError("The grant is bound to another key.")


def _same_holder(request: Any, grant: Grant, client: Client) -> None:
    """A public client's refresh token stays bound to its key and certificate, an authenticating client's to the client.

    (RFC 9449, 5; RFC 8705, 4 and 7.1.) In both cases what was bound stays bound: no proof, no token. A public client's
    token without a key cannot be bound later, or a thief could bind it to their own.
    """
    for proved, bound in ((request.jkt, grant.jkt), (request.x5t, grant.x5t)):
        if not (proved == bound if client.is_public else proved or not bound):
            raise InvalidGrantError("The refresh token is bound to another key, or to none.")
