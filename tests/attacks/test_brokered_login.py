"""Attacks on logins through upstreams: forced logins, mix-ups, swapped sessions, hijacked accounts, old numbers."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select, update

from config.stores import Stores
from federation.linking import LinkConflict, NewLink, Subject, new_id
from idp.accounts import trust
from idp.accounts.credentials import Securing
from idp.accounts.notices import NOWHERE
from idp.ports import Event
from idp.store import tables as t
from tests.support import databases
from tests.support.app import App, answer_of, attempt_of, running_app
from tests.support.brokered import Brokered, Journey, brokered, come_back
from tests.support.upstreams import SimulatedUpstreams, simulated

HOA, HOA_CODE = "000890123456", "0012345678"
MO, MO_CODE = "000887000111", "0011111111"
LOCAL = "Matkhau#2026"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    with brokered(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), world) as running:
        yield running


def away(here: Brokered, upstream: str) -> tuple[Journey, str]:
    """A browser that was just sent to the upstream, and the address it was sent to."""
    visitor = here.app.visitor()
    attempt = attempt_of(visitor.authorize())
    sent = visitor.get(f"/via/{upstream}", query_string={"attempt": attempt})
    return Journey(here, visitor, attempt), sent.headers["Location"]


def finished(here: Brokered, upstream: str, login: str = HOA) -> tuple[Journey, str]:
    """A browser whose owner has logged in at the upstream, and the callback that it has not opened yet."""
    journey, url = away(here, upstream)
    return journey, come_back(here.world, upstream, url, login)


def links_of(here: Brokered, code: str) -> list[str]:
    found = here.app.provider.federation.upstream_logins.links.of_account(here.account_of(code))
    return [link.subject.upstream for link in found]


# The state (B-14, Y-08)


def test_a_callback_works_once(here: Brokered) -> None:
    """B-14, F-20"""
    journey, callback = finished(here, "vneid")

    assert journey.visitor.get(callback).status_code == 303
    assert journey.visitor.get(callback).status_code == 400


def test_a_callback_works_in_the_browser_that_began_it_only(here: Brokered) -> None:
    """B-14, Y-08: login CSRF. The attacker's finished login, opened by the victim, logs nobody in."""
    _, callback = finished(here, "vneid")
    victim = here.app.visitor("198.51.100.9")
    victim.authorize()

    refused = victim.get(callback)
    assert refused.status_code == 403
    assert victim.get("/account").headers["Location"].startswith("/login?")


def test_m2_a_return_binds_the_attempt_to_the_browser_that_got_the_answer(here: Brokered) -> None:
    """M-2: the secret that was there before the login, noted by somebody, opens nothing after it."""
    here.through("vneid", HOA).press("link-confirm").follow()
    journey, _ = away(here, "vneid")
    noted = journey.visitor.http.get_cookie("idp-b", "localhost")
    assert noted
    thief = here.app.visitor()
    thief.http.set_cookie(noted.key, noted.value, domain="localhost")

    journey.via("vneid", HOA)

    assert thief.get("/authorize", query_string={"attempt": journey.attempt}).status_code == 403
    assert "code" in answer_of(journey.page())


def test_a_state_of_one_upstream_opens_no_callback_of_the_other(here: Brokered) -> None:
    """B-13, Y-08: mix-up. Nothing is asked of anybody, and the state is burnt."""
    journey, callback = finished(here, "vneid")
    other = callback.replace("/via/vneid/", "/via/dvcqg/")

    assert journey.visitor.get(other).status_code == 400
    assert journey.visitor.get(callback).status_code == 400


