"""The rules for an upstream's settings: (is bad, why)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.sections import UpstreamSettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ADDRESSES = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
    "jwks_uri",
)
Complaint = tuple[bool, str]


def upstream_rules(upstreams: Sequence[UpstreamSettings], *, production: bool) -> Iterator[Complaint]:
    """Every rule for each upstream, and those between them."""
    for name, times in Counter(upstream.id for upstream in upstreams).items():
        yield times > 1, f"upstreams: {name!r} is there twice"
    secrets = Counter(upstream.client_secret.get_secret_value() for upstream in upstreams if upstream.client_secret)
    yield any(times > 1 for times in secrets.values()), "upstreams: two of them share a client_secret"
    for upstream in upstreams:
        where = f"upstreams.{upstream.id}"
        for bad, why in (*_needed(upstream), *_addresses(upstream, production), *_values(upstream)):
            yield bad, f"{where}.{why}"


def _needed(u: UpstreamSettings) -> Iterator[Complaint]:
    yield not (u.client_secret and u.client_secret.get_secret_value()), "client_secret: is needed"
    if u.kind == "oidc":
        yield not u.issuer, "issuer: is needed; discovery begins there"
        yield len(u.audience) != 1, "audience: an oidc upstream is for individuals or for organisations, not for both"
        return
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint"):
        yield not getattr(u, name), f"{name}: is needed"
    if u.kind == "vneid":
        yield u.private_key_file is None, "private_key_file: our RSA key is needed"
    else:
        yield bool(u.issuer) != bool(u.jwks_uri), "issuer and jwks_uri: give both, or neither"


def _addresses(u: UpstreamSettings, production: bool) -> Iterator[Complaint]:
    """The issuer of an upstream without discovery is only compared, so it may have any form."""
    names = (*ADDRESSES, "issuer") if u.kind == "oidc" else ADDRESSES
    for name in names:
        parts = urlsplit(getattr(u, name))
        near = not production and parts.hostname in LOOPBACK and parts.scheme == "http"
        yield bool(getattr(u, name)) and not (parts.scheme == "https" or near), f"{name}: must be https"


def _values(u: UpstreamSettings) -> Iterator[Complaint]:
    yield not all(1 <= level <= 4 for level in u.acr.values()), "acr: our levels are 1 to 4"
    yield not all(0 <= level <= 2 for level in u.ial.values()), "ial: our levels are 0 to 2"
    yield not u.audience, "audience: say for whom it is"
    dates = [date for date in (u.enabled_from, u.enabled_to) if date]
    naive = any(date.tzinfo is None for date in dates)
    yield naive, "enabled_from, enabled_to: give a time zone"
    yield len(dates) == 2 and not naive and dates[0] >= dates[1], "enabled_to: is not after enabled_from"
    yield u.kind == "vneid" and u.phone_verified != "never", "phone_verified: vneid tells no phone number"
