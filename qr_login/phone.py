"""`Phone`: what an enrolled device does with a login by QR code: scan, look, confirm, deny, "this was not me".

Device and account are those of the token and the key that signed the request, never from a body. The number is checked
before the passcode, so that a wrong number uses up no try of the passcode; both are counted before they are checked.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass

from idp.accounts.account import Account
from idp.accounts.devices import Device, DeviceRefused, Devices, is_passcode
from idp.login.attempt import Attempts
from idp.login.sessions import Session, Sessions
from idp.ports import AuditLog, Event
from qr_login.card import Cards
from qr_login.flow import QrLogin, QrRefused
from qr_login.logins import QrLogins


@dataclass(frozen=True, slots=True)
class Scanned:
    """A login bound to the device: its ticket, and the signed card."""

    ticket: str
    card: str
    login: QrLogin


class Phone:
    """The operations of a device."""

    def __init__(
        self,
        logins: QrLogins,
        devices: Devices,
        sessions: Sessions,
        attempts: Attempts,
        cards: Cards,
        audit: AuditLog,
    ) -> None:
        self._logins = logins
        self._devices = devices
        self._sessions = sessions
        self._attempts = attempts
        self._cards = cards
        self._audit = audit

    def scan(self, device: Device, network: str, picture: str) -> Scanned:
        """Bind the login of a picture to the device. Raises `QrRefused`, `TooMany`.

        A portal that requires both to be in one network ends the login here, before the person confirms. A login for a
        client that is no longer registered cannot be confirmed.
        """
        ticket, login = self._logins.scan(picture, device.id, device.account_id, device.name, network)
        client = self._cards.clients.find(login.client_id)
        if login.client_id and client is None:
            raise QrRefused("unknown")
        if client is not None and client.qr_login == "off":
            self._logins.deny(ticket, device.id, device.account_id)
            raise QrRefused("denied")
        if client is not None and client.qr_login == "near" and not login.near:
            self._logins.deny(ticket, device.id, device.account_id, "other_network")
            raise QrRefused("other_network")
        return Scanned(ticket, self._cards.of(login, ticket, device.client_id, client), login)

    def look(self, device: Device, ticket: str) -> QrLogin:
        """The state of the login; also whether another phone tried. Raises `QrRefused`, `TooMany`."""
        return self._logins.context(ticket, device.id, device.account_id)

    def confirm(self, device: Device, account: Account, ticket: str, number: str, passcode: str) -> QrLogin:
        """The person typed the number from the screen, and the passcode. Raises `QrRefused`, `DeviceRefused`, `Busy`.

        The fifth wrong passcode ends the device, and the login with it.
        """
        if not is_passcode(passcode):
            raise DeviceRefused("passcode_form")
        login = self.look(device, ticket)
        if hmac.compare_digest(number.encode(), login.number.encode()):
            self._prove(device, account, ticket, passcode)
        login = self._logins.confirm(ticket, device.id, device.account_id, number)
        self._audit.record(Event("qr.confirmed", account.id, _named(login), facts={"near": login.near}))
        return login

    def deny(self, device: Device, ticket: str) -> None:
        """The person refuses. Raises `QrRefused`, `TooMany`."""
        login = self._logins.deny(ticket, device.id, device.account_id)
        self._audit.record(Event("qr.denied", device.account_id, _named(login)))

    def not_me(self, device: Device, ticket: str) -> list[Session]:
        """The person did not ask for this login: it ends, even if the browser is already in. Returns the live sessions.

        The browser gets no other code for its request, and sessions by QR code that started since then end.
        """
        login = self._logins.disown(ticket, device.id, device.account_id)
        # Also a delivered login that has not become a session yet.
        self._attempts.forget(login.attempt)
        self._audit.record(Event("qr.not_me", device.account_id, _named(login)))
        for session in self._sessions.of_account(device.account_id):
            if session.authentication.through == "qr" and session.created_at >= login.created_at:
                self._sessions.end(session)
        return self._sessions.of_account(device.account_id)

    def _prove(self, device: Device, account: Account, ticket: str, passcode: str) -> None:
        try:
            self._devices.prove(device, passcode, account)
        except DeviceRefused as refused:
            if refused.why == "ended":
                # The login may have ended already: the phone is told of its own end in any case.
                with suppress(QrRefused):
                    self._logins.deny(ticket, device.id, device.account_id, "wrong_passcode")
            raise


def _named(login: QrLogin) -> str | None:
    return login.client_id or None
