"""Forged, foreign and misplaced tokens are refused everywhere (RFC 8725), and no token says more than it should."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.oidc import claims
from tests.support.app import ISSUER, SECRET, App, Visitor


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return (*(json.loads(base64.urlsafe_b64decode(p + "==")) for p in (header, payload)), signature)  # type: ignore[return-value]


def signed(header: dict[str, Any], payload: dict[str, Any], key: Any) -> str:
    return jws.serialize_compact(header, json.dumps(payload).encode(), key, algorithms=[header["alg"]])


Forgery = Callable[[str, App], str]


def none_algorithm(token: str, app: App) -> str:
    header, payload, _ = parts(token)
    return f"{encoded(header | {'alg': 'none'})}.{encoded(payload)}."


def hmac_with_public_key(token: str, app: App) -> str:
    header, payload, _ = parts(token)
    public = json.dumps(app.base.rings.ring().find(header["kid"]).public_jwk()).encode()  # type: ignore[union-attr]
    body = f"{encoded(header | {'alg': 'HS256'})}.{encoded(payload)}"
    return f"{body}.{encoded(hmac.digest(public, body.encode(), hashlib.sha256))}"


def own_key_with_our_kid(token: str, app: App) -> str:
    header, payload, _ = parts(token)
    return signed(header, payload, ECKey.generate_key("P-256"))


def embedded_key(token: str, app: App) -> str:
    header, payload, _ = parts(token)
    key = ECKey.generate_key("P-256")
    body = f"{encoded(header | {'jwk': key.as_dict(private=False)})}.{encoded(payload)}"
    return body + "." + signed({"alg": "ES256"}, payload, key).split(".")[2]


def changed_payload(token: str, app: App) -> str:
    header, payload, signature = parts(token)
    return f"{encoded(header)}.{encoded(payload | {'scope': 'openid profile'})}.{signature}"


def unknown_critical_header(token: str, app: App) -> str:
    header, payload, signature = parts(token)
    return f"{encoded(header | {'crit': ['x'], 'x': 1})}.{encoded(payload)}.{signature}"


def path_as_kid(token: str, app: App) -> str:
    header, payload, signature = parts(token)
    return f"{encoded(header | {'kid': '../../etc/passwd'})}.{encoded(payload)}.{signature}"


def five_parts(token: str, app: App) -> str:
    return token + ".a.b"


def enormous(token: str, app: App) -> str:
    return token + "A" * 10_000


def expired(token: str, app: App) -> str:
    app.clock.move(app.settings.oidc.access_token_life)
    return token


FORGERIES: list[Forgery] = [
    none_algorithm,
    hmac_with_public_key,
    own_key_with_our_kid,
    embedded_key,
    changed_payload,
    unknown_critical_header,
    path_as_kid,
    five_parts,
    enormous,
    expired,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_access_token_opens_nothing(app: App, forge: Forgery) -> None:
    """H-01 to H-04, H-06, H-08, I-01"""
    visitor = app.visitor()
    forged = forge(visitor.tokens()["access_token"], app)

    assert visitor.userinfo(forged).status_code == 401
    assert visitor.introspect(forged) == {"active": False}
    assert visitor.get("/testing/resource", headers={"Authorization": f"Bearer {forged}"}).status_code == 401


def test_every_kind_of_token_is_refused_in_every_other_place(app: App) -> None:
    """H-05: the n x n matrix."""
    visitor = app.visitor()
    tokens = visitor.tokens()
    assertion = client_assertion(app, visitor)
    kinds = {k: tokens[k] for k in ("access_token", "id_token", "refresh_token")} | {"assertion": assertion}
    client, account = app.provider.oidc.clients.find("portal"), app.base.people.find_by_identifier("bhxh", "0000000001")
    assert client
    assert account
    logout = app.provider.oidc.tokens.for_logout(client, account.id, parts(tokens["id_token"])[1]["sid"])

    places: dict[str, Callable[[str], bool]] = {
        "access_token": lambda t: visitor.userinfo(t).status_code == 200,
        "id_token": lambda t: "error" not in visitor.authorize(id_token_hint=t, prompt="none").headers["Location"],
        "refresh_token": lambda t: visitor.refresh(t).status_code == 200,
        "assertion": lambda t: with_assertion(visitor, t).status_code == 200,
    }
    accepted = {
        (kind, place)
        for kind, t in (kinds | {"logout": logout}).items()
        for place, accepts in places.items()
        if accepts(t)
    }

    assert accepted == {(kind, kind) for kind in kinds}


KEY = ECKey.generate_key("P-256")


def client_assertion(app: App, visitor: Visitor, key: Any = KEY, header: Any = None, **changed: Any) -> str:
    app.client(
        "signer",
        secret=None,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [KEY.as_dict(private=False)]},
        grant_types=["client_credentials"],
        scope="machine",
    )
    now = int(app.clock())
    payload = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": str(changed), "iat": now, "exp": now + 60}
    wanted = {name: value for name, value in (payload | changed).items() if value is not None}
    return signed(header or {"alg": "ES256"}, wanted, key)


def with_assertion(visitor: Visitor, assertion: str) -> Any:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    fields = {"grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": assertion}
    return visitor.post("/token", data=fields)


def test_a_client_assertion_is_used_once(everywhere: App) -> None:
    """Y-09, J-02"""
    visitor = everywhere.visitor()
    assertion = client_assertion(everywhere, visitor)

    assert with_assertion(visitor, assertion).status_code == 200
    again = with_assertion(visitor, assertion)
    assert (again.status_code, again.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.test"},
        {"aud": [ISSUER, "https://other.test"]},
        {"aud": None},
        {"iss": "portal"},
        {"sub": "portal"},
        {"sub": None},
        {"jti": None},
        {"jti": 7},
        {"exp": 1},
        {"exp": None},
        {"exp": 99999999999},
        {"exp": "soon"},
        {"iat": 99999999999},
        {"nbf": 99999999999},
    ],
    ids=str,
)
def test_a_client_assertion_with_wrong_claims_is_refused(app: App, changed: dict[str, Any]) -> None:
    """J-02, H-08"""
    visitor = app.visitor()

    assert with_assertion(visitor, client_assertion(app, visitor, **changed)).status_code == 401


def test_a_client_assertion_by_another_key_or_algorithm_is_refused(app: App) -> None:
    """H-01"""
    visitor = app.visitor()
    for key, header in (
        (ECKey.generate_key("P-256"), {"alg": "ES256"}),
        (RSAKey.generate_key(2048), {"alg": "RS256"}),
        (OctKey.generate_key(256), {"alg": "HS256"}),
    ):
        assert with_assertion(visitor, client_assertion(app, visitor, key, header)).status_code == 401


def test_unknown_client_and_wrong_secret_read_the_same(app: App) -> None:
    """RFC 6749, 5.2; style 11: nobody learns which client ids exist."""
    visitor = app.visitor()
    answers = [
        visitor.token(client_id, secret, grant_type="client_credentials")
        for client_id, secret in (("portal", "wrong"), ("nobody", "wrong"), ("nobody", SECRET))
    ]

    assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}


def test_two_authentication_methods_at_once_are_refused(app: App) -> None:
    """RFC 6749, 2.3"""
    answer = app.visitor().token(grant_type="client_credentials", client_secret=SECRET, client_id="portal")

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_a_method_that_is_not_registered_is_refused(app: App) -> None:
    """B-17: a confidential client cannot pass for a public one, nor by a secret method that was not fixed for it."""
    app.client("fixed", token_endpoint_auth_method="client_secret_basic")
    visitor = app.visitor()
    fields = {"grant_type": "client_credentials", "client_id": "fixed"}

    assert visitor.post("/token", data=fields).status_code == 401
    assert visitor.post("/token", data=fields | {"client_secret": SECRET}).status_code == 401


def test_failed_client_authentication_is_limited(app: App) -> None:
    """C-07"""
    visitor = app.visitor()
    answers = [visitor.token("portal", "wrong", grant_type="client_credentials") for _ in range(31)]

    assert [a.status_code for a in answers] == [401] * 30 + [429]
    assert answers[-1].headers["Retry-After"]
    elsewhere = app.visitor("198.51.100.9")
    assert elsewhere.redeem(elsewhere.code()).status_code == 200, "another network is not hindered"


def test_claims_of_a_person_never_overwrite_the_protocol(app: App) -> None:
    """Y-05, security 0.13"""
    poison = dict.fromkeys(sorted(claims.RESERVED), "poison")
    app.person("0000000009", more_claims=poison | {"nickname": "Hoà"})
    visitor = app.visitor()
    wanted = json.dumps({"id_token": dict.fromkeys([*poison, "nickname"])})
    tokens = visitor.tokens("0000000009", scope="openid profile offline_access", claims=wanted)

    body = parts(tokens["id_token"])[1]
    assert "poison" not in body.values()
    assert body["nickname"] == "Hoà"
    assert "poison" not in visitor.userinfo(tokens["access_token"]).json.values()


def test_access_tokens_have_the_shape_of_rfc_9068(app: App) -> None:
    """I-06, B-16"""
    header, body, _ = parts(app.visitor().tokens()["access_token"])

    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert {"iss", "aud", "client_id", "jti", "exp", "iat", "sub"} <= body.keys()
    assert isinstance(body["aud"], str)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_id_tokens_use_the_registered_algorithm_and_no_other(app: App, alg: str) -> None:
    """D-08, H-01"""
    app.client("chooser", id_token_signed_response_alg=alg)
    visitor = app.visitor()
    tokens = visitor.redeem(visitor.code(client_id="chooser"), "chooser").json

    assert parts(tokens["id_token"])[0]["alg"] == alg


def test_symmetric_and_missing_algorithms_cannot_be_registered(app: App) -> None:
    """D-08"""
    from idp.oidc.registration import BadClient

    for alg in ("none", "HS256", "RS384", ""):
        with pytest.raises(BadClient):
            app.client("bad", id_token_signed_response_alg=alg)


def test_tokens_of_an_older_key_verify_until_they_expire(app: App) -> None:
    """D-09: a new key signs, the old one still verifies."""
    visitor = app.visitor()
    tokens = visitor.tokens()
    app.clock.move(1)
    for alg in ("RS256", "ES256"):
        app.base.rotator.replace(alg)
    app.clock.move(2)

    newer = visitor.refresh(tokens["refresh_token"]).json
    assert parts(newer["access_token"])[0]["kid"] != parts(tokens["access_token"])[0]["kid"]
    assert visitor.userinfo(tokens["access_token"]).status_code == 200
    kids = {key["kid"] for key in visitor.get("/jwks").json["keys"]}
    assert {parts(t[name])[0]["kid"] for t in (tokens, newer) for name in ("access_token", "id_token")} <= kids


class TestSubjects:
    """D-07, B-20"""

    def test_pairwise_subjects_differ_by_sector_and_never_change(self, app: App) -> None:
        app.client("other", redirect_uris=["https://portal.example.test/callback", "https://other.example.test/cb"])
        app.client("same")
        visitor = app.visitor()

        def sub(client: str) -> str:
            tokens = visitor.redeem(visitor.code(client_id=client), client).json
            return str(parts(tokens["id_token"])[1]["sub"])

        first = sub("portal")
        assert sub("same") == first, "one sector, one subject"
        assert sub("other") != first
        app.base.rotator.replace("RS256")
        assert sub("portal") == first, "keys rotate, subjects do not"

    def test_a_client_id_cannot_look_like_a_person(self, app: App) -> None:
        from idp.oidc.registration import BadClient

        account = app.base.people.find_by_identifier("bhxh", "0000000001")
        for client_id in (account.id, "0000000001", "123456789012", "7b2b3a52-58ac-4a54-9c35-9be1d0e6a2c1"):  # type: ignore[union-attr]
            with pytest.raises(BadClient):
                app.client(client_id)
