"""Nothing is written before a request has proved something, but under a limiter (F-8).

All tables are counted, and all keys of Redis, so a new way to fill one fails here whatever it fills.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from redis import Redis
from sqlalchemy import func, select

from idp.oidc.clients import DEVICE_CODE, TOKEN_EXCHANGE
from idp.oidc.token_exchange import TOKEN_TYPE
from idp.store import tables as t
from tests.attacks.test_client_authentication import assertion
from tests.attacks.test_tokens import KEY
from tests.support import databases
from tests.support.app import REDIRECT, SECRET, VERIFIER, App, Visitor, challenge, running_app
from tests.support.dpop import BoundApp, ProofKey
from tests.support.routes import routes_of

NATIVE = {"token_endpoint_auth_method": "none", "application_type": "native"}
SIGNER = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}}
GRANTS: list[dict[str, str]] = [
    {"grant_type": "authorization_code", "code": "k_" + "x" * 43, "redirect_uri": REDIRECT, "code_verifier": VERIFIER},
    {"grant_type": "refresh_token", "refresh_token": f"r_{'x' * 22}.1.{'x' * 43}"},
    {"grant_type": DEVICE_CODE, "device_code": f"BCDFGHJK.{'x' * 43}"},
    {"grant_type": "client_credentials", "scope": "openid"},
    {"grant_type": TOKEN_EXCHANGE, "subject_token": "a.b.c", "subject_token_type": TOKEN_TYPE},
    {"grant_type": "made up"},
    {},
]
FEW = 5


def rows(app: App) -> dict[str, int]:
    """How many rows each table holds, and how many keys Redis."""
    with app.base.database.autocommit.connect() as connection:
        found = {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in t.metadata.sorted_tables
        }
    if app.settings.store.redis_url:
        with Redis.from_url(app.settings.store.redis_url) as redis:
            found["redis"] = int(redis.dbsize())  # type: ignore[arg-type]
    return found


def proof(app: App, method: str = "POST", path: str = "/token", **more: Any) -> dict[str, str]:
    """A good proof of a key that was made a moment ago, as a header."""
    made = {"now": app.clock(), "nonce": app.provider.oidc.server.proofs.nonce()} | more
    return {"DPoP": ProofKey().proof(method, app.settings.issuer + path, **made)}


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.get("grant_type", "none").rpartition(":")[2])
def test_a_token_request_that_proves_nothing_writes_nothing(everywhere: App, grant: dict[str, str]) -> None:
    """F-8: with the id of a public app, a wrong secret or a false assertion, and a good proof of a fresh key."""
    app, visitor = everywhere, everywhere.visitor()
    app.client("app", secret=None, grant_types=["authorization_code", "refresh_token", DEVICE_CODE], **NATIVE)
    app.client("signer", secret=None, grant_types=["client_credentials"], **SIGNER)
    forged = assertion(app, ECKey.generate_key("P-256"))
    before = rows(app)

    answers = [
        visitor.post("/token", {"client_id": "app"} | grant, headers=proof(app)),
        visitor.post("/token", grant, headers=proof(app), auth=("portal", "wrong")),
        visitor.post("/token", forged | grant, headers=proof(app)),
        visitor.post("/token", {"client_id": "nobody"} | grant, headers=proof(app)),
    ]

    assert {a.status_code for a in answers} <= {400, 401, 415}
    # Why a client was not authenticated is kept for the operator for thirty days: ten a minute of one network,
    # sixty of all.
    after = rows(app)
    assert after.pop("incident") - before.pop("incident") <= len(answers)
    assert after == before


def test_a_stolen_token_has_no_proof_of_the_thief_written_down(app: App) -> None:
    """F-8, G-03: the token is genuine and bound, the key is not its own."""
    app.client("app", secret=None, dpop_bound_access_tokens=True, **NATIVE)
    stolen = BoundApp(app.visitor()).tokens()["access_token"]
    before = rows(app)

    more = proof(app, "GET", "/userinfo", access_token=stolen)
    answer = app.visitor().get("/userinfo", headers={"Authorization": f"DPoP {stolen}"} | more)

    assert (answer.status_code, (answer.json or {})["error"]) == (401, "invalid_token")
    assert rows(app) == before


def test_a_proof_is_used_before_anything_is_issued(everywhere: App) -> None:
    """G-02: with a second good grant, the proof of the first one gets nothing, and what is spent last stays."""
    portal = BoundApp(everywhere.visitor(), "portal", SECRET)
    first, second = portal.tokens(), portal.tokens()
    again = portal.proof("POST", "/token")
    shown = [{"grant_type": "refresh_token", "refresh_token": each["refresh_token"]} for each in (first, second)]
    assert portal.send("POST", "/token", again, shown[0]).status_code == 200

    replayed = portal.send("POST", "/token", again, shown[1])

    assert (replayed.status_code, (replayed.json or {})["error"]) == (400, "invalid_dpop_proof")
    # Within the grace a spent one would be answered too.
    everywhere.clock.move(11)
    assert portal.refresh(second["refresh_token"]).status_code == 200, "the refresh token was not spent"


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials", DEVICE_CODE])
def test_no_grant_forgets_to_use_the_proof(app: App, grant: str) -> None:
    """G-02: whichever grant asks, what is issued costs the proof."""
    from tests.support.device_grant import decide, device, question, tv

    tv(app, "service", grant_types=[DEVICE_CODE, "client_credentials", "refresh_token"])
    visitor, used = app.visitor(), proof(app)
    if grant == "authorization_code":
        more = {"code": visitor.code(), "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    elif grant == DEVICE_CODE:
        shown = device(app, "service")
        visitor.code()
        decide(visitor, question(visitor, shown.user_code))
        more = {"device_code": shown.answer["device_code"]}
    else:
        more = {}
    auth = ("portal" if grant == "authorization_code" else "service", SECRET)

    answers = [visitor.post("/token", {"grant_type": grant} | more, headers=used, auth=auth)]
    answers.append(visitor.post("/token", {"grant_type": "client_credentials"}, headers=used, auth=("service", SECRET)))

    assert answers[0].status_code == 200, answers[0].text
    assert (answers[1].status_code, (answers[1].json or {})["error"]) == (400, "invalid_dpop_proof")


@pytest.fixture
def limited(app_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The application with every limiter at a few, so that one stranger reaches them all."""
    import shutil

    for name in ("qr_login.phone_authenticator.CALLS_OF_A_NETWORK", "config.rooms.registration.LOOKS"):
        monkeypatch.setattr(name, FEW)
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    with running_app(tmp_path, url, limits={"attempts_per_address": FEW}) as app:
        app.client("app", secret=None, grant_types=["authorization_code", DEVICE_CODE], **NATIVE)
        yield app


