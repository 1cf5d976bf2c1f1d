"""Attacks on the seams of logins through upstreams: skipped steps, links that outlive what made them, dead ends."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from federation.linking import LinkConflict, NewLink, Subject, new_id
from federation.officers import LinkOfficers
from federation.tables import upstream_stay
from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.accounts.notices import NO_NOTICE, NOWHERE
from idp.accounts.participants import Participant
from idp.ports import Event
from idp.store import tables as t
from idp.store.participants import SqlParticipants
from tests.support import databases
from tests.support.app import Visitor, answer_of, attempt_of, running_app
from tests.support.brokered import Brokered, Journey, brokered, come_back, configured, populate
from tests.support.upstreams import SimulatedUpstreams, simulated

HOA, HOA_CODE = "000890123456", "0012345678"
MO, MO_CODE = "000887000111", "0011111111"
YEAR_ONLY, YEAR_ONLY_CODE = "000868444445", "0044444445"
LOCAL, NEW = "Matkhau#2026", "một mật khẩu khác hẳn"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    with brokered(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), world) as running:
        yield running
        world.wish("dvcqg", reset=True)


@pytest.fixture
def careful(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    """An installation where each login by password also needs a code."""
    url, issuer = databases.sqlite_copy(sqlite_template, tmp_path), f"http://localhost:{world.first_port}"
    always = {"one_time_code": "always"}
    with running_app(tmp_path, url, "", issuer=issuer, upstreams=configured(world), login=always) as app:
        app.clock.now = datetime.now(UTC).timestamp()
        app.client()
        populate(app)
        yield Brokered(app, world)


def account_of(here: Brokered, code: str) -> Account:
    found = here.app.base.people.find_by_identifier("bhxh", code)
    assert found is not None
    return found


def links_of(here: Brokered, code: str) -> list[str]:
    found = here.app.provider.federation.upstream_logins.links.of_account(here.account_of(code))
    return [link.subject.upstream for link in found]


def link_by_password(here: Brokered) -> Journey:
    """Whoever knows the password of an account links a person of VNeID to it."""
    return here.through("vneid", YEAR_ONLY).press("link-password").log_in(YEAR_ONLY_CODE, LOCAL).follow()


def undo_links(here: Brokered) -> list[str]:
    return [urlsplit(m.facts["undo_url"]).path for m in here.app.told("sms") if m.template == "notice"]


def close(here: Brokered, upstream: str) -> None:
    store = here.app.base.links
    store.switch(upstream, Event("upstream.closed", facts={"upstream": upstream}), here.app.clock(), closed=True)
    here.app.clock.move(6)


def with_fresh_code(here: Brokered, code: str) -> Visitor:
    """A browser that is logged in and has just entered a code."""
    visitor = here.app.visitor()
    visitor.log_in(visitor.authorize(), code, LOCAL)
    stepping = visitor.get("/account/links")
    visitor.get(stepping.headers["Location"])
    form = {"attempt": attempt_of(stepping), "code": here.app.code_sent(), "code-submit": "1"}
    done = visitor.post("/login/code", data=form)
    visitor.get(done.headers["Location"])
    return visitor


# Steps that are skipped


def test_a_link_is_not_made_before_the_code_that_the_login_owes(careful: Brokered) -> None:
    """§0.4, 2.3.1: a stolen password alone makes no link, and so no way around the code."""
    journey = link_by_password(careful)
    assert journey.place == "/login/code"

    for _ in range(2):
        skipped = journey.visitor.post("/link", data={"attempt": journey.attempt, "link-make": "1"})
        assert urlsplit(skipped.headers["Location"]).path == "/authorize"
        assert links_of(careful, YEAR_ONLY_CODE) == []
    careful.app.told("sms")
    journey.page()
    form = {"attempt": journey.attempt, "code": careful.app.code_sent(), "code-submit": "1"}
    journey.answer = journey.visitor.post("/login/code", data=form)
    assert journey.follow().place == "/link"
    journey.press("link-make")
    assert links_of(careful, YEAR_ONLY_CODE) == ["vneid"]


def test_a_live_session_is_no_password(here: Brokered) -> None:
    """A1: a minute at somebody's unlocked browser. A code that is asked for on top of a session names no login."""
    visitor = here.app.visitor()
    visitor.log_in(visitor.authorize(), YEAR_ONLY_CODE, LOCAL)
    stepping = visitor.authorize(acr_values="urn:bhxh:acr:2")
    assert stepping.headers["Location"].startswith("/login/code?")
    attempt = attempt_of(stepping)
    Journey(here, visitor, attempt).via("vneid", YEAR_ONLY).press("link-password")

    visitor.post("/link", data={"attempt": attempt, "link-make": "1"})
    assert links_of(here, YEAR_ONLY_CODE) == []


