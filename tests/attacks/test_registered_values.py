"""Every member that a client may register, with values that nobody meant: refused, or good for everything after."""

from typing import Any

import pytest

from idp.oidc.requested_metadata import OFFERED
from tests.support.app import REDIRECT, App
from tests.support.registering import CLIENTS, Portal, bearer, invited

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        10**300,
        "",
        " ",
        "x",
        "\0",
        "\ud800",
        "é" * 700,
        "x" * 60_000,
        "https://x.test/",
    ),
    *([], [None], [[]], ["x"], ["\ud800"], [1e308], ["https://x.test/"] * 51, ["urn:bhxh:acr:2", 7], {}, {"keys": []}),
    *({"keys": [{"kty": kty, "n": "AQAB", "e": "AQAB"}]} for kty in ("RSA", "EC", "OKP", "AKP", "oct", 7, None)),
    *({"keys": [{"kty": "EC", "crv": crv, "x": "AA", "y": "AA"}]} for crv in ("P-256", "secp256k1", "", [], None)),
    *({"keys": [{"kty": "RSA", "n": "_" * n, "e": "AQAB"}]} for n in (1, 400, 30_000)),
    {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "key_ops": 7, "use": [], "alg": {}}]},
]


@pytest.mark.parametrize("member", sorted(OFFERED))
def test_no_value_of_any_member_is_more_than_refused(app: App, member: str) -> None:
    """Whatever is registered can be read again, by its client and by every worker."""
    token = invited(app, uses=1000)
    for number, value in enumerate(ODD):
        answer = app.visitor(f"10.0.{number}.1").post(
            CLIENTS, json={"redirect_uris": [REDIRECT], member: value}, headers=bearer(token)
        )
        assert answer.status_code in (201, 400, 413), (value, answer.text)
        if answer.status_code == 201:
            assert Portal(app, answer.json).change().status_code == 200, value
            assert answer.json["client_id"] in {each.client_id for each in app.base.clients.load_all()}, value
