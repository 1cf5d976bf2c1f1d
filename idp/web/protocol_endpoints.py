"""The endpoints that clients call, as plain WSGI: token, userinfo, introspection, revocation, keys and metadata.

They need nothing from Flask, and carry most of a provider's load. Each takes an environ and returns status, headers and
body; the gateway does the rest.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from idp.commit_waits import CommitWaits
from idp.http import request as current_request
from idp.http.forms import read_form, single
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.http.headers import Headers
from idp.oidc import metadata
from idp.oidc.authorization_details import narrowed
from idp.oidc.client_auth import claimed_id
from idp.oidc.clients import AUTH_METHODS, DEVICE_CODE, Client
from idp.oidc.codes import is_offline
from idp.oidc.device_grant import INTERVAL, LIFE, format_user_code
from idp.oidc.dpop import BadProof
from idp.oidc.inspection import Inspection
from idp.oidc.pushed_requests import PushedRequests
from idp.oidc.response_jwt import INTROSPECTION, ResponseJwts
from idp.oidc.server import FormRequest, Server, TokenResponse, error_answer
from idp.web.access import challenges, claimed_client, fresh_nonce, proofs_in, shown_token
from idp.web.browser import WebContext
from idp.web.cross_origin import CrossOrigin, for_everybody
from idp.web.mutual_tls import MutualTls
from keys.ring import KeyRing

LONGEST_TOKEN = 8192
INTROSPECTION_JWT = f"application/{INTROSPECTION}"
CALLED_BY_PAGES = {
    metadata.TOKEN: "POST",
    metadata.PAR: "POST",
    metadata.REVOKE: "POST",
    metadata.USERINFO: "GET, POST",
}
"""The endpoints that pages of clients call from their own origin, with the methods that a pre-flight is told."""

Version = tuple[str, ...]
DURABLE_GRANTS = frozenset(("refresh_token", DEVICE_CODE))
"""Grants that are committed before they are answered, besides codes that bring a refresh token."""


class ProtocolEndpoints:
    """The endpoints. `ring()` returns the current key ring; portals may cache keys and metadata for `max_age`.

    `audit_ring()` returns the keys that sign segments of the audit trail.
    """

    def __init__(
        self,
        context: WebContext,
        mutual_tls: MutualTls,
        server: Server,
        inspection: Inspection,
        pushed: PushedRequests,
        jwts: ResponseJwts,
        ring: Callable[[], KeyRing],
        audit_ring: Callable[[], KeyRing],
        max_age: int,
        commit_waits: CommitWaits,
    ) -> None:
        self._issuer = context.issuer
        self._server = server
        self._inspection = inspection
        self._ring = ring
        self._audit_ring = audit_ring
        self._clock = context.clock
        self._peers = context.peers
        self._mtls = mutual_tls
        self._max_age = max_age
        self._commit_waits = commit_waits
        self._pushed = pushed
        self._jwts = jwts
        self._documents: dict[str, tuple[Version, EndpointResponse]] = {}

    def table(self) -> Mapping[str, Endpoint]:
        """Every path that is served here."""
        table = {
            metadata.DISCOVERY: for_everybody(self._get(self.discovery)),
            metadata.SERVER_METADATA: for_everybody(self._get(self.discovery)),
            metadata.JWKS: for_everybody(self._get(self.jwks)),
            metadata.AUDIT_JWKS: self._get(self.audit_jwks),
            metadata.TOKEN: self._post(self.token),
            metadata.PAR: self._post(self.par),
            metadata.INTROSPECT: self._post(self.introspect),
            metadata.REVOKE: self._post(self.revoke),
            metadata.USERINFO: self.userinfo,
            metadata.DEVICE_AUTHORIZATION: self._post(self.device_authorization),
        }
        pages = CrossOrigin(self._server.clients)
        return table | {path: pages.for_clients(methods, table[path]) for path, methods in CALLED_BY_PAGES.items()}

    def discovery(self, environ: Environ) -> EndpointResponse:
        ring, now = self._ring(), self._clock()
        algorithms, opens = ring.algorithms(now), ring.opens(now)
        version = (*algorithms, str(opens))
        return self._prepared("discovery", version, environ, lambda: self._document(algorithms, opens))

    def _document(self, algorithms: Collection[str], opens: bool) -> Mapping[str, Any]:
        required = self._pushed.required
        return metadata.document(self._issuer, algorithms, self._mtls.headers, requires_pushed=required, opens=opens)

    def jwks(self, environ: Environ) -> EndpointResponse:
        ring, now = self._ring(), self._clock()
        kids = tuple(key.kid for key in ring.published(now))
        return self._prepared("jwks", kids, environ, lambda: ring.jwks(now))

    def audit_jwks(self, environ: Environ) -> EndpointResponse:
        ring = self._audit_ring()
        return self._prepared("audit_jwks", (str(ring.version),), environ, ring.unrevoked_jwks)

    def token(self, environ: Environ) -> EndpointResponse:
        request = self._form_request(environ)
        if not _is_durable(request):
            return self._token(request, environ)
        self._commit_waits.demand_short()
        with self._commit_waits.measured():
            return self._token(request, environ)

    def _token(self, request: FormRequest, environ: Environ) -> EndpointResponse:
        _note(self._server.clients.find(claimed_id(request)))
        status, body, headers = self._server.create_token_response(request)
        _note(request.client)
        return _answered((status, body, headers), fresh_nonce(environ, self._server.proofs))

    def par(self, environ: Environ) -> EndpointResponse:
        """A client pushes an authorization request (RFC 9126, 2); a proof binds its code to a key (RFC 9449, 10.1)."""
        request, nonce = self._form_request(environ), fresh_nonce(environ, self._server.proofs)
        try:
            client = self._caller(request, "pushed_authorization_request", none=True)
            proof = self._server.judged(request, client, metadata.PAR)
            params = self._pushed.read(client, request.form, request.network, proof.jkt if proof else "")
            if proof:
                self._server.proofs.use(proof)
        except BadProof as error:
            return _answered(error_answer(error.as_oauth(400)), nonce)
        except OAuth2Error as error:
            return _answered(error_answer(error), nonce)
        body = {"request_uri": self._pushed.keep(client, params, request.network), "expires_in": self._pushed.life}
        return reply(201, body, nonce)

    def device_authorization(self, environ: Environ) -> EndpointResponse:
        """A device requests authorization (RFC 8628, 3.1 and 3.2)."""
        request = self._form_request(environ)
        caller = self._caller(request, "device_authorization", none=True)
        narrowed((), request.form.get("authorization_details"), caller)
        asked = request.form.get("scope"), request.form.get("resource")
        begun = self._server.device_codes.begin(caller, *asked, request.network, self._server.clients.known_scopes)
        page, code = self._issuer + metadata.DEVICE, format_user_code(begun.user_code)
        body = {
            "device_code": begun.device_code,
            "user_code": code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={code}",
            "expires_in": int(LIFE),
            "interval": INTERVAL,
        }
        return reply(200, body, [])

    def introspect(self, environ: Environ) -> EndpointResponse:
        request = self._form_request(environ)
        caller = self._caller(request, "introspection", none=False)
        answer = self._inspection.introspect(_token(request), caller)
        if not _accepts(environ, INTROSPECTION_JWT):
            return reply(200, answer, [])
        return 200, [("Content-Type", INTROSPECTION_JWT)], self._jwts.introspection(caller, answer).encode()

    def revoke(self, environ: Environ) -> EndpointResponse:
        request = self._form_request(environ)
        self._inspection.revoke(_token(request), self._caller(request, "revocation", none=True))
        return reply(200, {}, [])

    def userinfo(self, environ: Environ) -> EndpointResponse:
        """`GET` or `POST` with a token in the header, or a bearer token in the form of a `POST` (RFC 6750, 2)."""
        proofs = self._server.proofs
        if "HTTP_ORIGIN" in environ:
            _note(self._server.clients.find(claimed_client(environ)))
        try:
            token = shown_token(environ, proofs, self._mtls.address(environ), self._inspection.key_of)
            if token is None:
                return problem(401, "invalid_request", challenges(environ))
            certificate = self._mtls.certificate(environ)
            client, claims = self._inspection.userinfo(*token, certificate.x5t if certificate else "")
            nonce, signed = fresh_nonce(environ, proofs), self._jwts.userinfo(client, claims)
            if signed is None:
                return reply(200, claims, nonce)
            return 200, [("Content-Type", "application/jwt"), *nonce], signed.encode()
        except OAuth2Error as error:
            headers = challenges(environ, error) + fresh_nonce(environ, proofs)
            return reply(error.status_code, dict(error.get_body()), headers)

    def _form_request(self, environ: Environ) -> FormRequest:
        """The form of a POST with single parameters and nothing secret in the query (RFC 6749, 3.2)."""
        if environ.get("QUERY_STRING"):
            raise InvalidRequestError("Parameters belong into the body.")
        authorization = environ.get("HTTP_AUTHORIZATION")
        headers = {"Authorization": authorization} if authorization else {}
        form, network, address = single(read_form(environ)), self._peers.network(environ), self._mtls.address(environ)
        certificate = self._mtls.certificate(environ)
        return FormRequest(form, headers, address, network, proofs=proofs_in(environ), certificate=certificate)

    def _caller(self, request: FormRequest, endpoint: str, *, none: bool) -> Client:
        methods = [method for method in AUTH_METHODS if none or method != "none"]
        _note(self._server.clients.find(claimed_id(request)))
        client = self._server.authenticate_client(request, methods, endpoint)
        _note(client)
        return client

    def _prepared(
        self, name: str, version: Version, environ: Environ, make: Callable[[], Mapping[str, Any]]
    ) -> EndpointResponse:
        """A response body that is built once for each version of its content."""
        made = self._documents.get(name)
        if made is None or made[0] != version:
            status, headers, body = reply(200, make(), [("Cache-Control", f"public, max-age={self._max_age}")])
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            made = (version, (status, [*headers, ("ETag", etag)], body))
            self._documents[name] = made
        status, headers, body = made[1]
        if environ.get("HTTP_IF_NONE_MATCH", "").removeprefix("W/") == headers[-1][1]:
            return 304, [h for h in headers if h[0] != "Content-Type"], b""
        return status, headers, body

    def _get(self, endpoint: Endpoint) -> Endpoint:
        def only_get(environ: Environ) -> EndpointResponse:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                return problem(405, "method_not_allowed", [("Allow", "GET, HEAD")])
            return endpoint(environ)

        return only_get

    def _post(self, endpoint: Endpoint) -> Endpoint:
        def only_post(environ: Environ) -> EndpointResponse:
            if environ["REQUEST_METHOD"] != "POST":
                return problem(405, "method_not_allowed", [("Allow", "POST")])
            try:
                return endpoint(environ)
            except OAuth2Error as error:
                return _answered(error_answer(error))

        return only_post


def _note(client: Client | None) -> None:
    """Note whom the current request is about: for the log, and for the pages that may read the answer."""
    if client is not None:
        current_request.current().client_id = client.client_id


def _is_durable(request: FormRequest) -> bool:
    return request.form.get("grant_type") in DURABLE_GRANTS or is_offline(request.form.get("code", ""))


def _accepts(environ: Environ, media_type: str) -> bool:
    """Whether the caller asks for exactly this type (RFC 9701, 4), not only for any."""
    ranges = (each.partition(";") for each in environ.get("HTTP_ACCEPT", "").lower().split(","))
    return any(name.strip() == media_type and more.strip() != "q=0" for name, _, more in ranges)


def _token(request: FormRequest) -> str:
    text = request.form.get("token", "")
    if not text:
        raise InvalidRequestError("Missing 'token' in request.")
    return text[: LONGEST_TOKEN + 1]


def _answered(answer: TokenResponse, more: Sequence[tuple[str, str]] = ()) -> EndpointResponse:
    status, body, headers = answer
    extra: Headers = [h for h in (*headers, *more) if h[0].lower() not in ("content-type", "cache-control", "pragma")]
    return status, [("Content-Type", "application/json"), *extra], json.dumps(body, separators=(",", ":")).encode()
