"""The card "who asks": what the phone shows before the person confirms, as a statement that the app verifies.

It is signed with our keys, so that an app trusts only us about who asks: a proxy in between, or a server that answers
in our place, cannot name another portal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.oidc.clients import Client, Clients
from idp.ports import Clock
from qr_login.flow import QrLogin

TYP = "qr-card+jwt"
"""The media type of the statement, explicit as RFC 8725 (3.11) requires."""


OUR_PAGES = "Tài khoản BHXH của tôi"
"""What the card shows instead of a portal's name when the login leads to our own pages."""


def card(login: QrLogin, ticket: str, *, issuer: str, app: str, portal: str, domain: str, now: float) -> dict[str, Any]:
    """The claims of the card of `login`, for the app with the client id `app`; dates are whole seconds."""
    asker = login.asker
    return {
        "iss": issuer,
        "aud": app,
        "iat": int(now),
        "exp": int(login.expires_at),
        "ticket": ticket,
        "client_id": login.client_id,
        "portal": portal,
        "domain": domain,
        "browser": asker.browser,
        "system": asker.system,
        "place": asker.place,
        "network": asker.network,
        "same_network": login.near,
        "asked_at": int(login.created_at),
    }


@dataclass(frozen=True, slots=True)
class Cards:
    """Makes cards. `sign` makes a JWT from claims."""

    clients: Clients
    issuer: str
    sign: Callable[[Mapping[str, Any]], str]
    clock: Clock

    def of(self, login: QrLogin, ticket: str, app: str, client: Client | None) -> str:
        """The signed card of `login` for the app with the client id `app`; without `client` our own pages ask."""
        portal, domain = client.client_name if client else OUR_PAGES, _domain(client, self.issuer)
        claims = card(login, ticket, issuer=self.issuer, app=app, portal=portal, domain=domain, now=self.clock())
        return self.sign(claims)


def _domain(client: Client | None, issuer: str) -> str:
    """The host that the login leads to: from the registered address, never from the request."""
    known = [uri for uri in (client.client_uri, *client.redirect_uris) if uri] if client else [issuer]
    return urlsplit(known[0]).hostname or "" if known else ""
