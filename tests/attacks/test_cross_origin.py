"""Pages of other origins read what their own client is told, and nothing else (B-24; RFC 9700, 2.6)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from config.app import READS
from idp.oidc import metadata
from idp.web.protocol_endpoints import CALLED_BY_PAGES
from tests.support import databases
from tests.support.app import SECRET, App, Visitor, running_app
from tests.support.dpop import BoundApp, ProofKey
from tests.support.pushed import asked
from tests.support.routes import routes_of
from tests.support.trips import Trips, counted

OWN, ANOTHERS = "https://portal.example.test", "https://another.example.test"
PAGE = {"token_endpoint_auth_method": "none"}
NOT_OWN = [
    ANOTHERS,
    "https://evil.test",
    "null",
    "",
    "*",
    OWN.upper(),
    OWN.replace("https", "http"),
    f"{OWN}:443",
    f"{OWN}:8443",
    f"{OWN}/",
    f"{OWN}.evil.test",
    f"{OWN} {ANOTHERS}",
    f"{OWN}, {ANOTHERS}",
]
PUBLIC = {metadata.DISCOVERY, metadata.SERVER_METADATA, metadata.JWKS}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,dpop"}
Ask = Callable[[dict[str, str]], TestResponse]


@pytest.fixture
def page(everywhere: App) -> Visitor:
    """The page of the client `page` at `OWN`; another client has another origin, the confidential portal has none."""
    everywhere.client("page", secret=None, **PAGE)
    everywhere.client("another", secret=None, redirect_uris=[f"{ANOTHERS}/cb"], **PAGE)
    return everywhere.visitor()


def requests(page: Visitor) -> dict[str, tuple[int, Ask]]:
    """What a page sends, good and bad, with the status of the answer."""
    tokens = page.redeem(page.code(client_id="page", scope="openid offline_access"), "page", None).json
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    refresh = {"client_id": "page", "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    code = {"client_id": "page", "grant_type": "authorization_code", "code": "x"}
    revoke = {"client_id": "page", "token": "x"}
    return {
        "refresh": (200, lambda headers: page.post("/token", refresh, headers=headers)),
        "a code that is none": (400, lambda headers: page.post("/token", code, headers=headers)),
        "userinfo": (200, lambda headers: page.get("/userinfo", headers=bearer | headers)),
        "userinfo by POST": (200, lambda headers: page.post("/userinfo", headers=bearer | headers)),
        "a token with another end": (
            401,
            lambda headers: page.get("/userinfo", headers={"Authorization": bearer["Authorization"][:-4]} | headers),
        ),
        "a request that is pushed": (
            201,
            lambda headers: page.post("/par", asked() | {"client_id": "page"}, headers=headers),
        ),
        "revocation": (200, lambda headers: page.post("/revoke", revoke, headers=headers)),
    }


def allowed(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.lower().startswith("access-control")}


def test_a_page_reads_what_its_own_client_is_told(page: Visitor) -> None:
    """B-24: refusals too, or nobody could tell why a page does not work; cookies count nowhere."""
    for what, (status, ask) in requests(page).items():
        answer = ask({"Origin": OWN})

        exposed = {"Access-Control-Expose-Headers": "DPoP-Nonce, WWW-Authenticate"}
        assert allowed(answer) == {"Access-Control-Allow-Origin": OWN} | exposed, what
        assert (answer.status_code, answer.headers["Vary"]) == (status, "Origin"), what


def test_no_other_origin_reads_it(page: Visitor) -> None:
    """B-24: another client's origin, nobody's, `null`, and those that only look like the right one."""
    for what, (status, ask) in requests(page).items():
        for origin in NOT_OWN:
            answer = ask({"Origin": origin})
            assert (answer.status_code, allowed(answer)) == (status, {}), (what, origin)
            assert answer.headers["Vary"] == "Origin"
        answer = ask({})
        assert (answer.status_code, allowed(answer), "Vary" in answer.headers) == (status, {}, False), what


def test_a_client_that_proves_itself_has_the_origins_that_it_was_given(page: Visitor) -> None:
    """B-24: its secret is not in pages, so its redirect URIs allow nothing."""
    code = {"grant_type": "authorization_code", "code": "x"}
    assert allowed(page.post("/token", code, auth=("portal", SECRET), headers={"Origin": OWN})) == {}
    page.app.client("given", web_origins=[ANOTHERS])

    answers = [page.post("/token", code, auth=("given", SECRET), headers={"Origin": o}) for o in (OWN, ANOTHERS)]

    assert [allowed(each).get("Access-Control-Allow-Origin") for each in answers] == [None, ANOTHERS]


def test_who_names_itself_twice_is_who_it_is(page: Visitor) -> None:
    """B-24: a made-up assertion names one client, the form another, which is the one that is let in."""
    named = ProofKey().signed({"alg": "ES256"}, {"sub": "another"})
    code = page.code(client_id="page")
    page.headers["Origin"] = ANOTHERS

    answers = [page.redeem(each, "page", None, client_assertion=named) for each in (code, "x")]

    assert [(each.status_code, allowed(each)) for each in answers] == [(200, {}), (400, {})]


def test_a_disabled_client_and_nobody_have_no_origin(page: Visitor) -> None:
    page.app.client("page", secret=None, disabled=True, **PAGE)
    page.headers["Origin"] = OWN

    for client in ("page", "nobody"):
        answer = page.token(client, None, grant_type="authorization_code", code="x")
        assert (answer.status_code, allowed(answer)) == (401, {})
    assert page._send("OPTIONS", "/token", headers=PREFLIGHT).status_code == 403
    assert allowed(page.get("/userinfo")) == {}


@pytest.mark.parametrize("path", CALLED_BY_PAGES)
def test_a_preflight_is_answered_for_origins_of_clients(page: Visitor, path: str) -> None:
    """B-24: it names no client, so any client's origin may send; the answer is still read by its own alone."""
    for origin in (OWN, ANOTHERS):
        answer = page._send("OPTIONS", path, headers=PREFLIGHT | {"Origin": origin})
        assert (answer.status_code, answer.data, answer.headers["Vary"]) == (200, b"", "Origin")
        assert allowed(answer) == {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST" if path == "/userinfo" else "POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
            "Access-Control-Max-Age": "600",
        }
    for origin in NOT_OWN[1:]:
        answer = page._send("OPTIONS", path, headers=PREFLIGHT | {"Origin": origin})
        assert (answer.status_code, answer.json, allowed(answer)) == (403, {"error": "unregistered_origin"}, {})
    for no_preflight in ({"Origin": OWN}, PREFLIGHT, {}):
        answer = page._send("OPTIONS", path, headers=no_preflight)
        assert (answer.status_code, allowed(answer)) == (405, {})


