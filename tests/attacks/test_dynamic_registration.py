"""Clients that register themselves: nothing without an invitation, and nothing of use before an operator agrees."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.errors import StaleState
from idp.oidc.client_invitations import initial_token_digest
from idp.oidc.registration import MEMBERS
from idp.oidc.requested_metadata import DECIDED
from idp.ports import Event
from tests.attacks.test_client_authentication import assertion
from tests.attacks.test_every_route import ROUTES
from tests.attacks.test_fapi2 import JWKS, KEYS
from tests.support.app import REDIRECT, SECRET, App
from tests.support.hostile import Host, hostile
from tests.support.pushed import asked as asked_for
from tests.support.registering import CLIENTS, Portal, bearer, invited, portal, register


def registered(app: App) -> set[str]:
    return {client.client_id for client in app.base.clients.load_all()} - {"portal"}


TOKENS: dict[str, Callable[[App], str]] = {
    "none": lambda app: "",
    "made up": lambda app: "ci_" + "x" * 43,
    "not ASCII": lambda app: "\xe9" * 43,
    "very long": lambda app: "x" * 8000,
    "used up": lambda app: _used(app),
    "withdrawn": lambda app: _withdrawn(app),
    "over": lambda app: _over(app),
    "a registration's": lambda app: str(portal(app).told["registration_access_token"]),
    "an access token": lambda app: str(app.visitor().tokens()["access_token"]),
    "the digest that is stored": lambda app: initial_token_digest(invited(app)),
}


def _used(app: App) -> str:
    token = invited(app)
    portal(app, token)
    return token


def _withdrawn(app: App) -> str:
    token, store = invited(app), app.base.client_registrations
    store.withdraw(store.invitations(app.clock())[-1].id, Event("client.uninvited", reason="test"))
    return token


def _over(app: App) -> str:
    token = invited(app, days=1)
    app.clock.move(86_400)
    return token


@pytest.mark.parametrize("which", TOKENS)
def test_nothing_is_registered_without_an_invitation_that_is_good(app: App, which: str) -> None:
    token = TOKENS[which](app)
    before = registered(app)

    answer = register(app, token)

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert registered(app) == before


def test_an_invitation_is_a_bearer_token_in_the_header_alone(app: App) -> None:
    token, body = invited(app), {"redirect_uris": [REDIRECT]}
    visitor = app.visitor()
    assert visitor.post(CLIENTS, json=body, headers={"Authorization": f"Basic {token}"}).status_code == 401
    assert visitor.post(f"{CLIENTS}?access_token={token}", json=body).status_code == 400
    assert visitor.post(CLIENTS, json=body | {"access_token": token}).status_code == 401
    assert visitor.post(CLIENTS, json=body, auth=("portal", SECRET)).status_code == 401


def test_of_eight_at_once_one_uses_the_invitation(everywhere: App) -> None:
    """Taken before it is made."""
    token = invited(everywhere)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: register(everywhere, token, f"192.0.2.{n}"), range(8)))

    assert sorted(answer.status_code for answer in answers) == [201, *[401] * 7]
    assert len(registered(everywhere)) == 1


def test_who_read_the_invitation_before_its_last_use_registers_nothing(everywhere: App) -> None:
    token, store = invited(everywhere), everywhere.base.client_registrations
    invitation = store.invitation(initial_token_digest(token), everywhere.clock())
    first = store.find(portal(everywhere, token).id)
    assert invitation is not None
    assert first is not None
    late = replace(first, client=replace(first.client, client_id="c-late"))

    assert not store.add(invitation, late, Event("client.registered", client_id="c-late"), everywhere.clock())
    assert "c-late" not in registered(everywhere)


def test_a_refused_request_uses_nothing(app: App) -> None:
    token = invited(app)
    assert register(app, token, redirect_uris=["javascript:alert(1)"]).status_code == 400
    assert register(app, token).status_code == 201


def test_of_eight_changes_at_once_with_one_token_one_is_made(everywhere: App) -> None:
    """The token is another one after each change; who lost learns it, and the client is what the winner said."""
    mine = portal(everywhere)
    body = {"client_id": mine.id, "redirect_uris": [REDIRECT]}

    def change(number: int) -> int:
        return mine.manage("PUT", json=body | {"client_name": f"name {number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(change, range(8)))

    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 409}


def test_an_operators_decision_is_not_overwritten(everywhere: App) -> None:
    """Whoever read before the decision changes nothing after it; an operator agrees to what was looked at."""
    mine, store = portal(everywhere), everywhere.base.client_registrations
    read = store.find(mine.id)
    assert read is not None
    mine.decide()

    with pytest.raises(StaleState):
        store.replace(read, read, Event("client.changed", client_id=mine.id), everywhere.clock())
    assert mine.manage("GET").json["approval"] == "approved"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_its_own_token_manages_a_client(app: App, method: str) -> None:
    mine, other = portal(app), portal(app)
    theirs = other.told["registration_access_token"]
    tokens = ["", "x", theirs, str(mine.secret), invited(app), app.visitor().tokens()["access_token"]]
    for token in tokens:
        assert mine.manage(method, token, json={"client_id": mine.id}).status_code == 401
    for client_id in ("portal", "c-0", "", "x" * 500):
        assert mine.manage(method, theirs, client_id, json={"client_id": client_id}).status_code == 401
    assert mine.manage("GET").status_code == 200
    assert app.base.clients.find("portal") is not None


def test_the_query_names_one_client(app: App) -> None:
    mine = portal(app)
    token = bearer(mine.told["registration_access_token"])
    for query in ("", f"?client_id={mine.id}&client_id={mine.id}", f"?client_id={mine.id}&x=1", "?x=1"):
        assert app.visitor().get(f"{CLIENTS}{query}", headers=token).status_code == 400


PRIVATE: dict[str, Any] = {
    "EC": ECKey.generate_key("P-256", {"kid": "p"}).as_dict(private=True),
    "RSA": RSAKey.generate_key(2048, {"kid": "p"}).as_dict(private=True),
    "oct": OctKey.generate_key(256, {"kid": "p"}).as_dict(private=True),
}
BAD_KEYS: list[Any] = [
    *({"keys": [key]} for key in PRIVATE.values()),
    {"keys": [*JWKS["keys"], PRIVATE["EC"]]},
    *({"keys": keys} for keys in ([], [7], ["x"], [{}], [{"kty": ["EC"]}], [{"kty": "EC", "crv": {}}], {}, "x", 7)),
    *({"keys": [JWKS["keys"][0] | {name: value}]} for name, value in (("x", 7), ("crv", "P-1"), ("x", "é"), ("y", ""))),
    *({"keys": [{"kty": "RSA", "n": n, "e": e}]} for n, e in (("AA", "AQAB"), ("", ""), ("x", None))),
    *([], "x", 7, True, {}, {"keys": None}),
]


@pytest.mark.parametrize("number", range(len(BAD_KEYS)))
def test_keys_are_public_and_are_keys(app: App, number: int) -> None:
    answer = register(app, invited(app), jwks=BAD_KEYS[number], token_endpoint_auth_method="private_key_jwt")

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata"), BAD_KEYS[number]


BAD_REDIRECTS = [
    *("javascript:alert(1)", "http://portal.example.vn/cb", "data:text/html,x", "file:///etc/passwd", "myapp:/cb"),
    *(
        "https://portal.example.vn/cb#x",
        "https://portal.example.vn/cb#",
        "https://",
        "https:///cb",
        "//x/cb",
        "/cb",
        "",
    ),
    *("https://u:p@portal.example.vn/cb", "https://portal.example.vn\\@evil.test/", "https://portal.example.vn/ cb"),
    *("http://127.0.0.1.evil.test/cb", "http://localhost@evil.test/cb", "https://é.test/", "https://x/\n", "x" * 3000),
    *("JAVASCRIPT:alert(1)", "vbscript:x", "blob:https://x", "about:blank", "https://*.example.vn/cb\x00"),
]


@pytest.mark.parametrize("uri", BAD_REDIRECTS, ids=lambda uri: repr(uri)[:40])
def test_what_is_no_redirect_uri_is_called_so(app: App, uri: str) -> None:
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        answer = register(app, invited(app), **{member: [uri]})
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_redirect_uri"), member
    assert register(app, invited(app), redirect_uris=[REDIRECT] * 51).json["error"] == "invalid_redirect_uri"


PRIVILEGES: dict[str, Any] = {
    "first_party": True,
    "require_pkce": False,
    "sector_identifier": "portal.example.test",
    "resource": ["https://api.example.test"],
    "serves": ["https://api.example.test"],
    "disabled": False,
    "client_id": "portal",
    "client_secret": "a secret that I chose myself, long enough",
    "exchange_from": ["portal"],
    "authorization_details_types": ["bhxh_record_access"],
    "refresh_grace": 60,
    "one_device": True,
    "qr_login": "on",
    "web_origins": ["https://evil.test"],
    "id_token_claims": True,
    "profile": "",
}


def test_the_table_has_every_member_that_operators_decide() -> None:
    """A new member of clients is not for strangers until somebody says so."""
    assert set(PRIVILEGES) == DECIDED
    assert DECIDED < MEMBERS


@pytest.mark.parametrize("member", PRIVILEGES)
def test_no_stranger_gives_itself_a_privilege(app: App, member: str) -> None:
    answer = register(app, invited(app), **{member: PRIVILEGES[member]})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")
    assert member in answer.json["error_description"]

    mine = portal(app)
    if member not in ("client_id", "client_secret"):
        assert mine.change(**{member: PRIVILEGES[member]}).status_code == 400


NO_METADATA: list[dict[str, Any]] = [
    {"scope": "openid bhxh"},
    {"scope": "device"},
    {"scope": ["openid"]},
    {"scope": 7},
    {"grant_types": ["password"]},
    {"grant_types": ["implicit"]},
    {"grant_types": "authorization_code"},
    {"response_types": ["token"]},
    {"response_types": ["code", "id_token"]},
    {"response_types": "code"},
    {"id_token_signed_response_alg": "none"},
    {"id_token_signed_response_alg": "HS256"},
    {"id_token_signed_response_alg": "EdDSA"},
    {"authorization_signed_response_alg": "PS256"},
    {"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
    {"token_endpoint_auth_method": ["none"]},
    {"token_endpoint_auth_method": "private_key_jwt"},
    {"jwks": JWKS, "jwks_uri": "https://portal.example.vn/jwks"},
    {"jwks_uri": "http://portal.example.vn/jwks"},
    {"backchannel_logout_uri": "https://10.0.0.1/logout"},
    {"backchannel_logout_uri": "https://intranet/logout"},
    {"dpop_bound_access_tokens": "true"},
    {"require_signed_request_object": 1},
    {"default_acr_values": ["urn:bhxh:acr:9"]},
    {"default_acr_values": "urn:bhxh:acr:2"},
    {"default_acr_values": [7]},
    {"subject_type": "everybody"},
    {"client_name": ""},
    {"client_name": "a\nb"},
    {"client_name": "\ud800"},
    {"client_name": "x" * 201},
    {"client_name": ["x"]},
    {"client_uri": "javascript:alert(1)"},
    {"client_uri": "https://\ud800"},
    {"jwks": {"keys": [JWKS["keys"][0] | {"use": "\udfff"}]}},
    {"tls_client_auth_subject_dn": "CN=x"},
    {"software_statement": 7},
    {"software_statement": ""},
]


@pytest.mark.parametrize("number", range(len(NO_METADATA)))
def test_what_is_no_metadata_for_a_stranger_is_refused(app: App, number: int) -> None:
    answer = register(app, invited(app), **NO_METADATA[number])

    assert answer.status_code == 400, NO_METADATA[number]
    assert answer.json["error"] in ("invalid_client_metadata", "invalid_software_statement")
    assert registered(app) == set()


BODIES: dict[str, tuple[bytes, str, int]] = {
    "too large": (b'{"client_name":"' + b"x" * 70_000 + b'"}', "application/json", 413),
    "nested without end": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400),
    "nested too deeply": (b'{"jwks":' + b"[" * 9 + b"]" * 9 + b"}", "application/json", 400),
    "a name twice": (b'{"scope":"openid","scope":"openid bhxh"}', "application/json", 400),
    "a name twice, escaped": (b'{"scope":"openid","sc\\u006fpe":"openid bhxh"}', "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "two objects": (b"{}{}", "application/json", 400),
    "NaN": (b'{"x":NaN}', "application/json", 400),
    "not UTF-8": (b'{"x":"\xff"}', "application/json", 400),
    "UTF-16": ('{"x":1}'.encode("utf-16"), "application/json", 400),
    "a form": (b"client_name=x", "application/x-www-form-urlencoded", 415),
    "no type": (b"{}", "", 415),
    "text": (b"{}", "text/plain", 415),
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_the_body_is_one_small_json_object(app: App, what: str, method: str) -> None:
    body, content_type, status = BODIES[what]
    mine = portal(app)
    token = invited(app) if method == "POST" else mine.told["registration_access_token"]
    path = CLIENTS if method == "POST" else f"{CLIENTS}?client_id={mine.id}"

    answer = app.visitor()._send(method, path, data=body, content_type=content_type, headers=bearer(token))

    assert answer.status_code == status
    assert registered(app) == {mine.id}


def test_a_change_is_of_the_client_that_the_token_is_for(app: App) -> None:
    """RFC 7592, 2.2"""
    mine = portal(app)
    for members in (
        {"client_id": "portal"},
        {"client_id": None},
        {"client_id": [mine.id]},
        {"client_secret": "x" * 43},
        {"client_secret": 7},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
    ):
        sent = {"client_id": mine.id, "redirect_uris": [REDIRECT]} | members
        answer = mine.manage("PUT", json={name: value for name, value in sent.items() if value is not None})
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata"), members
    assert mine.change(client_secret=mine.secret).status_code == 200


def test_a_change_never_widens_the_scopes(app: App) -> None:
    mine = portal(app)
    assert mine.change(scope="openid").status_code == 200
    assert mine.change(scope="openid profile").json["error"] == "invalid_client_metadata"


def test_a_change_keeps_what_an_operator_decided(app: App) -> None:
    """The profile, and the level of login, cannot be laid down again."""
    keys = {"jwks": JWKS, "token_endpoint_auth_method": "private_key_jwt", "id_token_signed_response_alg": "ES256"}
    keys |= {f"{answer}_signed_response_alg": "ES256" for answer in ("introspection", "authorization")}
    strict = {"dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True}
    mine = portal(app, **keys, **strict)
    mine.decide()
    approved = app.base.clients.find(mine.id)
    assert approved is not None
    app.base.clients.put(replace(approved, profile="fapi2", minimum_acr=2, qr_login="off"), app.clock())

    for weaker in ({"dpop_bound_access_tokens": False}, {"require_pushed_authorization_requests": False}):
        assert mine.change(**weaker).status_code == 400
    assert mine.change(client_name="Tên khác", default_acr_values=None).status_code == 200
    after = app.base.clients.find(mine.id)
    assert after is not None
    assert (after.profile, after.minimum_acr, after.qr_login) == ("fapi2", 2, "off")
    assert mine.change(default_acr_values=[]).json["default_acr_values"] == ["urn:bhxh:acr:2"]
    assert mine.change(default_acr_values=["urn:bhxh:acr:1"]).json["default_acr_values"] == ["urn:bhxh:acr:2"]


def test_what_an_operator_closed_stays_closed(app: App) -> None:
    mine = portal(app)
    mine.decide("refused")
    assert mine.change(client_name="Tên khác").status_code == 403
    mine.decide()
    approved = app.base.clients.find(mine.id)
    assert approved is not None
    app.base.clients.put(replace(approved, disabled=True), app.clock())

    assert mine.change(client_name="Tên khác").status_code == 403
    assert mine.manage("DELETE").status_code == 403
    assert mine.manage("GET").json["approval"] == "closed"


def test_a_client_that_waits_can_do_nothing(everywhere: App) -> None:
    """B-04: every endpoint, by secret and by keys, refuses it as a disabled client; nobody is bounced in silence."""
    keys = {"jwks": JWKS, "token_endpoint_auth_method": "private_key_jwt"}
    token = invited(everywhere, uses=3, scope="openid profile offline_access")
    grants = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]
    mine = portal(everywhere, token, grant_types=grants)
    public = portal(everywhere, token, token_endpoint_auth_method="none")
    signing = portal(everywhere, token, **keys)
    visitor = everywhere.visitor()
    visitor.code()
    for path in ("/token", "/par", "/introspect", "/revoke", "/device_authorization"):
        form = {"grant_type": "client_credentials", "token": "x", "scope": "openid"} | asked_for()
        proof = assertion(everywhere, KEYS["ES256"], iss=signing.id, sub=signing.id, jti=path)
        for answer in (
            visitor.post(path, form, auth=(mine.id, str(mine.secret))),
            visitor.post(path, form | {"client_id": public.id}),
            visitor.post(path, form | proof),
        ):
            assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), path
    for each in (mine, public, signing):
        for silent in ({}, {"prompt": "none"}, {"scope": "nothing"}, {"response_type": "token"}):
            page = visitor.authorize(each.id, **silent)
            assert (page.status_code, "Location" in page.headers) == (400, False)
        assert "chưa được duyệt" in page.text
    out = visitor.get("/end_session", query_string={"client_id": mine.id, "post_logout_redirect_uri": REDIRECT})
    assert REDIRECT not in out.headers.get("Location", "")


def test_an_approval_ends_with_the_next_change_also_for_tokens_that_were_issued(app: App) -> None:
    """What is open of a client that waits again is of no use."""
    token = invited(app, scope="openid", approved=True)
    mine = portal(app, token, grant_types=["client_credentials"], redirect_uris=None, scope="openid")
    issued = app.visitor().token(mine.id, mine.secret, grant_type="client_credentials").json
    mine.change(client_name="Tên khác")

    assert app.visitor().introspect(issued.get("access_token", "x")) == {"active": False}
    assert app.visitor().token(mine.id, mine.secret, grant_type="client_credentials").status_code == 401


def test_nobody_is_asked_for_a_client_that_registers(app: App) -> None:
    """E-03: 300 addresses in each member that we would ask; not one connection, and none of this machine is kept."""
    token = invited(app, uses=1000)
    with Host() as host:
        host.says(json.dumps(JWKS).encode())
        addresses = hostile(host.url)
        assert len(addresses) >= 300
        for number, uri in enumerate(addresses):
            for member in ("jwks_uri", "request_uris", "sector_identifier_uri", "backchannel_logout_uri"):
                value = [uri] if member == "request_uris" else uri
                keys = {"jwks": JWKS} if member == "request_uris" else {}
                answer = register(app, token, f"10.{number // 250}.{number % 250}.1", **{member: value}, **keys)
                assert answer.status_code == 400 or is_a_public_name(uri), (member, uri)
                if answer.status_code == 201:
                    ask(app, Portal(app, answer.json), uri)
        assert host.connections == 0


def is_a_public_name(uri: str) -> bool:
    """The names that only a resolver knows to be of this machine: nobody asks before an operator looked at them."""
    return "nip.io" in uri or "evil.test" in uri


def ask(app: App, waiting: Portal, uri: str) -> None:
    """Everything that would make us fetch for a client."""
    visitor = app.visitor()
    visitor.get("/authorize", query_string={"client_id": waiting.id, "request_uri": uri})
    proof = assertion(app, KEYS["ES256"], iss=waiting.id, sub=waiting.id, jti=uri)
    visitor.post("/token", proof | {"grant_type": "client_credentials"})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_for_this_path_alone(app: App, method: str) -> None:
    for path in (*ROUTES, "/clients/x", "/clients/", "/CLIENTS"):
        if path != CLIENTS:
            answer = app.visitor()._send(method, path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST"), path
    for other in ("PATCH", "OPTIONS", "TRACE"):
        answer = app.visitor()._send(other, CLIENTS)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST, PUT, DELETE")


def test_a_network_calls_so_often_and_no_more(app: App) -> None:
    statuses = [register(app, "x").status_code for _ in range(61)]

    assert statuses == [401] * 60 + [429]
    assert register(app, "x", "198.51.100.9").status_code == 401
