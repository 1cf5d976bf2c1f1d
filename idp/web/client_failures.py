"""Why a client was not authenticated: in the log line of its request, and for `idp explain` under `X-Request-Id`."""

import logging

from idp.http import request as current_request
from idp.limits.local import LocalRateLimiter
from idp.oidc.clients import Clients
from idp.web.routes import NoteIncident

log = logging.getLogger("idp.clients")
KIND = "client_authentication"


class ClientFailures:
    """Notes failures; only so many a minute go to the database, as anybody can cause them.

    `notes` bounds those of each network, `in_total` those of all networks: under registered ids, and under others.
    """

    def __init__(
        self, clients: Clients, note_incident: NoteIncident, notes: LocalRateLimiter, in_total: LocalRateLimiter
    ) -> None:
        self._clients = clients
        self._note_incident = note_incident
        self._notes = notes
        self._in_total = in_total

    def __call__(self, client_id: str, network: str, reason: str) -> None:
        """Note one failure. An unknown id is not repeated: it may be a secret in the wrong field."""
        current = current_request.current()
        known = self._clients.find(client_id)
        current.client_id = known.client_id if known else None
        current.reason = reason
        if not self._notes.hit(network) or not self._in_total.hit("registered" if known else "others"):
            return
        try:
            self._note_incident(current.id.upper(), KIND, 401, current.route, current.client_id, reason)
        except Exception as error:
            log.warning("incident not stored", extra={"request_id": current.id, "reason": type(error).__name__})
