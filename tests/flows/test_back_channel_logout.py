"""When a session ends, every portal that was in it is told (OpenID Connect Back-Channel Logout 1.0)."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptojwt.key_jar import KeyJar  # type: ignore[import-untyped]
from idpyoidc.message.oidc.session import BackChannelLogoutRequest
from sqlalchemy import select

from idp.accounts.notices import Scene
from idp.store import tables as t
from idp.store.sweep import sweep
from sandbox.relying_party import Refused, RelyingParty
from tests.attacks.test_tokens import parts
from tests.flows.test_account_page import csrf, signed_in
from tests.support.app import ISSUER, App, Visitor, answer_of
from tests.support.live import CHEAP_HASH, PORTAL, Visit, bhxh, people
from tests.support.portals import Receiver, receiving
from tests.support.provider import running_provider
from tests.support.waiting import until

HOUR = 3600


@pytest.fixture
def first() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def second() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def portal(app: App, receiver: Receiver, client_id: str = "told", **more: Any) -> str:
    return app.client(client_id, backchannel_logout_uri=receiver.url, client_name=f"Cổng {client_id}", **more)


def enter(visitor: Visitor, client_id: str = "told", **more: Any) -> dict[str, Any]:
    """Log into a portal, as far as its tokens."""
    answer = visitor.redeem(visitor.code(client_id=client_id, **more), client_id)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def log_out(visitor: Visitor) -> str:
    """By the page that asks; gives where the browser is sent."""
    asked = visitor.get("/logout").text
    return str(visitor.post("/logout", data={"csrf": csrf(asked), "request": ""}).headers["Location"])


def deliver(app: App, *, after: float = 0) -> None:
    app.clock.move(after)
    app.provider.oidc.deliveries.once()


def states(app: App) -> list[tuple[str, str | None]]:
    found = select(t.message.c.state, t.message.c.error).where(t.message.c.channel == "portal")
    with app.base.database.autocommit.connect() as connection:
        return [(row.state, row.error) for row in connection.execute(found.order_by(t.message.c.created_at))]


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_foreign_library_accepts_the_logout_token(app: App, first: Receiver, alg: str) -> None:
    """D-13"""
    portal(app, first, id_token_signed_response_alg=alg)
    visitor = app.visitor()
    id_token = parts(enter(visitor)["id_token"])[1]
    log_out(visitor)
    deliver(app)

    jar = KeyJar()
    jar.import_jwks(visitor.get("/jwks").json, ISSUER)
    request = BackChannelLogoutRequest(logout_token=first.tokens[0])
    assert request.verify(keyjar=jar, iss=ISSUER, aud="told", allowed_sign_alg=alg)
    assert first.forms[0]["content-type"] == ["application/x-www-form-urlencoded"]
    header, body, _ = parts(first.tokens[0])
    assert (header["typ"], header["alg"]) == ("logout+jwt", alg)
    assert body["sid"] == id_token["sid"]
    assert body["sub"] == id_token["sub"]
    assert body["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert 0 < body["exp"] - body["iat"] <= 120
    assert "nonce" not in body
    assert states(app) == [("delivered", None)]


def by_the_page(app: App, visitor: Visitor, id_token: str) -> None:
    log_out(visitor)


def by_the_portal(app: App, visitor: Visitor, id_token: str) -> None:
    visitor.get("/end_session", query_string={"id_token_hint": id_token})


def by_another_device(app: App, visitor: Visitor, id_token: str) -> None:
    other = signed_in(app, "198.51.100.3")
    other.post("/account/end-session", data={"csrf": csrf(other.get("/account").text), "session": "others"})


def by_another_device_alone(app: App, visitor: Visitor, id_token: str) -> None:
    other = signed_in(app, "198.51.100.3")
    sid = parts(id_token)[1]["sid"]
    other.post("/account/end-session", data={"csrf": csrf(other.get("/account").text), "session": sid})


def by_an_operator(app: App, visitor: Visitor, id_token: str) -> None:
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    app.base.sessions.end(account.id, sid=None, but=None, now=app.clock())  # type: ignore[union-attr]


def by_the_next_person(app: App, visitor: Visitor, id_token: str) -> None:
    app.person("0000000002")
    visitor.log_in(visitor.authorize(prompt="login"), "0000000002")


def by_a_new_password(app: App, visitor: Visitor, id_token: str) -> None:
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    app.provider.accounts.credentials.reset(account, "một mật khẩu khác hẳn", "sms", Scene())


@pytest.mark.parametrize(
    "end",
    [
        by_the_page,
        by_the_portal,
        by_another_device,
        by_another_device_alone,
        by_an_operator,
        by_the_next_person,
        by_a_new_password,
    ],
    ids=lambda end: end.__name__,
)
def test_however_a_session_ends_its_portals_are_told_once(
    everywhere: App, first: Receiver, second: Receiver, end: Callable[[App, Visitor, str], None]
) -> None:
    """D-13, B-18"""
    portal(everywhere, first)
    portal(everywhere, second, "other")
    visitor = everywhere.visitor()
    id_token = enter(visitor)["id_token"]
    enter(visitor, "other")
    sid = parts(id_token)[1]["sid"]

    end(everywhere, visitor, id_token)
    by_an_operator(everywhere, visitor, id_token)
    deliver(everywhere)
    deliver(everywhere, after=60)

    assert [[parts(token)[1]["sid"] for token in receiver.tokens] for receiver in (first, second)] == [[sid], [sid]]


def listed(page: str) -> dict[str, str]:
    """Portal and state, as the page at the end lists them."""
    rows = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)
    return {re.sub("<[^>]*>", "", name): state.partition("<a")[0].strip() for name, state in rows}


def test_the_page_at_the_end_says_which_portals_were_told(everywhere: App, first: Receiver, second: Receiver) -> None:
    """Peers 7: it lists what was ended and what was not."""
    second.status = 500
    portal(everywhere, first)
    portal(everywhere, second, "other", client_uri="https://other.example.test/")
    visitor = everywhere.visitor()
    enter(visitor)
    enter(visitor, "other")
    page = log_out(visitor)

    assert listed(visitor.get(page).text) == {"Cổng told": "Đang báo cho cổng", "Cổng other": "Đang báo cho cổng"}
    again = re.search(r'id="again" href="([^"]+)"', visitor.get(page).text)
    deliver(everywhere)
    assert again
    seen = visitor.get(page.partition("?")[0] + again[1]).text
    assert listed(seen) == {"Cổng told": "Đã đăng xuất", "Cổng other": "Đang báo cho cổng"}
    deliver(everywhere, after=HOUR - 1)
    seen = visitor.get(page).text
    assert listed(seen) == {"Cổng told": "Đã đăng xuất", "Cổng other": "Không báo được"}
    assert 'href="https://other.example.test/"' in seen
    assert "https://other.example.test/" not in visitor.get("/logged-out?request=l_guessed").text
    assert listed(visitor.get(page + "&lang=en").text) == {
        "Cổng told": "Logged out",
        "Cổng other": "Could not be reached",
    }


def test_ending_ones_own_session_in_the_list_says_so_too(app: App, first: Receiver) -> None:
    portal(app, first)
    visitor = app.visitor()
    sid = parts(enter(visitor)["id_token"])[1]["sid"]
    form = {"csrf": csrf(visitor.get("/account").text), "session": sid}
    page = visitor.post("/account/end-session", data=form).headers["Location"]
    deliver(app)

    assert listed(visitor.get(page).text) == {"Cổng told": "Đã đăng xuất"}


def test_a_logout_that_concerns_no_portal_lists_none(app: App) -> None:
    visitor = app.visitor()
    visitor.code()
    page = log_out(visitor)

    assert page == "/logged-out"
    assert listed(visitor.get(page).text) == {}


def test_a_portal_that_asked_for_the_logout_gets_its_browser_back(app: App, first: Receiver) -> None:
    """D-12: telling the others does not hold the redirect up."""
    portal(app, first)
    visitor = app.visitor()
    hint = enter(visitor)["id_token"]
    query = {"id_token_hint": hint, "post_logout_redirect_uri": "https://portal.example.test/", "state": "s"}
    answer = visitor.get("/end_session", query_string=query)

    assert answer.headers["Location"] == "https://portal.example.test/?state=s"
    deliver(app)
    assert len(first.tokens) == 1


def test_only_portals_that_got_tokens_and_want_to_know_are_told(app: App, first: Receiver, second: Receiver) -> None:
    portal(app, first)
    portal(app, second, "other")
    visitor = app.visitor()
    visitor.tokens()
    visitor.code(client_id="other")
    enter(visitor)
    log_out(visitor)
    deliver(app)

    assert (len(first.tokens), len(second.tokens)) == (1, 0)


def test_another_session_of_the_person_goes_on(app: App, first: Receiver) -> None:
    portal(app, first)
    here, there = app.visitor(), app.visitor("198.51.100.3")
    enter(there)
    sid = parts(enter(here)["id_token"])[1]["sid"]
    log_out(here)
    deliver(app)

    assert [parts(token)[1]["sid"] for token in first.tokens] == [sid]
    assert "code" in answer_of(there.authorize(prompt="none"))


def test_logging_in_again_as_the_same_person_ends_nothing(app: App, first: Receiver) -> None:
    portal(app, first)
    visitor = app.visitor()
    enter(visitor)
    visitor.log_in(visitor.authorize(prompt="login"))
    deliver(app)
    assert first.tokens == []

    log_out(visitor)
    deliver(app)
    assert len(first.tokens) == 1


def test_each_try_has_a_fresh_token(app: App, first: Receiver) -> None:
    """D-13"""
    first.status = 503
    portal(app, first)
    visitor = app.visitor()
    enter(visitor)
    log_out(visitor)
    deliver(app)
    assert states(app) == [("waiting", "status 503")]

    first.status = 204
    deliver(app, after=120)
    assert states(app) == [("delivered", None)]
    early, late = (parts(token)[1] for token in first.tokens)
    assert early["jti"] != late["jti"]
    assert late["iat"] == early["iat"] + 120
    assert late["exp"] > app.clock()
    assert (early["sid"], early["sub"]) == (late["sid"], late["sub"])


def test_a_portal_that_refuses_is_not_asked_again(app: App, first: Receiver) -> None:
    first.status = 400
    portal(app, first)
    visitor = app.visitor()
    enter(visitor)
    log_out(visitor)
    for _ in range(3):
        deliver(app, after=120)

    assert (len(first.tokens), states(app)) == (1, [("failed", "status 400")])


ODD: dict[str, dict[str, Any]] = {
    "another address": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "ten megabytes": {"body": bytes(10_000_000)},
    "no HTTP": {"garbage": b"\x00\xff" * 100},
    "no end": {"headers": {"Content-Length": "50"}, "body": b"x"},
    "not found": {"status": 404},
    "an error": {"status": 500, "body": b"<html>" * 100},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_tried_again_until_the_hour_is_over(app: App, first: Receiver, name: str) -> None:
    for attribute, value in ODD[name].items():
        setattr(first, attribute, value)
    portal(app, first)
    visitor = app.visitor()
    enter(visitor)
    log_out(visitor)
    deliver(app)
    assert [state for state, _ in states(app)] == ["waiting"]

    for _ in range(13):
        deliver(app, after=300)
    count = len(first.tokens)
    assert 5 < count < 20
    assert [state for state, _ in states(app)] == ["expired"]
    deliver(app, after=HOUR)
    assert len(first.tokens) == count


def test_a_portal_that_never_answers_delays_the_others_by_one_deadline(
    app: App, first: Receiver, second: Receiver
) -> None:
    """A portal has five seconds, and then a rest, however many sessions it has to be told of."""

    def takes_too_long() -> None:
        app.clock.move(5)

    first.answering, first.status = takes_too_long, 504
    portal(app, first)
    portal(app, second, "other")
    for number in range(4):
        visitor = app.visitor(f"192.0.{number}.7")
        enter(visitor)
        enter(visitor, "other")
        log_out(visitor)
    deliver(app)

    assert (len(first.tokens), len(second.tokens)) == (1, 4)
    deliver(app, after=30)
    assert len(first.tokens) == 1
    first.answering, first.status = (lambda: None), 200
    deliver(app, after=300)
    assert len(first.tokens) == 5


def test_nothing_on_the_loopback_is_asked_in_production(app: App, first: Receiver) -> None:
    """Design 3.11"""
    from idp.outbound import Outbound, OutboundFailed

    for outbound, url in (
        (Outbound(), first.url),
        (Outbound(plain_http=True), "http://portal.example.test/told"),
        (Outbound(plain_http=True), "file:///etc/passwd"),
    ):
        with pytest.raises(OutboundFailed, match="only https"):
            outbound.post(url, b"", {})
    assert first.forms == []


def test_a_client_that_was_removed_or_moved_meanwhile(app: App, first: Receiver, second: Receiver) -> None:
    for client_id in ("told", "moved", "silent"):
        portal(app, first, client_id)
        visitor = app.visitor()
        enter(visitor, client_id)
        log_out(visitor)
    app.base.clients.remove("told", app.clock())
    portal(app, second, "moved")
    app.client("silent")
    deliver(app)

    assert (len(first.tokens), len(second.tokens)) == (0, 1)
    assert sorted(state for state, _ in states(app)) == ["delivered", "failed", "failed"]


def test_offline_portals_are_told_of_an_account_that_ends_long_after_the_session(
    everywhere: App, first: Receiver, second: Receiver
) -> None:
    """A refresh token outlives the session, and so does what has to be told."""
    portal(everywhere, first)
    portal(everywhere, second, "other")
    visitor = everywhere.visitor()
    enter(visitor, scope="openid offline_access")
    enter(visitor, "other")
    for _ in range(4):
        everywhere.clock.move(86_400)
        sweep(everywhere.base.database, everywhere.clock())
    by_an_operator(everywhere, visitor, "")
    deliver(everywhere)

    assert (len(first.tokens), len(second.tokens)) == (1, 0)


def test_a_renewed_session_keeps_its_portals(app: App, first: Receiver) -> None:
    portal(app, first)
    visitor = app.visitor()
    enter(visitor)
    for _ in range(app.settings.login.session_absolute // 1700 - 1):
        app.clock.move(1700)
        visitor.code()
    visitor.log_in(visitor.authorize(prompt="login"))
    app.clock.move(1700)
    visitor.code()
    app.clock.move(1700)
    sweep(app.base.database, app.clock())
    log_out(visitor)
    deliver(app)

    assert len(first.tokens) == 1


def the_portal_of_the_sandbox_judges(issuer: str, logout_token: str, id_token: str) -> None:
    """It believes a logout token once, and nothing else."""
    method = {"token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "RS256"}
    registration = PORTAL | {"response_types": ["code"]} | method
    party = RelyingParty(issuer, registration)
    for wrong in (id_token, logout_token[:-4] + "AAAA", logout_token + "x", ""):
        with pytest.raises(Refused):
            party.ended(wrong)
    for other in ({"client_id": "other"}, {"id_token_signed_response_alg": "ES256"}):
        with pytest.raises(Refused):
            RelyingParty(issuer, registration | other).ended(logout_token)
    assert party.ended(logout_token) == parts(logout_token)[1]["sid"]
    with pytest.raises(Refused):
        party.ended(logout_token)


def test_a_running_provider_tells_portals_by_itself(tmp_path: Path, first: Receiver) -> None:
    """D-13: registered, disabled and told by the command and the workers that operators have."""
    told = PORTAL | {"backchannel_logout_uri": first.url}
    with running_provider(tmp_path, CHEAP_HASH, people=people(1), clients=[told], workers=2) as provider:
        tokens = Visit(provider.issuer).tokens()
        provider.command("accounts", "disable", bhxh(1), "--reason", "reported stolen")
        until(lambda: bool(first.tokens))
        the_portal_of_the_sandbox_judges(provider.issuer, first.tokens[0], tokens["id_token"])

        assert parts(first.tokens[0])[1]["aud"] == "portal"
        shown = json.loads(provider.command("messages", "list", "--json", "--channel", "portal"))
        until(lambda: "delivered" in provider.command("messages", "list", "--channel", "portal"))
        assert [(each["to"], each["template"]) for each in shown] == [("portal", "logout")]


def test_what_discovery_says(app: App) -> None:
    document = app.visitor().get("/.well-known/openid-configuration").json

    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    assert json.dumps(document).count("/told") == 0