@pytest.mark.parametrize("state", ["", "v_forged", "v_" + "A" * 43, "x" * 5000])
def test_a_code_that_we_did_not_ask_for_is_not_looked_at(here: Brokered, state: str) -> None:
    """Q-02, domain 6.2: nobody logs in by an address that the upstream, or anybody, sends by itself."""
    _, callback = finished(here, "dvcqg")
    code = parse_qs(urlsplit(callback).query)["code"][0]
    visitor = here.app.visitor()
    visitor.authorize()
    asked = urlencode({"code": code} | ({"state": state} if state else {}))

    assert visitor.get(f"/via/dvcqg/callback?{asked}").status_code == 400


def test_a_code_opens_no_other_journey_of_the_same_browser(here: Brokered) -> None:
    """Session swap: two tabs, the code of one with the state of the other. PKCE and nonce tell them apart."""
    one, first = finished(here, "dvcqg")
    attempt = attempt_of(one.visitor.authorize())
    sent = one.visitor.get("/via/dvcqg", query_string={"attempt": attempt}).headers["Location"]
    state = parse_qs(urlsplit(sent).query)["state"][0]
    code = parse_qs(urlsplit(first).query)["code"][0]

    answer = one.visitor.get("/via/dvcqg/callback?" + urlencode({"code": code, "state": state}))
    # For us it looks like a code that was too old: begun anew, once.
    assert answer.headers["Location"].startswith(here.world.url("dvcqg") + "/oauth2/authorize?")


def test_a_posted_profile_is_nothing(here: Brokered) -> None:
    """domain 6.4: userinfo through the browser, tokens in addresses."""
    visitor = here.app.visitor()
    visitor.authorize()
    for path in ("/via/dvcqg/callback", "/via/vneid/callback"):
        assert visitor.post(path, data={"encryptData": "e30=", "accessToken": "x"}).status_code in (403, 405)
        assert visitor.get(path, query_string={"accessToken": "x"}).status_code == 400


# The ceremony (§0.4)


def test_a_ceremony_belongs_to_one_browser_and_is_used_once(here: Brokered) -> None:
    journey = here.through("vneid", HOA)
    handle = parse_qs(urlsplit(journey.answer.headers["Location"]).query)["c"][0]  # type: ignore[union-attr]
    thief = here.app.visitor()
    thief.authorize()

    assert thief.get("/link/confirm", query_string={"c": handle}).status_code == 403
    assert thief.post("/link/confirm", data={"c": handle, "link-confirm": "1"}).status_code == 403
    form = {"c": handle, "link-confirm": "1"}
    assert journey.visitor.post("/link/confirm", data=form).status_code == 303
    assert journey.visitor.post("/link/confirm", data=form).status_code == 400
    assert links_of(here, HOA_CODE) == ["vneid"]


def test_a_ceremony_of_an_account_that_was_secured_meanwhile_is_dead(here: Brokered) -> None:
    """T-04: what was begun before a credential event is not finished after it."""
    journey = here.through("vneid", HOA)
    page = journey.page()
    account = here.app.base.people.find(here.account_of(HOA_CODE))
    assert account is not None
    here.app.provider.accounts.credentials.change(account, account.password_hash or "", NOWHERE)
    journey.answer = page

    journey.press("link-confirm")
    assert journey.answer.status_code == 400
    assert links_of(here, HOA_CODE) == []


def test_a_second_holder_of_the_number_ends_the_ceremony(here: Brokered) -> None:
    """U-05: looked at again inside the transaction that links."""
    journey = here.through("dvcqg", MO).press("link-confirm")
    page = journey.page()
    code = here.app.code_sent()
    here.app.person(identifiers={"bhxh": "0088800001"}, phone="0911000111", phone_verified=True)
    journey.answer = page
    journey.press("code-submit", code=code)

    assert journey.place == "/link/refused"
    assert links_of(here, MO_CODE) == []