# Links that outlive what made them


def test_not_me_also_ends_the_links_that_came_after_it(here: Brokered) -> None:
    """T-02, T-03: who changed the password and then linked an own identity is out by one press, through every door."""
    app = here.app
    account = account_of(here, YEAR_ONLY_CODE)
    app.provider.accounts.credentials.change(account, account.password_hash or "", NOWHERE)
    [not_me] = undo_links(here)
    app.clock.move(60)
    link_by_password(here).press("link-make")
    assert links_of(here, YEAR_ONLY_CODE) == ["vneid"]

    owner = app.visitor("198.51.100.20")
    assert owner.post(not_me, data={"not-me": "1"}).status_code == 200
    assert links_of(here, YEAR_ONLY_CODE) == []
    assert here.through("vneid", YEAR_ONLY).place == "/link/password"


def test_not_me_brings_the_own_link_back_in_the_place_of_the_thiefs(here: Brokered) -> None:
    """Q-04: a link that was removed, and another one put in its place."""
    here.through("vneid", HOA).press("link-confirm")
    app, links = here.app, here.app.provider.federation.upstream_logins.links
    account = account_of(here, HOA_CODE)
    [mine] = links.of_account(account.id)
    app.told("sms")
    app.clock.move(60)
    app.provider.federation.linking.remove(mine, account, NOWHERE, keep_sid=None)
    [not_me] = undo_links(here)
    app.clock.move(60)
    account = account_of(here, HOA_CODE)
    thiefs = NewLink(new_id(), account.id, Subject("vneid", "t" * 43), "password", {})
    links.add(thiefs, Securing(account.id, account.secured_at, {}, Event("link.added", account.id)), app.clock())

    app.visitor().post(not_me, data={"not-me": "1"})
    assert [link.id for link in links.of_account(account.id)] == [mine.id]


def test_a_recovery_ends_the_links_that_only_the_lost_password_made(here: Brokered) -> None:
    """T-03: an upstream identity that somebody added with the password goes; one that proved the person stays."""
    app = here.app
    link_by_password(here).press("link-make")
    here.through("vneid", HOA).press("link-confirm")
    app.clock.move(60)
    lost, proved = (account_of(here, code) for code in (YEAR_ONLY_CODE, HOA_CODE))

    assert "link" in app.provider.accounts.credentials.reset(lost, NEW, "sms", NOWHERE)
    assert "link" not in app.provider.accounts.credentials.reset(proved, NEW, "sms", NOWHERE)
    assert links_of(here, YEAR_ONLY_CODE) == []
    assert links_of(here, HOA_CODE) == ["vneid"]


class Between:
    """The accounts, and something that happens just before the next one is read."""

    def __init__(self, real: object, happens: Callable[[], object]) -> None:
        self._real = real
        self._happens: Callable[[], object] | None = happens

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def find(self, account_id: str) -> Account | None:
        happens, self._happens = self._happens, None
        if happens:
            happens()
        found: Account | None = self._real.find(account_id)  # type: ignore[attr-defined]
        return found


def test_a_link_that_ends_while_somebody_comes_through_it_opens_nothing(here: Brokered) -> None:
    """Q-04: between the look at the link and the look at the account the owner presses "not me"."""
    here.through("vneid", HOA).press("link-confirm")
    app = here.app
    account = account_of(here, HOA_CODE)
    links, gathering = app.provider.federation.upstream_logins.links, app.provider.federation.upstream_logins.evidence
    [link] = links.of_account(account.id)
    gone = Securing(account.id, account.secured_at, {}, Event("link.removed", account.id), NO_NOTICE)
    real = gathering._people
    gathering._people = Between(real, lambda: links.end(link, gone, app.clock()))  # type: ignore[assignment]
    journey = here.through("vneid", HOA)
    gathering._people = real

    assert journey.place != "/authorize"
    assert journey.visitor.get("/account").headers["Location"].startswith("/login?")
    with pytest.raises(LinkConflict):
        links.used(link, Event("link.used", account.id), app.clock())


# Numbers


