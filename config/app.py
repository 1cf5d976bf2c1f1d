"""`create_app()`: wire, mount pages and endpoints, start the housekeeping. The result is plain WSGI."""

import atexit
import logging
from functools import partial
from typing import Literal

from config.device_pages import device_pages, device_picture
from config.federation_pages import status_of, watch_upstreams
from config.housekeeping import Housekeeping
from config.keys_watch import calendar_of, watch_keys
from config.officer_pages import hosts_of, officer_host
from config.people_pages import people_pages
from config.proxy_watch import note_unlisted
from config.qr_pages import qr_pages, qr_table, warm_up, watch_qr, ways_in
from config.register_pages import register_pages, register_table
from config.senders import QueueWatch, receipts_secret
from config.settings import BadSettings, Settings
from config.stores import Stores
from config.wiring import Provider
from idp.limits.local import LocalRateLimiter
from idp.messages.working import Workers
from idp.oidc.signed_in import SignedIn
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.web import account, authorize, consent, login, logout
from idp.web.browser import WebContext
from idp.web.cookies import Cookies
from idp.web.gateway import Gateway
from idp.web.health_endpoints import Check
from idp.web.hotline import PATH as HOTLINE
from idp.web.hotline import Hotline
from idp.web.key_calendar import KeysPage
from idp.web.metrics import Metrics
from idp.web.network import TrustedProxies
from idp.web.places import NOWHERE, Places, read_places
from idp.web.protocol_endpoints import ProtocolEndpoints
from idp.web.receipts import ReceiptDesk
from idp.web.routes import Routes, build
from idp.web.testing import Testing
from idp.web.unlisted import Unlisted

log = logging.getLogger("idp")
CHANNELS: tuple[Literal["sms", "email"], ...] = ("sms", "email")


def create_app(provider: Provider, metrics: Metrics, *, housekeeping: bool = True) -> Gateway:
    """The whole application for one worker process."""
    base, settings = provider.base, provider.base.settings
    context = surroundings(settings)
    base.rotator.ensure(settings.keys.algorithms)
    # Loaded now, and kept whatever happens: a database that is down must not take away the keys from a worker that
    # nobody has asked yet.
    base.rings.ring()
    _watch(provider, metrics)
    pages = build(
        context, page_table(provider, context, metrics), base.support_codes.note, LocalRateLimiter(60, 60, base.clock)
    )
    if housekeeping:
        _start(provider, metrics)
    hotline = Hotline(provider.inspection, provider.clients, provider.recoveries)
    public = {**calendar_of(base).table(), **status_of(provider).table(), **device_picture(provider, context).table()}
    table = {
        **endpoints_of(provider, context.peers).table(),
        **public,
        **qr_table(provider, context, metrics),
        **register_table(provider, context, pages),
        HOTLINE: hotline.start,
    }
    if secret := receipts_secret(settings):
        table |= ReceiptDesk(base.outbox, secret, lambda *labels: metrics.messages.labels(*labels).inc()).table()
    if settings.testing.enabled:
        table |= _test_mode(provider).table()
        log.warning("TEST MODE: captchas may have a fixed answer; never use this with real people")
    return Gateway(
        table,
        pages,
        metrics,
        hosts=hosts(settings),
        https=settings.is_https,
        look=unlisted_of(base, context.peers, metrics).look,
        console=officer_host(provider, metrics),
    )


def endpoints_of(p: Provider, peers: TrustedProxies) -> ProtocolEndpoints:
    """The endpoints of OpenID Connect."""
    base, rings = p.base, (p.base.rings.ring, p.base.audit_keys.rings.ring)
    max_age = base.settings.keys.jwks_max_age
    return ProtocolEndpoints(base.settings.issuer, p.server, p.inspection, *rings, base.clock, peers, max_age)


def unlisted_of(base: Stores, peers: TrustedProxies, metrics: Metrics) -> Unlisted:
    """What sounds the alarm for a proxy that nobody listed."""
    return Unlisted(peers, base.clock, metrics.unlisted.inc, partial(note_unlisted, base))


def _start(provider: Provider, metrics: Metrics) -> None:
    """What runs beside the requests."""
    messages = provider.base.settings.messages
    Housekeeping(provider.base, metrics.refresh).start()
    warm_up(provider.qr)
    if messages.in_serve:
        workers = Workers(provider.deliveries, messages.threads)
        workers.start()
        atexit.register(workers.stop)


def surroundings(settings: Settings) -> WebContext:
    """What every page knows of this installation. Raises `BadSettings`."""
    return WebContext(
        settings.issuer,
        Cookies(https=settings.is_https),
        TrustedProxies(settings.web.trusted_proxies),
        testing=settings.testing.enabled,
        places=places_of(settings),
    )


def places_of(settings: Settings) -> Places:
    """The operator's list of places. Raises `BadSettings`."""
    file = settings.web.places_file
    try:
        return read_places(file) if file else NOWHERE
    except (OSError, ValueError) as error:
        raise BadSettings([f"web.places_file: {error}"]) from None


