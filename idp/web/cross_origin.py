"""Which pages of other origins may read what an endpoint answers (CORS: Fetch, 3.3; B-24).

Metadata and keys are for everybody. What a client is told is read by pages of its own origins only: the client that the
request names, which is the authenticated one as soon as there is one. A browser asks first whether it may send at all
(pre-flight) and names no client there, so any client's origin gets a yes; the answer itself is still read by nobody
else. Cookies count nowhere here, so `Access-Control-Allow-Credentials` is never said.
"""

from idp.http import request as current_request
from idp.http.gateway import Endpoint, EndpointResponse, Environ, guarded, problem
from idp.http.headers import Headers
from idp.oidc.clients import Clients

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
VARY = ("Vary", "Origin")
PREFLIGHT_AGE = 600
"""Seconds for which a browser remembers what it was allowed to send."""


def for_everybody(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, a public document that any page may read."""

    def answer(environ: Environ) -> EndpointResponse:
        status, headers, body = endpoint(environ)
        return status, [*headers, (ALLOW_ORIGIN, "*")], body

    return answer


class CrossOrigin:
    """What pages of the clients' own origins may read."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def for_clients(self, methods: str, endpoint: Endpoint) -> Endpoint:
        """`endpoint`, whose answers are read by pages of the client that it has noted for the current request.

        `methods` is what a pre-flight is told. Refusals are answers too: a page has to read why. None of them is kept
        by a cache, so those to programs need no `Vary`.
        """

        def answer(environ: Environ) -> EndpointResponse:
            if environ["REQUEST_METHOD"] == "OPTIONS":
                return self._preflight(environ, methods)
            if "HTTP_ORIGIN" not in environ:
                return endpoint(environ)
            status, headers, body = guarded(endpoint, environ)
            return status, [*headers, VARY, *self._readable(environ["HTTP_ORIGIN"])], body

        return answer

    def _preflight(self, environ: Environ, methods: str) -> EndpointResponse:
        """The answer to "may a page of this origin send that?" (Fetch, 4.8)."""
        origin = environ["HTTP_ORIGIN"]
        if not self._clients.has_origin(origin):
            return problem(403, "unregistered_origin", [VARY])
        allowed: Headers = [
            (ALLOW_ORIGIN, origin),
            ("Access-Control-Allow-Methods", methods),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP"),
            ("Access-Control-Max-Age", str(PREFLIGHT_AGE)),
        ]
        return 200, [VARY, *allowed], b""

    def _readable(self, origin: str) -> Headers:
        noted = current_request.current().client_id
        client = self._clients.find(noted) if noted else None
        if client is None or origin not in client.origins:
            return []
        return [(ALLOW_ORIGIN, origin), ("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate")]
