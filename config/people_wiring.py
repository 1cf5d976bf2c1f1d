"""What a person's login, codes and credentials are made of, on a foundation; `wiring.py` puts it into the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from idp.accounts.credentials import Credentials, Securing
from idp.accounts.devices import Devices
from idp.accounts.notices import NOWHERE, Notices, previous
from idp.accounts.one_time import OneTimeCodes
from idp.accounts.password_rules import PasswordAge
from idp.accounts.recovery import Recoveries, Ticket
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.budgets import BudgetLimits
from idp.limits.durable import LimitPolicy
from idp.limits.guesses import CODE_GUESSES, Failures, Guesses
from idp.login.sessions import SessionLimits, Sessions
from idp.oidc.dispatch import StepRules
from idp.ports import Event
from idp.store.credentials import SqlCredentials
from idp.store.devices import SqlDevices
from idp.store.one_time import SqlCodes
from idp.store.rate_limits import SqlRateLimits
from idp.store.session_clients import SqlSessionClients
from idp.store.sessions import SqlSessions
from idp.store.undo import SqlNotices
from keys.sealing import MasterKey

if TYPE_CHECKING:
    from config.settings import Settings
    from config.stores import Stores
    from idp.accounts.account import Account
    from idp.accounts.passwords import Passwords


def sql_notices(base: Stores) -> SqlNotices:
    """Where notices and their undo links are kept."""
    texts = base.settings.budgets.device_texts_per_day
    return SqlNotices(base.database, base.outbox, MasterKey(base.secrets.get("outbox")), device_texts=texts)


def sql_sessions(base: Stores) -> SqlSessions:
    """Where sessions are kept; ending one tells its portals."""
    clients = SqlSessionClients(base.database, base.outbox)
    return SqlSessions(base.database, base.audit, clients, sql_notices(base))


def sessions_of(base: Stores) -> Sessions:
    """Sessions, with the notice of a new device."""
    return Sessions(sql_sessions(base), base.clock, session_limits(base.settings), notices_of(base))


def session_limits(settings: Settings) -> SessionLimits:
    """How long sessions live."""
    login = settings.login
    touch = min(60.0, login.session_idle / 10)
    return SessionLimits(idle=login.session_idle, absolute=login.session_absolute, touch_every=touch)


def notices_of(base: Stores) -> Notices:
    """Notices, with links to the public address."""
    return Notices(base.settings.issuer, base.clock)


def codes_of(base: Stores) -> OneTimeCodes:
    """One-time codes, with their budgets."""
    b = base.settings.budgets
    limits = BudgetLimits(
        per_number_hour=b.per_number_hour,
        per_number_day=b.per_number_day,
        per_account_hour=b.per_account_hour,
        per_address_hour=b.per_address_hour,
        per_desk_hour=b.per_desk_hour,
        desks=b.desks,
        per_prefix_hour=b.per_prefix_hour,
        per_minute=b.per_minute,
        per_day=b.per_day,
        price=b.price,
        money_per_day=b.money_per_day,
    )
    guesses = Guesses(SqlRateLimits(base.database), base.clock, "code", CODE_GUESSES)
    key = base.secrets.get("one-time-code")
    return OneTimeCodes(SqlCodes(base.database, base.outbox), guesses, base.clock, limits, digest_key=key)


def sql_devices(base: Stores) -> SqlDevices:
    """Where enrolled phones are kept."""
    return SqlDevices(base.database, base.audit, sql_notices(base))


def devices_of(base: Stores, passwords: Passwords, codes: OneTimeCodes) -> Devices:
    """The phones that people enrolled; passcodes share the hashing pool of passwords."""
    return Devices(sql_devices(base), passwords, codes, notices_of(base), base.clock)


def sql_credentials(base: Stores) -> SqlCredentials:
    """Where credential events are carried out."""
    return SqlCredentials(base.database, sql_sessions(base), base.audit, sql_notices(base))


def credentials_of(base: Stores, passwords: Passwords) -> Credentials:
    """Changing, recovering and undoing."""
    return Credentials(sql_credentials(base), passwords, notices_of(base), base.clock)


def set_number(base: Stores, account: Account, number: str, reason: str) -> bool:
    """Give an account an unverified number, as an operator does; False when another credential event came first.

    A number is an authenticator: whoever could be reached before is told, and may say that it was not them.
    """
    now = base.clock()
    before = previous(account, ["phone"], now) | {"vouched_by": "operator"}
    notice = notices_of(base).of("phone_changed", replace(account, phone=None), NOWHERE, before=before)
    values = {"phone": number, "phone_verified_at": None, "phone_changed_at": now, "phone_source": "operator"}
    event = Event("account.phone_set", account.id, reason=reason)
    securing = Securing(account.id, account.secured_at, values, event, notice, vouched=True)
    return sql_credentials(base).secure(securing, now) is not None


def recoveries_of(base: Stores, codes: OneTimeCodes, credentials: Credentials) -> Recoveries:
    """The forgotten password. A recovery forgets the wrong codes and passwords that were counted."""
    rate_limits = SqlRateLimits(base.database)
    return Recoveries(
        base.people,
        codes,
        credentials,
        EphemeralRecords(RecordKind.RECOVERY, Ticket, base.ephemeral, base.clock, life=1800),
        Failures(rate_limits),
        base.audit,
        base.clock,
        issuer=base.settings.issuer,
        digest_key=base.secrets.get("log-digest"),
    )


def old_password_guesses(base: Stores) -> Guesses:
    """Guessing the old password on the page that changes it waits as guessing at the login does."""
    limits = base.settings.limits
    policy = LimitPolicy(limits.free_failures, limits.first_wait, limits.longest_wait, memory=86_400)
    return Guesses(SqlRateLimits(base.database), base.clock, "old", policy)


def password_age(base: Stores) -> PasswordAge:
    """How old a password may get; test mode's person is exempt."""
    rules = base.settings.passwords
    return PasswordAge(rules.months or None, rules.warn_days, exempt_person(base))


def exempt_person(base: Stores) -> str | None:
    """The id of test mode's person, whom nothing slows down and nothing forces."""
    testing = base.settings.testing
    found = base.people.find_by_identifier("bhxh", testing.person) if testing.enabled and testing.person else None
    return found.id if found else None


def step_rules(base: Stores) -> StepRules:
    """When a login also needs a code or another password."""
    return StepRules(base.settings.login.one_time_code, password_age(base))