def page_table(provider: Provider, context: WebContext, metrics: Metrics) -> Routes:
    """Every page: URL, name, view."""
    p, clock = provider, provider.base.clock
    shared = (context, p.attempts, p.sessions, p.grant_states, p.consents, p.clients, clock, p.dispatcher)
    own = account.OwnPages(*shared, links=bool(p.upstream_logins.upstreams.known))
    ways, ending = ways_in(p, context.issuer), (p.clients, p.tokens, p.sessions, p.grant_states, p.logouts)
    rules = logout.LogoutRules(context, *ending, p.issuing.members, ways)
    people, signed_in = p.base.people, SignedIn(p.grant_states, p.sessions)
    return [
        ("/", "home", account.Home.as_view("home")),
        (
            "/authorize",
            "authorize",
            authorize.Authorize.as_view("authorize", context, p.attempts, p.clients, p.dispatcher, clock),
        ),
        (
            "/login",
            "login",
            login.LoginPage.as_view("login", context, p.attempts, p.logins, p.challenges, p.clients, metrics, ways),
        ),
        (
            "/login/captcha/<name>.<any(png,wav):form>",
            "captcha",
            login.Captcha.as_view("captcha", context, p.challenges),
        ),
        (
            "/consent",
            "consent",
            consent.ConsentPage.as_view(
                "consent", context, p.attempts, p.clients, p.grant_states, signed_in, people, p.consents, clock
            ),
        ),
        *logout_pages(rules),
        ("/account", "account", account.AccountPage.as_view("account", own, rules.upstream_origin, p.devices)),
        ("/account/end-session", "end_one", account.EndOne.as_view("end_one", own, rules.after)),
        ("/account/withdraw", "withdraw", account.Withdraw.as_view("withdraw", own)),
        ("/keys", "keys", KeysPage.as_view("keys", calendar_of(p.base))),
        *(device_pages(p, own) + qr_pages(p, context)),
        *(people_pages(p, context, own, metrics) + register_pages(p, context)),
    ]


def logout_pages(rules: logout.LogoutRules) -> Routes:
    """The pages of a logout."""
    return [
        ("/end_session", "end_session", logout.EndSession.as_view("end_session", rules)),
        ("/logout", "logout", logout.LogoutPage.as_view("logout", rules)),
        ("/via/<upstream_id>/logged-out", "via_logged_out", logout.BackFromUpstream.as_view("via_logged_out", rules)),
        ("/logged-out", "logged_out", logout.LoggedOut.as_view("logged_out", rules)),
    ]


def _test_mode(provider: Provider) -> Testing:
    """The hooks of test mode: new signing keys, and forgetting what is cached of clients."""
    base = provider.base

    def rotate_keys() -> None:
        for alg in base.settings.keys.algorithms:
            base.rotator.replace(alg)

    def forget() -> None:
        base.clients.touch()
        provider.clients.forget()
        provider.client_keys.forget()

    hooks = {"rotate-keys": rotate_keys, "forget": forget}
    return Testing(provider.inspection, provider.clients, base.clock, hooks)


def _watch(provider: Provider, metrics: Metrics) -> None:
    """Connect the metrics: hash queue, store latency, messages, signing keys."""
    base = provider.base
    metrics.watch(metrics.hashing, lambda: provider.passwords.queue.busy)
    sql = metrics.store.labels("sql")
    base.database.watch(lambda _text, seconds: sql.observe(seconds))
    if isinstance(base.ephemeral, RedisEphemeralStore):
        base.ephemeral.observe = metrics.store.labels("redis").observe
    provider.deliveries.observe = lambda *labels: metrics.messages.labels(*labels).inc()
    queue = QueueWatch(base.outbox, base.clock)
    for channel in provider.deliveries.channels:
        metrics.watch(metrics.waiting.labels(channel), partial(queue.length, channel))
        metrics.watch(metrics.oldest.labels(channel), partial(queue.oldest, channel))
    provider.server.proofs.observe = lambda outcome: metrics.proofs.labels(outcome).inc()
    watch_keys(base, metrics)
    watch_upstreams(provider.upstream_logins.upstreams, metrics)
    watch_qr(provider.qr, metrics)


def readiness(base: Stores) -> dict[str, Check]:
    """The stores that must work before requests may come, by name."""
    checks: dict[str, Check] = {"database": base.clients.revision, "keys": base.rings.ring}
    if base.redis is not None:
        checks["redis"] = base.redis.ping
    return checks


def hosts(settings: Settings) -> frozenset[str]:
    """The `Host` values that are ours: the issuer's, and those for health checks by address."""
    return hosts_of(settings.issuer) | {host.lower() for host in settings.web.extra_hosts}


def notes(settings: Settings) -> dict[str, object]:
    """What an operator should know that is ready all the same."""
    unsent = [channel for channel in CHANNELS if settings.sends_by(channel) == "none"]
    return ({"testing": True} if settings.testing.enabled else {}) | ({"not sent": unsent} if unsent else {})
