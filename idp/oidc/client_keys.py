"""The public keys that verify client assertions: registered ones, or fetched from a registered `jwks_uri`.

Fetched keys are kept for five minutes, unless a signature names one that is not among them; a failed fetch keeps the
last good ones, and a client is asked at most once a minute.
"""

import logging
from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.at_once import needs_thread
from idp.oidc.clients import Client
from idp.outbound import Outbound, OutboundFailed
from idp.ports import Clock

KEPT = 300.0
ASKED_AGAIN_AFTER = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    good_until: float
    asked_at: float

    def has(self, kid: str) -> bool:
        """Whether the key of this name is among them, or none is named."""
        return not kid or any(key.kid == kid for key in (self.keys.keys if self.keys else ()))


class ClientKeys:
    """Finds the keys of clients."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._fetched: dict[str, _Fetched] = {}

    def of(self, client: Client, kid: str = "") -> KeySet | None:
        """The client's public keys, or None when none are available now; `kid` is the one that a signature names."""
        if client.jwks is not None:
            return KeySet.import_key_set(dict(client.jwks))  # type: ignore[arg-type]
        return self._from_uri(client.jwks_uri, kid) if client.jwks_uri else None

    def forget(self) -> None:
        """Fetch again on the next use."""
        self._fetched.clear()

    def _from_uri(self, uri: str, kid: str) -> KeySet | None:
        now = self._clock()
        known = self._fetched.get(uri)
        if known and (now < known.asked_at + ASKED_AGAIN_AFTER or (now < known.good_until and known.has(kid))):
            return known.keys
        needs_thread()
        # Recorded before the request, so that only one thread waits for a slow response.
        self._fetched[uri] = _Fetched(known.keys if known else None, now, now)
        try:
            keys = KeySet.import_key_set(self._outbound.get_json(uri))  # type: ignore[arg-type]
            self._fetched[uri] = _Fetched(keys, now + KEPT, now)
        except (OutboundFailed, JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("client keys not fetched", extra={"reason": type(error).__name__})
        return self._fetched[uri].keys
