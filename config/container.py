"""`Container`: every use case of one process, room by room, on one set of stores.

Rooms are imported and objects built on first access, so a command has only what it needs. Nothing else builds a use
case, and only `Stores` builds a store.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from config.stores import Stores

if TYPE_CHECKING:
    from config.rooms.accounts import AccountsRoom
    from config.rooms.federation import FederationRoom
    from config.rooms.login import LoginRoom
    from config.rooms.officers import OfficersRoom
    from config.rooms.oidc import OidcRoom
    from config.rooms.qr_login import QrLoginRoom
    from config.rooms.registration import RegistrationRoom


class Container:
    """The rooms of one process."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.settings = stores.settings
        self.clock = stores.clock

    @cached_property
    def accounts(self) -> "AccountsRoom":
        from config.rooms.accounts import AccountsRoom

        return AccountsRoom(self.stores)

    @cached_property
    def login(self) -> "LoginRoom":
        from config.rooms.login import LoginRoom

        return LoginRoom(self.stores, self.accounts)

    @cached_property
    def oidc(self) -> "OidcRoom":
        from config.rooms.oidc import OidcRoom

        return OidcRoom(self.stores, self.accounts, self.login)

    @cached_property
    def registration(self) -> "RegistrationRoom":
        from config.rooms.registration import RegistrationRoom

        return RegistrationRoom(self.stores, self.accounts)

    @cached_property
    def federation(self) -> "FederationRoom":
        from config.rooms.federation import FederationRoom

        return FederationRoom(self.stores, self.accounts, self.login)

    @cached_property
    def officers(self) -> "OfficersRoom":
        from config.rooms.officers import OfficersRoom

        return OfficersRoom(self.stores, self.accounts, self.registration, self.federation)

    @cached_property
    def qr_login(self) -> "QrLoginRoom":
        from config.rooms.qr_login import QrLoginRoom

        return QrLoginRoom(self.stores, self.login)