def test_an_upstream_link_is_begun_from_a_session_by_that_session_only(here: Brokered) -> None:
    """Q-04: linking wants a live session with a fresh code, and the page that asks."""
    app = here.app
    visitor = app.visitor()
    visitor.log_in(visitor.authorize(), HOA_CODE, LOCAL)
    stepping = visitor.get("/account/links")
    assert stepping.headers["Location"].startswith("/login/code?")

    step = visitor.get(stepping.headers["Location"])
    attempt = attempt_of(stepping)
    assert step.status_code == 200
    done = visitor.post("/login/code", data={"attempt": attempt, "code": app.code_sent(), "code-submit": "1"})
    visitor.get(visitor.get(done.headers["Location"]).headers["Location"])
    sent = visitor.get("/account/links/add/vneid")
    back = visitor.get(come_back(here.world, "vneid", sent.headers["Location"], HOA))
    assert back.headers["Location"].startswith("/account/links/confirm?c=")
    handle = parse_qs(urlsplit(back.headers["Location"]).query)["c"][0]

    # The code grew old meanwhile: another one leads back to the very same question.
    app.clock.move(301)
    stepping = visitor.get(back.headers["Location"])
    assert stepping.headers["Location"].startswith("/login/code?")
    visitor.get(stepping.headers["Location"])
    form = {"attempt": attempt_of(stepping), "code": app.code_sent(), "code-submit": "1"}
    done = visitor.post("/login/code", data=form)
    assert visitor.get(done.headers["Location"]).headers["Location"] == back.headers["Location"]

    # Without the session's own value no form of another site makes the link.
    assert visitor.post("/account/links/confirm", data={"c": handle, "link-make": "1"}).status_code == 403
    journey = Journey(here, visitor, "", back)
    journey.press("link-make")
    assert journey.place == "/account/links/keep"
    assert links_of(here, HOA_CODE) == ["vneid"]

    # M-1: what this session went by is ticked, and the session that answered lives on.
    asked = visitor.get("/account/links/keep").text
    assert re.findall(r'name="([^"]+)" value="1" checked', asked) == ["password:", "phone:"]
    assert visitor.post("/account/links/keep", data={"password:": "1"}).status_code == 403
    journey.answer = visitor.get("/account/links/keep")
    journey.press("keep-done", **{"password:": "1", "phone:": "1"})
    assert journey.place == "/account/links"
    account = app.base.people.find(here.account_of(HOA_CODE))
    assert account
    assert (account.password_hash is not None, account.phone is not None, account.email) == (True, True, None)
    assert visitor.get("/account/links/keep").headers["Location"] == "/account/links"
    assert "VNeID" in visitor.get("/account/links").text


# Hijacking beforehand (T-02 to T-04; T-05 is a matter of the table)


def test_what_an_attacker_left_open_dies_with_the_link(here: Brokered) -> None:
    """T-02, T-03: sessions, refresh tokens and unproven contacts of before are gone, and the victim reads it."""
    app = here.app
    account_id = here.account_of("0055555555")
    with app.base.database.autocommit.connect() as connection:
        mail = {"email": "attacker@example.com", "email_verified_at": None}
        connection.execute(update(t.account).where(t.account.c.id == account_id).values(mail))
    attacker = app.visitor("203.0.113.66")
    answer = attacker.log_in(attacker.authorize(scope="openid offline_access"), "0055555555", LOCAL)
    tokens = attacker.redeem(answer_of(answer)["code"]).json or {}

    journey = here.through("vneid", "000995555555").press("link-confirm")
    assert journey.answer is not None
    assert "địa chỉ thư điện tử chưa được xác minh" in journey.answer.text
    found = app.base.people.find(account_id)
    assert found is not None
    assert found.email is None
    assert attacker.get("/account").headers["Location"].startswith("/login?")
    assert attacker.refresh(tokens["refresh_token"]).status_code == 400