def test_a_number_is_given_only_while_the_link_holds(here: Brokered) -> None:
    """T-03: a thief's citizen number does not reach the account once the owner undid the thief's link."""
    app, links = here.app, here.app.base.links
    journey = here.through("dvcqg", MO).press("link-confirm")
    journey.answer = journey.page()
    journey.press("code-submit", code=app.code_sent())
    [proposed] = [each for each in links.disputes() if each.reason == "number"]
    dispute = links.find_dispute(proposed.id)
    assert dispute is not None
    officers = LinkOfficers(links, app.provider.accounts.notices, app.clock)
    account = account_of(here, MO_CODE)
    officers.remove(links.of_account(account.id)[0], account, "the owner says it was not them")

    with pytest.raises(LinkConflict):
        officers.give_number(dispute, "papers not looked at")
    assert account_of(here, MO_CODE).identifier("cccd") is None
    assert links.find_dispute(proposed.id).facts["citizen_number"] == MO  # type: ignore[union-attr]


def test_an_account_gets_no_second_citizen_number(here: Brokered) -> None:
    """Two upstreams that tell two numbers for one account: the second one waits for more than a command."""
    app, links = here.app, here.app.base.links
    journey = here.through("dvcqg", MO).press("link-confirm")
    journey.answer = journey.page()
    journey.press("code-submit", code=app.code_sent())
    [proposed] = [each for each in links.disputes() if each.reason == "number"]
    dispute = links.find_dispute(proposed.id)
    assert dispute is not None
    with app.base.database.transaction.begin() as connection:
        held = {"account_id": dispute.account_id, "kind": "cccd", "value": "000887999999", "valid_from": 0.0}
        connection.execute(t.identifier.insert(), held)

    with pytest.raises(LinkConflict):
        LinkOfficers(links, app.provider.accounts.notices, app.clock).give_number(dispute, "papers seen")


def test_a_link_without_a_number_is_held_against_the_accounts_own(here: Brokered) -> None:
    """U-09: the subject comes back with the number of somebody else than the account's."""
    here.through("dvcqg", HOA).press("link-confirm")
    with here.app.base.database.transaction.begin() as connection:
        connection.execute(update(t.link).values(citizen=None))
    assert here.through("dvcqg", HOA).place == "/authorize"
    here.world.wish("dvcqg", person=HOA, faults=["changed_number"])

    assert here.through("dvcqg", HOA).place == "/link/refused"


def test_a_number_that_names_one_account_is_linked_to_no_other(here: Brokered) -> None:
    """design.md path (c), several accounts: a namesake's session, and a person whose number has an account already."""
    app = here.app
    app.person(
        name="Nguyễn Thị Hoà",
        identifiers={"bhxh": "0088800002"},
        birth_date="1990-05-17",
        phone="0911000999",
        phone_verified=True,
        password=LOCAL,
    )
    visitor = with_fresh_code(here, "0088800002")
    sent = visitor.get("/account/links/add/vneid")
    back = visitor.get(come_back(here.world, "vneid", sent.headers["Location"], HOA))
    journey = Journey(here, visitor, "", back).press("link-make")

    assert "why=conflict" in journey.answer.headers["Location"]  # type: ignore[union-attr]
    assert links_of(here, "0088800002") == []


def test_a_number_that_two_accounts_hold_is_not_proposed(here: Brokered) -> None:
    """U-03, U-05: known before the person is asked for a code, not after."""
    here.app.person(identifiers={"bhxh": "0088800001"}, phone="0911000111", phone_verified=True)

    assert here.through("dvcqg", MO).place == "/link/password"


def test_an_account_is_opened_for_whom_the_register_knows_now(here: Brokered) -> None:
    """The register changed while the person read the page: its code is another person's."""
    journey = here.through("vneid", "000899777001")
    assert journey.place == "/link/open"
    page = journey.page()
    today = datetime.fromtimestamp(here.app.clock(), UTC).date()
    row = {
        "bhxh_code": "0011111120",
        "name": "Lê Văn Khác",
        "birth_date": "1960-01-01",
        "citizen_number": "000899777001",
        "phone": "",
    }
    SqlParticipants(here.app.base.database).put([Participant.read(row, today=today, now=here.app.clock())])
    journey.answer = page

    assert journey.press("link-open").place == "/link/refused"
    assert here.app.base.people.find_by_identifier("cccd", "000899777001") is None


# Dead ends


def test_an_upstream_that_closes_on_the_way_leads_back_to_the_login_page(here: Brokered) -> None:
    """F-23: the portal's request is not lost, whenever the operator closes it."""
    visitor = here.app.visitor()
    attempt = attempt_of(visitor.authorize())
    sent = visitor.get("/via/vneid", query_string={"attempt": attempt})
    back = come_back(here.world, "vneid", sent.headers["Location"], HOA)
    asked = here.through("vneid", HOA)
    close(here, "vneid")

    answers = [
        visitor.get(back),
        visitor.get("/via/vneid", query_string={"attempt": attempt}),
        asked.page(),
        asked.visitor.post(
            "/link/confirm",
            data={
                "c": parse_qs(urlsplit(asked.answer.headers["Location"]).query)["c"][0],  # type: ignore[union-attr]
                "link-confirm": "1",
            },
        ),
    ]
    for answer in answers:
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login?attempt="), answer.headers["Location"]
        assert "why=unavailable" in answer.headers["Location"]
    assert links_of(here, HOA_CODE) == []
    assert "code" in answer_of(visitor.log_in(answers[0], HOA_CODE, LOCAL))


