"""Authlib's authorization server with our rules: one table of grants, one of client authentication methods.

It uses requests and responses of Werkzeug and not Flask, so the machine endpoints use it as plain WSGI.
"""

from collections.abc import Callable, Sequence
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Request,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from idp.at_once import needs_thread
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization_details import Details
from idp.oidc.certificates import ClientCertificate
from idp.oidc.client_auth import ClientAuthentication, NotAuthenticated, claimed_id, one_method_only, shows_secret
from idp.oidc.clients import GRANT_TYPES, Client, Clients
from idp.oidc.device_grant import DeviceCodes
from idp.oidc.dpop import BadProof, NonceNeeded, Proof, Proofs
from idp.oidc.grants import (
    ClientCredentialsGrant,
    CodeGrant,
    DeviceGrant,
    RefreshGrant,
    RequireS256,
    TokenExchangeGrant,
)
from idp.oidc.issuing import Issuing
from idp.oidc.metadata import TOKEN
from idp.oidc.token_exchange import TokenExchange

ASSERTION_GRANTS = tuple(f"urn:ietf:params:oauth:grant-type:{kind}-bearer" for kind in ("jwt", "saml2"))
NO_ASSERTIONS = (
    "An assertion is no grant here: a client shows one as client_assertion (private_key_jwt) with client_credentials, "
    "or acts for a person by token exchange."
)
"""What is said of the grants of RFC 7523 and RFC 7522: nobody but us says who a person is."""

NoteFailure = Callable[[str, str, str], None]
"""Tells the operator why a client was not authenticated: the id that it claimed, its network, the reason."""

TokenResponse = tuple[int, dict[str, Any], list[tuple[str, str]]]
"""Status, JSON body and extra headers: the response of a machine endpoint."""


