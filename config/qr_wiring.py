"""Logins by QR code become what pages, the poll and the phone's API share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from idp.login.authentication import Proved
from idp.store.devices import SqlTickets
from qr_login.drawing import Drawing
from qr_login.flow import QrLogin, State
from qr_login.logins import QrLogins
from qr_login.picture import Pictures
from qr_login.risk import proof_of

if TYPE_CHECKING:
    from config.stores import Stores
    from idp.login.sessions import ClientInfo, Sessions
    from qr_login.poll import ProvedOf

drawing_of = lru_cache(maxsize=8)(Drawing)
"""One for each link: what it draws first takes half a second."""


@dataclass(frozen=True, slots=True)
class Qr:
    """The logins, what draws their pictures, and the login that a delivery stands for."""

    logins: QrLogins
    drawing: Drawing
    proved_of: ProvedOf


def qr_of(base: Stores, sessions: Sessions) -> Qr | None:
    """Logins by QR code, or None when they are switched off."""
    if not base.settings.qr.enabled:
        return None
    link = base.settings.qr_link
    tickets = SqlTickets(base.database)

    def claim(ticket: str, login: QrLogin) -> bool:
        was_denied = login.state is State.DENIED
        return tickets.end(ticket, "denied" if was_denied else "consumed", login.device_id, base.clock())

    logins = QrLogins(base.ephemeral, Pictures(base.secrets.get("qr"), link), base.clock, claim)
    return Qr(logins, drawing_of(link), proved_by(base, sessions))


def proved_by(base: Stores, sessions: Sessions) -> ProvedOf:
    """A delivery as a login."""

    def proved_of(login: QrLogin, client_info: ClientInfo) -> Proved:
        account = base.people.find(login.account_id)
        known = sessions.knows_device(login.account_id, client_info.device)
        # Confirmed before the last credential event: as good as no login, whoever was faster.
        counts = account is not None and login.confirmed_at >= account.secured_at
        return Proved(proof_of(login, known=known), account.secured_at if account and counts else -1.0, known, known)

    return proved_of