def test_who_goes_on_showing_anothers_token_does_not_fill_the_trail(app: App) -> None:
    """F-12: the first time is an alarm, the hundredth is not."""
    app.client("other")
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    visitor.refresh(token, "other")
    before = rows(app)

    assert {visitor.refresh(token, "other").status_code for _ in range(3)} == {400}
    assert rows(app) == before


REQUEST = {
    "client_id": "app",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid",
    "code_challenge": challenge(),
    "code_challenge_method": "S256",
}
FORM = {
    "kind": "individual",
    "username": "0000000001",
    "password": "x",
    "fact": "1990-01-01",
    "phone": "0912345678",
    "email": "a@example.test",
    "reference": "1234567890",
    "token": "x",
}
SHAPES: list[dict[str, Any]] = [
    {},
    {"query_string": REQUEST},
    {"query_string": {"attempt": "a_" + "x" * 43, "state": "x", "code": "x", "request": "x", "user_code": "BCDFGHJK"}},
    {"data": FORM | {"client_id": "app", "scope": "openid"}},
    {"data": GRANTS[0] | {"client_id": "app"}},
    {"data": {"logout_token": "x.x.x", "answer": "{}", "captcha_id": "c_" + "x" * 43}},
    {"json": {"kind": "individual"}},
]
NO_STRANGERS = ("/testing/",)
"""What is for test suites alone, and refused in production."""


def sweep(visitor: Visitor) -> None:
    """Everything to every route, each time as somebody new: no cookie is kept."""
    app = visitor.app
    paths = [path for path in routes_of(app.wsgi) if not path.startswith(NO_STRANGERS)]
    for path, method, shape in product(paths, ("GET", "POST"), SHAPES):
        if method == "GET" and not ("query_string" in shape or not shape):
            continue
        headers = proof(app, method, path) if path.startswith(("/token", "/phone", "/userinfo")) else {}
        app.visitor(visitor.address)._send(method, path, headers=headers, **shape)


def test_a_stranger_who_goes_on_writes_no_more(limited: App) -> None:
    """Whatever one network sends within a minute, soon no table and no store grows any more."""
    stranger = limited.visitor()
    for _ in range(FEW + 1):
        sweep(stranger)
    before = rows(limited)

    sweep(stranger)

    after = rows(limited)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {}
