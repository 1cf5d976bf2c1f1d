"""Addresses that anybody can write: a login begun elsewhere, and a logout in a frame of an upstream's page."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.ports import Event
from idp.store import tables as t
from tests.support import databases
from tests.support.app import ISSUER, PASSWORD, Visitor, answer_of
from tests.support.lied_to import CODE, LiedTo, lied_to

SID = "session-of-the-liar"
EVIL = "https://evil.test"


@pytest.fixture
def here(sqlite_template: Path, tmp_path: Path) -> Iterator[LiedTo]:
    with lied_to(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path)) as running:
        yield running


def issuer(here: LiedTo, kind: str = "oidc") -> str:
    return f"{here.liar.url}/{kind}"


def initiated(here: LiedTo, visitor: Visitor, **more: str) -> TestResponse:
    return visitor.get("/via/oidc/initiate", query_string={"iss": issuer(here)} | more)


def framed(here: LiedTo, kind: str = "oidc", **more: str) -> TestResponse:
    """As a frame of the upstream's page loads it: without any cookie."""
    asked = {"iss": issuer(here, kind), "sid": SID} | more
    return here.app.visitor().get(f"/via/{kind}/front-channel-logout", query_string=asked)


def came_through(here: LiedTo, kind: str) -> Visitor:
    """A browser that is logged in through this upstream."""
    here.linked(kind)
    visitor = here.app.visitor()
    visitor.get(here.via(kind, visitor).headers["Location"])
    assert is_in(visitor)
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/account").status_code == 200


def close(here: LiedTo, kind: str) -> None:
    event = Event("upstream.closed", facts={"upstream": kind})
    here.app.base.links.switch(kind, event, here.app.clock(), closed=True)
    here.app.clock.move(6)


def query_of(answer: TestResponse) -> dict[str, list[str]]:
    return parse_qs(urlsplit(answer.headers["Location"]).query)


# A login begun elsewhere


def test_a_login_begun_there_goes_through_the_upstream_to_the_page_that_was_named(here: LiedTo) -> None:
    here.linked("oidc")
    visitor = here.app.visitor()

    away = initiated(here, visitor, login_hint="hoa@city.example", target_link_uri=f"{ISSUER}/account/activity")
    back = here.back(visitor, "oidc", away)
    opened = visitor.get(back.headers["Location"])

    assert away.headers["Location"].startswith(f"{issuer(here)}/authorize?")
    assert query_of(away)["login_hint"] == ["hoa@city.example"]
    assert "prompt" not in query_of(away)
    assert opened.headers["Location"] == "/account/activity"
    assert is_in(visitor)


def test_a_login_begun_there_by_form_is_moved_to_the_address_where_our_cookies_come_along(here: LiedTo) -> None:
    visitor = here.app.visitor()
    form = {"iss": issuer(here), "login_hint": "hoa", "unknown": "x"}

    moved = visitor.post("/via/oidc/initiate", data=form, headers={"Origin": here.liar.url})
    away = visitor.get(moved.headers["Location"])

    assert query_of(moved) == {"iss": [issuer(here)], "login_hint": ["hoa"]}
    assert query_of(away)["login_hint"] == ["hoa"]


def test_the_state_of_a_login_begun_there_is_good_in_that_browser_only(here: LiedTo) -> None:
    """Login CSRF: nobody can hand over a journey of their own."""
    here.linked("oidc")
    own, other = here.app.visitor(), here.app.visitor()
    other.authorize()

    away = initiated(here, own)
    answer = here.back(other, "oidc", away)

    assert answer.status_code == 403
    assert not is_in(other)


def test_whoever_is_logged_in_stays_so(here: LiedTo) -> None:
    here.linked("oidc")
    here.app.person("0000000009")
    visitor = here.app.visitor()
    visitor.log_in(visitor.authorize(), "0000000009", PASSWORD)
    before = visitor.get("/account").text

    answer = initiated(here, visitor, target_link_uri=f"{ISSUER}/account/links")

    assert answer.headers["Location"] == "/account/links"
    assert "Set-Cookie" not in answer.headers
    assert "/via/oidc" not in answer.headers["Location"]
    assert before.count("0009") == visitor.get("/account").text.count("0009") > 0


@pytest.mark.parametrize("path", ["/via/oidc/initiate", "/via/oidc/front-channel-logout"])
@pytest.mark.parametrize("change", ["{}/", "{}x", "", " {}", "https://evil.test", "javascript:alert(1)", "other"])
def test_another_issuer_begins_and_ends_nothing(here: LiedTo, path: str, change: str) -> None:
    visitor = came_through(here, "oidc")
    iss = issuer(here, "dvcqg") if change == "other" else change.format(issuer(here))

    answer = here.app.visitor().get(path, query_string={"iss": iss, "sid": SID})

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert is_in(visitor)