def test_not_me_undoes_a_link_and_ends_what_came_through_it(here: Brokered) -> None:
    """Q-04, 72 hours: after it the identifier opens nothing."""
    app = here.app
    account = app.base.people.find(here.account_of(HOA_CODE))
    assert account is not None
    links = app.provider.federation.upstream_logins.links
    made = NewLink(new_id(), account.id, Subject("vneid", "t" * 43), "code", {})
    told = app.provider.accounts.notices.of("link_added", account, NOWHERE, before={"link": made.id})
    securing = Securing(account.id, account.secured_at, {}, Event("link.added", account.id), told)
    links.add(made, securing, app.clock())
    link = next(m.facts["undo_url"] for m in app.told("sms") if m.template == "notice")
    owner = app.visitor("198.51.100.20")

    assert owner.post(urlsplit(link).path, data={"not-me": "1"}).status_code == 200
    assert links_of(here, HOA_CODE) == []


def test_m1_not_me_never_ends_a_link_that_number_name_and_date_made(here: Brokered) -> None:
    """A channel that is older than the strong proof ends sessions and opens a case, and no more."""
    app = here.app
    journey = here.through("vneid", HOA).press("link-confirm").follow()
    link = next(m.facts["undo_url"] for m in app.told("sms") if m.template == "notice")
    attacker = app.visitor("198.51.100.20")

    done = attacker.post(urlsplit(link).path, data={"not-me": "1"})
    assert "Cán bộ BHXH đã nhận việc này" in done.text
    assert links_of(here, HOA_CODE) == ["vneid"]
    assert journey.visitor.get("/account").headers["Location"].startswith("/login?")


def test_the_previous_number_is_told_of_a_link_too(here: Brokered) -> None:
    """U-07: whoever had the number before the thief's change learns what the thief did next."""
    app = here.app
    account = app.base.people.find(here.account_of(HOA_CODE))
    assert account is not None
    assert app.provider.accounts.credentials.set_number(account, "+84911000999", "at the desk")
    assert [m.to for m in app.told("sms")] == ["+84981234567"]

    here.through("vneid", HOA).press("link-confirm")
    told = {m.to: bool(m.facts["undo_url"]) for m in app.told("sms")}
    assert told == {"+84981234567": True, "+84911000999": False}


def test_a_number_that_nobody_used_for_a_year_gets_no_login_code(here: Brokered) -> None:
    """U-08: it may be another's by now. Where it is proved anew at a desk, codes go on."""
    app = here.app
    app.client("strict", default_acr_values=["urn:bhxh:acr:2"])
    app.clock.move(366 * 86_400)
    account_id = here.account_of(HOA_CODE)
    app.base.people.set_password(account_id, app.provider.accounts.passwords.hash(LOCAL), app.clock())

    def sent_to_code() -> str:
        visitor = app.visitor()
        stepping = visitor.log_in(visitor.authorize("strict"), HOA_CODE, LOCAL)
        assert stepping.headers["Location"].startswith("/login/code?")
        return visitor.get(stepping.headers["Location"]).text

    assert "hơn 12 tháng không dùng" in sent_to_code()
    assert [m.template for m in app.told("sms") if m.template == "otp"] == []
    account = app.base.people.find(account_id)
    assert account is not None
    assert app.provider.accounts.credentials.set_number(account, account.phone or "", "seen at the desk")
    assert "*** *** *67" in sent_to_code()
    assert app.code_sent()


def test_a_number_in_use_stays_good(here: Brokered) -> None:
    """U-08: every right code counts."""
    people, account_id = here.app.base.people, here.account_of(HOA_CODE)
    here.app.clock.move(300 * 86_400)
    people.verify_phone(account_id, "+84981234567", here.app.clock())
    here.app.clock.move(300 * 86_400)
    account = people.find(account_id)

    assert account is not None
    assert trust.number(account, "login", here.app.clock()) == "+84981234567"
    assert trust.number(account, "login", here.app.clock() + 66 * 86_400) is None


def test_an_upstream_is_not_asked_without_end(here: Brokered) -> None:
    """C-01: beginning journeys is limited as beginning logins is."""
    visitor = here.app.visitor()
    attempt = attempt_of(visitor.authorize())
    limit = here.app.settings.limits.attempts_per_address
    codes = [visitor.get("/via/vneid", query_string={"attempt": attempt}).status_code for _ in range(limit + 30)]

    assert codes[:limit] == [303] * limit
    assert codes[-1] == 429


