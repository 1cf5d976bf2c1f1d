"""Upstreams as configured become connectors, and the journeys through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from config.people_wiring import notices_of, session_limits, sql_credentials, sql_notices
from config.settings import BadSettings
from federation.circuit_breaker import Guarded
from federation.connectors.dvcqg import DvcqgConnector, DvcqgUpstream
from federation.connectors.oidc import OidcConnector, OidcUpstream
from federation.connectors.vneid import VneidConnector, VneidUpstream
from federation.envelope import Envelopes
from federation.evidence import EvidenceCollector
from federation.linking import Digester
from federation.linking_flow import LOOKUPS_A_DAY, Linking
from federation.matching import DAY, LinkPolicy
from federation.store import SqlLinks
from federation.upstream_logins import LinkingFlow, PendingUpstreamLogin, UpstreamLogins
from federation.upstreams import Upstream, UpstreamNotices, Upstreams
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.durable import LimitPolicy as Pause
from idp.limits.guesses import Guesses
from idp.outbound import Outbound
from idp.store.participants import SqlParticipants
from idp.store.rate_limits import SqlRateLimits
from keys.sealing import MasterKey

if TYPE_CHECKING:
    from config.sections import UpstreamSettings as Configured
    from config.stores import Stores
    from federation.connector import Connector

LOOKUPS = Pause(free=LOOKUPS_A_DAY, base=round(DAY), cap=round(DAY), memory=round(DAY), sliding=False)


def sql_links(base: Stores) -> SqlLinks:
    """Where links are kept."""
    sealing = MasterKey(base.secrets.get("upstream"))
    return SqlLinks(base.database, base.people, sql_credentials(base), base.audit, sql_notices(base), sealing)


def digester_of(base: Stores) -> Digester:
    """The digests of subjects and citizen numbers."""
    return Digester(base.secrets.get("upstream-subject"))


def upstreams_of(base: Stores, links: SqlLinks) -> Upstreams:
    """Every upstream that is configured. Raises `BadSettings` when a key of one cannot be read."""
    telling = UpstreamNotices()
    known = [_upstream(base, configured, telling) for configured in base.settings.upstreams]
    return Upstreams(known, links.closed, base.clock, telling)


def brokering_of(base: Stores) -> UpstreamLogins:
    """Journeys through upstreams."""
    links, life = sql_links(base), base.settings.login.attempt_life
    return UpstreamLogins(
        upstreams_of(base, links),
        links,
        EvidenceCollector(links, base.people, SqlParticipants(base.database)),
        EphemeralRecords(RecordKind.UPSTREAM_LOGIN, PendingUpstreamLogin, base.ephemeral, base.clock, life=life),
        EphemeralRecords(RecordKind.LINKING_FLOW, LinkingFlow, base.ephemeral, base.clock, life=life),
        digester_of(base),
        MasterKey(base.secrets.get("upstream")),
        base.clock,
        issuer=base.settings.issuer,
        session_life=session_limits(base.settings).absolute,
    )


def linking_of(base: Stores, upstream_logins: UpstreamLogins) -> Linking:
    """The linking flows."""
    lookups = Guesses(SqlRateLimits(base.database), base.clock, "lookup", LOOKUPS)
    return Linking(upstream_logins, notices_of(base), lookups)


def _upstream(base: Stores, c: Configured, telling: UpstreamNotices) -> Upstream:
    def observe(operation: str, outcome: str, seconds: float) -> None:
        telling.tell(c.id, operation, outcome, seconds)

    guarded = Guarded(_connector(base, c), base.clock, threads=base.settings.web.threads, observe=observe)
    return Upstream(
        id=c.id,
        connector=guarded,
        policy=LinkPolicy(c.least_ial, c.phone_required, c.opens_accounts),
        labels={"vi": c.label, "en": c.label_en or c.label},
        names={"vi": c.name or c.label, "en": c.name_en or c.name or c.label_en or c.label},
        audience=c.audience,
        enabled_from=c.enabled_from.timestamp() if c.enabled_from else None,
        enabled_to=c.enabled_to.timestamp() if c.enabled_to else None,
        order=c.order,
        state=lambda: guarded.state,
    )


def _connector(base: Stores, c: Configured) -> Connector:
    """The connector of its kind, with an outbound client that asks nobody but its own hosts."""
    secret = c.client_secret.get_secret_value() if c.client_secret else ""
    usual = {"id": c.id, "client_id": c.client_id, "client_secret": secret, "scope": c.scope}
    tables = {"claims": c.claims, "acr": c.acr, "ial": c.ial}
    places = {
        "authorization_endpoint": c.authorization_endpoint,
        "token_endpoint": c.token_endpoint,
        "userinfo_endpoint": c.userinfo_endpoint,
        "end_session_endpoint": c.end_session_endpoint,
    }
    outbound = _outbound(base, c)
    # The types of the settings are checked where they are read; mypy does not follow them through these dictionaries.
    match c.kind:
        case "oidc":
            more = {"token_auth": c.token_auth, "phone_verified": c.phone_verified, "kind": c.audience[0]}
            oidc = OidcUpstream(issuer=c.issuer, algorithms=c.algorithms, **usual, **tables, **more)  # type: ignore[arg-type]
            return OidcConnector(oidc, outbound, base.clock)
        case "dvcqg":
            named = {"issuer": c.issuer, "jwks_uri": c.jwks_uri, "phone_verified": c.phone_verified}
            dvcqg = DvcqgUpstream(algorithms=c.algorithms, **usual, **tables, **places, **named)  # type: ignore[arg-type]
            return DvcqgConnector(dvcqg, outbound, base.clock)
        case _:
            vneid = VneidUpstream(plain_codes=c.plain_codes, **usual, **tables, **places)  # type: ignore[arg-type]
            return VneidConnector(vneid, _envelopes(c), outbound, base.clock)


def _outbound(base: Stores, c: Configured) -> Outbound:
    s = base.settings
    addresses = (c.issuer, c.token_endpoint, c.userinfo_endpoint, c.jwks_uri, c.authorization_endpoint)
    hosts = {urlsplit(address).netloc.lower() for address in addresses if address} | {h.lower() for h in c.hosts}
    networks = [str(network) for network in s.outbound.networks]
    return Outbound(s.outbound.ca_file, plain_http=not s.is_production, hosts=hosts, networks=networks)


def _envelopes(c: Configured) -> Envelopes:
    where = f"upstreams.{c.id}.private_key_file"
    if c.private_key_file is None:
        raise BadSettings([f"{where}: name the file with our RSA key"])
    try:
        return Envelopes(c.private_key_file.read_bytes(), c.cipher)
    except OSError as error:
        raise BadSettings([f"{where}: {cast(str, error.strerror)}"]) from None
    except ValueError as error:
        raise BadSettings([f"{where}: {error}"]) from None