@pytest.mark.parametrize("path", ["/via/oidc/initiate", "/via/oidc/front-channel-logout"])
def test_a_request_without_an_issuer_or_with_two_values_is_refused(here: LiedTo, path: str) -> None:
    iss = issuer(here)
    for query in ("", "sid=x", f"iss={iss}&iss={iss}", f"iss={iss}&sid=a&sid=b&target_link_uri=a&target_link_uri=b"):
        assert here.app.visitor().get(f"{path}?{query}").status_code == 400, query


def test_an_upstream_without_an_issuer_has_neither_address(here: LiedTo) -> None:
    """VNeID has no name for itself: no `iss` is its own, not even an empty one."""
    for what in ("initiate", "front-channel-logout"):
        for query in ("iss=&sid=x", f"iss={issuer(here, 'vneid')}&sid=x", "sid=x"):
            assert here.app.visitor().get(f"/via/vneid/{what}?{query}").status_code == 400, query


@pytest.mark.parametrize(
    "target",
    [
        EVIL,
        "javascript:alert(1)",
        "//evil.test/account",
        "/account",
        "",
        f"{ISSUER}.evil.test/account",
        f"{ISSUER}@evil.test/account",
        f"{ISSUER}/account/",
        f"{ISSUER}/account?attempt=x",
        f"{ISSUER}/account#x",
        f"{ISSUER}/account/../logout",
        f"{ISSUER}/logout",
        f"{ISSUER}/account\r\nX: y",
    ],
)
def test_a_target_that_is_not_on_the_list_is_refused_on_a_page(here: LiedTo, target: str) -> None:
    """No open redirect, whether somebody is logged in or not."""
    for visitor in (here.app.visitor(), came_through(here, "oidc")):
        answer = initiated(here, visitor, target_link_uri=target)

        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert "evil.test" not in answer.text


@pytest.mark.parametrize("hint", ["x" * 256, "a\nb", "a\x1bb", "a\u202eb", ""])
def test_a_hint_that_nobody_could_have_typed_is_left_out(here: LiedTo, hint: str) -> None:
    away = initiated(here, here.app.visitor(), login_hint=hint)

    assert away.status_code == 303
    assert "login_hint" not in query_of(away)


def test_what_a_portal_said_about_the_person_is_not_told_to_an_upstream(here: LiedTo) -> None:
    visitor = here.app.visitor()
    begun = visitor.authorize(login_hint=CODE)

    away = visitor.get("/via/oidc", query_string=query_of(begun))

    assert "login_hint" not in query_of(away)
    assert CODE not in away.headers["Location"]


def test_huge_values_get_a_small_answer(here: LiedTo) -> None:
    visitor = here.app.visitor()
    form = {"iss": issuer(here), "login_hint": "x" * 60_000}

    assert visitor.post("/via/oidc/initiate", data=form).status_code == 400
    assert initiated(here, visitor, target_link_uri="x" * 7000).status_code == 400
    assert framed(here, sid="x" * 7000).status_code == 200


def test_a_closed_upstream_begins_no_login_and_says_so_on_the_login_page(here: LiedTo) -> None:
    close(here, "oidc")
    visitor = here.app.visitor()

    answer = initiated(here, visitor)

    assert urlsplit(answer.headers["Location"]).path == "/login"
    assert query_of(answer)["why"] == ["unavailable"]
    assert visitor.get(answer.headers["Location"]).status_code == 200
    assert here.app.visitor().get("/via/nobody/initiate", query_string={"iss": issuer(here)}).status_code == 404


def test_logins_begun_there_are_counted_like_departures(here: LiedTo) -> None:
    most = here.app.settings.limits.attempts_per_address
    answers = [initiated(here, here.app.visitor()).status_code for _ in range(most + 1)]

    assert answers[0] == 303
    assert answers[-1] == 429


# A logout in a frame


@pytest.mark.parametrize("kind", ["oidc", "dvcqg"])
def test_a_frame_of_the_upstream_ends_what_came_through_that_session(here: LiedTo, kind: str) -> None:
    visitor = came_through(here, kind)
    here.app.clock.move(1)
    by_password = here.app.visitor()
    by_password.log_in(by_password.authorize(), CODE, PASSWORD)

    answer = framed(here, kind)

    assert answer.status_code == 200
    assert not is_in(visitor)
    assert is_in(by_password)


def test_only_pages_of_the_upstream_may_frame_it(here: LiedTo) -> None:
    """`tests/browser/test_sent_by_upstream.py` shows a browser that goes by it."""
    answer = framed(here)
    directives = answer.headers["Content-Security-Policy"].split("; ")

    assert f"frame-ancestors {here.liar.url}" in directives
    assert "default-src 'none'" in directives
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert len(answer.data) < 200


