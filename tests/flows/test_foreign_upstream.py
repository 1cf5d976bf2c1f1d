"""An OpenID Provider that none of us wrote as an upstream: by configuration only, its keys and its logouts included."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import urllib3
from joserfc.util import urlsafe_b64decode

from federation.connector import Arrival, Callback, Leaving, UpstreamFailed
from federation.connectors.oidc import OidcConnector, OidcUpstream
from idp.outbound import Outbound
from tests.support import leaks
from tests.support.foreign_op import CLIENT_ID, CLIENT_SECRET, ForeignOp, foreign_op, log_in_there, visitor
from tests.support.installation import installed
from tests.support.live import PORTAL, Visit, code_of, read_json
from tests.support.ports import free_port
from tests.support.provider import Provider

OURS = "http://localhost:1/via/foreign"
PEOPLE: dict[str, dict[str, Any]] = {
    "thu": {
        "name": "Đặng Thị Thử Nghiệm",
        "birthdate": "1990-05-17",
        "phone_number": "+84912000067",
        "phone_number_verified": True,
        "citizen_number": "000890990001",
        "proofing": "full",
    },
    "khac": {"name": "Người Khác", "phone_number": "+84912000068", "phone_number_verified": "true"},
}


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def op(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignOp]:
    home, algorithm = tmp_path_factory.mktemp("op"), request.param
    client = {"id_token_signed_response_alg": algorithm}
    with foreign_op(home, OURS, PEOPLE, algorithm=algorithm, client=client) as running:
        yield running


def connector_to(op: ForeignOp, **more: Any) -> OidcConnector:
    configured = OidcUpstream(
        "foreign",
        op.issuer,
        CLIENT_ID,
        CLIENT_SECRET,
        scope="openid profile phone",
        algorithms=("RS256", "ES256"),
        claims={"citizen_number": "citizen_number", "ial": "proofing"},
        ial={"full": 2},
        phone_verified="claim",
        **more,
    )
    return OidcConnector(configured, Outbound(plain_http=True, hosts=configured.hosts), time.time)


def gone_there(connector: OidcConnector, op: ForeignOp, person: str, **more: Any) -> Callback:
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback", **more))
    page = log_in_there(visitor(op).open(departure.url), person)
    assert page.location, page.summary
    return Callback(urlsplit(page.location).query, f"{OURS}/callback", departure.kept)


def arrived(connector: OidcConnector, op: ForeignOp, person: str, **more: Any) -> Arrival:
    return connector.finish(gone_there(connector, op, person, **more))


def test_a_person_comes_in_through_it(op: ForeignOp) -> None:
    identity = arrived(connector_to(op), op, "thu").identity

    assert (identity.upstream, identity.subject, identity.name) == ("foreign", "thu", "Đặng Thị Thử Nghiệm")
    assert (identity.citizen_number, str(identity.birth_date), identity.ial) == ("000890990001", "1990-05-17", 2)
    assert identity.phone is not None
    assert identity.phone.e164 == "+84912000067"
    # "true" as text is not true (T-05).
    assert arrived(connector_to(op), op, "khac").identity.phone is None


def test_a_fresh_login_there_is_one(op: ForeignOp) -> None:
    assert arrived(connector_to(op), op, "thu", fresh=True).identity.subject == "thu"


def test_a_code_works_once_and_with_its_own_verifier(op: ForeignOp) -> None:
    connector = connector_to(op)
    callback = gone_there(connector, op, "thu")
    other = gone_there(connector, op, "thu")
    with pytest.raises(UpstreamFailed, match="invalid_grant"):
        connector.finish(Callback(other.query, other.redirect_uri, callback.kept))
    connector.finish(callback)
    with pytest.raises(UpstreamFailed) as failure:
        connector.finish(callback)
    assert failure.value.kind == "expired"


def test_whoever_gives_up_there_is_back_without_harm(op: ForeignOp) -> None:
    connector = connector_to(op)
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback"))
    page = visitor(op).open(departure.url).follow("[ Cancel ]")
    with pytest.raises(UpstreamFailed) as failure:
        connector.finish(Callback(urlsplit(page.location or "").query, f"{OURS}/callback", departure.kept))
    assert failure.value.kind == "cancelled"


def test_a_wrong_secret_is_an_alarm(op: ForeignOp) -> None:
    configured = OidcUpstream("foreign", op.issuer, CLIENT_ID, "not the secret", algorithms=("RS256", "ES256"))
    connector = OidcConnector(configured, Outbound(plain_http=True, hosts=configured.hosts), time.time)
    with pytest.raises(UpstreamFailed) as failure:
        arrived(connector, op, "thu")
    assert failure.value.kind == "misconfigured"


def test_it_changes_its_key_while_people_log_in(op: ForeignOp) -> None:
    """F-29: no login fails, and the keys are fetched once more."""
    connector = connector_to(op)
    arrived(connector, op, "thu")
    fetched = op.asked("/jwks")
    failed: list[UpstreamFailed] = []
    rotated, begun = threading.Event(), threading.Semaphore(0)
    came: list[bool] = []

    def log_in() -> None:
        after = 0
        while after < 3:
            has_rotated = rotated.is_set()
            begun.release()
            try:
                arrived(connector, op, "thu")
                came.append(has_rotated)
            except UpstreamFailed as failure:
                failed.append(failure)
            after += has_rotated

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert begun.acquire(timeout=20)
    op.rotate()
    rotated.set()
    for thread in threads:
        thread.join(60)

    assert failed == []
    assert came.count(False) >= 1
    assert came.count(True) == 12
    assert op.asked("/jwks") - fetched == 1


def test_a_logout_there_comes_back_here(op: ForeignOp) -> None:
    connector = connector_to(op)
    browser = visitor(op)
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback"))
    page = log_in_there(browser.open(departure.url), "thu")
    callback = Callback(urlsplit(page.location or "").query, f"{OURS}/callback", departure.kept)
    hint = connector.finish(callback).logout_hint
    assert browser.open(departure.url).location, "it knows the person now, and asks nothing"

    address = connector.logout_url(hint, f"{OURS}/logged-out", "goodbye")
    assert address is not None
    page = browser.open(address).press("Yes, sign me out")
    assert page.location == f"{OURS}/logged-out?state=goodbye"
    assert browser.open(departure.url).has("login"), "and now it does not"


def test_it_is_there(op: ForeignOp) -> None:
    connector_to(op).check()
    with pytest.raises(UpstreamFailed):
        connector_to(ForeignOp(op.issuer.replace("localhost", "127.0.0.1"))).check()


# Over the whole application, served as in an installation: nothing but configuration tells it of this provider.

PERSON = {
    "kind": "individual",
    "name": PEOPLE["thu"]["name"],
    "password": "Matkhau#2026",
    "birth_date": PEOPLE["thu"]["birthdate"],
    "identifiers": {"bhxh": "0099000001", "cccd": PEOPLE["thu"]["citizen_number"]},
}
LABEL = "Đăng nhập bằng Nhà cung cấp thử"
BY_FORM = "Đăng nhập bằng Nhà cung cấp trả lời bằng biểu mẫu"


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Provider, ForeignOp]]:
    home = tmp_path_factory.mktemp("both")
    port = free_port()
    ours = f"http://localhost:{port}/via/foreign"
    client: dict[str, Any] = {
        "backchannel_logout_uri": f"{ours}/logout-token",
        "backchannel_logout_session_required": True,
    }
    forms = {"client_id": "by-form", "client_secret": "another secret of ours, for forms"}
    other = forms | {"redirect_uris": [f"http://localhost:{port}/via/by-form/callback"]}
    with foreign_op(home, ours, PEOPLE, logouts=True, client=client, others=[other]) as op:
        upstream = {
            "id": "foreign",
            "kind": "oidc",
            "label": LABEL,
            "issuer": op.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scope": "openid profile phone",
            "claims": {"citizen_number": "citizen_number", "ial": "proofing"},
            "ial": {"full": 2},
            "phone_verified": "claim",
        }
        by_form = upstream | forms | {"id": "by-form", "label": BY_FORM, "response_mode": "form_post"}
        settings = {"IDP_ISSUER": f"http://localhost:{port}", "IDP_UPSTREAMS": json.dumps([upstream, by_form])}
        leaks.PEOPLE.update({str(PERSON["name"]), "0099000001", str(PEOPLE["thu"]["citizen_number"])})
        laid = installed(home, request, settings=settings, people=[PERSON], clients=[PORTAL], port=port)
        with laid as provider, provider.serving():
            yield provider, op


def came_in(both: tuple[Provider, ForeignOp], label: str = LABEL) -> tuple[Visit, dict[str, Any]]:
    """A browser that came to the portal through the foreign provider, and the portal's ID token."""
    provider, op = both
    visit = Visit(provider.issuer)
    visit.browser = visitor(op, provider.issuer)
    page = log_in_there(visit.authorize(scope="openid bhxh").follow(label), "thu")
    if page.has("Continue"):
        page = page.press("Continue")
    if page.has("link-confirm"):
        assert "0099000001" not in page.text
        page = page.press("link-confirm")
        # Only the first strong link asks what to keep.
        page = page.press("keep-done") if page.has("keep-done") else page
    tokens = read_json(visit.redeem(code_of(page)))
    return visit, tokens


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    payload = tokens["id_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload.encode()))
    return claims


def is_known(visit: Visit) -> bool:
    """Whether the portal is given a code without asking anybody."""
    answer = visit.authorize(prompt="none").answer
    assert ("code" in answer) != (answer.get("error") == "login_required"), answer
    return "code" in answer


def test_a_person_links_once_and_then_just_comes_in(both: tuple[Provider, ForeignOp]) -> None:
    first, second = (claims_of(came_in(both)[1]) for _ in range(2))

    assert first["sub"] == second["sub"]
    assert first["idp"] == second["idp"] == "foreign"


def test_it_may_answer_in_a_form(both: tuple[Provider, ForeignOp]) -> None:
    """OAuth 2.0 Form Post Response Mode: posted from its site, so without our cookies."""
    assert claims_of(came_in(both, BY_FORM)[1])["idp"] == "by-form"

    address = f"{both[0].issuer}/via/by-form/callback"

    def post(**fields: str) -> urllib3.BaseHTTPResponse:
        with urllib3.PoolManager() as pool:
            return pool.request_encode_body("POST", address, fields=fields, encode_multipart=False, redirect=False)

    moved = post(code="a+b/c", state="nobody's")
    assert (moved.status, moved.headers["Location"]) == (303, "/via/by-form/callback?code=a%2Bb%2Fc&state=nobody%27s")
    assert urllib3.request("GET", f"{both[0].issuer}{moved.headers['Location']}").status == 400
    assert post(state="x" * 7000).status == 400


def test_its_new_key_is_found_by_the_whole_application(both: tuple[Provider, ForeignOp]) -> None:
    """F-29"""
    came_in(both)
    both[1].rotate()
    came_in(both)


def test_a_logout_there_ends_the_session_here(both: tuple[Provider, ForeignOp]) -> None:
    """D-13: Back-Channel Logout 1.0, sent by somebody else's implementation."""
    visit, _ = came_in(both)
    other, _ = came_in(both)
    assert is_known(visit)

    visit.browser.open(f"{both[1].issuer}/session/end").press("Yes, sign me out")

    until = time.monotonic() + 20
    while is_known(visit) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_known(visit)
    assert is_known(other), "the session of another browser there is another one here"


def test_a_logout_here_ends_the_session_there(both: tuple[Provider, ForeignOp]) -> None:
    """RP-Initiated Logout 1.0: the next person at this computer is not taken for the one before."""
    provider, op = both
    visit, tokens = came_in(both)
    goodbye = {"post_logout_redirect_uri": PORTAL["post_logout_redirect_uris"][0], "state": "goodbye"}
    asked = urlencode({"id_token_hint": tokens["id_token"], **goodbye})

    page = visit.browser.open(f"{provider.issuer}/end_session?{asked}")
    assert page.url.startswith(op.issuer), page.summary
    page = page.press("Yes, sign me out")

    assert page.location == f"{goodbye['post_logout_redirect_uri']}?state=goodbye", page.summary
    assert not is_known(visit)
    assert visit.authorize().follow(LABEL).has("login"), "there it asks again who it is"


def test_nothing_of_the_profile_is_written_down(both: tuple[Provider, ForeignOp]) -> None:
    """Only the link is kept, not what was said."""
    came_in(both)
    log = both[0].log.read_text(encoding="utf-8", errors="replace")

    assert not any(text in log for text in ("Thử Nghiệm", "000890990001", "0912000067", CLIENT_SECRET))
