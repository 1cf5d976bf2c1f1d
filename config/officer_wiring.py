"""Officers on a foundation: who they are, how they come in, and what takes two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.federation_wiring import sql_links
from config.passkey_pages import NAME as PARTY_NAME
from config.passkey_pages import sql_passkeys
from config.people_wiring import notices_of
from federation.conflicts import OfficerConflicts
from federation.officers import LinkOfficers
from idp.accounts.notices import NO_NOTICE
from idp.accounts.passkey import Ceremony, RelyingParty
from idp.accounts.passkeys import LIFE, Passkeys
from idp.desk.officer_logins import OfficerLimits, OfficerLogins, SessionLifetimes
from idp.desk.officer_passkeys import OfficerPasskeys
from idp.desk.officers import Roster
from idp.desk.proposals import Proposals
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.durable import LimitPolicy
from idp.limits.guesses import CODE_GUESSES, Guesses
from idp.limits.local import LocalRateLimiter
from idp.store.agencies import SqlAgencies
from idp.store.officer_sessions import SqlOfficerSessions
from idp.store.officers import SqlOfficers
from idp.store.proposals import SqlProposals
from idp.store.rate_limits import SqlRateLimits
from keys.sealing import MasterKey

if TYPE_CHECKING:
    from config.desk_wiring import Desk
    from config.stores import Stores
    from idp.accounts.passwords import Passwords

OWN = LimitPolicy(free=5, base=30, cap=3600, memory=86_400)
ADDRESS = LimitPolicy(free=60, base=30, cap=30, memory=3600, sliding=False)


def sql_officers(base: Stores) -> SqlOfficers:
    """Where officers are kept; the secrets of their devices have a sealing key of their own."""
    return SqlOfficers(base.database, base.audit, MasterKey(base.secrets.get("officer-totp")))


def roster_of(base: Stores) -> Roster:
    """Who is an officer."""
    return Roster(sql_officers(base), SqlAgencies(base.database, base.clock), base.clock)


def officer_logins_of(base: Stores, passwords: Passwords) -> OfficerLogins:
    """How officers come in."""
    rate_limits, rules = SqlRateLimits(base.database), base.settings.officers
    limits = OfficerLimits(
        Guesses(rate_limits, base.clock, "officer", OWN),
        Guesses(rate_limits, base.clock, "officers", ADDRESS),
        Guesses(rate_limits, base.clock, "officer-code", CODE_GUESSES),
    )
    return OfficerLogins(
        sql_officers(base),
        SqlOfficerSessions(base.database, base.audit),
        passwords,
        limits,
        base.audit,
        base.clock,
        SessionLifetimes(rules.idle, rules.absolute),
        key=base.secrets.get("officer-login"),
    )


def officer_passkeys_of(base: Stores, logins: OfficerLogins) -> OfficerPasskeys:
    """The passkeys of officers: those of the console's own host."""
    url = base.settings.officers_url
    held = Passkeys(
        sql_passkeys(base),
        EphemeralRecords(RecordKind.OFFICER_PASSKEY_CHALLENGE, Ceremony, base.ephemeral, base.clock, life=LIFE),
        RelyingParty(urlsplit(url).hostname or "", url, PARTY_NAME),
        base.clock,
        handle_key=base.secrets.get("officer-passkey-handle"),
        told_of_clone=lambda _: NO_NOTICE,
    )
    limiter = LocalRateLimiter(base.settings.limits.attempts_per_address, 60, base.clock)
    return OfficerPasskeys(held, sql_officers(base), logins, limiter)


def conflicts_of(base: Stores) -> OfficerConflicts:
    """Refused links that wait for officers."""
    links = sql_links(base)
    return OfficerConflicts(links, LinkOfficers(links, notices_of(base), base.clock), base.people)


def proposals_of(base: Stores, desk: Desk) -> Proposals:
    """What takes two officers."""
    return Proposals(
        SqlProposals(base.database, base.audit),
        sql_officers(base),
        desk.declarations,
        desk.decisions,
        desk.agencies,
        conflicts_of(base),
        base.clock,
    )
