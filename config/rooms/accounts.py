"""Accounts: passwords, codes, phones, passkeys, recovery."""

import math
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from config.rooms.room import Room
from idp.accounts.credentials import Credentials
from idp.accounts.devices import Devices
from idp.accounts.notices import NO_NOTICE, NOWHERE, Notice, Notices
from idp.accounts.one_time import OneTimeCodes
from idp.accounts.passkey import Ceremony, Passkey, RelyingParty
from idp.accounts.passkeys import LIFE, Passkeys
from idp.accounts.password_rules import PasswordAge
from idp.accounts.passwords import HashCost, Passwords
from idp.accounts.recovery import Recoveries, Ticket, Tickets
from idp.ephemeral_records import RecordKind
from idp.limits.budgets import BudgetLimits
from idp.limits.durable import DAY, LimitPolicy
from idp.limits.guesses import CODE_GUESSES, Failures, Guesses

PARTY_NAME = "BHXH Việt Nam"
"""Our name in a browser's or phone's passkey dialog."""

RECOVERY_LIFE = 1800.0
"""Seconds until an unfinished recovery expires."""


class AccountsRoom(Room):
    """Accounts: passwords, codes, phones, passkeys, recovery."""

    @cached_property
    def passwords(self) -> Passwords:
        """The hashing pool of this process."""
        login = self.settings.login
        cost = HashCost(login.hash_memory, login.hash_time)
        places = login.hash_workers or math.ceil(_available_cores() / self.settings.web.workers)
        return Passwords(self.stores.secrets.get("pepper"), cost, at_once=places, waiting=login.hash_queue)

    @cached_property
    def notices(self) -> Notices:
        """Notices, with links to the public address."""
        return Notices(self.settings.issuer, self.clock)

    @cached_property
    def codes(self) -> OneTimeCodes:
        """One-time codes, with their budgets."""
        budgets = self.settings.budgets
        limits = BudgetLimits(**budgets.model_dump(exclude={"device_texts_per_day"}))
        key = self.stores.secrets.get("one-time-code")
        guesses = self.guesses("code", CODE_GUESSES)
        return OneTimeCodes(self.stores.one_time_codes, guesses, self.clock, limits, digest_key=key)

    @cached_property
    def devices(self) -> Devices:
        """The enrolled phones; passcodes share the hashing pool of passwords."""
        return Devices(self.stores.devices, self.passwords, self.codes, self.notices, self.clock)

    @cached_property
    def credentials(self) -> Credentials:
        """Changing, recovering and undoing."""
        failures = Failures(self.stores.rate_limits)
        return Credentials(self.stores.credentials, self.passwords, self.notices, failures, self.clock)

    @cached_property
    def recoveries(self) -> Recoveries:
        """Recovery of a forgotten password."""
        stores, records = self.stores, self.records(RecordKind.RECOVERY, Ticket, RECOVERY_LIFE)
        tickets = Tickets(records, self.settings.issuer, stores.secrets.get("log-digest"))
        return Recoveries(stores.people, self.codes, self.credentials, tickets, stores.audit, self.clock)

    @cached_property
    def passkeys(self) -> Passkeys:
        """The passkeys of people."""

        def notice_of_clone(passkey: Passkey) -> Notice:
            account = self.stores.people.find(passkey.holder)
            return self.notices.of("passkey_cloned", account, NOWHERE) if account else NO_NOTICE

        return self.passkeys_at(RecordKind.PASSKEY_CHALLENGE, self.settings.issuer, "passkey-handle", notice_of_clone)

    def passkeys_at(
        self, kind: RecordKind, origin: str, handle: str, notice_of_clone: Callable[[Passkey], Notice]
    ) -> Passkeys:
        """Passkeys for the relying party at `origin`: a public URL from the settings, never from a header."""
        return Passkeys(
            self.stores.passkeys,
            self.records(kind, Ceremony, LIFE),
            RelyingParty(urlsplit(origin).hostname or "", origin, PARTY_NAME),
            self.clock,
            handle_key=self.stores.secrets.get(handle),
            notice_of_clone=notice_of_clone,
        )

    @cached_property
    def exempt_person(self) -> str | None:
        """The id of test mode's person, who is never slowed down or forced to do anything."""
        testing = self.settings.testing
        if not (testing.enabled and testing.person):
            return None
        account = self.stores.people.find_by_identifier("bhxh", testing.person)
        return account.id if account else None

    @cached_property
    def password_age(self) -> PasswordAge:
        """The maximum age of a password."""
        rules = self.settings.passwords
        return PasswordAge(rules.months or None, rules.warn_days, self.exempt_person)

    @cached_property
    def failure_policy(self) -> LimitPolicy:
        """How wrong passwords of one account make it wait."""
        limits = self.settings.limits
        return LimitPolicy(limits.free_failures, limits.first_wait, limits.longest_wait, memory=DAY)

    @cached_property
    def old_password_guesses(self) -> Guesses:
        """Guesses of the old password on the page that changes it wait like guesses at the login."""
        return self.guesses("old", self.failure_policy)


def _available_cores() -> float:
    """The cores available to this process: its CPU affinity, or the share that its cgroup allows."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(cores, int(most) / int(period))
    except (OSError, ValueError):
        # No cgroups v2, or no limit ("max").
        return cores
