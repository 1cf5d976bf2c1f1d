"""Typed settings, one model per concern, read once from a TOML file and the environment and checked together.

`IDP_CONFIG` names the file; `IDP_<SECTION>__<KEY>` overrides a key. Unknown keys are refused, and every complaint is
told at once. What would be dangerous in production refuses to start there, with the reason.
"""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PREFIX = "IDP_"


class BadSettings(Exception):
    """The settings cannot be used; `complaints` lists every reason."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


class Section(BaseModel):
    """A group of settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Store(Section):
    """Where accounts, sessions and short-lived things are kept."""

    database_url: str = Field("", description="sqlite:///path or postgresql://…; empty: idp.db in the data directory")
    redis_url: str = Field("", description="redis://, rediss:// or unix://; empty: short-lived things stay in SQL")
    redis_sentinels: tuple[str, ...] = Field(
        (), description="host:port of each Sentinel; then redis_url gives user and db"
    )
    redis_service: str = Field("idp", description="name of the Sentinel service")
    redis_ca_file: Path | None = Field(None, description="CA of Redis over TLS")
    pool_size: int = Field(16, ge=1, le=200, description="SQL connections per worker")
    timeout: float = Field(2.0, gt=0, le=30, description="seconds until a store counts as down")


class Keys(Section):
    """The master key that seals private keys and secrets, and the signing algorithms."""

    master_key_file: Path | None = Field(None, description="file with the master key, mode 0600; made in development")
    master_key: SecretStr | None = Field(None, description="the master key itself, base64url of 32 bytes")
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...] = Field(
        ("RS256", "ES256"), description="algorithms that the ring always has a key for"
    )


class Web(Section):
    """The listening socket and what stands in front of it."""

    bind: str = Field("127.0.0.1:8000", description="address and port to listen on")
    workers: int = Field(2, ge=1, le=64, description="worker processes")
    threads: int = Field(8, ge=1, le=64, description="threads per worker")
    trusted_proxies: tuple[str, ...] = Field((), description="networks whose X-Forwarded-For is believed")
    extra_hosts: tuple[str, ...] = Field((), description="further Host values, for health checks by address")
    graceful_timeout: int = Field(30, ge=1, le=300, description="seconds that running requests get at a stop")


class Window(Section):
    """From when to when a way in is open."""

    opens_at: datetime | None = Field(None, description="first moment, with time zone")
    closes_at: datetime | None = Field(None, description="first moment at which it is closed again, with time zone")


class Login(Section):
    """Local login: captcha, hashing, sessions, the dated switch."""

    captcha: Literal["always", "after_failures", "never"] = Field("always", description="when the page shows a captcha")
    captcha_length: int = Field(5, ge=4, le=8, description="characters of a captcha")
    hash_memory: int = Field(19_456, ge=8, description="Argon2id memory in KiB")
    hash_time: int = Field(2, ge=1, description="Argon2id passes")
    hash_workers: int = Field(2, ge=1, le=64, description="passwords hashed at once in a worker process")
    hash_queue: int = Field(2, ge=0, le=1000, description="further ones that may wait; beyond that 503")
    session_idle: int = Field(1800, ge=60, le=3600, description="seconds without a request until a session ends")
    session_absolute: int = Field(43_200, ge=300, le=86_400, description="seconds until a session ends in any case")
    attempt_life: int = Field(1800, ge=60, le=7200, description="seconds that a login may take")
    individual: Window = Field(Window(), description="when individuals may log in with a password")
    organisation: Window = Field(Window(), description="when organisations may log in with a password")


class Oidc(Section):
    """Lives of codes and tokens, in seconds."""

    code_life: int = Field(60, ge=5, le=60, description="authorization code")
    access_token_life: int = Field(600, ge=60, le=3600, description="access token")
    id_token_life: int = Field(600, ge=60, le=3600, description="ID token")
    refresh_idle: int = Field(2_592_000, ge=60, description="refresh token without use")
    refresh_absolute: int = Field(7_776_000, ge=60, description="refresh token family in any case")


