"""Typed settings, one model per concern, read once from a TOML file and the environment and checked together.

`IDP_CONFIG` names the file; `IDP_<SECTION>__<KEY>` overrides a key. Unknown keys are refused, and all complaints are
reported at once. Settings that would be dangerous in production prevent the start there, with the reason.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from config.sections import (
    Audit,
    Budgets,
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
        """Whether the strict rules apply: as configured, or by default when the issuer is not on this machine."""
        if self.environment is not None:
            return self.environment == "production"
        return urlsplit(self.issuer).hostname not in LOOPBACK

    def sends_by(self, channel: Literal["sms", "email"]) -> str:
        """How a channel sends: as configured; by default into files in development and not at all in production."""
        configured = self.messages.sms if channel == "sms" else self.messages.email
        return configured or ("none" if self.is_production else "file")

    @property
    def officers_url(self) -> str:
        """The URL of the officer console; empty when there is none."""
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
        """The file with the master key; in development one is created in the data directory."""
        if count_master_keys(self.keys) or self.is_production:
            return self.keys.master_key_file
        return self.data_dir / "master.key"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        environment = named.get("env_settings", others[0] if others else init_settings)
        file = os.environ.get(PREFIX + "CONFIG")
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, environment, *toml)


def count_master_keys(keys: Keys) -> int:
    """How many sources of master keys are configured."""
    return sum(map(bool, (keys.master_key_file, keys.master_key, keys.master_key_command)))


def printable(settings: Settings) -> dict[str, Any]:
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
