"""The card "who asks": what the phone shows before anybody confirms, as a statement that the app verifies.

It is signed with our keys, so that an app believes nobody but us about who asks: a proxy on its way, or a server that
answers in our place, cannot name another portal.
"""

from typing import Any

from qr_login.flow import QrLogin

TYP = "qr-card+jwt"
"""The media type of the statement, explicit as RFC 8725 (3.11) asks."""


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
