"""Turns configured upstreams into connectors."""

from typing import cast
from urllib.parse import urlsplit

from config.sections import UpstreamSettings
from config.settings import BadSettings, Settings
from federation.circuit_breaker import Guarded
from federation.connector import Connector
from federation.connectors.dvcqg import DvcqgConnector, DvcqgUpstream
from federation.connectors.oidc import OidcConnector, OidcUpstream
from federation.connectors.vneid import VneidConnector, VneidUpstream
from federation.envelope import Envelopes
from federation.matching import LinkPolicy
from federation.upstreams import Upstream, UpstreamNotices
from federation.web import origin
from idp.outbound import Outbound
from idp.ports import Clock


def build_upstream(settings: Settings, c: UpstreamSettings, clock: Clock, notices: UpstreamNotices) -> Upstream:
    """The configured upstream. Raises `BadSettings` when its key cannot be read."""

    def observe(operation: str, outcome: str, seconds: float) -> None:
        notices.tell(c.id, operation, outcome, seconds)

    guarded = Guarded(_connector(settings, c, clock), clock, threads=settings.web.threads, observe=observe)
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
        issuer=c.issuer,
        frames=_frames(c),
        by_form=c.kind == "oidc" and c.response_mode == "form_post",
        state=lambda: guarded.state,
    )


def _connector(settings: Settings, c: UpstreamSettings, clock: Clock) -> Connector:
    """The connector of its kind, with an outbound client that may reach only its own hosts."""
    secret = c.client_secret.get_secret_value() if c.client_secret else ""
    usual = {"id": c.id, "client_id": c.client_id, "client_secret": secret, "scope": c.scope}
    tables = {"claims": c.claims, "acr": c.acr, "ial": c.ial}
    places = {
        "authorization_endpoint": c.authorization_endpoint,
        "token_endpoint": c.token_endpoint,
        "userinfo_endpoint": c.userinfo_endpoint,
        "end_session_endpoint": c.end_session_endpoint,
    }
    outbound = _outbound(settings, c)
    # The types of the settings are checked when they are read; mypy does not follow them through these dictionaries.
    match c.kind:
        case "oidc":
            more: dict[str, str] = {"token_auth": c.token_auth, "response_mode": c.response_mode}
            more |= {"phone_verified": c.phone_verified, "kind": c.audience[0]}
            oidc = OidcUpstream(issuer=c.issuer, algorithms=c.algorithms, **usual, **tables, **more)  # type: ignore[arg-type]
            return OidcConnector(oidc, outbound, clock)
        case "dvcqg":
            named = {"issuer": c.issuer, "jwks_uri": c.jwks_uri, "phone_verified": c.phone_verified}
            dvcqg = DvcqgUpstream(algorithms=c.algorithms, **usual, **tables, **places, **named)  # type: ignore[arg-type]
            return DvcqgConnector(dvcqg, outbound, clock)
        case _:
            vneid = VneidUpstream(plain_codes=c.plain_codes, **usual, **tables, **places)  # type: ignore[arg-type]
            return VneidConnector(vneid, _envelopes(c), outbound, clock)


def _frames(c: UpstreamSettings) -> list[str]:
    """The origins of its pages. With discovery the logout page is at the issuer, or at one of the further hosts."""
    pages = [c.authorization_endpoint, c.end_session_endpoint]
    if c.kind == "oidc":
        pages = [c.issuer, *(f"https://{host}" for host in c.hosts)]
    return sorted({origin(page) for page in pages if page})


def _outbound(s: Settings, c: UpstreamSettings) -> Outbound:
    addresses = (c.issuer, c.token_endpoint, c.userinfo_endpoint, c.jwks_uri, c.authorization_endpoint)
    hosts = {urlsplit(address).netloc.lower() for address in addresses if address} | {h.lower() for h in c.hosts}
    networks = [str(network) for network in s.outbound.networks]
    return Outbound(s.outbound.ca_file, plain_http=not s.is_production, hosts=hosts, networks=networks)


def _envelopes(c: UpstreamSettings) -> Envelopes:
    where = f"upstreams.{c.id}.private_key_file"
    if c.private_key_file is None:
        raise BadSettings([f"{where}: name the file with our RSA key"])
    try:
        return Envelopes(c.private_key_file.read_bytes(), c.cipher)
    except OSError as error:
        raise BadSettings([f"{where}: {cast(str, error.strerror)}"]) from None
    except ValueError as error:
        raise BadSettings([f"{where}: {error}"]) from None
