"""Signed requests (RFC 9101): only what the client signed, for us and now, is asked; nobody else is asked for it."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.oidc.registration import BadClient, read_client
from tests.attacks.test_tokens import encoded
from tests.support.app import ISSUER, REDIRECT, SECRET, App, Visitor, answer_of
from tests.support.dpop import ProofKey
from tests.support.hostile import Host, hostile
from tests.support.pushed import asked, go
from tests.support.request_objects import KEY, claims_of, request_object, send, signed, signer

PLACE = {"redirect_uri": REDIRECT, "state": "outer"}


@pytest.fixture
def visitor(app: App) -> Visitor:
    """A browser with a live session; the portal `signer` has a key."""
    signer(app)
    visitor = app.visitor()
    visitor.code()
    return visitor


def push_object(visitor: Visitor, text: str, **more: str) -> TestResponse:
    return visitor.post("/par", {"request": text} | more, auth=("signer", SECRET))


def test_a_signed_request_becomes_a_login(everywhere: App) -> None:
    """D-06: by value, also by POST of another site; the answer is that of the object."""
    signer(everywhere)
    visitor = everywhere.visitor()

    back = answer_of(visitor.log_in(send(visitor, request_object(everywhere, state="inside"))))

    assert back["state"] == "inside"
    assert visitor.redeem(back["code"], "signer").status_code == 200
    assert "code" in answer_of(send(visitor, request_object(everywhere)))
    posted = visitor.post("/authorize", {"client_id": "signer", "request": request_object(everywhere)})
    assert "code" in answer_of(posted)


def test_an_object_may_be_pushed(visitor: Visitor) -> None:
    """RFC 9126, 3"""
    answer = push_object(visitor, request_object(visitor.app, state="inside"), state="outside")

    assert answer.status_code == 201
    assert answer_of(go(visitor, answer.json["request_uri"], "signer"))["state"] == "inside"


def test_what_stands_beside_an_object_counts_for_nothing(visitor: Visitor) -> None:
    """RFC 9101, 6.3: neither state nor redirect URI, nor a challenge that a thief knows."""
    beside = asked(state="outer", redirect_uri="https://evil.test/", nonce="outer")

    assert answer_of(send(visitor, request_object(visitor.app), **beside))["state"] == "a state"
    assert "state" not in answer_of(send(visitor, request_object(visitor.app, state=None), state="outer"))
    lacking = send(visitor, request_object(visitor.app, redirect_uri=None), redirect_uri=REDIRECT)
    assert (lacking.status_code, "Location" in lacking.headers) == (400, False)
    bare = send(visitor, request_object(visitor.app, code_challenge=None), **asked())
    assert answer_of(bare)["error"] == "invalid_request"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": "portal"},
        {"client_id": None},
        {"client_id": "portal"},
        {"aud": None},
        {"aud": ISSUER + "/"},
        {"aud": "https://other.test"},
        {"aud": ["https://other.test"]},
        {"aud": [[ISSUER]]},
        {"sub": "signer"},
        {"request": "x.y.z"},
        {"request_uri": "https://portal.example.test/r"},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 257},
        {"jti": "\ud800"},
        {"state": 7},
        {"state": ["a"]},
        {"scope": {"openid": True}},
        {"login_hint": "a\0b"},
        {"login_hint": "\ud800"},
        {"max_age": True},
        {"max_age": 1.5},
        {"claims": 7},
        {"resource": ["https://a.test"]},
    ],
    ids=str,
)
def test_what_an_object_says_wrongly_is_refused(visitor: Visitor, claims: dict[str, Any]) -> None:
    """D-06: sent back only where the parameters around prove the place, else a page; at `/par` as JSON."""
    text = request_object(visitor.app, **claims)

    assert answer_of(send(visitor, text, **PLACE))["error"] == "invalid_request_object"
    page = send(visitor, text)
    assert (page.status_code, "Location" in page.headers) == (400, False)
    answer = push_object(visitor, text)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request_object")


@pytest.mark.parametrize(
    ("nbf", "exp", "good"),
    [
        (0, 300, True),
        (8, 300, True),
        (60, 300, True),
        (61, 300, False),
        (-3600, 0, True),
        (-3540, 60, True),
        (-3541, 60, False),
        (-4200, -600, False),
        (-300, -59, True),
        (-300, -60, False),
        (0, 3600, True),
        (0, 3601, False),
        (0, 4200, False),
        (None, 300, False),
        (0, None, False),
        (0, "300", False),
        (0, 1e308, False),
        (-1e12, 300, False),
    ],
)
def test_an_object_is_of_now(visitor: Visitor, nbf: Any, exp: Any, good: bool) -> None:
    """D-06: at most an hour long and an hour old, with a minute for clocks; `nbf` and `exp` are needed."""
    now = int(visitor.app.clock())
    dates = {"nbf": nbf if nbf is None else now + nbf, "exp": now + exp if isinstance(exp, int) else exp}

    answer = push_object(visitor, request_object(visitor.app, **dates))

    assert (answer.status_code == 201) is good, answer.text


def forged() -> dict[str, Any]:
    """Signatures that prove nothing, by name; each is made of the claims."""
    other, rsa = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    public = json.dumps(KEY.as_dict(private=False)).encode()

    def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
        return f"{encoded(header)}.{encoded(claims)}.{encoded(signature) if signature else ''}"

    def by_hmac(claims: dict[str, Any], alg: str = "HS256", secret: bytes = public) -> str:
        body = by_hand({"alg": alg, "kid": "signer-key"}, claims).rpartition(".")[0]
        return f"{body}.{encoded(hmac.digest(secret, body.encode(), hashlib.sha256))}"

    return {
        "another key": lambda claims: signed(claims, other),
        "another key, our kid": lambda claims: signed(claims, other, kid="signer-key"),
        "a key in the header": lambda claims: ProofKey().signed({"alg": "ES256", "jwk": ProofKey().jwk}, claims),
        "an address in the header": lambda claims: signed(claims, jku="https://evil.test/jwks"),
        "a certificate in the header": lambda claims: signed(claims, x5u="https://evil.test/x"),
        "a path as kid": lambda claims: signed(claims, kid="../../etc/passwd"),
        "an algorithm of another type": lambda claims: signed(claims, rsa, alg="RS256"),
        "PS256": lambda claims: signed(claims, rsa, alg="PS256"),
        "HMAC with the public key": by_hmac,
        "HMAC with the secret": lambda claims: by_hmac(claims, secret=SECRET.encode()),
        "HS512": lambda claims: by_hmac(claims, "HS512"),
        "no algorithm": lambda claims: by_hand({}, claims, b"x"),
        "None": lambda claims: by_hand({"alg": "None"}, claims),
        "an algorithm that is a list": lambda claims: by_hand({"alg": ["ES256"]}, claims, b"x"),
        "no signature": lambda claims: signed(claims).rpartition(".")[0] + ".",
        "a signature of zeros": lambda claims: by_hand({"alg": "ES256"}, claims, bytes(64)),
        "a changed payload": lambda claims: ".".join(
            [(p := signed(claims).split("."))[0], encoded(claims | {"scope": "openid profile"}), p[2]]
        ),
        "unknown crit": lambda claims: by_hand({"alg": "ES256", "crit": ["x"], "x": 1}, claims, b"x"),
        "a token's typ": lambda claims: signed(claims, typ="at+jwt"),
        "an assertion's typ": lambda claims: signed(claims, typ="client-authentication+jwt"),
        "five parts": lambda claims: "a.b.c.d.e",
        "two parts": lambda claims: "a.b",
        "nothing": lambda claims: "",
        "not ASCII": lambda claims: "é.é.é",
        "too long": lambda claims: signed(claims | {"padding": "x" * 5000}) + "x" * 100,
    }


@pytest.mark.parametrize("how", forged())
def test_only_the_client_signs(visitor: Visitor, how: str) -> None:
    """H-01 to H-04, H-06: confusion of algorithms, keys in headers, and things that are no JWS."""
    text = forged()[how](claims_of(visitor.app))

    assert answer_of(send(visitor, text, **PLACE))["error"] == "invalid_request_object"
    answer = push_object(visitor, text)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request_object")


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(visitor: Visitor) -> None:
    """The entry of the Form Post plan that the suite skips when algorithms are published without `none`."""
    document = visitor.get("/.well-known/openid-configuration").json
    claims = claims_of(visitor.app, response_mode="form_post")
    unsigned = f"{encoded({'alg': 'none'})}.{encoded(claims)}."

    assert document["request_object_signing_alg_values_supported"] == ["RS256", "PS256", "ES256", "EdDSA"]
    assert answer_of(send(visitor, unsigned, **PLACE))["error"] == "request_not_supported"
    # A client that said how it signs, and one that cannot.
    signer(visitor.app, request_object_signing_alg="ES256")
    assert answer_of(send(visitor, unsigned, **PLACE))["error"] == "invalid_request_object"
    assert answer_of(send(visitor, unsigned, "portal", **PLACE))["error"] == "request_not_supported"


def test_a_client_may_have_one_algorithm(visitor: Visitor) -> None:
    signer(visitor.app, request_object_signing_alg="PS256")

    assert push_object(visitor, request_object(visitor.app)).json["error"] == "invalid_request_object"


@pytest.mark.parametrize("typ", [None, "JWT", "OAuth-Authz-Req+JWT", "application/oauth-authz-req+jwt"])
def test_the_type_may_be_said_in_any_case_or_not_at_all(visitor: Visitor, typ: str | None) -> None:
    assert push_object(visitor, signed(claims_of(visitor.app), typ=typ)).status_code == 201


def test_several_audiences_may_be_named(visitor: Visitor) -> None:
    text = request_object(visitor.app, aud=["https://other.test", ISSUER])

    assert push_object(visitor, text).status_code == 201


def test_an_object_with_an_id_is_used_once(everywhere: App) -> None:
    """RFC 9101, 10: at either endpoint, and only after it was found good."""
    signer(everywhere)
    visitor = everywhere.visitor()
    visitor.code()
    claims = claims_of(everywhere)
    assert push_object(visitor, signed(claims, ECKey.generate_key("P-256"))).status_code == 400

    assert "code" in answer_of(send(visitor, signed(claims)))
    assert answer_of(send(visitor, signed(claims), **PLACE))["error"] == "invalid_request_object"
    assert push_object(visitor, signed(claims)).json["error"] == "invalid_request_object"


def test_a_proof_and_an_object_have_to_agree(visitor: Visitor) -> None:
    """G-05: `dpop_jkt` inside an object binds the code too."""
    code = answer_of(send(visitor, request_object(visitor.app, dpop_jkt=ProofKey().jkt)))["code"]

    assert visitor.redeem(code, "signer").status_code == 400


def test_an_object_is_no_assertion_and_an_assertion_no_object(visitor: Visitor) -> None:
    """H-05, RFC 9101, 10.8"""
    keys = {"keys": [KEY.as_dict(private=False)]}
    visitor.app.client("keyed", secret=None, token_endpoint_auth_method="private_key_jwt", jwks=keys)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    as_assertion = {"client_assertion_type": kind, "client_assertion": request_object(visitor.app, "keyed")}

    assert visitor.post("/par", asked() | as_assertion).status_code == 401
    assertion = signed(claims_of(visitor.app, "keyed", sub="keyed"), typ="JWT")
    assert send(visitor, assertion, "keyed").status_code == 400


def test_a_client_may_be_held_to_signing(visitor: Visitor) -> None:
    """RFC 9101, 10.5: plain requests are refused everywhere, so nobody takes the signature off."""
    signer(visitor.app, require_signed_request_object=True)

    assert answer_of(visitor.authorize("signer"))["error"] == "invalid_request"
    plain = visitor.post("/par", asked(), auth=("signer", SECRET))
    assert (plain.status_code, plain.json["error"]) == (400, "invalid_request")
    assert "code" in answer_of(send(visitor, request_object(visitor.app)))


def test_both_ways_at_once_are_refused(visitor: Visitor) -> None:
    answer = send(visitor, request_object(visitor.app), request_uri="https://portal.example.test/r")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"request_object_signing_alg": "none"},
        {"request_object_signing_alg": "HS256"},
        {"request_uris": ["http://portal.example.test/r"]},
        {"request_uris": ["https://portal.example.test/r#x"]},
        {"request_uris": ["https://u:p@portal.example.test/r"]},
        {"request_uris": ["file:///etc/passwd"]},
        {"request_uris": [f"https://portal.example.test/{n}" for n in range(51)]},
        {"require_signed_request_object": True, "jwks": None},
    ],
    ids=str,
)
def test_a_client_is_not_registered_with(more: dict[str, Any]) -> None:
    keys = {"keys": [KEY.as_dict(private=False)]}
    metadata = {"client_id": "signer", "redirect_uris": [REDIRECT], "jwks": keys} | more

    with pytest.raises(BadClient):
        read_client(metadata, secret_digest="x")


@pytest.fixture
def host() -> Iterator[Host]:
    """A server of the client, which serves whatever the test says and counts every connection."""
    with Host() as running:
        yield running


def fetch(visitor: Visitor, uri: str) -> TestResponse:
    return visitor.get("/authorize", query_string={"client_id": "signer", "request_uri": uri, **PLACE})


def test_an_object_may_stand_at_a_registered_address(everywhere: App, host: Host) -> None:
    """D-06: letter for letter, or one name under an address that ends in a slash."""
    signer(everywhere, request_uris=[f"{host.url}/exact?v=1", f"{host.url}/ro/"])
    visitor = everywhere.visitor()
    visitor.code()
    for uri in (f"{host.url}/exact?v=1", f"{host.url}/ro/", f"{host.url}/ro/a-1_2~3.jwt"):
        host.says(request_object(everywhere).encode() + b"\n")
        assert "code" in answer_of(fetch(visitor, uri)), uri
    assert host.connections == 3


def test_what_an_address_gives_is_bounded(visitor: Visitor, host: Host) -> None:
    """Redirects, errors, other things and too much of it give no object."""
    signer(visitor.app, request_uris=[f"{host.url}/ro/"])
    text = request_object(visitor.app).encode()
    for body, *status in (
        (b"", "302 Found", f"Location: {host.url}/ro/other"),
        (text, "404 Not Found"),
        (text, "200 OK", "Content-Encoding: gzip"),
    ):
        host.says(body, *status)
        assert answer_of(fetch(visitor, f"{host.url}/ro/x"))["error"] == "invalid_request_uri"
    host.says(b"x" * 100_000)
    assert answer_of(fetch(visitor, f"{host.url}/ro/x"))["error"] == "invalid_request_uri"
    for body in (b"", b"\xff\xfe", b"{}", b"<html>", b"a.b.c", text[:-4]):
        host.says(body)
        assert answer_of(fetch(visitor, f"{host.url}/ro/x"))["error"] == "invalid_request_object"
    assert host.connections == 10


def test_no_other_address_is_ever_asked(visitor: Visitor, host: Host) -> None:
    """E-03, D-06: not one connection for a table of hostile addresses, at `/authorize` or at `/par`."""
    signer(visitor.app, request_uris=[f"{host.url}/ro/"])
    host.says(request_object(visitor.app).encode())
    addresses = hostile(host.url)
    assert len(addresses) >= 300
    assert len(set(addresses)) == len(addresses)

    for uri in addresses:
        assert answer_of(fetch(visitor, uri))["error"] == "invalid_request_uri", uri
        assert push_object(visitor, "", request_uri=uri).status_code == 400
        plain = visitor.get("/authorize", query_string={"client_id": "portal", "request_uri": uri, **PLACE})
        assert answer_of(plain)["error"] == "request_uri_not_supported"

    assert host.connections == 0
    assert "code" in answer_of(fetch(visitor, f"{host.url}/ro/x"))
    assert host.connections == 1


def test_a_browser_does_not_make_us_ask_all_the_time(visitor: Visitor, host: Host) -> None:
    signer(visitor.app, request_uris=[f"{host.url}/ro/"])
    visitor.app.provider.oidc.request_objects._fetches._limit = 2
    host.says(b"x")

    assert [fetch(visitor, f"{host.url}/ro/x").status_code for _ in range(4)] == [303, 303, 429, 429]
    assert host.connections == 2
