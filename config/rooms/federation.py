"""Logins through upstreams, and the links that they make."""

from functools import cached_property

from config.rooms.accounts import AccountsRoom
from config.rooms.login import LoginRoom
from config.rooms.room import Room
from config.rooms.upstreams import build_upstream
from config.stores import Stores
from federation.conflicts import OfficerConflicts
from federation.evidence import EvidenceCollector
from federation.keeping import Keeping
from federation.linking import Digester
from federation.linking_flow import LOOKUPS_A_DAY, Linking
from federation.officers import LinkOfficers
from federation.records import LinkingFlow, PendingUpstreamLogin, UpstreamRecords
from federation.upstream_logins import UpstreamLogins, UpstreamRules
from federation.upstreams import UpstreamNotices, Upstreams
from idp.accounts.masking import masked_contact
from idp.ephemeral_records import RecordKind
from idp.limits.durable import DAY, LimitPolicy

LOOKUPS = LimitPolicy(free=LOOKUPS_A_DAY, base=DAY, cap=DAY, memory=DAY, sliding=False)


class FederationRoom(Room):
    """Logins through upstreams, and the links that they make."""

    def __init__(self, stores: Stores, accounts: AccountsRoom, login: LoginRoom) -> None:
        super().__init__(stores)
        self._accounts = accounts
        self._login = login

    @cached_property
    def digester(self) -> Digester:
        """The digests of subjects and citizen numbers."""
        return Digester(self.stores.secrets.get("upstream-subject"))

    @cached_property
    def upstreams(self) -> Upstreams:
        """Every configured upstream. Raises `BadSettings` when a key of one cannot be read."""
        notices = UpstreamNotices()
        known = [build_upstream(self.settings, each, self.clock, notices) for each in self.settings.upstreams]
        return Upstreams(known, self.stores.links.closed, self.clock, notices)

    @cached_property
    def upstream_logins(self) -> UpstreamLogins:
        """Logins through upstreams."""
        stores, life = self.stores, self.settings.login.attempt_life
        evidence = EvidenceCollector(stores.links, stores.people, stores.participants)
        records = UpstreamRecords(
            stores.links,
            self.records(RecordKind.UPSTREAM_LOGIN, PendingUpstreamLogin, life),
            self.records(RecordKind.LINKING_FLOW, LinkingFlow, life),
            stores.sealing("upstream"),
        )
        rules = UpstreamRules(self.settings.issuer, self._login.session_limits.absolute)
        return UpstreamLogins(self.upstreams, evidence, self.digester, records, rules, self.clock)

    @cached_property
    def linking(self) -> Linking:
        return Linking(self.upstream_logins, self._accounts.notices, self.guesses("lookup", LOOKUPS))

    @cached_property
    def keeping(self) -> Keeping:
        return Keeping(self.stores.links, self._accounts.passkeys, masked_contact, self.clock)

    @cached_property
    def conflicts(self) -> OfficerConflicts:
        """Refused links that wait for officers."""
        links = self.stores.links
        return OfficerConflicts(links, LinkOfficers(links, self._accounts.notices, self.clock), self.stores.people)
