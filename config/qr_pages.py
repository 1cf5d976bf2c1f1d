"""The pages of logins by QR code, their poll, and their place among the ways in."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from federation.web import ViaUpstreams
from idp.limits.local import LocalRateLimiter
from keys.signing import Signer
from qr_login.card import TYP
from qr_login.phone import Phone
from qr_login.phone_api import PhoneApi
from qr_login.phone_authenticator import PhoneAuthenticator
from qr_login.poll import Poll, Waiting
from qr_login.way import ByQrCode
from qr_login.web import PAGE, LinkPage, QrLimiters, QrPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.qr_wiring import Qr
    from config.wiring import Provider
    from idp.ports import Seeker, Way, WaysIn
    from idp.web.browser import WebContext
    from idp.web.gateway import Endpoint
    from idp.web.metrics import Metrics
    from idp.web.routes import Routes


CARD_ALG = "ES256"


class Ways:
    """Several rooms' ways in as one (`idp.ports.WaysIn`)."""

    def __init__(self, *rooms: WaysIn) -> None:
        self._rooms = rooms

    def offered(self, seeker: Seeker) -> list[Way]:
        return [way for room in self._rooms for way in room.offered(seeker)]

    def message(self, query: Mapping[str, str], language: str) -> str | None:
        return next((message for room in self._rooms if (message := room.message(query, language))), None)

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        return next((out for room in self._rooms if (out := room.out(through, account_id, auth_time, state))), None)


def ways_in(p: Provider, issuer: str) -> Ways:
    """Every way in beside the password."""
    own = [ByQrCode(p.clients, p.base.settings.qr.app_link)] if p.qr else []
    return Ways(*own, ViaUpstreams(p.upstream_logins, issuer))


def qr_pages(p: Provider, context: WebContext) -> Routes:
    """URL, name, view."""
    if p.qr is None:
        return []
    limits, clock = p.base.settings.limits, p.base.clock
    limiters = QrLimiters(
        LocalRateLimiter(limits.attempts_per_address, 60, clock),
        LocalRateLimiter(limits.attempts_in_total, 60, clock, most=1),
    )
    shown = (context, p.attempts, p.clients, _waiting(p, p.qr, context), p.qr.drawing, limiters)
    return [(PAGE, "qr", QrPage.as_view("qr", *shown)), ("/q", "qr_link", LinkPage.as_view("qr_link"))]


def qr_table(p: Provider, context: WebContext, metrics: Metrics) -> Mapping[str, Endpoint]:
    """What the script of the page asks, and the API of phones."""
    if p.qr is None:
        return {}
    poll = Poll(context, _waiting(p, p.qr, context), p.qr.drawing)
    return {**poll.table(), **phone_api(p, p.qr, context, metrics).table()}


def phone_api(p: Provider, qr: Qr, context: WebContext, metrics: Metrics) -> PhoneApi:
    """Enrolment and confirmation, for apps."""
    issuer, clock = context.issuer, p.base.clock
    signer = Signer(p.base.rings, clock)
    phone = Phone(
        qr.logins,
        p.devices,
        p.sessions,
        p.clients,
        p.base.audit,
        clock,
        issuer=issuer,
        sign=lambda claims: signer.sign(claims, alg=CARD_ALG, typ=TYP),
        forget=p.attempts.forget,
    )
    door = PhoneAuthenticator(issuer, p.devices, p.inspection, p.server.proofs, context.peers, clock)

    def observe(*labels: str) -> None:
        metrics.phone.labels(*labels).inc()

    return PhoneApi(issuer, door, phone, p.devices, p.credentials, p.base.people, observe)


def watch_qr(qr: Qr | None, metrics: Metrics) -> None:
    """Count what becomes of logins by QR code."""
    if qr is not None:
        qr.logins.observe = lambda what, why: metrics.qr.labels(what, why).inc()


def warm_up(qr: Qr | None) -> None:
    """Draw what every picture needs before anybody waits for it."""
    if qr is not None:
        Thread(target=qr.drawing.warm, name="qr-drawing", daemon=True).start()


def _waiting(p: Provider, qr: Qr, context: WebContext) -> Waiting:
    return Waiting(context, qr.logins, p.attempts, qr.proved_of, p.base.clock)
