"""The metadata document says exactly what is there: what it lists is taken, what it does not list refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.oidc.clients import ENCRYPTED
from idp.oidc.registration import BadClient, read_client
from tests.attacks.test_client_authentication import assertion
from tests.attacks.test_jwt_answers import ENCRYPTION_KEYS, encrypted_answer, opened, signed_introspection
from tests.attacks.test_token_exchange import JWT_BEARER
from tests.attacks.test_tokens import parts
from tests.support.app import REDIRECT, SECRET, App, answer_of
from tests.support.details import allowed, detail
from tests.support.dpop import BoundApp, ProofKey
from tests.support.pushed import asked, push
from tests.support.request_objects import claims_of, send, signed

KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, parameters={"kid": "rsa"}),
    "ES256": ECKey.generate_key("P-256", parameters={"kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", parameters={"kid": "ed"}),
    "ES384": ECKey.generate_key("P-384", parameters={"kid": "ec384"}),
    "HS256": OctKey.import_key(SECRET, parameters={"kid": "oct"}),
}
KEYS["PS256"] = KEYS["RS256"]
PUBLIC = {"keys": [KEYS[alg].as_dict(private=False) for alg in ("RS256", "ES256", "EdDSA", "ES384")]}
NATIVE = {"application_type": "native", "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": True}
Taken = Callable[[App, str], bool]


def registered(**more: Any) -> bool:
    try:
        read_client({"client_id": "new", "redirect_uris": [REDIRECT]} | more, secret_digest="x")
    except BadClient:
        return False
    return True


def at_authorize(name: str, **more: Any) -> Taken:
    """Whether `/authorize` goes on to a login, or answers without complaint about the parameter."""

    def taken(app: App, value: str) -> bool:
        answer = app.visitor().authorize(**more | {name: value})
        place = answer.headers.get("Location", "")
        return (
            "/login?" in place
            or "login_required" in place + answer.text
            or 'name="response"' in answer.text
            or "response=" in place
        )

    return taken


def proof(app: App, alg: str, path: str) -> dict[str, str]:
    """A client assertion by this algorithm; the client has a key for each."""
    plain = assertion(app, KEYS["ES256"], jti=path + alg)
    _, claims, _ = parts(plain["client_assertion"])
    return plain | {"client_assertion": signed(claims, KEYS[alg], alg=alg, kid=KEYS[alg].kid, typ=None)}


def methods_at(path: str) -> Taken:
    def taken(app: App, method: str) -> bool:
        keys = {"jwks": PUBLIC} if method == "private_key_jwt" else {}
        if not registered(token_endpoint_auth_method=method, **keys):
            return False
        app.client("signer", None if keys or method == "none" else SECRET, token_endpoint_auth_method=method, **keys)
        form, more = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}, {}
        if method == "client_secret_basic":
            more = {"auth": ("signer", SECRET)}
        elif method == "private_key_jwt":
            form |= proof(app, "ES256", path)
        else:
            form |= {"client_id": "signer"} | ({} if method == "none" else {"client_secret": SECRET})
        return app.visitor().post(path, form, **more).status_code != 401

    return taken


def assertions_at(path: str) -> Taken:
    def taken(app: App, alg: str) -> bool:
        app.client("signer", None, token_endpoint_auth_method="private_key_jwt", jwks=PUBLIC)
        form = proof(app, alg, path) | {"token": "x"}
        return app.visitor().post(path, form | {"grant_type": "refresh_token", "refresh_token": "x"}).status_code != 401

    return taken


def id_token_alg(app: App, alg: str) -> bool:
    if not registered(id_token_signed_response_alg=alg):
        return False
    app.client(id_token_signed_response_alg=alg)
    return bool(parts(app.visitor().tokens()["id_token"])[0]["alg"] == alg)


def response_alg(app: App, alg: str) -> bool:
    if not registered(authorization_signed_response_alg=alg):
        return False
    app.client(authorization_signed_response_alg=alg)
    answer = answer_of(app.visitor().authorize(response_mode="jwt", prompt="none"))
    return bool(parts(answer["response"])[0]["alg"] == alg)


def userinfo_alg(app: App, alg: str) -> bool:
    if not registered(userinfo_signed_response_alg=alg):
        return False
    app.client(userinfo_signed_response_alg=alg)
    visitor = app.visitor()
    return bool(parts(visitor.userinfo(visitor.tokens()["access_token"]).text)[0]["alg"] == alg)


def introspection_alg(app: App, alg: str) -> bool:
    if not registered(introspection_signed_response_alg=alg):
        return False
    app.client(introspection_signed_response_alg=alg)
    return bool(parts(signed_introspection(app.visitor(), "x").text)[0]["alg"] == alg)


def encryption(what: str, part: str) -> Taken:
    """Whether an answer of this kind comes encrypted so."""
    name = f"{what}_encrypted_response_"

    def taken(app: App, value: str) -> bool:
        asked_for = {"alg": "ECDH-ES", "enc": "A128GCM"} | {part: value}
        more = {name + member: each for member, each in asked_for.items()} | {"jwks": ENCRYPTION_KEYS}
        more |= {"userinfo_signed_response_alg": "RS256"} if what == "userinfo" else {}
        if not registered(**more):
            return False
        app.client(**more)
        return bool(opened(encrypted_answer(app.visitor(), what))[0][part] == value)

    return taken


def request_object_alg(app: App, alg: str) -> bool:
    app.client("signer", jwks=PUBLIC)
    answer = send(app.visitor(), signed(claims_of(app), KEYS[alg], alg=alg, kid=KEYS[alg].kid))
    return "/login?" in answer.headers.get("Location", "")


def dpop_alg(app: App, alg: str) -> bool:
    app.client("app", secret=None, **NATIVE)
    phone = BoundApp(app.visitor(), "app", key=ProofKey(KEYS[alg], alg), nonce=app.provider.oidc.proofs.nonce())
    return push(phone.visitor, "app", None, headers={"DPoP": phone.proof("POST", "/par")}).status_code == 201


def grant(app: App, name: str) -> bool:
    unknown = app.visitor().token(grant_type=name).json["error"] == "unsupported_grant_type"
    return registered(grant_types=[name]) and not unknown


def scope(app: App, name: str) -> bool:
    return registered(scope=f"openid {name}", one_device=True, **NATIVE)


def acr(app: App, name: str) -> bool:
    claims = {"id_token": {"acr": {"essential": True, "values": [name]}}}
    return at_authorize("claims")(app, json.dumps(claims))


def details_type(app: App, name: str) -> bool:
    """Whether a client may have the type, and what it asks by it is put before the person."""
    if not registered(authorization_details_types=[name]):
        return False
    visitor = app.visitor()
    visitor.code(client_id=allowed(app, authorization_details_types=[name]))
    asked = visitor.authorize("records", authorization_details=json.dumps([detail(2015, 2020, type=name)]))
    return "/consent?" in asked.headers["Location"]


def language(app: App, tag: str) -> bool:
    return f"lang={tag}" in app.visitor().authorize(ui_locales=tag).headers["Location"]


TAKEN: dict[str, tuple[Taken, list[str]]] = {
    "scopes_supported": (scope, ["admin"]),
    "response_types_supported": (at_authorize("response_type"), ["token", "code id_token", "none"]),
    "response_modes_supported": (
        at_authorize("response_mode", prompt="none"),
        ["web_message", "query.JWT", "post.jwt"],
    ),
    "grant_types_supported": (grant, ["password", "implicit", JWT_BEARER]),
    "subject_types_supported": (lambda app, kind: registered(subject_type=kind), ["ephemeral"]),
    "id_token_signing_alg_values_supported": (id_token_alg, ["none", "HS256", "ES384"]),
    "authorization_signing_alg_values_supported": (response_alg, ["none", "HS256", "ES384"]),
    "userinfo_signing_alg_values_supported": (userinfo_alg, ["none", "HS256", "ES384"]),
    "introspection_signing_alg_values_supported": (introspection_alg, ["none", "HS256", "ES384"]),
    "request_object_signing_alg_values_supported": (request_object_alg, ["HS256"]),
    "code_challenge_methods_supported": (at_authorize("code_challenge_method"), ["plain"]),
    "dpop_signing_alg_values_supported": (dpop_alg, ["RS256"]),
    "acr_values_supported": (acr, ["urn:bhxh:acr:3", "1"]),
    "prompt_values_supported": (at_authorize("prompt"), ["create"]),
    "ui_locales_supported": (language, ["fr"]),
    "authorization_details_types_supported": (details_type, ["payment_initiation", "openid"]),
}
for what in ENCRYPTED:
    TAKEN[f"{what}_encryption_alg_values_supported"] = (
        encryption(what, "alg"),
        ["RSA1_5", "RSA-OAEP", "dir"],
    )
    TAKEN[f"{what}_encryption_enc_values_supported"] = (encryption(what, "enc"), ["A512GCM", "none"])
for place, address in (("token", "/token"), ("revocation", "/revoke"), ("introspection", "/introspect")):
    others = ["client_secret_jwt", *(["none"] if place == "introspection" else [])]
    TAKEN[f"{place}_endpoint_auth_methods_supported"] = (methods_at(address), others)
    TAKEN[f"{place}_endpoint_auth_signing_alg_values_supported"] = (assertions_at(address), ["HS256"])
TOLD_OTHERWISE = {"claims_supported", "claim_types_supported"}
"""What is released is the matter of `rules/oidc` and of the flows of userinfo; there is one type of claim."""


def document_of(app: App) -> dict[str, Any]:
    return dict(app.visitor().get("/.well-known/openid-configuration").json or {})


@pytest.mark.parametrize("member", TAKEN)
def test_each_value_is_taken_and_no_other(app: App, member: str) -> None:
    taken, outside = TAKEN[member]
    listed = document_of(app)[member]

    assert [value for value in listed if not taken(app, value)] == []
    assert [value for value in outside if taken(app, value)] == []


def test_every_list_of_the_document_is_tried(app: App) -> None:
    document = document_of(app)
    lists = {name for name, value in document.items() if isinstance(value, list)}

    assert lists == set(TAKEN) | TOLD_OTHERWISE


def test_every_address_of_the_document_is_served(app: App) -> None:
    """And what is there besides lists and addresses is known here, with what it says."""
    document, visitor = document_of(app), app.visitor()
    addresses = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    for name, url in addresses.items():
        assert visitor.get(url.removeprefix(document["issuer"])).status_code != 404, name
    flags = {name: value for name, value in document.items() if isinstance(value, bool)}
    off = {"require_pushed_authorization_requests", "require_signed_request_object"}

    assert {name for name, value in flags.items() if not value} == off
    assert set(document) - set(addresses) - set(flags) - set(TAKEN) - TOLD_OTHERWISE == {"issuer"}
    assert "/login?" in visitor.authorize(**asked()).headers["Location"]
