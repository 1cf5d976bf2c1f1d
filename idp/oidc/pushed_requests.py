"""Pushed authorization requests (RFC 9126): the client hands its request in by itself, and the browser carries a name.

A request is judged whole before it is kept, and again when it is used: a client may have changed meanwhile. Its name is
taken at `/authorize`, once, into an answer or a `LoginAttempt`; from then on the attempt is what a browser returns to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import InvalidRequestError

from idp.at_once import needs_thread
from idp.ephemeral_records import EphemeralRecords
from idp.errors import BadRequest, Expired, TooMany, UserError
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization import Extension, Params, RedirectedError, read_request
from idp.oidc.clients import Client, Clients

PREFIX = "urn:ietf:params:oauth:request_uri:"
CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")
"""Parameters that authenticate the client; nothing of them is kept."""


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A request that was valid when it came, and whose it is."""

    client_id: str
    params: Params


class PushedRequests:
    """Keeps pushed requests until they are used. With `required` every client has to push (RFC 9126, 5).

    `objects` opens those that come signed (RFC 9126, 3). `per_network` slows down clients that prove nothing, `total`
    all of them.
    """

    def __init__(
        self,
        records: EphemeralRecords[PushedRequest],
        clients: Clients,
        objects: Extension,
        *,
        required: bool,
        per_network: LocalRateLimiter,
        total: LocalRateLimiter,
    ) -> None:
        self.required = required
        self._records = records
        self._clients = clients
        self._objects = objects
        self._per_network = per_network
        self._total = total

    @property
    def life(self) -> int:
        """Seconds for which a request is kept."""
        return int(self._records.life)

    def read(self, client: Client, form: Mapping[str, str], network: str, jkt: str) -> Params:
        """The valid request in a form of `client`; with a proved key `jkt` its code is for that key.

        Raises `OAuth2Error`, also for what `/authorize` would show on a page (RFC 9126, 2.3).
        """
        if "request_uri" in form:
            raise InvalidRequestError("A pushed request has no 'request_uri'.")
        values = {name: value for name, value in form.items() if name not in CREDENTIALS}
        values["client_id"] = client.client_id
        values = dict(self._objects.unfold(client, values, network) or values)
        if jkt and values.setdefault("dpop_jkt", jkt) != jkt:
            raise InvalidRequestError("'dpop_jkt' is not the key of the DPoP proof.")
        params = tuple(values.items())
        try:
            read_request(params, self._clients)
        except RedirectedError as refused:
            raise refused.error from None
        except UserError as error:
            raise InvalidRequestError(_SENTENCES.get(error.kind, "The request is too long.")) from None
        return params

    def keep(self, client: Client, params: Params, network: str) -> str:
        """Keep a request and return its name. Raises `TooMany`; requests that are kept stay usable."""
        known = not client.is_public or self._per_network.hit(network)
        if not known or not self._total.hit("all"):
            raise TooMany("too many requests pushed", retry_after=self._per_network.retry_after)
        return PREFIX + self._records.add(PushedRequest(client.client_id, params))

    def unfold(self, client: Client, values: Mapping[str, str], network: str) -> Params | None:
        """The request behind its name, once. Raises `Expired`, `BadRequest`, `InvalidRequestError`."""
        name = values.get("request_uri", "")
        if not name.startswith(PREFIX):
            if self.required or client.require_pushed_authorization_requests:
                raise InvalidRequestError("This request has to be pushed (RFC 9126).")
            return None
        # To take is a change: what follows could not move to a thread any more.
        needs_thread()
        pushed = self._records.take(name.removeprefix(PREFIX))
        if not isinstance(pushed, PushedRequest):
            raise Expired(f"client {client.client_id}: request_uri was used, is over, or never was")
        if pushed.client_id != client.client_id:
            raise BadRequest(f"client {client.client_id}: request_uri of client {pushed.client_id}")
        return pushed.params


_SENTENCES = {
    "redirect_uri": "'redirect_uri' is missing or not registered for this client.",
    "unknown_client": "The client is disabled.",
}