def test_a_login_by_password_does_not_end_with_its_upstream(here: Brokered) -> None:
    """F-23: who logged in to be linked comes to the portal, also when the upstream closed meanwhile."""
    journey = here.through("vneid", YEAR_ONLY).press("link-password").log_in(YEAR_ONLY_CODE, LOCAL)
    close(here, "vneid")

    assert journey.follow().place == "/link"
    assert "code" in answer_of(journey.follow().follow().answer)  # type: ignore[arg-type]


def test_a_logout_message_of_any_shape_is_a_bad_request(here: Brokered) -> None:
    """F-24: never an internal error."""
    many = "&".join(f"a{n}=1" for n in range(11)) + "&logout_token=x"
    for body in (many, "logout_token=%ff%fe", "logout_token=x&logout_token=y", ""):
        answer = here.app.visitor().post(
            "/via/dvcqg/logout-token", data=body, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 400, body[:40]


def test_whoever_wants_to_choose_an_account_is_asked_at_the_upstream_too(here: Brokered) -> None:
    """OIDC Core 3.1.2.1: `select_account` is no use when the session there answers by itself."""
    visitor = here.app.visitor()
    attempt = attempt_of(visitor.authorize(prompt="select_account"))
    sent = visitor.get("/via/dvcqg", query_string={"attempt": attempt}).headers["Location"]

    assert parse_qs(urlsplit(sent).query)["prompt"] == ["login"]


def test_a_record_of_before_2018_holds_the_same_person(here: Brokered) -> None:
    """U-02, U-05: the second holder is seen however either record writes the number."""
    app, links = here.app, here.app.base.links
    old, new = "+841201234599", "+84701234599"
    first = app.person(identifiers={"bhxh": "0088800003"})
    second = app.person(identifiers={"bhxh": "0088800004"})
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).where(t.account.c.id == first).values(phone=old))
        connection.execute(update(t.account).where(t.account.c.id == second).values(phone=new))
    account = app.base.people.find(first)
    assert account is not None
    link = NewLink(new_id(), first, Subject("dvcqg", "s" * 43), "code", {}, phone=old)

    with pytest.raises(LinkConflict):
        links.add(link, Securing(first, account.secured_at, {}, Event("link.added", first)), app.clock())


def test_a_logout_there_ends_sessions_whose_login_named_no_session(here: Brokered) -> None:
    """OIDC Back-Channel Logout 1.0, 2.7: the subject alone names them; another session of the subject stays."""
    app, links = here.app, here.app.base.links
    here.through("dvcqg", HOA).press("link-confirm").follow()
    account_id = here.account_of(HOA_CODE)
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(upstream_stay).values(sid=""))
    [link] = links.of_account(account_id)

    assert [owner for owner, _ in links.sids_of(link.subject, "dvcqg", "x" * 43)] == [account_id]
    assert links.sids_of(None, "dvcqg", "x" * 43) == []
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(upstream_stay).values(sid="y" * 43))
    assert links.sids_of(link.subject, "dvcqg", "x" * 43) == []


def test_a_recorded_logout_message_ends_no_later_session(here: Brokered, monkeypatch: pytest.MonkeyPatch) -> None:
    """OIDC Back-Channel Logout 1.0, 2.6: its copy is answered alike and does nothing, also with another signature."""
    brokering, sessions = here.app.provider.federation.upstream_logins, here.app.provider.login.sessions
    upstream, account_id = brokering.upstreams.configured("dvcqg"), here.account_of(HOA_CODE)
    monkeypatch.setattr(type(upstream.connector), "ended", lambda self, token: ("", "session"))
    monkeypatch.setattr(
        type(brokering.links),
        "sids_of",
        lambda *_: [(account_id, each.sid) for each in sessions.of_account(account_id)],
    )

    left = []
    for token in ("a.b.c", "a.b.c", "a.b.d", "a.e.c"):
        visitor = here.app.visitor()
        visitor.log_in(visitor.authorize(), HOA_CODE, LOCAL)
        assert visitor.post("/via/dvcqg/logout-token", {"logout_token": token}).status_code == 200
        left.append(len(sessions.of_account(account_id)))

    assert left == [0, 1, 2, 0]
