"""`Phone`: what an enrolled device does with a login by QR code. Scan, look, confirm, deny, "this was not me".

Device and account are those of the token and the key that signed the request, never of a body. The number is judged
before the passcode, so that a wrong number costs no try of the passcode; both are counted before they are judged.
"""

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.accounts.account import Account
from idp.accounts.devices import Device, DeviceRefused, Devices, is_passcode
from idp.login.sessions import Session, Sessions
from idp.oidc.clients import Client, Clients
from idp.ports import AuditLog, Clock, Event
from qr_login.card import card
from qr_login.flow import QrLogin, QrRefused
from qr_login.logins import QrLogins


@dataclass(frozen=True, slots=True)
class Scanned:
    """A login bound to the device: its ticket, and the signed card."""

    ticket: str
    card: str
    login: QrLogin


OUR_PAGES = "Tài khoản BHXH của tôi"
"""What the card says instead of a portal's name when the login leads to our own pages."""


class Phone:
    """The steps of a device. `sign` makes a JWT of the claims of a card, `forget` ends the attempt of this name."""

    def __init__(
        self,
        logins: QrLogins,
        devices: Devices,
        sessions: Sessions,
        clients: Clients,
        audit: AuditLog,
        clock: Clock,
        *,
        issuer: str,
        sign: Callable[[Mapping[str, Any]], str],
        forget: Callable[[str], None],
    ) -> None:
        self._forget = forget
        self._logins = logins
        self._devices = devices
        self._sessions = sessions
        self._clients = clients
        self._audit = audit
        self._clock = clock
        self._issuer = issuer
        self._sign = sign

    def scan(self, device: Device, network: str, picture: str) -> Scanned:
        """Bind the login of a picture to the device. Raises `QrRefused`, `TooMany`.

        A portal that demands one network for both ends the login here, before anybody confirms. Nobody confirms a login
        for a client that is not registered any more.
        """
        ticket, login = self._logins.scan(picture, device.id, device.account_id, device.name, network)
        client = self._clients.find(login.client_id)
        if login.client_id and client is None:
            raise QrRefused("unknown")
        if client is not None and client.qr_login == "off":
            self._logins.deny(ticket, device.id, device.account_id)
            raise QrRefused("denied")
        if client is not None and client.qr_login == "near" and not login.near:
            self._logins.deny(ticket, device.id, device.account_id, "other_network")
            raise QrRefused("other_network")
        return Scanned(ticket, self._card(login, ticket, device, client), login)

    def look(self, device: Device, ticket: str) -> QrLogin:
        """How the login stands; also whether another phone tried. Raises `QrRefused`, `TooMany`."""
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
        """The person asked for no login: it ends, also when the browser is in already. Returns the sessions there are.

        The browser gets no other code for what it asked, and sessions by QR code that began since then end.
        """
        login = self._logins.disown(ticket, device.id, device.account_id)
        # Also what was delivered and not yet turned into a session.
        self._forget(login.attempt)
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
                # The login may be over by itself: the phone is told of its own end all the same.
                with suppress(QrRefused):
                    self._logins.deny(ticket, device.id, device.account_id, "wrong_passcode")
            raise

    def _card(self, login: QrLogin, ticket: str, device: Device, client: Client | None) -> str:
        portal = client.client_name if client else OUR_PAGES
        claims = card(
            login,
            ticket,
            issuer=self._issuer,
            app=device.client_id,
            portal=portal,
            domain=_domain(client, self._issuer),
            now=self._clock(),
        )
        return self._sign(claims)


def _domain(client: Client | None, issuer: str) -> str:
    """The host that the login leads to: that of the registered address, never of the request."""
    known = [uri for uri in (client.client_uri, *client.redirect_uris) if uri] if client else [issuer]
    return urlsplit(known[0]).hostname or "" if known else ""


def _named(login: QrLogin) -> str | None:
    return login.client_id or None
