"""The modules of the dynamic plan for the code flow: each registers a client of its own, with keys, and uses it.

Left to the suite by hand: keys at an address, which it serves; pages that show a logo, terms or a policy (they are not
registered).
"""

from itertools import count
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.test import TestResponse

from idp.oidc.assertions import ASSERTION_TYPE
from idp.oidc.dynamic_registration import DynamicRegistration
from idp.oidc.software_statements import SoftwareStatements
from idp.outbound import OutboundFailed
from tests.attacks.test_tokens import parts
from tests.support.app import ISSUER, REDIRECT, App, answer_of, attempt_of
from tests.support.registering import Portal, invited, portal, register
from tests.support.request_objects import claims_of, signed

KEY = RSAKey.generate_key(2048, {"kid": "suite"})
SIGNED_BY = {"alg": "RS256", "kid": "suite", "typ": "JWT"}
NUMBERS = count()
SCOPES = "openid profile email offline_access"
REGISTERED: dict[str, Any] = {
    "contacts": ["suite@example.test"],
    "token_endpoint_auth_method": "private_key_jwt",
    "response_types": ["code"],
    "jwks": {"keys": [KEY.as_dict(private=False)]},
}


class Registrar:
    """The suite with the invitation that an operator gave it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.visitor = app.visitor()
        self.token = invited(app, uses=10, scope=SCOPES, approved=True, require_pkce=False)

    def register(self, **members: Any) -> Portal:
        return portal(self.app, self.token, **REGISTERED | members)

    def authorize(self, client: Portal, **params: Any) -> TestResponse:
        """Send the browser without PKCE, as these plans do, and agree where a page asks for it."""
        plain = {"code_challenge": None, "code_challenge_method": None}
        page = self.visitor.authorize(client.id, **plain | params)
        if "/login?" in page.headers.get("Location", ""):
            page = self.visitor.log_in(page)
        if "/consent?" in page.headers.get("Location", ""):
            fields = {"attempt": attempt_of(page), "agree": "1", "consent-allow": ""}
            page = self.visitor.get(self.visitor.post("/consent", data=fields).headers["Location"])
        return page

    def tokens(self, client: Portal, aud: str = f"{ISSUER}/token", **params: Any) -> dict[str, Any]:
        """The whole flow up to the tokens."""
        code = answer_of(self.authorize(client, **params))["code"]
        redirect = params.get("redirect_uri", REDIRECT)
        answer = self.ask(client, aud, grant_type="authorization_code", code=code, redirect_uri=redirect)
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def ask(self, client: Portal, aud: str = f"{ISSUER}/token", **form: str) -> TestResponse:
        """A request at the token endpoint with an assertion of a minute."""
        now = int(self.app.clock())
        claims = {
            "iss": client.id,
            "sub": client.id,
            "aud": aud,
            "jti": f"{next(NUMBERS)}",
            "iat": now,
            "exp": now + 60,
        }
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(claims, KEY, **SIGNED_BY)}
        return self.visitor.post("/token", form | proof)


@pytest.fixture
def suite(app: App) -> Registrar:
    return Registrar(app)


def is_a_page(answer: TestResponse) -> bool:
    return answer.status_code == 400 and "Location" not in answer.headers


def test_server(suite: Registrar) -> None:
    """The flow; afterwards the client is removed (204)."""
    client = suite.register()
    assert client.told["registration_client_uri"].startswith("https://")

    tokens = suite.tokens(client)

    claims = parts(tokens["id_token"])[1]
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, client.id, "a nonce")
    assert not {"name", "email"} & claims.keys()
    assert suite.visitor.userinfo(tokens["access_token"]).json["sub"] == claims["sub"]
    assert client.manage("DELETE").status_code == 204


def test_idtoken_rs256(suite: Registrar) -> None:
    header = parts(suite.tokens(suite.register(id_token_signed_response_alg="RS256"))["id_token"])[0]

    assert (header["alg"], bool(header["kid"])) == ("RS256", True)


def test_idtoken_unsigned(suite: Registrar) -> None:
    """Skipped by the suite: `none` is not in the metadata, and not registered."""
    assert (
        "none"
        not in suite.visitor.get("/.well-known/openid-configuration").json["id_token_signing_alg_values_supported"]
    )
    assert register(suite.app, suite.token, **REGISTERED, id_token_signed_response_alg="none").status_code == 400


def test_userinfo_rs256(suite: Registrar) -> None:
    client = suite.register(userinfo_signed_response_alg="RS256")
    assert client.told["userinfo_signed_response_alg"] == "RS256"

    answer = suite.visitor.userinfo(suite.tokens(client)["access_token"])

    header, claims, _ = parts(answer.text)
    assert (answer.content_type, header["alg"]) == ("application/jwt", "RS256")
    assert (claims["iss"], claims["aud"], "nonce" in claims) == (ISSUER, client.id, False)


def test_ensure_redirect_uri_in_authorization_request(suite: Registrar) -> None:
    client = suite.register(redirect_uris=[REDIRECT, REDIRECT + "/two"])

    assert is_a_page(suite.authorize(client, redirect_uri=None))


def test_redirect_uri_query_ok(suite: Registrar) -> None:
    """The query is kept."""
    uri = f"{REDIRECT}?foo=bar"
    client = suite.register(redirect_uris=[uri])

    back = suite.authorize(client, redirect_uri=uri)

    assert back.headers["Location"].startswith(f"{uri}&")
    assert answer_of(back)["foo"] == "bar"


def test_redirect_uri_query_mismatch(suite: Registrar) -> None:
    client = suite.register(redirect_uris=[f"{REDIRECT}?foo=bar"])

    assert is_a_page(suite.authorize(client, redirect_uri=f"{REDIRECT}?foo=other"))


def test_redirect_uri_query_added(suite: Registrar) -> None:
    assert is_a_page(suite.authorize(suite.register(), redirect_uri=f"{REDIRECT}?foo=bar"))


def test_redirect_uri_regfrag(suite: Registrar) -> None:
    answer = register(suite.app, suite.token, **REGISTERED | {"redirect_uris": [f"{REDIRECT}#x"]})

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_redirect_uri")


def test_refresh_token(suite: Registrar) -> None:
    """And the token of one client is nothing to another."""
    grants = {"grant_types": ["authorization_code", "refresh_token"]}
    client, other = suite.register(**grants), suite.register(**grants)
    tokens = suite.tokens(client, scope="openid offline_access", prompt="consent")
    shown = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    refused, answer = suite.ask(other, **shown), suite.ask(client, **shown)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_grant")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    first, again = (parts(each["id_token"])[1] for each in (tokens, answer.json))
    assert [again[name] for name in ("iss", "sub", "aud", "auth_time")] == [
        first[name] for name in ("iss", "sub", "aud", "auth_time")
    ]


def test_request_uri_unsigned(suite: Registrar) -> None:
    """Skipped by the suite: `none` is not in the metadata. An address with a fragment is not registered."""
    document = suite.visitor.get("/.well-known/openid-configuration").json
    uris = {"request_uris": ["https://suite.example.test/request#hash"]}

    assert "none" not in document["request_object_signing_alg_values_supported"]
    assert register(suite.app, suite.token, **REGISTERED, **uris).status_code == 400


def test_request_object_by_value(suite: Registrar) -> None:
    """request-uri-signed-rs256, but by value: the address is the suite's."""
    client = suite.register(request_object_signing_alg="RS256")
    suite.authorize(client)
    claims = claims_of(suite.app, client.id, state="inside")
    text = signed(claims, KEY, alg="RS256", kid="suite")

    back = suite.visitor.get("/authorize", query_string={"client_id": client.id, "request": text})

    assert answer_of(back)["state"] == "inside"


