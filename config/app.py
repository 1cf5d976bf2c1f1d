"""`create_app()`: pages and endpoints on a container, and the background work. The result is plain WSGI."""

import atexit
import logging
from functools import partial
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

from config.container import Container
from config.endpoints import endpoint_table
from config.housekeeping import Housekeeping
from config.proxy_watch import note_unlisted
from config.rooms.pages import Pages, officer_context
from config.routes import officer_routes, page_routes
from config.settings import Settings
from config.stores import Stores
from config.watching import watch
from idp.http.gateway import Gateway, Site, Wsgi
from idp.http.health_endpoints import Check
from idp.http.metrics import Metrics
from idp.limits.local import LocalRateLimiter
from idp.messages.working import Workers
from idp.oidc import metadata
from idp.web.protocol_endpoints import CALLED_BY_PAGES
from idp.web.routes import build
from idp.web.unlisted import Unlisted

log = logging.getLogger("idp")
STORELESS = frozenset((metadata.DISCOVERY, metadata.SERVER_METADATA, metadata.JWKS))
READS = STORELESS | {metadata.INTROSPECT, metadata.USERINFO}
AT_ONCE = {
    "sqlite": READS,
    "postgresql": READS | {metadata.AUTHORIZE, metadata.TOKEN, "/login", "/login/qr/poll"},
}
"""What the loop of a worker answers itself; on SQLite reads alone: a change waits for those of other processes."""

CHANNELS: tuple[Literal["sms", "email"], ...] = ("sms", "email")


def create_app(c: Container, metrics: Metrics, *, housekeeping: bool = True) -> Gateway:
    """The whole application for one worker process."""
    stores, settings = c.stores, c.settings
    pages = Pages(c, metrics)
    stores.rotator.ensure(settings.keys.algorithms)
    # Loaded now and kept: a worker that has not answered a request yet must not lose its keys when the database goes
    # down.
    stores.rings.ring()
    watch(c, metrics)
    flask = build(pages.context, page_routes(pages), stores.support_codes.note, LocalRateLimiter(60, 60, c.clock))
    if housekeeping:
        _start(c, metrics)
    if settings.testing.enabled:
        log.warning("TEST MODE: captchas may have a fixed answer; never use this with real people")
    alarm = (metrics.unlisted.inc, partial(note_unlisted, stores))
    unlisted = Unlisted(pages.context.peers, c.clock, *alarm, more=pages.mutual_tls.keys)
    return Gateway(
        endpoint_table(pages, flask),
        flask,
        metrics,
        Site(hosts(settings), https=settings.is_https),
        look=unlisted.look,
        shortcuts={metadata.AUTHORIZE: pages.authorize.answer_at_once},
        at_once=AT_ONCE[stores.database.dialect],
        storeless=STORELESS,
        preflighted=frozenset(CALLED_BY_PAGES),
        managed=frozenset((metadata.REGISTRATION,)),
        console=officer_console(c, metrics),
    )


def _start(c: Container, metrics: Metrics) -> None:
    """Start the background work."""
    messages = c.settings.messages
    c.stores.watch.start(may_keep_house=True)
    Housekeeping(c.stores, metrics.refresh).start()
    if c.qr_login.is_on:
        # What every picture needs is drawn before the first request.
        Thread(target=c.qr_login.drawing.warm, name="qr-drawing", daemon=True).start()
    if messages.in_serve:
        workers = Workers(c.oidc.deliveries, messages.threads, c.stores.watch.wakeups)
        workers.start()
        atexit.register(workers.stop)


def officer_console(c: Container, metrics: Metrics) -> tuple[frozenset[str], Wsgi] | None:
    """The console and the `Host` values it answers to, if it has a URL."""
    if not c.settings.officers_url:
        return None
    context = officer_context(c.settings)
    routes = officer_routes(c, context, metrics)
    return hosts_of(c.settings.officers_url), build(
        context, routes, c.stores.support_codes.note, LocalRateLimiter(60, 60, c.clock)
    )


def readiness(stores: Stores) -> dict[str, Check]:
    """The stores that must work before requests are accepted, by name."""
    checks: dict[str, Check] = {"database": stores.clients.revision, "keys": stores.rings.ring}
    if stores.redis is not None:
        checks["redis"] = stores.redis.ping
    return checks


def hosts(settings: Settings) -> frozenset[str]:
    """Our `Host` values: the issuer's, that for mutual TLS, and those for health checks by address."""
    own = hosts_of(settings.web.mtls_url) if settings.web.mtls_url else frozenset()
    return hosts_of(settings.issuer) | own | {host.lower() for host in settings.web.extra_hosts}


def hosts_of(url: str) -> frozenset[str]:
    """The `Host` values of an origin, with and without its default port."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}[parts.scheme]
    known = {parts.netloc.lower()}
    if parts.port in (None, default):
        known |= {(parts.hostname or "").lower(), f"{(parts.hostname or '').lower()}:{default}"}
    return frozenset(known)


def notes(settings: Settings) -> dict[str, object]:
    """What an operator should know although the provider is ready."""
    unsent = [channel for channel in CHANNELS if settings.sends_by(channel) == "none"]
    return ({"testing": True} if settings.testing.enabled else {}) | ({"not sent": unsent} if unsent else {})
