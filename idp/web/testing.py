"""Test mode: hooks for external test suites. Mounted only when the settings enable it, which production refuses."""

from collections.abc import Callable, Mapping
from email.utils import formatdate

from authlib.oauth2.rfc6749 import OAuth2Error

from idp.errors import UserError
from idp.http.forms import read_query, single
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.oidc.clients import Clients
from idp.oidc.inspection import Inspection
from idp.oidc.step_up import ERROR, LoginTooWeak, read_demand
from idp.ports import Clock
from idp.web.access import bearer_of

Hook = Callable[[], object]


class Testing:
    """`POST` hooks under `/testing/`, and a protected resource that accepts any access token of this issuer."""

    __test__ = False

    def __init__(self, inspection: Inspection, clients: Clients, clock: Clock, hooks: Mapping[str, Hook]) -> None:
        self._inspection = inspection
        self._clients = clients
        self._clock = clock
        self._hooks = hooks

    def table(self) -> Mapping[str, Endpoint]:
        return {
            "/testing/resource": self.resource,
            **{f"/testing/{name}": self._hook(hook) for name, hook in self._hooks.items()},
        }

    def resource(self, environ: Environ) -> EndpointResponse:
        """200 with JSON and `Date` for a valid access token, as a resource server would answer.

        `acr_values` and `max_age` in the query are what it demands of the login (RFC 9470).
        """
        try:
            text, demand = bearer_of(environ), read_demand(single(read_query(environ)))
        except UserError as error:
            return problem(error.status, "invalid_request")
        except OAuth2Error as error:
            return problem(400, error.error)
        try:
            token = self._inspection.resource(text, demand=demand) if text else None
        except LoginTooWeak as weak:
            return problem(401, ERROR, [("WWW-Authenticate", str(weak))])
        if token is None:
            return problem(401, "invalid_token", [("WWW-Authenticate", 'Bearer realm="testing"')])
        return reply(200, token, [("Date", formatdate(self._clock(), usegmt=True))])

    def _hook(self, hook: Hook) -> Endpoint:
        def run(environ: Environ) -> EndpointResponse:
            if environ["REQUEST_METHOD"] != "POST":
                return problem(405, "method_not_allowed", [("Allow", "POST")])
            hook()
            return reply(200, {"done": True}, [])

        return run
