"""What a login by QR code is worth: the networks of browser and phone can only lower it, never raise it.

The device's key and its passcode are two factors. In two networks a person may be at their own screen, with the phone
on mobile data, or in front of a picture relayed by an attacker: so a portal that requires level 2 asks for a code, and
a browser that the account does not know gets a short session and nothing that outlives it.
"""

from idp.login.authentication import Authentication
from qr_login.flow import QrLogin

METHODS = ("swk", "pin", "mfa")
"""RFC 8176: proof of possession of a key, and a passcode."""


def proof_of(login: QrLogin, *, known: bool) -> Authentication:
    """The proof that a delivered `login` stands for; `known` means that the account knows the browser."""
    return Authentication(
        login.account_id,
        login.confirmed_at,
        amr=METHODS,
        acr=2 if login.near else 1,
        ial=0,
        through="qr",
        brief=not (login.near or known),
    )
