"""Typed settings, one model per concern, read once from a TOML file and the environment and checked together.

`IDP_CONFIG` names the file; `IDP_<SECTION>__<KEY>` overrides a key. Unknown keys are refused, and every complaint is
told at once. What would be dangerous in production refuses to start there, with the reason.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from config.proxy_rules import proxy_rules
from config.sections import (
    Audit,
    Budgets,
    GatewaySettings,
    Keys,
    LimitSettings,
    LoginSettings,
    Messages,
    OfficerSettings,
    Oidc,
    OutboundSettings,
    PasswordSettings,
    QrSettings,
    Registration,
    Store,
    TestingSettings,
    UpstreamSettings,
    Web,
)
from config.upstream_rules import upstream_rules
from keys.changes import KeyPolicy
from qr_login.picture import LONGEST_LINK

PREFIX = "IDP_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class BadSettings(Exception):
    """The settings cannot be used; `complaints` lists every reason."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid", frozen=True
    )

    environment: Literal["development", "production"] | None = Field(
        None, description="what is allowed; by itself development for an issuer on this machine, else production"
    )
    issuer: str = Field("http://localhost:8000", description="public URL, without a slash at the end")
    data_dir: Path = Field(Path("data"), description="embedded database, master key and inbox of a development set-up")
    debug: bool = Field(False, description="verbose logs; production refuses it")
    store: Store = Store()
    keys: Keys = Keys()
    web: Web = Web()
    login: LoginSettings = LoginSettings()
    oidc: Oidc = Oidc()
    limits: LimitSettings = LimitSettings()
    passwords: PasswordSettings = PasswordSettings()
    registration: Registration = Registration()
    officers: OfficerSettings = OfficerSettings()
    messages: Messages = Messages()
    budgets: Budgets = Budgets()
    audit: Audit = Audit()
    outbound: OutboundSettings = OutboundSettings()
    upstreams: tuple[UpstreamSettings, ...] = Field((), description="through whom people may log in")
    qr: QrSettings = QrSettings()
    testing: TestingSettings = TestingSettings()

    @property
    def is_https(self) -> bool:
        return self.issuer.startswith("https://")

    @property
    def is_production(self) -> bool:
        """Whether the strict rules hold: said so, or not said and the issuer is not on this machine."""
        if self.environment is not None:
            return self.environment == "production"
        return urlsplit(self.issuer).hostname not in LOOPBACK

    def sends_by(self, channel: Literal["sms", "email"]) -> str:
        """How a channel sends: as configured, by itself into files in development and not at all in production."""
        configured = self.messages.sms if channel == "sms" else self.messages.email
        return configured or ("none" if self.is_production else "file")

    @property
    def officers_url(self) -> str:
        """Where the officer console is; empty when there is none."""
        parts = urlsplit(self.issuer)
        if self.officers.url or self.is_production or parts.hostname not in LOOPBACK:
            return self.officers.url
        return f"{parts.scheme}://officers.localhost" + (f":{parts.port}" if parts.port else "")

    @property
    def qr_link(self) -> str:
        return self.qr.link or f"{self.issuer}/q"

    @property
    def database_url(self) -> str:
        return self.store.database_url or f"sqlite:///{self.data_dir / 'idp.db'}"

    @property
    def master_key_file(self) -> Path | None:
        """The file to read the master key from; in development one is made in the data directory."""
        if _master_keys(self.keys) or self.is_production:
            return self.keys.master_key_file
        return self.data_dir / "master.key"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        environment = named.get("env_settings", others[0] if others else init_settings)
        file = os.environ.get(PREFIX + "CONFIG")
        found = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, environment, *found)


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
    """A misspelt variable would silently mean the default; so it is refused."""
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
    """What cannot be or must not be: (is bad, why)."""
    parts = urlsplit(s.issuer)
    pure = parts.scheme in ("http", "https") and parts.netloc and not (parts.path or parts.query or parts.fragment)
    production = s.is_production
    return [
        (not pure or not is_plain(s.issuer), "issuer: must be a plain origin such as https://id.example.vn"),
        (s.limits.first_wait > s.limits.longest_wait, "limits: first_wait is longer than longest_wait"),
        (s.oidc.refresh_idle > s.oidc.refresh_absolute, "oidc: refresh_idle is longer than refresh_absolute"),
        *_key_rules(s.keys),
        *proxy_rules(s.web, production=production),
        (not s.testing.enabled and s.testing.fixed_captcha is not None, "testing.fixed_captcha needs testing.enabled"),
        (production and not s.is_https, "issuer: production needs https"),
        *_message_rules(s),
        *_officer_rules(s),
        *_qr_rules(s),
        *upstream_rules(s.upstreams, production=production),
        (production and not _master_keys(s.keys), "keys: production needs a master key"),
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
    """Whether nobody outside can be sent to this host: this machine, or a name that is nobody's (RFC 6761)."""
    return host in LOOPBACK or host.rpartition(".")[2] in ("localhost", "test", "example", "invalid")


def _message_rules(s: Settings) -> list[tuple[bool, str]]:
    """What cannot send, or must not."""
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
    """A console that is no place of its own, or one that anybody can listen to."""
    url = s.officers.url
    parts = urlsplit(url)
    pure = parts.scheme in ("http", "https") and parts.netloc and not (parts.path or parts.query or parts.fragment)
    return [
        (bool(url) and not pure, "officers.url: must be a plain origin such as https://officers.example.vn"),
        (bool(url) and parts.netloc == urlsplit(s.issuer).netloc, "officers.url: needs a host of its own"),
        (bool(url) and s.is_production and parts.scheme != "https", "officers.url: production needs https"),
    ]


def _qr_rules(s: Settings) -> list[tuple[bool, str]]:
    """Links that no picture can hold, or no phone should follow."""
    given = [link for link in (s.qr.link, s.qr.app_link) if link]
    odd = [link for link in given if not (link.isascii() and link.isprintable()) or set(link) & set(" #?")]
    secure = ("https://",) if s.is_production else ("https://", "http://")
    return [
        (
            s.qr.enabled and len(s.qr_link) > LONGEST_LINK,
            f"qr.link: a picture holds {LONGEST_LINK} characters of link; give a shorter one, or switch qr.enabled off",
        ),
        *(
            (not link.startswith(secure) or link in odd, f"qr: {link!r} is no https link without ? and #")
            for link in given
        ),
    ]


def _master_keys(keys: Keys) -> int:
    """How many places the master keys shall come from."""
    return sum(map(bool, (keys.master_key_file, keys.master_key, keys.master_key_command)))


def _key_rules(keys: Keys) -> list[tuple[bool, str]]:
    shortest = KeyPolicy.shortest_lead(keys.jwks_max_age, keys.clock_skew)
    return [
        (_master_keys(keys) > 1, "keys: give one of master_key, master_key_file and master_key_command"),
        ("ES256" not in keys.algorithms, "keys.algorithms: access tokens need ES256"),
        (keys.lead < shortest, f"keys.lead: portals need at least {shortest:.0f} seconds to learn of a key"),
        (
            keys.rotate_every is not None and keys.rotate_every < keys.lead,
            "keys.rotate_every: is shorter than keys.lead",
        ),
    ]


def _asks_for_enough(gateway: GatewaySettings) -> bool:
    """Whether the body of a request holds whom to send what, and is JSON once it is filled when it says so."""
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
    """Whether nothing in an origin is dropped or read differently by who parses it: no line break, no user info."""
    return origin.isascii() and origin.isprintable() and not set(origin) & set(" @")


def _is_private(store: Store) -> bool:
    """Whether nobody between us and Redis reads along."""
    parts = urlsplit(store.redis_url)
    nodes = [node.rpartition(":")[0] for node in store.redis_sentinels] or [parts.hostname or ""]
    return parts.scheme != "redis" or all(node.strip("[]") in LOOPBACK for node in nodes)


def shown(settings: Settings) -> dict[str, Any]:
    """Every value, secrets masked, for `idp config show`."""
    values = settings.model_dump(mode="json")
    store = values["store"]
    for name in ("database_url", "redis_url"):
        store[name] = _without_password(store[name])
    if values["testing"]["fixed_captcha"]:
        values["testing"]["fixed_captcha"] = "**********"
    return values


def _without_password(url: str) -> str:
    password = urlsplit(url).password if url else None
    url = re.sub(r"(?<=password=)[^&]+", "**********", url)
    return url.replace(f":{password}@", ":**********@") if password else url
