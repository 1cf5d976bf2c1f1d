"""Loads the settings and checks them together, against the limits of the rooms that use them."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from config.proxy_rules import mtls_rules, proxy_rules
from config.sections import (
    GatewaySettings,
    Keys,
    Store,
)
from config.settings import LOOPBACK, PREFIX, BadSettings, Settings, count_master_keys
from config.statement_keys import statement_rules
from config.upstream_rules import upstream_rules
from keys.changes import KeyPolicy
from qr_login.picture import LONGEST_LINK


def load() -> Settings:
    """The settings of this process. Raises `BadSettings` with every complaint."""
    complaints = list(_unknown_variables(os.environ))
    file = os.environ.get(PREFIX + "CONFIG")
    if file and not Path(file).is_file():
        raise BadSettings([*complaints, f"{PREFIX}CONFIG: there is no file {file}"])
    try:
        settings = Settings()
    except ValidationError as error:
        raise BadSettings(complaints + [_said(problem) for problem in error.errors()]) from None
    except ValueError as error:
        raise BadSettings([*complaints, f"settings cannot be read: {error}"]) from None
    complaints += [why for bad, why in _rules(settings) if bad]
    if complaints:
        raise BadSettings(complaints)
    return settings


def _said(problem: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in problem["loc"]) or "settings"
    meaning = "unknown setting" if problem["type"] == "extra_forbidden" else problem["msg"]
    return f"{path}: {meaning}"


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """A misspelt variable would silently mean the default, so it is refused."""
    for name in environ:
        if not name.startswith(PREFIX) or name == PREFIX + "CONFIG":
            continue
        fields: Mapping[str, Any] = Settings.model_fields
        for part in name.removeprefix(PREFIX).lower().split("__"):
            field = fields.get(part)
            if field is None:
                yield f"{name}: unknown setting"
                break
            kind = field.annotation
            fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _rules(s: Settings) -> list[tuple[bool, str]]:
    """The rules for all settings: (is bad, why)."""
    parts = urlsplit(s.issuer)
    pure = parts.scheme in ("http", "https") and parts.netloc and not (parts.path or parts.query or parts.fragment)
    production = s.is_production
    return [
        (not pure or not is_plain(s.issuer), "issuer: must be a plain origin such as https://id.example.vn"),
        (s.limits.first_wait > s.limits.longest_wait, "limits: first_wait is longer than longest_wait"),
        (s.oidc.refresh_idle > s.oidc.refresh_absolute, "oidc: refresh_idle is longer than refresh_absolute"),
        *_key_rules(s.keys),
        *statement_rules(s.oidc.software_statement_issuers),
        *proxy_rules(s.web, production=production),
        *mtls_rules(s.web, s.issuer, production=production),
        (not s.testing.enabled and s.testing.fixed_captcha is not None, "testing.fixed_captcha needs testing.enabled"),
        (production and not s.is_https, "issuer: production needs https"),
        *_message_rules(s),
        *_officer_rules(s),
        *_qr_rules(s),
        *upstream_rules(s.upstreams, production=production),
        (production and not count_master_keys(s.keys), "keys: production needs a master key"),
        (production and s.debug, "debug: not in production"),
        (production and s.testing.enabled, "testing: not in production"),
        (
            s.testing.enabled and not _is_out_of_reach(parts.hostname or ""),
            "testing: only for an issuer on this machine, or of a name reserved for tests",
        ),
        (production and s.login.captcha == "never", "login.captcha: production needs one, at least after failures"),
        (production and not _is_private(s.store), "store.redis_url: needs rediss:// to another machine"),
        (production and s.login.hash_memory < 19_456, "login.hash_memory: production needs at least 19456 KiB"),
        (
            production and s.login.hash_memory * s.login.hash_time < 38_912,
            "login: Argon2id is too cheap for production",
        ),
    ]


def _is_out_of_reach(host: str) -> bool:
    """Whether the host cannot be reached from outside: this machine, or a name reserved by RFC 6761."""
    return host in LOOPBACK or host.rpartition(".")[2] in ("localhost", "test", "example", "invalid")


def _message_rules(s: Settings) -> list[tuple[bool, str]]:
    """The rules for sending messages."""
    m, production = s.messages, s.is_production
    parts = urlsplit(m.gateway.url)
    at_home = m.smtp.host in LOOPBACK
    return [
        *(
            (production and how in ("console", "file"), f"messages.{name}: {how} is not for production")
            for name, how in (("sms", m.sms), ("email", m.email))
        ),
        (m.sms == "gateway" and not parts.hostname, "messages.gateway.url: give the address of the gateway"),
        (
            m.sms == "gateway" and parts.scheme != "https" and (production or parts.hostname not in LOOPBACK),
            "messages.gateway.url: must be https; plain http only to this machine and not in production",
        ),
        (m.sms == "gateway" and not _asks_for_enough(m.gateway), "messages.gateway.body: must ask for {text} and {to}"),
        (m.email == "smtp" and not m.smtp.host, "messages.smtp.host: name the mail server"),
        (m.email == "smtp" and "@" not in m.smtp.sender, "messages.smtp.sender: give the address that mail comes from"),
        (
            m.email == "smtp" and m.smtp.security == "none" and not at_home,
            "messages.smtp.security: none is for a mail server on this machine",
        ),
        (bool(m.smtp.user) != bool(m.smtp.password), "messages.smtp: give user and password, or neither"),
    ]


def _officer_rules(s: Settings) -> list[tuple[bool, str]]:
    """The rules for the console: it must have its own host and not be open to all."""
    url = s.officers.url
    parts = urlsplit(url)
    pure = parts.scheme in ("http", "https") and parts.netloc and not (parts.path or parts.query or parts.fragment)
    return [
        (bool(url) and not pure, "officers.url: must be a plain origin such as https://officers.example.vn"),
        (bool(url) and parts.netloc == urlsplit(s.issuer).netloc, "officers.url: needs a host of its own"),
        (bool(url) and s.is_production and parts.scheme != "https", "officers.url: production needs https"),
    ]


def _qr_rules(s: Settings) -> list[tuple[bool, str]]:
    """The rules for QR links: they must fit into a picture and be safe for a phone to follow."""
    links = [link for link in (s.qr.link, s.qr.app_link) if link]
    odd = [link for link in links if not (link.isascii() and link.isprintable()) or set(link) & set(" #?")]
    secure = ("https://",) if s.is_production else ("https://", "http://")
    return [
        (
            s.qr.enabled and len(s.qr_link) > LONGEST_LINK,
            f"qr.link: a picture holds {LONGEST_LINK} characters of link; give a shorter one, or switch qr.enabled off",
        ),
        *(
            (not link.startswith(secure) or link in odd, f"qr: {link!r} is no https link without ? and #")
            for link in links
        ),
    ]


def _key_rules(keys: Keys) -> list[tuple[bool, str]]:
    shortest = KeyPolicy.shortest_lead(keys.jwks_max_age, keys.clock_skew)
    return [
        (count_master_keys(keys) > 1, "keys: give one of master_key, master_key_file and master_key_command"),
        ("ES256" not in keys.algorithms, "keys.algorithms: access tokens need ES256"),
        (keys.lead < shortest, f"keys.lead: portals need at least {shortest:.0f} seconds to learn of a key"),
        (
            keys.rotate_every is not None and keys.rotate_every < keys.lead,
            "keys.rotate_every: is shorter than keys.lead",
        ),
    ]


def _asks_for_enough(gateway: GatewaySettings) -> bool:
    """Whether the request body names recipient and text, and, if declared as JSON, is valid JSON once filled."""
    if "{text}" not in gateway.body or not ("{to}" in gateway.body or "{digits}" in gateway.body):
        return False
    if gateway.content_type != "application/json":
        return True
    try:
        json.loads(re.sub("{(id|to|digits|text)}", '""', gateway.body))
    except ValueError:
        return False
    return True


def is_plain(origin: str) -> bool:
    """Whether no parser drops part of an origin or reads it differently: no line break, no user info."""
    return origin.isascii() and origin.isprintable() and not set(origin) & set(" @")


def _is_private(store: Store) -> bool:
    """Whether the connection to Redis is encrypted or stays on this machine."""
    parts = urlsplit(store.redis_url)
    nodes = [node.rpartition(":")[0] for node in store.redis_sentinels] or [parts.hostname or ""]
    return parts.scheme != "redis" or all(node.strip("[]") in LOOPBACK for node in nodes)
