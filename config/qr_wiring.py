"""Logins by QR code become what pages, the poll and the phone's API share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from idp.login.authentication import Authentication, Proved
from idp.store.devices import SqlTickets
from qr_login.drawing import Drawing
from qr_login.flow import QrLogin, State
from qr_login.logins import QrLogins
from qr_login.picture import Pictures

if TYPE_CHECKING:
    from config.foundation import Foundation
    from idp.login.sessions import Visitor
    from qr_login.poll import ProvedOf

drawing_of = lru_cache(maxsize=8)(Drawing)
"""One for each link: what it draws first takes half a second."""


@dataclass(frozen=True, slots=True)
class Qr:
    """The logins, what draws their pictures, and the login that a delivery stands for."""

    logins: QrLogins
    drawing: Drawing
    proved_of: ProvedOf


def qr_of(base: Foundation) -> Qr | None:
    """Logins by QR code, or None when they are switched off."""
    if not base.settings.qr.enabled:
        return None
    link = base.settings.qr_link
    tickets = SqlTickets(base.database)

    def claim(ticket: str, login: QrLogin) -> bool:
        was_denied = login.state is State.DENIED
        return tickets.end(ticket, "denied" if was_denied else "consumed", login.device_id, base.clock())

    logins = QrLogins(base.ephemeral, Pictures(base.secrets.get("qr"), link), base.clock, claim)
    return Qr(logins, drawing_of(link), proved_by(base))


def proved_by(base: Foundation) -> ProvedOf:
    """A delivery as a login: the key of the device and its passcode."""

    def proved_of(login: QrLogin, _visitor: Visitor) -> Proved:
        account = base.people.find(login.account_id)
        proof = Authentication(
            login.account_id, login.confirmed_at, amr=("swk", "pin", "mfa"), acr=2, ial=0, through="qr"
        )
        return Proved(proof, account.secured_at if account else 0.0)

    return proved_of