def test_ensure_request_object_with_redirect_uri(suite: Registrar) -> None:
    """An unsigned object with the right address inside, a bad one outside: a page."""
    assert is_a_page(suite.authorize(suite.register(), request="e30.e30.", redirect_uri="https://evil.test/"))


def test_ensure_client_assertion_with_iss_aud_succeeds(suite: Registrar) -> None:
    assert "id_token" in suite.tokens(suite.register(), aud=ISSUER)


def test_server_rotate_keys(suite: Registrar) -> None:
    """A new key signs, all have names of their own, and what the old one signed still verifies."""
    client, stores = suite.register(id_token_signed_response_alg="RS256"), suite.app.base
    before, old = suite.tokens(client), {key["kid"] for key in suite.visitor.get("/jwks").json["keys"]}
    stores.rotator.replace("RS256")
    stores.rings.look()

    keys = suite.visitor.get("/jwks").json["keys"]
    after = suite.tokens(client)
    assert len({key["kid"] for key in keys}) == len(keys) > len(old)
    new = parts(after["id_token"])[0]["kid"]
    assert new not in old
    for tokens in (before, after):
        jwt.decode(tokens["id_token"], KeySet.import_key_set({"keys": keys}), algorithms=["RS256"])


SECTOR = "https://sector.example.test/members.json"


def sectors(app: App, listed: Any) -> DynamicRegistration:
    """Registration with this list at the address of the sector; None: nobody answers there."""

    def fetch(uri: str) -> Any:
        assert uri == SECTOR
        if listed is None:
            raise OutboundFailed("timeout")
        return listed

    oidc, stores = app.provider.oidc, app.base
    statements = SoftwareStatements({}, ISSUER, app.clock)
    limiter = oidc.limiter(100)
    return DynamicRegistration(
        stores.client_registrations, statements, b"k" * 32, lambda: ("RS256",), limiter, app.clock, lambda: None, fetch
    )


def test_registration_sector_uri(app: App) -> None:
    """Two portals of one sector know a person by the same name, a third one does not."""
    token, others = invited(app, uses=3), [f"{REDIRECT}/{number}" for number in range(2)]
    described = REGISTERED | {"client_name": "Cổng", "subject_type": "pairwise"}
    clients = [
        sectors(app, others)
        .register(token, described | {"redirect_uris": [uri], "sector_identifier_uri": SECTOR}, "n")
        .registered.client
        for uri in others
    ]
    alone = sectors(app, others).register(token, described | {"redirect_uris": [REDIRECT]}, "n").registered.client

    assert [client.sector for client in clients] == ["sector.example.test"] * 2
    assert alone.sector == "portal.example.test"


@pytest.mark.parametrize("listed", [[], [f"{REDIRECT}/"], {REDIRECT: 1}, REDIRECT, [[REDIRECT]], 7, None], ids=str)
def test_registration_sector_bad(app: App, listed: Any) -> None:
    described = REGISTERED | {"redirect_uris": [REDIRECT], "sector_identifier_uri": SECTOR}

    with pytest.raises(OAuth2Error) as refused:
        sectors(app, listed).register(invited(app), described, "n")
    assert refused.value.error == "invalid_client_metadata"


def test_3rd_party_init_login(suite: Registrar) -> None:
    """That plan is not ours: the member is ignored, and not in the answer."""
    assert "initiate_login_uri" not in suite.register(initiate_login_uri="https://suite.example.test/x").told