class Limits(Section):
    """How fast anybody may try (docs/security.md)."""

    free_failures: int = Field(3, ge=1, description="wrong passwords per account and network before a wait")
    first_wait: int = Field(30, ge=1, description="seconds of the first wait; doubles")
    longest_wait: int = Field(3600, ge=1, description="seconds of the longest wait")
    network_failures: int = Field(20, ge=1, description="wrong passwords per network and hour")
    account_failures: int = Field(
        50, ge=1, le=100, description="wrong passwords per account until a captcha is demanded"
    )
    attempts_per_network: int = Field(300, ge=1, description="logins begun per network, minute and worker")
    attempts_in_total: int = Field(20_000, ge=1, description="logins begun per minute and worker")
    client_failures: int = Field(
        30, ge=1, description="failed client authentications per client, network, minute and worker"
    )


class Messages(Section):
    """How messages reach people."""

    sender: Literal["none", "console"] = Field(
        "none", description="none sends nothing; console prints, never in production"
    )


class Audit(Section):
    """The audit trail."""

    keep_months: int = Field(24, ge=12, le=240, description="months after which a whole segment is deleted")


class Outbound(Section):
    """Requests of our own to others."""

    ca_file: Path | None = Field(None, description="CA certificates that outbound TLS trusts; empty: the system's")


class Testing(Section):
    """Test mode for outside test suites; production refuses it."""

    enabled: bool = Field(False, description="switches test mode on, loudly")
    fixed_captcha: str | None = Field(None, description="the answer of every captcha")
    person: str | None = Field(None, description="BHXH code of a made-up person with every standard claim")


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
    login: Login = Login()
    oidc: Oidc = Oidc()
    limits: Limits = Limits()
    messages: Messages = Messages()
    audit: Audit = Audit()
    outbound: Outbound = Outbound()
    testing: Testing = Testing()

    @property
    def is_https(self) -> bool:
        return self.issuer.startswith("https://")

    @property
    def is_production(self) -> bool:
        """Whether the strict rules hold: said so, or not said and the issuer is not on this machine."""
        if self.environment is not None:
            return self.environment == "production"
        return urlsplit(self.issuer).hostname not in ("localhost", "127.0.0.1", "::1")

    @property
    def database_url(self) -> str:
        return self.store.database_url or f"sqlite:///{self.data_dir / 'idp.db'}"

    @property
    def master_key_file(self) -> Path | None:
        """The file to read the master key from; in development one is made in the data directory."""
        if self.keys.master_key_file or self.keys.master_key or self.is_production:
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
        (not pure, "issuer: must be a plain origin such as https://id.example.vn"),
        (s.limits.first_wait > s.limits.longest_wait, "limits: first_wait is longer than longest_wait"),
        (s.oidc.refresh_idle > s.oidc.refresh_absolute, "oidc: refresh_idle is longer than refresh_absolute"),
        (bool(s.keys.master_key and s.keys.master_key_file), "keys: give master_key or master_key_file, not both"),
        *((_is_no_network(n), f"web.trusted_proxies: {n!r} is no network") for n in s.web.trusted_proxies),
        (
            any(_is_everybody(n) for n in s.web.trusted_proxies),
            "web.trusted_proxies: everybody could forge addresses",
        ),
        (not s.testing.enabled and s.testing.fixed_captcha is not None, "testing.fixed_captcha needs testing.enabled"),
        (production and not s.is_https, "issuer: production needs https"),
        (production and s.messages.sender == "console", "messages.sender: console is not for production"),
        (production and not (s.keys.master_key or s.keys.master_key_file), "keys: production needs a master key"),
        (production and s.debug, "debug: not in production"),
        (production and s.testing.enabled, "testing: not in production"),
        (production and s.login.hash_memory < 19_456, "login.hash_memory: production needs at least 19456 KiB"),
        (
            production and s.login.hash_memory * s.login.hash_time < 38_912,
            "login: Argon2id is too cheap for production",
        ),
    ]


def _is_everybody(network: str) -> bool:
    return network == "*" or network.partition("/")[2] == "0"


def _is_no_network(network: str) -> bool:
    try:
        ip_network(network, strict=False)
    except ValueError:
        return network != "*"
    return False


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
