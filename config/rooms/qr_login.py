"""Logins by QR code, shared by pages, the poll and the phone's API."""

from functools import cached_property, lru_cache
from typing import Literal

from config.rooms.login import LoginRoom
from config.rooms.room import Room
from config.stores import Stores
from idp.login.authentication import Proved
from idp.login.sessions import ClientInfo
from qr_login.drawing import Drawing
from qr_login.flow import QrLogin, State
from qr_login.logins import QrLogins
from qr_login.picture import Pictures
from qr_login.risk import proof_of

drawing_of = lru_cache(maxsize=8)(Drawing)
"""One per link: its first drawing takes half a second."""


class QrLoginRoom(Room):
    """Logins by QR code, shared by pages, the poll and the phone's API."""

    def __init__(self, stores: Stores, login: LoginRoom) -> None:
        super().__init__(stores)
        self._login = login

    @property
    def is_on(self) -> bool:
        return self.settings.qr.enabled

    @cached_property
    def drawing(self) -> Drawing:
        return drawing_of(self.settings.qr_link)

    @cached_property
    def logins(self) -> QrLogins:
        pictures = Pictures(self.stores.secrets.get("qr"), self.settings.qr_link)
        return QrLogins(self.stores.ephemeral, pictures, self.clock, self._claim)

    def _claim(self, ticket: str, login: QrLogin) -> bool:
        end: Literal["consumed", "denied"] = "denied" if login.state is State.DENIED else "consumed"
        return self.stores.tickets.end(ticket, end, login.device_id, self.clock())

    def proved(self, login: QrLogin, client_info: ClientInfo) -> Proved:
        """The login of a delivery."""
        account = self.stores.people.find(login.account_id)
        known = self._login.sessions.knows_device(login.account_id, client_info.device)
        # Confirmed before the last credential event: it does not count as a login.
        counts = account is not None and login.confirmed_at >= account.secured_at
        return Proved(proof_of(login, known=known), account.secured_at if account and counts else -1.0, known, known)