class FormRequest(OAuth2Request):  # type: ignore[misc]
    """A POST with a bounded, decoded form whose parameters are all single.

    `proofs` are its `DPoP` headers, `proof` is the verified one. `details` are those that its token
    gets. `certificate` is that of the connection, `x5t` its
    thumbprint if tokens are to be bound to it. `address` is ours, as the client called it.
    """

    def __init__(
        self,
        form: dict[str, str],
        headers: Any,
        address: str,
        network: str = "",
        *,
        proofs: Sequence[str] = (),
        certificate: ClientCertificate | None = None,
    ) -> None:
        # TLS ends where the operator says; Authlib's own check of the scheme would read a header that we do not trust.
        super().__init__("POST", "https://issuer.invalid/", headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(form)
        self.network = network
        self.address = address
        self.proofs = proofs
        self.proof: Proof | None = None
        self.certificate = certificate
        self.x5t = ""
        self.successor: str | None = None
        self.details: Details = ()

    @property
    def jkt(self) -> str:
        """The proved key that issued tokens are bound to; empty when there is none."""
        return self.proof.jkt if self.proof else ""

    @property
    def form(self) -> dict[str, str]:
        return self._form


class Server(AuthorizationServer):  # type: ignore[misc]
    """The token endpoint's engine, and client authentication for every machine endpoint."""

    def __init__(
        self,
        clients: Clients,
        authentication: ClientAuthentication,
        issuing: Issuing,
        failures: LocalRateLimiter,
        proofs: Proofs,
        device_codes: DeviceCodes,
        token_exchange: TokenExchange,
        note_failure: NoteFailure,
    ) -> None:
        super().__init__()
        self._note_failure = note_failure
        self._failures = failures
        self.proofs = proofs
        self.clients = clients
        self.issuing = issuing
        self.device_codes = device_codes
        self.token_exchange = token_exchange
        for method, check in (
            ("private_key_jwt", authentication.private_key_jwt),
            ("client_secret_basic", authentication.basic),
            ("client_secret_post", authentication.post),
            ("tls_client_auth", authentication.tls_client_auth),
            ("self_signed_tls_client_auth", authentication.self_signed_tls_client_auth),
            ("none", authentication.none),
        ):
            self.register_client_auth_method(method, check)
        self.register_grant(CodeGrant, [RequireS256()])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(DeviceGrant)
        self.register_grant(TokenExchangeGrant)

    def query_client(self, client_id: str) -> Client | None:
        return self.clients.find(client_id)

    def authenticate_client(self, request: FormRequest, methods: list[str], endpoint: str = "token") -> Client:
        """The authenticated client. Raises `InvalidClientError`, always with the same text, and `TooMany`.

        Checked before anything is counted: ids are public, so a client with the right secret is not affected by what
        others did under its id.
        """
        one_method_only(request)
        try:
            client: Client = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError as error:
            needs_thread()
            refused = error if isinstance(error, NotAuthenticated) else NotAuthenticated("no credentials")
            self._note_failure(claimed_id(request), request.network, refused.reason)
            self._slow_down(request)
            raise refused from None
        request.client = client
        if endpoint == "token":
            request.proof = self.judged(request, client, TOKEN)
            request.x5t = _shown_certificate(request, client)
        return client

    def _slow_down(self, request: FormRequest) -> None:
        """Count a wrong secret, so that a program with an old one slows down. Raises `TooMany`.

        It protects no secret: checking one is a single hash, and guessing 256 bits is hopeless.
        """
        if shows_secret(request) and not self._failures.hit(f"{claimed_id(request)}|{request.network}"):
            raise TooMany("client authentication failed too often", retry_after=self._failures.retry_after)

    def judged(self, request: FormRequest, client: Client, path: str) -> Proof | None:
        """The proof of a request here, checked before anything that is used once is touched (RFC 9449, 5 and 10.1)."""
        if not request.proofs and not (client.dpop_bound_access_tokens and path == TOKEN):
            return None
        try:
            return self.proofs.judge(request.proofs, "POST", request.address + path)
        except (BadProof, NonceNeeded) as error:
            raise error.as_oauth(400) from None

    def create_token_response(self, request: FormRequest) -> TokenResponse:
        """Authlib's steps, with ours in between: a proof is used up only by a grant that was found valid.

        Made-up proofs and grants leave no trace, and nothing is issued before the proof is used.
        """
        try:
            grant = self.get_token_grant(request)
            grant.validate_token_request()
            if request.proof:
                self.proofs.use(request.proof)
            return self.handle_response(*grant.create_token_response())
        except BadProof as error:
            return self.handle_error_response(request, error.as_oauth(400))
        except OAuth2Error as error:
            return self.handle_error_response(request, error)

    def get_token_grant(self, request: FormRequest) -> Any:
        """Authlib's choice, with a refusal that says what there is (RFC 6749, 5.2). Raises `OAuth2Error`."""
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            is_assertion = request.form.get("grant_type") in ASSERTION_GRANTS
            why = NO_ASSERTIONS if is_assertion else f"The grant_type may be {', '.join(GRANT_TYPES)}."
            raise OAuth2Error(why, error=UnsupportedGrantTypeError.error) from None

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Signals are not used."""

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        return request

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> TokenResponse:
        return status, body, headers

    def handle_error_response(self, request: FormRequest, error: OAuth2Error) -> TokenResponse:
        return error_answer(error)


def _shown_certificate(request: FormRequest, client: Client) -> str:
    """The certificate that issued tokens are bound to, also demanded before anything is touched (RFC 8705, 3).

    It proves no identity here, so nobody asks who signed it or how long it is valid. Raises `InvalidRequestError`.
    """
    if not client.tls_client_certificate_bound_access_tokens:
        return ""
    if request.certificate is None:
        raise InvalidRequestError("The tokens of this client are bound to a certificate: connect with one.")
    return request.certificate.x5t


def error_answer(error: OAuth2Error) -> TokenResponse:
    """A protocol error as JSON (RFC 6749, 5.2)."""
    body = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    headers = [("WWW-Authenticate", 'Basic realm="idp"')] if isinstance(error, InvalidClientError) else []
    return error.status_code, body, headers
