"""`/recovery`: the hotline's voice assistant starts a recovery for a caller. It reads nothing and sets nothing.

The assistant is a client acting for itself (`private_key_jwt`, grant `client_credentials`) with the scope `recovery`.
Its request is a form of `phone` and `username`; the response is the same whether they match or not.
"""

import logging

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from idp.accounts.recovery import Recoveries
from idp.errors import UserError
from idp.http.forms import read_form, single
from idp.http.gateway import EndpointResponse, Environ, problem, reply
from idp.oidc.clients import Clients
from idp.oidc.inspection import Inspection
from idp.web.access import bearer_of

PATH = "/recovery"
SCOPE = "recovery"
ASSERTION = "private_key_jwt"
log = logging.getLogger(__name__)


class Hotline:
    """The endpoint."""

    def __init__(self, inspection: Inspection, clients: Clients, recoveries: Recoveries) -> None:
        self._inspection = inspection
        self._clients = clients
        self._recoveries = recoveries

    def start(self, environ: Environ) -> EndpointResponse:
        """Accept a recovery: 202 for every phone and user name; 401 and 403 by RFC 6750."""
        if environ["REQUEST_METHOD"] != "POST":
            return problem(405, "method_not_allowed", [("Allow", "POST")])
        try:
            refused = self._refused(environ)
            if refused:
                return refused
            form = single(read_form(environ))
            phone, username = form.get("phone", ""), form.get("username", "")
            if not phone or not username:
                raise InvalidRequestError("Give 'phone' and 'username'.")
        except OAuth2Error as error:
            return reply(error.status_code, {"error": error.error, "error_description": error.description}, [])
        try:
            self._recoveries.by_hotline(phone[:64], username[:64])
        except UserError as refusal:
            # A used-up budget reveals something about the account: the operator may know it, the assistant may not.
            log.warning("recovery by hotline not sent", extra={"reason": refusal.detail})
        return reply(202, {"result": "accepted"}, [])

    def _refused(self, environ: Environ) -> EndpointResponse | None:
        text = bearer_of({**environ, "CONTENT_TYPE": ""})
        token = self._inspection.resource(text) if text else None
        if token is None:
            return problem(401, "invalid_token", [("WWW-Authenticate", 'Bearer realm="idp", error="invalid_token"')])
        client = self._clients.find(str(token["client_id"]))
        method = client.token_endpoint_auth_method if client else ""
        if method != ASSERTION or SCOPE not in str(token["scope"]).split():
            challenge = f'Bearer realm="idp", error="insufficient_scope", scope="{SCOPE}"'
            return problem(403, "insufficient_scope", [("WWW-Authenticate", challenge)])
        return None
