"""The endpoint where clients register themselves and manage that (RFC 7591, RFC 7592), as plain WSGI."""

from collections.abc import Callable, Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7591 import InvalidClientMetadataError

from idp.errors import StaleState
from idp.http import request as current_request
from idp.http.forms import WrongType, read_body, read_query, single
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.http.headers import Headers
from idp.oidc.dynamic_registration import ClientInformation, DynamicRegistration
from idp.oidc.metadata import REGISTRATION
from idp.oidc.requested_metadata import registered_metadata
from idp.web.browser import WebContext
from keys.strict_json import strict_object

DEEPEST = 8


class ClientRegistration:
    """`POST` registers; `GET`, `PUT` and `DELETE` manage the client that the query names. No others come here."""

    def __init__(self, context: WebContext, registration: DynamicRegistration) -> None:
        self._issuer = context.issuer
        self._peers = context.peers
        self._registration = registration

    def table(self) -> Mapping[str, Endpoint]:
        """Every path that is served here."""
        return {REGISTRATION: self.answer}

    def answer(self, environ: Environ) -> EndpointResponse:
        handlers: Mapping[str, Callable[[Environ], EndpointResponse]] = {
            "POST": self._register,
            "GET": self._read,
            "HEAD": self._read,
            "PUT": self._replace,
            "DELETE": self._remove,
        }
        try:
            return handlers[environ["REQUEST_METHOD"]](environ)
        except StaleState:
            return problem(409, "invalid_request")
        except OAuth2Error as error:
            return reply(error.status_code, dict(error.get_body()), _challenge(error))

    def _register(self, environ: Environ) -> EndpointResponse:
        metadata = _described(environ)
        if environ.get("QUERY_STRING"):
            raise InvalidRequestError("Metadata belong into the body.")
        made = self._registration.register(_bearer(environ), metadata, self._peers.network(environ))
        current_request.current().client_id = made.registered.client.client_id
        return reply(201, self._told(made), [])

    def _read(self, environ: Environ) -> EndpointResponse:
        return reply(200, self._told(self._registration.read(*self._caller(environ))), [])

    def _replace(self, environ: Environ) -> EndpointResponse:
        metadata = _described(environ)
        client_id, token, network = self._caller(environ)
        return reply(200, self._told(self._registration.replace(client_id, token, metadata, network)), [])

    def _remove(self, environ: Environ) -> EndpointResponse:
        self._registration.remove(*self._caller(environ))
        return 204, [], b""

    def _caller(self, environ: Environ) -> tuple[str, str, str]:
        """The client that the query names, the token, and the network."""
        query = single(read_query(environ))
        if query.keys() != {"client_id"}:
            raise InvalidRequestError("Use registration_client_uri as it is.")
        return query["client_id"][:128], _bearer(environ), self._peers.network(environ)

    def _told(self, made: ClientInformation) -> dict[str, Any]:
        """The answer (RFC 7591, 3.2.1; RFC 7592, 3); a secret is told when it is made, and never again."""
        registered = made.registered
        client = registered.client
        secret = {"client_secret": made.secret} if made.secret else {}
        expiry = {"client_secret_expires_at": 0} if client.secret_digest else {}
        vouched = {"software_statement": registered.statement} if registered.statement else {}
        return {
            "client_id": client.client_id,
            "client_id_issued_at": int(registered.created_at),
            **secret,
            **expiry,
            "registration_access_token": made.token,
            "registration_client_uri": f"{self._issuer}{REGISTRATION}?client_id={client.client_id}",
            **registered_metadata(client),
            **vouched,
            "approval": client.approval or ("closed" if client.disabled else "approved"),
        }


def _described(environ: Environ) -> dict[str, Any]:
    """The JSON object in the body, at most 64 KiB. Raises `InvalidClientMetadataError`, `UserError`."""
    body = read_body(environ)
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise WrongType(f"content type {content_type[:60]!r}")
    try:
        return strict_object(body, deepest=DEEPEST)
    except ValueError as error:
        raise InvalidClientMetadataError(f"The body {error}.") from None


def _bearer(environ: Environ) -> str:
    """The token in the header; empty when there is none."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _challenge(error: OAuth2Error) -> Headers:
    return [("WWW-Authenticate", f'Bearer realm="idp", error="{error.error}"')] if error.status_code == 401 else []
