"""Settings are read once, checked together, and dangerous ones refuse to start in production."""

from pathlib import Path

import pytest

from config import settings as our
from config.commands.config import documentation
from config.settings import BadSettings, load

PRODUCTION = {
    "IDP_ENVIRONMENT": "production",
    "IDP_ISSUER": "https://id.example.test",
    "IDP_KEYS__MASTER_KEY_FILE": "/etc/idp/master.key",
}


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("IDP_")]:
        monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
    for name, value in (PRODUCTION | changed).items():
        monkeypatch.setenv(name, value)


def complaints(monkeypatch: pytest.MonkeyPatch, **changed: str) -> list[str]:
    given(monkeypatch, **changed)
    with pytest.raises(BadSettings) as refused:
        load()
    return refused.value.complaints


def test_a_sound_production_set_up_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch)

    assert load().is_production


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"IDP_ISSUER": "http://id.example.test"}, "issuer"),
        ({"IDP_MESSAGES__SMS": "console"}, "messages.sms"),
        ({"IDP_MESSAGES__EMAIL": "file"}, "messages.email"),
        ({"IDP_MESSAGES__SMS": "gateway"}, "messages.gateway.url"),
        ({"IDP_MESSAGES__SMS": "gateway", "IDP_MESSAGES__GATEWAY__URL": "http://localhost/"}, "https"),
        ({"IDP_MESSAGES__SMS": "gateway", "IDP_MESSAGES__GATEWAY__BODY": '{"to": {to}}'}, "messages.gateway.body"),
        ({"IDP_MESSAGES__SMS": "gateway", "IDP_MESSAGES__GATEWAY__BODY": "{to} {text}"}, "messages.gateway.body"),
        ({"IDP_MESSAGES__EMAIL": "smtp"}, "messages.smtp.host"),
        ({"IDP_MESSAGES__EMAIL": "smtp", "IDP_MESSAGES__SMTP__SENDER": "BHXH"}, "messages.smtp.sender"),
        ({"IDP_MESSAGES__SMTP__USER": "idp"}, "user and password"),
        ({"IDP_KEYS__MASTER_KEY_FILE": ""}, "master key"),
        ({"IDP_KEYS__MASTER_KEY_COMMAND": '["kms"]'}, "keys: give one of"),
        ({"IDP_KEYS__LEAD": "424"}, "keys.lead: portals need at least 425 seconds"),
        ({"IDP_KEYS__JWKS_MAX_AGE": "86400"}, "keys.lead: portals need at least 86525 seconds"),
        ({"IDP_KEYS__ROTATE_EVERY": "3600"}, "keys.rotate_every"),
        ({"IDP_KEYS__ALGORITHMS": '["RS256"]'}, "keys.algorithms: access tokens need ES256"),
        ({"IDP_DEBUG": "true"}, "debug"),
        ({"IDP_WEB__TRUSTED_PROXIES": '["*"]'}, "trusted_proxies"),
        ({"IDP_TESTING__ENABLED": "true"}, "testing"),
        ({"IDP_TESTING__FIXED_CAPTCHA": "00000"}, "fixed_captcha"),
        ({"IDP_LOGIN__HASH_MEMORY": "1024"}, "hash_memory"),
        ({"IDP_ISSUER": "https://id.example.test/path"}, "issuer"),
        ({"IDP_LOGIN__CAPTCHA": "sometimes"}, "captcha"),
        ({"IDP_LOGIN__CAPTHCA": "always"}, "unknown setting"),
        ({"IDP_LOGGIN": "x"}, "unknown setting"),
    ],
)
def test_what_is_dangerous_or_misspelt_is_refused(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], word: str
) -> None:
    """F-19"""
    assert any(word in complaint for complaint in complaints(monkeypatch, **changed))


def test_every_complaint_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = complaints(monkeypatch, IDP_ISSUER="http://id.example.test", IDP_DEBUG="true", IDP_TYPO="1")

    assert len(found) == 3


def test_an_unknown_key_in_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "idp.toml"
    file.write_text('[login]\ncaptcha = "never"\nkaptcha = 1\n')

    assert "login.kaptcha: unknown setting" in complaints(monkeypatch, IDP_CONFIG=str(file))


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "idp.toml"
    file.write_text('[login]\ncaptcha = "never"\ncaptcha_length = 7\n')
    given(monkeypatch, IDP_CONFIG=str(file), IDP_LOGIN__CAPTCHA="after_failures")

    assert (load().login.captcha, load().login.captcha_length) == ("after_failures", 7)


@pytest.mark.parametrize("issuer", ["http://localhost:8000", "http://127.0.0.1:9"])
def test_an_issuer_on_this_machine_is_development_by_itself(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("IDP_ISSUER", issuer)

    assert not load().is_production


def test_any_other_issuer_is_production_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUER", "https://id.example.test")

    with pytest.raises(BadSettings):
        load()


def test_secrets_are_masked_when_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        IDP_STORE__DATABASE_URL="postgresql://idp:geheim@db/idp",
        IDP_STORE__REDIS_URL="redis://u:geheim@r/0?password=geheim&x=1",
        IDP_KEYS__MASTER_KEY="geheim" * 8,
        IDP_KEYS__MASTER_KEY_FILE="",
    )

    assert "geheim" not in str(our.shown(load()))


def test_the_documentation_of_the_settings_is_fresh() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

    assert page.read_text() == documentation(), "run: .venv/bin/idp config document docs/configuration.md"
