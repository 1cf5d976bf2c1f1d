"""Connects the metrics: those that ask the provider, and those that the provider reports."""

from functools import partial

from config.container import Container
from config.senders import QueueWatch
from config.stores import Stores
from federation.upstreams import Upstream
from idp.http.metrics import Metrics
from idp.web.key_calendar import HORIZON
from keys.calendar import DAY, next_change


def watch(c: Container, metrics: Metrics) -> None:
    """Connect the metrics: hash queue, stores, messages, signing keys, upstreams, logins by QR code."""
    metrics.watch(metrics.hashing, lambda: c.accounts.passwords.queue.busy)
    c.oidc.proofs.observe = lambda outcome: metrics.proofs.labels(outcome).inc()
    if c.qr_login.is_on:
        c.qr_login.logins.observe = lambda what, why: metrics.qr.labels(what, why).inc()
    _watch_stores(c.stores, metrics)
    _watch_messages(c, metrics)
    _watch_keys(c.stores, metrics)
    _watch_upstreams(c, metrics)


def _watch_stores(stores: Stores, metrics: Metrics) -> None:
    sql = metrics.store.labels("sql")
    stores.database.watch(lambda _text, seconds: sql.observe(seconds))
    if stores.redis is not None:
        stores.watch_redis(metrics.store.labels("redis").observe)


def _watch_messages(c: Container, metrics: Metrics) -> None:
    c.oidc.deliveries.observe = lambda *labels: metrics.messages.labels(*labels).inc()
    queue = QueueWatch(c.stores.outbox, c.clock, c.stores.watch.wakeups)
    for channel in c.oidc.deliveries.channels:
        metrics.watch(metrics.waiting.labels(channel), partial(queue.length, channel))
        metrics.watch(metrics.oldest.labels(channel), partial(queue.oldest, channel))


def _watch_keys(stores: Stores, metrics: Metrics) -> None:
    metrics.watch(metrics.key_change, partial(_days_to_change, stores))
    metrics.watch(metrics.ring_version, lambda: stores.rings.known().version)
    metrics.watch(metrics.ring_failing, lambda: float(stores.rings.is_failing))
    for alg in stores.rings.known().in_use():
        metrics.watch(metrics.key_age.labels(alg), partial(_age, stores, alg))


def _age(stores: Stores, alg: str) -> float:
    now = stores.clock()
    signing = stores.rings.known().signs_now(alg, now)
    return now - signing.signs_from if signing and signing.signs_from is not None else float("nan")


def _days_to_change(stores: Stores) -> float:
    plan = stores.rotator.plan()
    at = next_change(stores.rings.known(), plan, plan.now + HORIZON)
    return float("inf") if at is None else (at - plan.now) / DAY


def _watch_upstreams(c: Container, metrics: Metrics) -> None:
    upstreams = c.federation.upstreams
    upstreams.telling.tell = lambda *labels: metrics.upstreams.labels(*labels[:3]).observe(labels[3])
    for upstream in upstreams.known:
        metrics.watch(metrics.upstream_state.labels(upstream.id), partial(_level, upstream))


def _level(upstream: Upstream) -> float:
    return float(("ok", "slow", "down").index(upstream.state()))
