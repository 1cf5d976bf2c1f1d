"""An alarm for an unlisted proxy: behind one all people share one address, and one of them uses up its limits.

Strangers may send such headers too, so each is counted, reported once a minute, and never trusted (`TrustedProxies`).
"""

import logging
from collections.abc import Callable
from typing import Any

from idp.http.network import TrustedProxies
from idp.http.store_errors import STORE_DOWN
from idp.limits.local import LocalRateLimiter
from idp.ports import Clock

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_PROTO")
log = logging.getLogger("idp.requests")


class Unlisted:
    """Checks every request. `count` is called for each, `note` once a minute, so that `idp doctor` can report it.

    `more` are headers that only a listed proxy may set, besides `FORWARDED`, under their names in an environ.
    """

    def __init__(
        self,
        peers: TrustedProxies,
        clock: Clock,
        count: Callable[[], object],
        note: Callable[[], object],
        *,
        more: tuple[str, ...] = (),
    ) -> None:
        self._names = FORWARDED + more
        self._peers = peers
        self._count = count
        self._note = note
        self._told = LocalRateLimiter(1, 60, clock)

    def look(self, environ: dict[str, Any]) -> None:
        """Raise the alarm for a forwarded header from an unlisted peer, or a listed one without `X-Forwarded-For`."""
        if not any(name in environ for name in self._names):
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
