"""Request objects that are encrypted to us (RFC 9101, 6.1): opened by the key for that alone, and signed inside."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64encode

from tests.support.app import SECRET, App, answer_of
from tests.support.pushed import asked
from tests.support.request_objects import request_object, send, signer


@pytest.fixture
def sealed(app: App) -> Callable[..., str]:
    """An object that is encrypted to us; `header` changes its header, and `text` is what is inside."""
    app.base.rotator.ensure(["ECDH-ES"])
    app.base.rings.look()
    public = ECKey.import_key(encryption_key(app))

    def made(text: str | None = None, key: Any = public, **header: Any) -> str:
        whole = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT", "kid": public.kid} | header
        registry = JWERegistry(algorithms=[whole["alg"], whole["enc"], "DEF"], strict_check_header=False)
        head = {name: value for name, value in whole.items() if value is not None}
        return jwe.encrypt_compact(head, text or request_object(app), key, registry=registry)

    return made


def encryption_key(app: App) -> dict[str, Any]:
    """The one that we publish to be encrypted to."""
    return next(key for key in app.visitor().get("/jwks").json["keys"] if key["use"] == "enc")


@pytest.mark.parametrize("enc", ["A128CBC-HS256", "A128GCM", "A256GCM"])
@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW"])
def test_an_object_may_be_encrypted_to_us(app: App, sealed: Callable[..., str], alg: str, enc: str) -> None:
    """By value and pushed; metadata say so while there is a key for it."""
    visitor = app.visitor()
    signer(app)

    assert "/login?" in send(visitor, sealed(alg=alg, enc=enc)).headers["Location"]
    pushed = visitor.post("/par", {"request": sealed(alg=alg, enc=enc)}, auth=("signer", SECRET))
    assert pushed.status_code == 201, pushed.text
    document = visitor.get("/.well-known/openid-configuration").json
    assert alg in document["request_object_encryption_alg_values_supported"]
    assert enc in document["request_object_encryption_enc_values_supported"]
    assert "ECDH-ES" not in document["id_token_signing_alg_values_supported"]


OTHER = ECKey.generate_key("P-256", parameters={"kid": "other"})


@pytest.mark.parametrize(
    "spoilt",
    [
        {"kid": None},
        {"kid": "made-up"},
        {"key": ECKey.generate_key("P-256")},
        {"zip": "DEF"},
        {"enc": "A192GCM"},
        {"alg": "ECDH-ES+A128KW"},
        {"text": "no JWT"},
        {"text": "eyJhbGciOiJub25lIn0.e30."},
    ],
)
def test_what_cannot_be_opened_or_is_not_signed_inside_is_refused(
    app: App, sealed: Callable[..., str], spoilt: dict[str, Any]
) -> None:
    signer(app)
    answer = send(app.visitor(), sealed(**spoilt), **asked())

    assert answer_of(answer)["error"] in ("invalid_request_object", "request_not_supported")


def test_an_object_is_encrypted_to_a_key_for_that_which_is_published(app: App, sealed: Callable[..., str]) -> None:
    """Not to one that signs, not twice, and no longer when the key is revoked."""
    signer(app)
    visitor, stores = app.visitor(), app.base
    signs = next(key for key in visitor.get("/jwks").json["keys"] if key["alg"] == "ES256")
    to_signer = sealed(key=ECKey.import_key(signs | {"use": "enc"}), kid=signs["kid"])
    text, twice = sealed(), sealed(sealed())

    for wrong in (to_signer, twice, text[:-4] + "AAAA"):
        assert answer_of(send(visitor, wrong, **asked()))["error"] == "invalid_request_object"
    kid = encryption_key(app)["kid"]
    stores.rotator.change(lambda plan, ring: plan.revoked(ring, kid, force=True), "drill")
    stores.rings.look()
    assert answer_of(send(visitor, text, **asked()))["error"] == "invalid_request_object"


def test_nothing_is_encrypted_to_us_without_a_key(app: App) -> None:
    signer(app)
    visitor = app.visitor()
    document = visitor.get("/.well-known/openid-configuration").json
    assert not [name for name in document if name.startswith("request_object_encryption")]
    text = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM", "kid": OTHER.kid}, "x", OTHER)
    assert answer_of(send(visitor, text, **asked()))["error"] == "invalid_request_object"


def test_a_token_that_names_the_encryption_key_is_none(app: App, sealed: Callable[..., str]) -> None:
    """A key of the ring that does not sign."""
    head = urlsafe_b64encode(
        json.dumps({"alg": "ECDH-ES", "typ": "at+jwt", "kid": encryption_key(app)["kid"]}).encode()
    )
    assert app.visitor().userinfo(f"{head.decode()}.e30.AAAA").status_code == 401