def test_the_pages_of_an_upstream_are_where_its_settings_say(sqlite_template: Path, tmp_path: Path) -> None:
    """By discovery the issuer and the further hosts; otherwise the pages for browsers, and no machine's address."""
    places = {
        "authorization_endpoint": "https://login.state.test/auth?x=1",
        "end_session_endpoint": "https://out.state.test/logout",
        "userinfo_endpoint": "https://api.state.test/me",
    }
    upstreams = {"oidc": {"hosts": ["out.city.test:8443"]}, "dvcqg": places}
    with lied_to(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), upstreams) as here:
        for kind, origins in (
            ("oidc", f"{here.liar.url} https://out.city.test:8443"),
            ("dvcqg", "https://login.state.test https://out.state.test"),
        ):
            assert f"; frame-ancestors {origins};" in framed(here, kind).headers["Content-Security-Policy"]


@pytest.mark.parametrize("wrong", [{"sid": "guessed"}, {"sid": ""}, {"sid": SID + " "}, {"sid": "%"}, {"sid": "a.b.c"}])
def test_a_guess_ends_nothing_and_gets_the_same_answer(here: LiedTo, wrong: dict[str, str]) -> None:
    visitor = came_through(here, "oidc")

    guess = framed(here, **wrong)
    assert is_in(visitor)
    known = framed(here)

    for answer in (guess, known):
        answer.headers.pop("X-Request-Id")
    assert (guess.status_code, guess.data, list(guess.headers)) == (known.status_code, known.data, list(known.headers))
    assert not is_in(visitor)


def test_a_frame_without_a_sid_ends_nobodys_session(here: LiedTo) -> None:
    visitor = came_through(here, "oidc")

    answer = here.app.visitor().get("/via/oidc/front-channel-logout", query_string={"iss": issuer(here)})

    assert answer.data == framed(here, sid="guessed").data
    assert is_in(visitor)


def test_the_same_sid_at_another_upstream_is_another_session(here: LiedTo) -> None:
    visitor = came_through(here, "oidc")

    assert framed(here, "dvcqg").status_code == 200
    assert is_in(visitor)
    # Its digest is another one too; even with the same the store asks for the upstream.
    links, digester = here.app.base.links, here.app.provider.federation.upstream_logins.digester
    digest = digester.of("oidc sid", SID)
    assert links.sids_of(None, "oidc", digest) != []
    assert links.sids_of(None, "dvcqg", digest) == []


def test_cookies_of_another_person_change_nothing(here: LiedTo) -> None:
    """What ends is named by `sid` alone: the browser that shows the frame may be anybody's."""
    visitor = came_through(here, "oidc")
    here.app.person("0000000009")
    other = here.app.visitor()
    other.log_in(other.authorize(), "0000000009", PASSWORD)

    answer = other.get("/via/oidc/front-channel-logout", query_string={"iss": issuer(here), "sid": SID})

    assert "Set-Cookie" not in answer.headers
    assert is_in(other)
    assert not is_in(visitor)
    assert other.post("/via/oidc/front-channel-logout", data={"iss": issuer(here), "sid": SID}).status_code == 405


def test_a_closed_upstream_still_ends_its_sessions(here: LiedTo) -> None:
    visitor = came_through(here, "oidc")
    close(here, "oidc")

    assert framed(here).status_code == 200
    assert not is_in(visitor)
    assert here.app.visitor().get("/via/nobody/front-channel-logout").status_code == 404


def test_frames_are_counted_by_network_and_use_up_no_departures(here: LiedTo) -> None:
    most = here.app.settings.limits.attempts_per_address
    answers = [framed(here).status_code for _ in range(most + 1)]

    assert answers[0] == 200
    assert answers[-1] == 429
    assert initiated(here, here.app.visitor()).status_code == 303


def test_portals_hear_of_a_logout_in_a_frame_and_it_is_audited(here: LiedTo) -> None:
    here.app.client("told", backchannel_logout_uri="https://portal.example.test/logout")
    here.linked("oidc")
    visitor = here.app.visitor()
    begun = visitor.authorize("told")
    code = answer_of(visitor.get(here.via("oidc", visitor, begun).headers["Location"]))["code"]
    assert visitor.redeem(code, "told").status_code == 200
    # Two browsers came through that session: this one, and the one in which the link was made.

    framed(here)

    assert len(here.app.told("portal")) == 1
    with here.app.base.database.autocommit.connect() as connection:
        ended = select(t.audit.c.facts).where(t.audit.c.name == "session.ended")
        assert list(connection.execute(ended).scalars()) == ['{"count": 1}'] * 2
