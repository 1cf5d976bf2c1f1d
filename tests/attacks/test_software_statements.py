"""Software statements: only what a trusted issuer signed, and of now, speaks for a client (RFC 7591, 2.3 and 3.1.1)."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.attacks.test_tokens import encoded, signed
from tests.support import databases
from tests.support.app import ISSUER, REDIRECT, App, running_app
from tests.support.registering import Portal, invited, portal, register

VOUCHER = "https://certificates.example.test"
KEY, OTHER = ECKey.generate_key("P-256", {"kid": "v"}), ECKey.generate_key("P-256", {"kid": "v"})


@pytest.fixture
def app(app_template: Path, tmp_path: Path) -> Iterator[App]:
    """An installation that trusts one issuer of statements."""
    (tmp_path / "master.key").write_bytes((app_template / "master.key").read_bytes())
    (tmp_path / "master.key").chmod(0o600)
    keys = tmp_path / "vouchers.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    with running_app(tmp_path, url, oidc={"software_statement_issuers": {VOUCHER: keys}}) as running:
        yield running


def statement(app: App, key: Any = KEY, alg: str = "ES256", header: Any = None, **claims: Any) -> str:
    """A statement; claims given as None are left out."""
    now = int(app.clock())
    said = {"iss": VOUCHER, "exp": now + 600, "software_id": "portal-7"} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return signed({"alg": alg, "kid": "v"} | (header or {}), said, key)


def test_what_an_issuer_vouches_for_replaces_what_the_client_says(app: App) -> None:
    text = statement(app, client_name="Cổng được chứng nhận", redirect_uris=[REDIRECT])

    mine = portal(app, client_name="Tên tự đặt", redirect_uris=["https://evil.test/"], software_statement=text)

    assert (mine.told["client_name"], mine.told["redirect_uris"]) == ("Cổng được chứng nhận", [REDIRECT])
    assert (mine.told["software_statement"], mine.told["approval"]) == (text, "pending")
    assert mine.manage("GET").json["software_statement"] == text


def test_a_change_cannot_leave_what_was_vouched_for_also_when_the_statement_is_over(app: App) -> None:
    mine = portal(app, software_statement=statement(app, client_name="Cổng được chứng nhận"))
    app.clock.move(3600)

    assert mine.change(client_name="Tên tự đặt").json["client_name"] == "Cổng được chứng nhận"
    assert mine.change(software_statement=None).json["client_name"] == "Cổng được chứng nhận"
    assert mine.change(software_statement=statement(app, client_name="Khác")).status_code == 400
    plain = portal(app)
    assert Portal(app, plain.told).change(software_statement=statement(app)).status_code == 400


def test_a_statement_gives_no_privilege(app: App) -> None:
    """What operators decide is not read of it, and the invitation still bounds the scopes."""
    mine = portal(
        app, software_statement=statement(app, first_party=True, client_id="portal", profile="", disabled=False)
    )
    client = app.base.clients.find(mine.id)
    assert client is not None
    assert (client.first_party, client.disabled, client.approval) == (False, True, "pending")

    answer = register(app, invited(app), software_statement=statement(app, scope="openid bhxh"))
    assert answer.json["error"] == "invalid_client_metadata"
    for bad in ({"redirect_uris": ["javascript:x"]}, {"redirect_uris": [7]}, {"client_name": "\ud800"}):
        assert register(app, invited(app), software_statement=statement(app, **bad)).status_code == 400


def by_hmac(app: App) -> str:
    """The public key as the secret of an HMAC."""
    header, claims = {"alg": "HS256", "kid": "v"}, {"iss": VOUCHER, "exp": int(app.clock()) + 600}
    body = f"{encoded(header)}.{encoded(claims)}"
    secret = json.dumps(KEY.as_dict(private=False)).encode()
    return f"{body}.{encoded(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def unsigned(app: App) -> str:
    return f"{encoded({'alg': 'none'})}.{encoded({'iss': VOUCHER, 'exp': int(app.clock()) + 600})}."


INVALID: dict[str, Callable[[App], object]] = {
    "none": unsigned,
    "HS256": by_hmac,
    "another key": lambda app: statement(app, OTHER),
    "over": lambda app: statement(app, exp=int(app.clock()) - 60),
    "for ever": lambda app: statement(app, exp=None),
    "exp is a text": lambda app: statement(app, exp="9999999999"),
    "exp is true": lambda app: statement(app, exp=True),
    "not yet": lambda app: statement(app, nbf=int(app.clock()) + 61),
    "of tomorrow": lambda app: statement(app, iat=int(app.clock()) + 61),
    "for another provider": lambda app: statement(app, aud="https://other.test"),
    "a key in the header": lambda app: statement(app, OTHER, header={"jwk": OTHER.as_dict(private=False)}),
    "an address in the header": lambda app: statement(app, header={"jku": "https://evil.test/jwks"}),
    "unknown crit": lambda app: _with_header(app, {"alg": "ES256", "kid": "v", "crit": ["x"], "x": 1}),
    "the type of a token": lambda app: statement(app, header={"typ": "at+jwt"}),
    "too long": lambda app: statement(app, client_name="x" * 9000),
    "no signature": lambda app: statement(app).rpartition(".")[0] + ".",
    "another payload": lambda app: _spliced(statement(app), statement(app, client_name="x")),
    "two parts": lambda app: "a.b",
    "nothing": lambda app: "",
    "a number": lambda app: 7,
    "a list": lambda app: [statement(app)],
}


def _with_header(app: App, header: dict[str, Any]) -> str:
    """A signature over another header than it stands under: the library signs no such thing."""
    return f"{encoded(header)}.{statement(app).partition('.')[2]}"


def _spliced(one: str, other: str) -> str:
    return ".".join((one.split(".")[0], other.split(".")[1], one.split(".")[2]))


@pytest.mark.parametrize("which", INVALID)
def test_what_proves_nothing_is_refused(app: App, which: str) -> None:
    answer = register(app, invited(app), software_statement=INVALID[which](app))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_software_statement"), answer.text


@pytest.mark.parametrize("iss", ["https://other.test", VOUCHER + "/", ISSUER, "", [VOUCHER], None, 7])
def test_other_issuers_are_not_approved(app: App, iss: Any) -> None:
    answer = register(app, invited(app), software_statement=statement(app, iss=iss))

    assert (answer.status_code, answer.json["error"]) == (400, "unapproved_software_statement")


def test_a_statement_is_for_us_or_for_everybody(app: App) -> None:
    for aud in (ISSUER, [ISSUER, "https://other.test"], None):
        assert portal(app, software_statement=statement(app, aud=aud)).told["approval"] == "pending"
