"""Settings are read once, checked together, and dangerous ones refuse to start in production."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import settings as our
from config.cli.config import documentation
from config.cli.main import main
from config.loading import load
from config.settings import BadSettings

PRODUCTION = {
    "IDP_ENVIRONMENT": "production",
    "IDP_ISSUER": "https://id.example.test",
    "IDP_KEYS__MASTER_KEY_FILE": "/etc/idp/master.key",
    "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]',
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


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "127.1.2.3:8000", "[::1]:8000", "localhost:8000"])
@pytest.mark.parametrize("listed", ["[]", '["10.0.0.5/32"]', '["10.0.0.5/32", "2001:db8::/64"]'])
def test_a_proxy_that_alone_can_reach_us_must_be_listed(
    monkeypatch: pytest.MonkeyPatch, bind: str, listed: str
) -> None:
    """F-1, M-4: behind one that is not, twenty wrong passwords from anywhere are everybody's."""
    told = complaints(monkeypatch, IDP_WEB__BIND=bind, IDP_WEB__TRUSTED_PROXIES=listed)

    assert [why for why in told if "web.trusted_proxies" in why and bind in why and "127.0.0.1/32" in why]


@pytest.mark.parametrize(
    ("bind", "listed"),
    [
        ("127.0.0.1:8000", '["127.0.0.1/32"]'),
        ("[::1]:8000", '["::1/128"]'),
        ("localhost:8000", '["127.0.0.0/8"]'),
        ("10.0.0.7:8000", "[]"),
        ("0.0.0.0:8000", '["10.0.0.5/32"]'),
    ],
)
def test_what_others_reach_or_a_listed_proxy_is_good(monkeypatch: pytest.MonkeyPatch, bind: str, listed: str) -> None:
    given(monkeypatch, IDP_WEB__BIND=bind, IDP_WEB__TRUSTED_PROXIES=listed)

    assert load().is_production


MTLS = {"IDP_WEB__CLIENT_CERTIFICATE_HEADER": "X-Client-Cert", "IDP_WEB__MTLS_URL": "https://mtls.id.example.vn"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"IDP_WEB__BIND": "10.0.0.7:8000", "IDP_WEB__TRUSTED_PROXIES": "[]"}, "list its proxy in trusted_proxies"),
        ({"IDP_WEB__CLIENT_CERTIFICATE_VERIFY_HEADER": "x-client-cert"}, "needs its own name"),
        ({"IDP_WEB__MTLS_URL": "https://mtls.id.example.vn/"}, "must be a plain origin"),
        ({"IDP_WEB__MTLS_URL": "https://a@mtls.id.example.vn"}, "must be a plain origin"),
        ({"IDP_WEB__MTLS_URL": "http://mtls.id.example.vn"}, "production needs https"),
        ({"IDP_WEB__MTLS_URL": "https://id.example.vn", "IDP_ISSUER": "https://id.example.vn"}, "is the issuer"),
        ({"IDP_WEB__CLIENT_CERTIFICATE_HEADER": ""}, "web.mtls_url: needs web.client_certificate_header"),
        ({"IDP_WEB__CLIENT_CERTIFICATE_HEADER": "X_Client_Cert"}, "web.client_certificate_header: String should match"),
    ],
)
def test_client_certificates_come_from_a_listed_proxy_under_one_name(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], why: str
) -> None:
    assert why in " ".join(complaints(monkeypatch, **MTLS | {"IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'} | changed))


def test_development_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://localhost:8000")

    assert load().web.trusted_proxies == ()


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
        ({"IDP_OIDC__SOFTWARE_STATEMENT_ISSUERS": '{"https://v.test": "/nowhere"}'}, "software_statement_issuers"),
        ({"IDP_OIDC__SOFTWARE_STATEMENT_ISSUERS": '{"https://v.test": "/etc/hostname"}'}, "no JWK set"),
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


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"IDP_ISSUER": "https://id.example.test\r\nX: y"}, "issuer"),
        ({"IDP_ISSUER": "https://user:pass@id.example.test"}, "issuer"),
        ({"IDP_WEB__TRUSTED_PROXIES": '["0.0.0.0/00"]'}, "trusted_proxies"),
        ({"IDP_WEB__TRUSTED_PROXIES": '["0.0.0.0/0.0.0.0"]'}, "trusted_proxies"),
        ({"IDP_WEB__TRUSTED_PROXIES": '["0.0.0.0/1", "128.0.0.0/1"]'}, "trusted_proxies"),
        ({"IDP_WEB__TRUSTED_PROXIES": '["::/1", "8000::/1"]'}, "trusted_proxies"),
        ({"IDP_STORE__REDIS_URL": "redis://cache.example.test:6379/0"}, "rediss://"),
        ({"IDP_LOGIN__CAPTCHA": "never"}, "login.captcha"),
        (
            {"IDP_ISSUER": "https://id.portal.vn", "IDP_ENVIRONMENT": "development", "IDP_TESTING__ENABLED": "true"},
            "testing: only for an issuer on this",
        ),
    ],
)
def test_f9_what_lets_strangers_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], word: str
) -> None:
    """F-9"""
    assert any(word in complaint for complaint in complaints(monkeypatch, **changed))


