"""The desk on a foundation: declarations, agencies, officers, decisions, and the way to a first password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.people_wiring import notices_of, sql_credentials, sql_notices
from config.registration_wiring import registrations_of
from idp.desk.activation import Activating, Activations
from idp.desk.data_requests import DataRequests
from idp.desk.decisions import Decisions, DeskRules
from idp.desk.declarations import Declarations
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.store.agencies import SqlAgencies
from idp.store.data_requests import SqlDataRequests
from idp.store.decisions import SqlDecisions
from idp.store.declarations import SqlDeclarations
from keys.sealing import MasterKey

if TYPE_CHECKING:
    from config.stores import Stores
    from idp.accounts.credentials import Credentials
    from idp.accounts.passwords import Passwords

HALF_AN_HOUR, HOUR, DAY = 1800.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages and commands of the desk stand on."""

    agencies: SqlAgencies
    declarations: SqlDeclarations
    decided: SqlDecisions
    decisions: Decisions
    activations: Activations
    data_requests: DataRequests
    registrations: Declarations


def desk_of(base: Stores, passwords: Passwords, credentials: Credentials) -> Desk:
    """The desk."""
    agencies, declarations, decided = SqlAgencies(base.database, base.clock), declarations_of(base), decided_of(base)
    decisions = Decisions(
        decided,
        declarations,
        base.people,
        agencies,
        notices_of(base),
        base.clock,
        desk_rules(base),
        issuer=base.settings.issuer,
        hash_password=passwords.hash,
    )
    under_way = EphemeralRecords(RecordKind.ACTIVATION, Activating, base.ephemeral, base.clock, life=HALF_AN_HOUR)
    activations = Activations(decided, declarations, base.people, credentials, under_way, base.clock)
    asked = SqlDataRequests(base.database, sql_credentials(base), base.audit, base.outbox, sql_notices(base))
    data_requests = DataRequests(asked, base.people, notices_of(base), base.clock)
    registrations = registrations_of(base, declarations, decided, agencies)
    return Desk(agencies, declarations, decided, decisions, activations, data_requests, registrations)


def declarations_of(base: Stores) -> SqlDeclarations:
    """Declarations; their pictures have a sealing key of their own."""
    return SqlDeclarations(base.database, base.audit, base.outbox, MasterKey(base.secrets.get("photo")))


def decided_of(base: Stores) -> SqlDecisions:
    """Where decisions are carried out."""
    return SqlDecisions(base.database, base.people, sql_credentials(base), base.audit, base.outbox)


def desk_rules(base: Stores) -> DeskRules:
    """How the first password travels, and how long pictures stay."""
    rules = base.settings.registration
    return DeskRules(rules.first_password, rules.activation_hours * HOUR, rules.photos_days * DAY)
