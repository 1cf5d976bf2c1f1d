"""The passkeys of people on a foundation, and their pages: URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.people_wiring import notices_of, sql_notices, sql_sessions
from idp.accounts.notices import NO_NOTICE, NOWHERE, Notice
from idp.accounts.passkey import Ceremony, Passkey, RelyingParty
from idp.accounts.passkeys import LIFE, Passkeys
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.local import LocalRateLimiter
from idp.login.passkey_logins import PasskeyLogins
from idp.store.passkeys import SqlPasskeys
from idp.web import passkey_login, passkeys

if TYPE_CHECKING:
    from config.stores import Stores
    from config.wiring import Provider
    from idp.web.account import OwnPages
    from idp.web.browser import WebContext
    from idp.web.metrics import Metrics
    from idp.web.routes import Routes
    from idp.web.steps import Steps

NAME = "BHXH Việt Nam"


def party_of(origin: str) -> RelyingParty:
    """Whoever asks from this origin, which is a public URL of the settings and never a header."""
    return RelyingParty(urlsplit(origin).hostname or "", origin, NAME)


def sql_passkeys(base: Stores) -> SqlPasskeys:
    """Where passkeys are kept."""
    return SqlPasskeys(base.database, base.audit, sql_notices(base), sql_sessions(base))


def passkeys_of(base: Stores) -> Passkeys:
    """The passkeys of people."""

    def told_of_clone(passkey: Passkey) -> Notice:
        account = base.people.find(passkey.holder)
        return notices_of(base).of("passkey_cloned", account, NOWHERE) if account else NO_NOTICE

    return Passkeys(
        sql_passkeys(base),
        EphemeralRecords(RecordKind.PASSKEY_CHALLENGE, Ceremony, base.ephemeral, base.clock, life=LIFE),
        party_of(base.settings.issuer),
        base.clock,
        handle_key=base.secrets.get("passkey-handle"),
        told_of_clone=told_of_clone,
    )


def passkey_logins_of(p: Provider) -> PasskeyLogins:
    """Logins by passkey, with the limiter on asking too often."""
    base = p.base
    limiter = LocalRateLimiter(base.settings.limits.attempts_per_address, 60, base.clock)
    knows_device = p.sessions.knows_device
    return PasskeyLogins(p.passkeys, base.people, p.logins, base.audit, base.clock, limiter, knows_device=knows_device)


def passkey_pages(
    p: Provider, context: WebContext, own: OwnPages, steps: Steps, logins: PasskeyLogins, metrics: Metrics
) -> Routes:
    """Logging in, the step in the place of a code, and the person's own list."""
    notices = notices_of(p.base)
    return [
        (
            "/login/passkey",
            "passkey_login",
            passkey_login.PasskeyLogin.as_view("passkey_login", context, p.attempts, logins, metrics),
        ),
        ("/login/code/passkey", "passkey_step", passkey_login.PasskeyStep.as_view("passkey_step", steps, logins)),
        ("/account/passkeys", "passkeys", passkeys.OwnPasskeys.as_view("passkeys", own, p.passkeys)),
        ("/account/passkeys/add", "add_passkey", passkeys.AddPasskey.as_view("add_passkey", own, p.passkeys, notices)),
        (
            "/account/passkeys/remove",
            "end_passkey",
            passkeys.EndPasskey.as_view("end_passkey", own, p.passkeys, p.credentials),
        ),
    ]