@pytest.mark.parametrize("url", ["redis://127.0.0.1/0", "rediss://cache.example.test/0", "unix:///run/redis.sock"])
def test_f9_a_redis_that_nobody_listens_to_is_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    given(monkeypatch, IDP_STORE__REDIS_URL=url, IDP_WEB__TRUSTED_PROXIES='["10.0.0.0/8", "127.0.0.1/32"]')

    assert load().store.redis_url == url


def test_f9_an_upstream_needs_a_secret_that_is_not_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    told = complaints(monkeypatch, **upstreams(OIDC | {"client_secret": ""}))

    assert "upstreams.other.client_secret: is needed" in told


VNEID = {
    "id": "vneid",
    "kind": "vneid",
    "label": "VNeID",
    "client_id": "us",
    "client_secret": "a secret of both",
    "authorization_endpoint": "https://sso.example.test/auth",
    "token_endpoint": "https://sso.example.test/token",
    "userinfo_endpoint": "https://sso.example.test/userinfo",
    "private_key_file": "/etc/idp/vneid.pem",
}
OIDC = {
    "id": "other",
    "kind": "oidc",
    "label": "Other",
    "client_id": "us",
    "client_secret": "another secret",
    "issuer": "https://op.example.test",
}


def upstreams(*those: dict[str, object]) -> dict[str, str]:
    return {"IDP_UPSTREAMS": json.dumps(those)}


def test_sound_upstreams_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **upstreams(VNEID, OIDC))

    assert [each.id for each in load().upstreams] == ["vneid", "other"]


@pytest.mark.parametrize(
    ("those", "word"),
    [
        ([VNEID, VNEID | {"client_secret": "x"}], "'vneid' is there twice"),
        ([VNEID, OIDC | {"client_secret": "a secret of both"}], "share a client_secret"),
        ([VNEID | {"client_secret": None}], "upstreams.vneid.client_secret"),
        ([VNEID | {"token_endpoint": ""}], "upstreams.vneid.token_endpoint: is needed"),
        ([VNEID | {"token_endpoint": "http://localhost/token"}], "upstreams.vneid.token_endpoint: must be https"),
        ([VNEID | {"private_key_file": None}], "upstreams.vneid.private_key_file"),
        ([VNEID | {"phone_verified": "by_agreement"}], "tells no phone number"),
        ([VNEID | {"ial": {"2": 3}}], "our levels are 0 to 2"),
        ([VNEID | {"acr": {"2": 0}}], "our levels are 1 to 4"),
        ([VNEID | {"audience": []}], "upstreams.vneid.audience"),
        ([VNEID | {"enabled_from": "2026-01-01T00:00:00"}], "time zone"),
        (
            [VNEID | {"enabled_from": "2026-02-01T00:00:00+07:00", "enabled_to": "2026-01-01T00:00:00+07:00"}],
            "is not after enabled_from",
        ),
        ([VNEID | {"kind": "dvcqg", "jwks_uri": "https://sso.example.test/jwks"}], "give both, or neither"),
        ([OIDC | {"issuer": ""}], "upstreams.other.issuer"),
        ([OIDC | {"issuer": "http://op.example.test"}], "upstreams.other.issuer: must be https"),
        ([OIDC | {"audience": ["individual", "organisation"]}], "not for both"),
        ([OIDC | {"id": "Ö"}], "upstreams.0.id"),
        ([OIDC | {"algorithms": ["none"]}], "upstreams.0.algorithms"),
        ([OIDC | {"colour": "blue"}], "unknown setting"),
    ],
)
def test_an_upstream_that_cannot_work_or_must_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, those: list[dict[str, object]], word: str
) -> None:
    """F-19, Q-06"""
    assert any(word in complaint for complaint in complaints(monkeypatch, **upstreams(*those)))


def test_secrets_of_upstreams_are_masked_when_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **upstreams(VNEID))

    assert "a secret of both" not in str(our.printable(load()))


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
        IDP_STORE__REDIS_URL="rediss://u:geheim@r/0?password=geheim&x=1",
        IDP_KEYS__MASTER_KEY="geheim" * 8,
        IDP_KEYS__MASTER_KEY_FILE="",
    )

    assert "geheim" not in str(our.printable(load()))


def test_the_documentation_of_the_settings_is_fresh() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

    assert page.read_text() == documentation(), "run: .venv/bin/idp config document docs/configuration.md"


def test_an_address_on_the_command_line_is_judged_like_one_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-1: behind a proxy that is not listed everybody is one address to every limit."""
    given(monkeypatch, IDP_WEB__BIND="0.0.0.0:8000", IDP_WEB__TRUSTED_PROXIES="[]")
    refused = CliRunner().invoke(main, ["serve", "--bind", "127.0.0.1:8000"])

    assert refused.exit_code == 2
    assert "only a proxy on this machine reaches 127.0.0.1:8000" in refused.output