def test_a_login_through_a_young_link_counts_as_level_one(here: Brokered) -> None:
    """U-07: for 72 hours a portal that wants more asks for a code too."""
    app = here.app
    app.client("strict", default_acr_values=["urn:bhxh:acr:2"])
    here.through("dvcqg", HOA).press("link-confirm")
    app.told("sms")
    young = here.through("dvcqg", HOA, client_id="strict").follow()

    assert young.place == "/login/code"


# Races (U-06)


@pytest.fixture
def two_people(database_url: str, tmp_path: Path) -> Iterator[tuple[App, list[str]]]:
    with running_app(tmp_path, database_url) as app:
        yield app, [app.person("0000000001"), app.person("0000000002", identifiers={"bhxh": "0000000002"})]


def link_at_once(app: App, account_ids: list[str], subjects: list[Subject], times: int) -> Counter[str]:
    """Try to link at the same moment, each time as the store would be asked by a ceremony of its own."""
    told: Counter[str] = Counter()
    start, lock = threading.Barrier(8, timeout=60), threading.Lock()

    def try_it(place: int) -> None:
        own = Stores(app.settings, app.clock)
        links = own.links
        start.wait()
        for turn in range(times // 8):
            account_id = account_ids[(place + turn) % len(account_ids)]
            account = app.base.people.find(account_id)
            assert account is not None
            subject = subjects[(place + turn) % len(subjects)]
            new = NewLink(new_id(), account_id, subject, "confirmed", {})
            event = Event("link.added", account_id, facts={"upstream": "vneid", "how": "confirmed"})
            notice = app.provider.accounts.notices.of("link_added", account, NOWHERE, before={"link": new.id})
            try:
                links.add(new, Securing(account_id, account.secured_at, {}, event, notice), app.clock())
                outcome = "linked"
            except LinkConflict:
                outcome = "refused"
            with lock:
                told[outcome] += 1
        own.close()

    threads = [threading.Thread(target=try_it, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


@pytest.mark.parametrize("times", [104, pytest.param(1000, marks=pytest.mark.soak)], ids=["a hundred", "all"])
def test_many_attempts_at_once_make_one_link(two_people: tuple[App, list[str]], times: int) -> None:
    """U-06, Q-03: one subject to two accounts, and two subjects to one account."""
    app, people = two_people
    one = Subject("vneid", "s" * 43)
    assert link_at_once(app, people, [one], times)["linked"] == 1

    rivals = [Subject("dvcqg", letter * 43) for letter in "ab"]
    assert link_at_once(app, people[:1], rivals, times)["linked"] == 1
    with app.base.database.autocommit.connect() as connection:
        held = connection.execute(select(t.link.c.account_id).where(t.link.c.ended_at.is_(None))).all()
    assert len(held) == 2


def test_an_ended_link_makes_room_and_keeps_its_history(two_people: tuple[App, list[str]]) -> None:
    app, (person, _) = two_people
    links, subject = app.base.links, Subject("vneid", "s" * 43)
    for _ in range(3):
        account = app.base.people.find(person)
        assert account is not None
        event = Event("link.added", person, facts={"upstream": "vneid"})
        links.add(
            NewLink(new_id(), person, subject, "confirmed", {}), Securing(person, account.secured_at, {}, event), 1.0
        )
        account = app.base.people.find(person)
        assert account is not None
        gone = Event("link.removed", person, facts={"upstream": "vneid"})
        links.end(links.of_account(person)[0], Securing(person, account.secured_at, {}, gone), 2.0)

    assert links.find(subject) is None
    with app.base.database.autocommit.connect() as connection:
        assert len(connection.execute(select(t.link)).all()) == 3
