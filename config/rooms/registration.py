"""Form 01 and its results."""

from functools import cached_property

from config.rooms.accounts import AccountsRoom
from config.rooms.room import Room, window
from config.stores import Stores
from idp.accounts.account import Kind
from idp.ephemeral_records import RecordKind
from idp.limits.durable import DAY, HOUR
from idp.limits.window import Window
from idp.registration.activation import Activating, Activations
from idp.registration.decisions import Decisions, DeskRules, RegistrationStores
from idp.registration.declarations import DeclarationLimiters, Declarations, DraftRules
from idp.registration.owners import Owners
from idp.registration.photos import PhotoProcessor
from idp.registration.profile import ProfileChange, Profiles

PHOTOS_OF_A_DRAFT, PHOTOS_OF_A_NETWORK, LOOKS = 30, 120, 20
"""Pictures per draft and hour, and pictures and views of declarations per network and minute."""
FORM_LIFE, ACTIVATION_LIFE = 900.0, 1800.0
"""Seconds until unfinished work of a person expires."""


class RegistrationRoom(Room):
    """Form 01 and its results."""

    def __init__(self, stores: Stores, accounts: AccountsRoom) -> None:
        super().__init__(stores)
        self._accounts = accounts

    @cached_property
    def _stores(self) -> RegistrationStores:
        s = self.stores
        return RegistrationStores(s.declarations, s.decisions, s.people, s.agencies)

    @cached_property
    def declarations(self) -> Declarations:
        """Drafts, submitted declarations, and their state."""
        rules = self.settings.registration
        windows: dict[Kind, Window] = {
            "individual": window(rules.individual),
            "organisation": window(rules.organisation),
        }
        return Declarations(
            self._stores,
            PhotoProcessor(),
            Owners(self.stores.people, self._accounts.notices, self.clock),
            self._declaration_limiters(),
            self.clock,
            DraftRules(self.settings.issuer, rules.draft_hours * HOUR, rules.lapse_days * DAY, windows),
        )

    def _declaration_limiters(self) -> DeclarationLimiters:
        return DeclarationLimiters(
            drafts=self.address_limiter(),
            all_drafts=self.total_limiter(),
            photos=self.limiter(PHOTOS_OF_A_DRAFT, HOUR),
            network_photos=self.limiter(PHOTOS_OF_A_NETWORK),
            all_photos=self.total_limiter(),
            looks=self.limiter(LOOKS),
        )

    @cached_property
    def decisions(self) -> Decisions:
        """Officers' decisions about declarations; how the first password is sent, and how long pictures are kept."""
        settings, accounts = self.settings.registration, self._accounts
        life, kept = settings.activation_hours * HOUR, settings.photos_days * DAY
        rules = DeskRules(self.settings.issuer, settings.first_password, life, kept)
        return Decisions(self._stores, accounts.notices, self.clock, rules, accounts.passwords.hash)

    @cached_property
    def activations(self) -> Activations:
        """Activations for a first password."""
        stores = self.stores
        under_way = self.records(RecordKind.ACTIVATION, Activating, ACTIVATION_LIFE)
        return Activations(
            stores.decisions, stores.declarations, stores.people, self._accounts.credentials, under_way, self.clock
        )

    @cached_property
    def profiles(self) -> Profiles:
        """Changes of registered data."""
        stores, issuer = self.stores, self.settings.issuer
        changes = self.records(RecordKind.PROFILE_CHANGE, ProfileChange, FORM_LIFE)
        return Profiles(stores.declarations, self.declarations, stores.agencies, changes, self.clock, issuer=issuer)
