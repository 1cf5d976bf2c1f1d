"""`Stores`: every store of one process, opened from settings."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from config.key_stores import KeyStores
from config.settings import BadSettings, Settings
from federation.store import SqlLinks
from idp.ports import Clock, EphemeralStore
from idp.store.agencies import SqlAgencies
from idp.store.client_registrations import SqlClientRegistrations
from idp.store.consents import SqlConsents
from idp.store.credentials import SqlCredentials
from idp.store.data_requests import SqlDataRequests
from idp.store.decisions import SqlDecisions
from idp.store.declaration_views import SqlDeclarationViews
from idp.store.declarations import SqlDeclarations
from idp.store.devices import SqlDevices, SqlTickets
from idp.store.ephemeral_sql import SqlEphemeralStore
from idp.store.families import SqlFamilies
from idp.store.grant_states import SqlGrantStates
from idp.store.history import SqlHistory
from idp.store.officer_sessions import SqlOfficerSessions
from idp.store.officers import SqlOfficers
from idp.store.one_time import SqlCodes
from idp.store.outbox import SqlOutbox
from idp.store.own_copy import SqlOwnCopy
from idp.store.participants import SqlParticipants
from idp.store.passkeys import SqlPasskeys
from idp.store.people import SqlPeople
from idp.store.phones import SqlPhones
from idp.store.proposals import SqlProposals
from idp.store.rate_limits import SqlRateLimits
from idp.store.session_clients import SqlSessionClients
from idp.store.sessions import SqlSessions
from idp.store.support_codes import SqlSupportCodes
from idp.store.undo import SqlNotices

if TYPE_CHECKING:
    from redis import Redis

    from idp.store.ephemeral_redis import RedisEphemeralStore


class Stores(KeyStores):
    """All stores of one process: each is built once, on first access, and only here and in `KeyStores`."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        super().__init__(settings, clock)
        self.redis = open_redis(settings)

    @cached_property
    def ephemeral(self) -> EphemeralStore:
        if self.redis is None:
            return SqlEphemeralStore(self.database)
        from idp.store.ephemeral_redis import RedisEphemeralStore

        return RedisEphemeralStore(self.redis)

    @cached_property
    def outbox(self) -> SqlOutbox:
        waiting = self.settings.messages.waiting
        return SqlOutbox(self.database, self.sealing("outbox"), self.clock, waiting=waiting)

    @cached_property
    def support_codes(self) -> SqlSupportCodes:
        return SqlSupportCodes(self.database, self.clock)

    @cached_property
    def rate_limits(self) -> SqlRateLimits:
        return SqlRateLimits(self.database)

    @cached_property
    def people(self) -> SqlPeople:
        return SqlPeople(self.database)

    @cached_property
    def phones(self) -> SqlPhones:
        return SqlPhones(self.database)

    @cached_property
    def participants(self) -> SqlParticipants:
        return SqlParticipants(self.database)

    @cached_property
    def notices(self) -> SqlNotices:
        texts = self.settings.budgets.device_texts_per_day
        return SqlNotices(self.database, self.outbox, self.sealing("outbox"), device_texts=texts)

    @cached_property
    def one_time_codes(self) -> SqlCodes:
        return SqlCodes(self.database, self.outbox)

    @cached_property
    def session_clients(self) -> SqlSessionClients:
        return SqlSessionClients(self.database, self.outbox)

    @cached_property
    def sessions(self) -> SqlSessions:
        """Sessions; ending one notifies its clients."""
        return SqlSessions(self.database, self.audit, self.session_clients, self.notices)

    @cached_property
    def credentials(self) -> SqlCredentials:
        return SqlCredentials(self.database, self.sessions, self.audit, self.notices)

    @cached_property
    def devices(self) -> SqlDevices:
        return SqlDevices(self.database, self.audit, self.notices)

    @cached_property
    def tickets(self) -> SqlTickets:
        return SqlTickets(self.database)

    @cached_property
    def passkeys(self) -> SqlPasskeys:
        return SqlPasskeys(self.database, self.audit, self.notices, self.sessions)

    @cached_property
    def history(self) -> SqlHistory:
        return SqlHistory(self.database, self.audit)

    @cached_property
    def own_copies(self) -> SqlOwnCopy:
        return SqlOwnCopy(self.database, self.history)

    @cached_property
    def client_registrations(self) -> SqlClientRegistrations:
        return SqlClientRegistrations(self.database, self.audit)

    @cached_property
    def consents(self) -> SqlConsents:
        return SqlConsents(self.database, self.audit)

    @cached_property
    def families(self) -> SqlFamilies:
        return SqlFamilies(self.database)

    @cached_property
    def grant_states(self) -> SqlGrantStates:
        return SqlGrantStates(self.database)

    @cached_property
    def links(self) -> SqlLinks:
        sealing = self.sealing("upstream")
        return SqlLinks(self.database, self.people, self.credentials, self.audit, self.notices, sealing)

    @cached_property
    def agencies(self) -> SqlAgencies:
        return SqlAgencies(self.database, self.clock)

    @cached_property
    def declarations(self) -> SqlDeclarations:
        """Declarations; their pictures have their own sealing key."""
        return SqlDeclarations(self.database, self.audit, self.outbox, self.sealing("photo"))

    @cached_property
    def declaration_views(self) -> SqlDeclarationViews:
        return SqlDeclarationViews(self.database)

    @cached_property
    def decisions(self) -> SqlDecisions:
        return SqlDecisions(self.database, self.people, self.credentials, self.audit, self.outbox)

    @cached_property
    def proposals(self) -> SqlProposals:
        return SqlProposals(self.database, self.audit)

    @cached_property
    def data_requests(self) -> SqlDataRequests:
        return SqlDataRequests(self.database, self.credentials, self.audit, self.outbox, self.notices)

    @cached_property
    def officers(self) -> SqlOfficers:
        """Officers; the secrets of their devices have their own sealing key."""
        return SqlOfficers(self.database, self.audit, self.sealing("officer-totp"))

    @cached_property
    def officer_sessions(self) -> SqlOfficerSessions:
        return SqlOfficerSessions(self.database, self.audit)

    def refuse_evicting_redis(self) -> None:
        """Raises `BadSettings` when Redis may evict the data of a tombstone."""
        if self.redis is None:
            return
        from redis.exceptions import RedisError, ResponseError

        try:
            policy = self.redis.config_get("maxmemory-policy").get("maxmemory-policy")
        except ResponseError:
            raise BadSettings(
                ["store.redis_url: the user may not ask the server about itself: grant +info and +config|get"]
            ) from None
        except RedisError as error:
            raise BadSettings([f"store.redis_url: Redis does not answer ({type(error).__name__})"]) from None
        if policy != "noeviction":
            raise BadSettings([f"store.redis_url: maxmemory-policy is {policy!r}, it must be 'noeviction'"])

    def watch_redis(self, observe: Callable[[float], None]) -> None:
        """Call `observe` with the seconds of each call to Redis, if Redis is used."""
        if self.redis is not None:
            cast("RedisEphemeralStore", self.ephemeral).observe = observe

    def close(self) -> None:
        """Close the connections of this process."""
        super().close()
        if self.redis is not None:
            self.redis.close()


def open_redis(settings: Settings) -> "Redis | None":
    """Redis, single or behind Sentinel, or None when short-lived data stays in SQL; its library is imported by need."""
    store = settings.store
    if not store.redis_url:
        return None
    from redis import Redis, Sentinel
    from redis.connection import parse_url

    bounds = {"socket_timeout": store.timeout, "socket_connect_timeout": store.timeout, "health_check_interval": 0}
    tls = {"ssl_ca_certs": str(store.redis_ca_file)} if store.redis_ca_file else {}
    if not store.redis_sentinels:
        return Redis.from_url(store.redis_url, **bounds, **tls)
    address = {
        k: v
        for k, v in parse_url(store.redis_url).items()  # type: ignore[no-untyped-call]
        if k not in ("host", "port", "connection_class")
    }
    nodes = [(host, int(port)) for host, _, port in (node.rpartition(":") for node in store.redis_sentinels)]
    secure = {"ssl": store.redis_url.startswith("rediss://"), **tls}
    sentinel: Any = Sentinel(nodes, sentinel_kwargs={**bounds}, **bounds, **secure, **address)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(store.redis_service)
    return master