def test_a_preflight_asks_no_store(page: Visitor) -> None:
    page._send("OPTIONS", "/token", headers=PREFLIGHT | {"Origin": OWN})

    with counted(page.app) as trips:
        for origin in (OWN, *NOT_OWN):
            page._send("OPTIONS", "/token", headers=PREFLIGHT | {"Origin": origin})

    assert trips == Trips(), "\n".join(trips.said)


def test_a_page_that_proves_a_key_reads_the_nonce(page: Visitor) -> None:
    """G-06: the refusal that brings it, and every answer after."""
    bound = BoundApp(page, "page")
    code = bound.code()
    page.headers["Origin"] = OWN
    fields = {"client_id": "page", "grant_type": "authorization_code", "code": code}

    refused = bound.send("POST", "/token", bound.proof("POST", "/token"), fields)
    tokens = bound.redeem(code).json
    told = [refused, bound.userinfo(tokens["access_token"]), bound.userinfo("x" * 20)]

    assert refused.json["error"] == "use_dpop_nonce"
    assert [allowed(each).get("Access-Control-Allow-Origin") for each in told] == [OWN, OWN, None]
    assert "DPoP-Nonce" in refused.headers


@pytest.fixture(scope="module")
def full(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An application with everything on, and a client that has an origin."""
    home = tmp_path_factory.mktemp("full")
    officers = {"url": "https://officers.example.test"}
    with running_app(home, databases.sqlite_copy(sqlite_template, home), officers=officers) as app:
        app.client("page", secret=None, **PAGE)
        yield app


def everything(app: App) -> list[tuple[str, str]]:
    """Every path of every host."""
    console = app.wsgi._console.url_map.iter_rules()
    officers = [("officers.example.test", re.sub("<[^>]+>", "1", rule.rule)) for rule in console]
    assert len(officers) > 16
    return [*(("id.example.test", path) for path in routes_of(app.wsgi)), *officers]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT"])
def test_no_other_route_ever_speaks_of_origins(full: App, method: str) -> None:
    """B-24: not pages, not the console, not the phone's API, whoever asks."""
    visitor, spoke = full.visitor(), set()
    for host, path in everything(full):
        answer = visitor._send(method, path, headers=PREFLIGHT | {"Host": host, "Origin": OWN})
        if allowed(answer):
            spoke.add((host, path, answer.headers["Access-Control-Allow-Origin"]))

    asked = {("id.example.test", path, OWN) for path in CALLED_BY_PAGES} if method == "OPTIONS" else set()
    public = {("id.example.test", path, "*") for path in PUBLIC if method in ("GET", "HEAD", "POST")}
    assert spoke == asked | public


def test_the_paths_are_those_that_were_meant() -> None:
    assert set(CALLED_BY_PAGES) == {"/token", "/par", "/revoke", "/userinfo"}
    assert PUBLIC < READS
