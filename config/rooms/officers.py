"""Officers: accounts, logins, and what requires two of them."""

from functools import cached_property

from config.rooms.accounts import AccountsRoom
from config.rooms.federation import FederationRoom
from config.rooms.registration import RegistrationRoom
from config.rooms.room import Room
from config.stores import Stores
from idp.accounts.notices import NO_NOTICE
from idp.ephemeral_records import RecordKind
from idp.limits.durable import DAY, LimitPolicy
from idp.limits.guesses import CODE_GUESSES
from idp.officers.data_requests import DataRequests
from idp.officers.logins import OfficerLimits, OfficerLogins, OfficerStores, SessionLifetimes
from idp.officers.officers import Roster
from idp.officers.passkeys import OfficerPasskeys
from idp.registration.proposals import Proposals

OFFICER_GUESSES = LimitPolicy(free=5, base=30, cap=3600, memory=DAY)
OFFICER_ADDRESS_GUESSES = LimitPolicy(free=60, base=30, cap=30, memory=3600, sliding=False)


class OfficersRoom(Room):
    """Officers: accounts, logins, and what requires two of them."""

    def __init__(
        self, stores: Stores, accounts: AccountsRoom, registration: RegistrationRoom, federation: FederationRoom
    ) -> None:
        super().__init__(stores)
        self._accounts = accounts
        self._registration = registration
        self._federation = federation

    @cached_property
    def roster(self) -> Roster:
        """The list of officers."""
        return Roster(self.stores.officers, self.stores.agencies, self.clock)

    @cached_property
    def officer_logins(self) -> OfficerLogins:
        """How officers log in."""
        stores, rules = self.stores, self.settings.officers
        limits = OfficerLimits(
            self.guesses("officer", OFFICER_GUESSES),
            self.guesses("officers", OFFICER_ADDRESS_GUESSES),
            self.guesses("officer-code", CODE_GUESSES),
            SessionLifetimes(rules.idle, rules.absolute),
        )
        known, key = OfficerStores(stores.officers, stores.officer_sessions), stores.secrets.get("officer-login")
        return OfficerLogins(known, self._accounts.passwords, limits, stores.audit, self.clock, key)

    @cached_property
    def officer_passkeys(self) -> OfficerPasskeys:
        """The passkeys of officers, for the console's own host."""
        held = self._accounts.passkeys_at(
            RecordKind.OFFICER_PASSKEY_CHALLENGE,
            self.settings.officers_url,
            "officer-passkey-handle",
            lambda _: NO_NOTICE,
        )
        return OfficerPasskeys(held, self.stores.officers, self.officer_logins, self.address_limiter())

    @cached_property
    def data_requests(self) -> DataRequests:
        """People's requests about their data."""
        return DataRequests(self.stores.data_requests, self.stores.people, self._accounts.notices, self.clock)

    @cached_property
    def proposals(self) -> Proposals:
        """Changes that require two officers."""
        stores = self.stores
        decisions, conflicts = self._registration.decisions, self._federation.conflicts
        return Proposals(stores.proposals, stores.officers, decisions, conflicts, self.clock)
