"""Officers on a foundation: who they are, how they come in, and what takes two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.federation_wiring import sql_links
from config.people_wiring import notices_of
from federation.conflicts import OfficerConflicts
from federation.officers import Officers
from idp.desk.officer_logins import Limits, OfficerLogins, Stay
from idp.desk.officers import Roster
from idp.desk.proposals import Proposals
from idp.login.limits import CODE_GUESSES, Guesses, Policy
from idp.store.agencies import SqlAgencies
from idp.store.officer_sessions import SqlOfficerSessions
from idp.store.officers import SqlOfficers
from idp.store.proposals import SqlProposals
from idp.store.throttle import SqlThrottle
from keys.sealing import MasterKey

if TYPE_CHECKING:
    from config.desk_wiring import Desk
    from config.foundation import Foundation
    from idp.accounts.passwords import Passwords

LANE = Policy(free=5, base=30, cap=3600, memory=86_400)
NETWORK = Policy(free=60, base=3600, cap=3600, memory=3600, sliding=False)


def sql_officers(base: Foundation) -> SqlOfficers:
    """Where officers are kept; the secrets of their devices have a sealing key of their own."""
    return SqlOfficers(base.database, base.audit, MasterKey(base.secrets.get("officer-totp")))


def roster_of(base: Foundation) -> Roster:
    """Who is an officer."""
    return Roster(sql_officers(base), SqlAgencies(base.database, base.clock), base.clock)


def officer_logins_of(base: Foundation, passwords: Passwords) -> OfficerLogins:
    """How officers come in."""
    throttle, rules = SqlThrottle(base.database), base.settings.officers
    limits = Limits(
        Guesses(throttle, base.clock, "officer", LANE),
        Guesses(throttle, base.clock, "officers", NETWORK),
        Guesses(throttle, base.clock, "officer-code", CODE_GUESSES),
    )
    return OfficerLogins(
        sql_officers(base),
        SqlOfficerSessions(base.database, base.audit),
        passwords,
        limits,
        base.audit,
        base.clock,
        Stay(rules.idle, rules.absolute),
        key=base.secrets.get("officer-login"),
    )


def conflicts_of(base: Foundation) -> OfficerConflicts:
    """Refused links that wait for officers."""
    links = sql_links(base)
    return OfficerConflicts(links, Officers(links, notices_of(base), base.clock), base.people)


def proposals_of(base: Foundation, desk: Desk) -> Proposals:
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
