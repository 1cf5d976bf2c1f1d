"""The pages of logins by QR code, their poll, and their place among the ways in."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from federation.web import ViaUpstreams
from idp.brake import Brake
from qr_login.poll import Poll, Waiting
from qr_login.way import ByQrCode
from qr_login.web import PAGE, Brakes, LinkPage, QrPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.qr_wiring import Qr
    from config.wiring import Provider
    from idp.ports import Seeker, Way, WaysIn
    from idp.web.browser import Surroundings
    from idp.web.front import Endpoint
    from idp.web.measures import Measures
    from idp.web.routes import Routes


class Ways:
    """Several rooms' ways in as one (`idp.ports.WaysIn`)."""

    def __init__(self, *rooms: WaysIn) -> None:
        self._rooms = rooms

    def offered(self, seeker: Seeker) -> list[Way]:
        return [way for room in self._rooms for way in room.offered(seeker)]

    def said(self, query: Mapping[str, str], language: str) -> str | None:
        return next((said for room in self._rooms if (said := room.said(query, language))), None)

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        return next((out for room in self._rooms if (out := room.out(through, account_id, auth_time, state))), None)


def ways_in(p: Provider, issuer: str) -> Ways:
    """Every way in beside the password."""
    own = [ByQrCode(p.clients, p.base.settings.qr.app_link)] if p.qr else []
    return Ways(*own, ViaUpstreams(p.brokering, issuer))


def qr_pages(p: Provider, around: Surroundings) -> Routes:
    """URL, name, view."""
    if p.qr is None:
        return []
    limits, clock = p.base.settings.limits, p.base.clock
    brakes = Brakes(Brake(limits.attempts_per_network, 60, clock), Brake(limits.attempts_in_total, 60, clock, most=1))
    shown = (around, p.attempts, p.clients, _waiting(p, p.qr, around), p.qr.drawing, brakes)
    return [(PAGE, "qr", QrPage.as_view("qr", *shown)), ("/q", "qr_link", LinkPage.as_view("qr_link"))]


def qr_table(p: Provider, around: Surroundings) -> Mapping[str, Endpoint]:
    """What the script of the page asks."""
    return Poll(around, _waiting(p, p.qr, around), p.qr.drawing).table() if p.qr else {}


def watch_qr(qr: Qr | None, measures: Measures) -> None:
    """Count what becomes of logins by QR code."""
    if qr is not None:
        qr.logins.observe = lambda what, why: measures.qr.labels(what, why).inc()


def warm_up(qr: Qr | None) -> None:
    """Draw what every picture needs before anybody waits for it."""
    if qr is not None:
        Thread(target=qr.drawing.warm, name="qr-drawing", daemon=True).start()


def _waiting(p: Provider, qr: Qr, around: Surroundings) -> Waiting:
    return Waiting(around, qr.logins, p.attempts, qr.proved_of, p.base.clock)
