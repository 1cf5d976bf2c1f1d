"""An alarm for a proxy that nobody listed: behind one all people are one address, and one of them uses up its limits.

Strangers may send such headers too, so each is counted, told once a minute, and believed by nobody (`TrustedProxies`).
"""

import logging
from collections.abc import Callable
from typing import Any

from idp.limits.local import LocalRateLimiter
from idp.ports import Clock
from idp.store.store_errors import STORE_DOWN
from idp.web.network import TrustedProxies

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_PROTO")
log = logging.getLogger("idp.requests")


class Unlisted:
    """Looks at every request. `count` hears of each, `note` of one a minute, to tell `idp doctor` that it happened."""

    def __init__(
        self, peers: TrustedProxies, clock: Clock, count: Callable[[], object], note: Callable[[], object]
    ) -> None:
        self._peers = peers
        self._count = count
        self._note = note
        self._told = LocalRateLimiter(1, 60, clock)

    def look(self, environ: dict[str, Any]) -> None:
        """Sound the alarm for a forwarded header of an unlisted peer, or of a listed one that does not say for whom."""
        if not any(name in environ for name in FORWARDED):
            return
        listed = self._peers.is_proxy(environ)
        if listed and "HTTP_X_FORWARDED_FOR" in environ:
            return
        self._count()
        if self._told.hit("all"):
            self._tell(environ, listed)

    def _tell(self, environ: dict[str, Any], listed: bool) -> None:
        what = "proxy sends no X-Forwarded-For" if listed else "forwarded header from an unlisted peer"
        log.warning(what, extra={"peer": self._peers.peer_network(environ)})
        try:
            self._note()
        except STORE_DOWN as error:
            log.warning("alarm not stored", extra={"reason": type(error).__name__})
