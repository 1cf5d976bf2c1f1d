"""M-6 and L-8: two officers are two persons, and whoever is not known as one decides nothing alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from config.cli.context import opened_stores
from config.container import Container
from idp.officers.data_requests import DataRequests
from idp.officers.officers import BadOfficer, NotAllowed, Officer, Own
from idp.ports import Event
from idp.registration.decisions import Decisions
from idp.registration.proposals import Proposals
from idp.store import tables as t
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.officers import Desk, running_desk

CODE, CARD = "0012345678", "001090123456"
OWN = Own(CODE, CARD)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with running_desk(tmp_path, database_url, redis_url) as running:
        yield running


def of_before(desk: Desk, officer: Officer, **values: object) -> Officer:
    """The officer as one who was added before numbers were asked for."""
    nameless = {"bhxh_code": None, "citizen_number": None} | values
    with desk.app.base.database.transaction.begin() as connection:
        connection.execute(update(t.officer).where(t.officer.c.id == officer.id).values(nameless))
    found = desk.app.base.officers.find(officer.id)
    assert found
    return found


def decisions(desk: Desk) -> Decisions:
    return desk.app.provider.registration.decisions


def proposals(desk: Desk) -> Proposals:
    return Container(desk.app.base).officers.proposals


@pytest.mark.parametrize("own", [Own(), Own(CODE), Own(None, CARD)])
def test_m6_an_officer_has_both_numbers_or_is_a_foreigner(desk: Desk, own: Own) -> None:
    with pytest.raises(BadOfficer, match="both numbers"):
        desk.roster.add("lan.nguyen", "Nguyễn Thị Lan", "test", own)

    foreign = desk.roster.add("lan.nguyen", "Nguyễn Thị Lan", "test", replace(own, foreigner=True))
    assert desk.app.base.officers.find(foreign.id) == foreign


@pytest.mark.parametrize("own", [Own(CODE, "001090999999"), Own("0099999999", CARD), OWN])
def test_m6_no_two_active_officers_are_one_person(desk: Desk, own: Own) -> None:
    lan = desk.roster.add("lan.nguyen", "Nguyễn Thị Lan", "test", OWN)

    with pytest.raises(BadOfficer, match="a person has one account"):
        desk.roster.add("lan.hai", "Nguyễn Thị Lan", "test", own)
    again = desk.roster.disable(lan, "left")
    second = desk.roster.add("lan.hai", "Nguyễn Thị Lan", "test", own)
    with pytest.raises(BadOfficer, match="a person has one account"):
        desk.roster.enable(again, "is back")
    other = desk.roster.add("minh.tran", "Trần Văn Minh", "test", Own("0011111111", "001090111111"))
    with pytest.raises(BadOfficer, match="a person has one account"):
        desk.roster.identify(other, own, "mistaken")
    assert desk.app.base.officers.find(second.id) == second


def test_m6_one_person_with_two_accounts_cannot_propose_and_confirm(desk: Desk) -> None:
    """Also where the database of before has both: the rule compares persons, not rows."""
    lan = desk.officer("lan.nguyen")
    waiting = desk.declaration()
    [proposal] = proposals(desk).approve_all([waiting], lan, "x")
    same = replace(desk.officer("lan.hai"), bhxh_code=lan.bhxh_code)

    with pytest.raises(NotAllowed, match="same_officer"):
        proposals(desk).confirm(proposal, same)
    with pytest.raises(NotAllowed, match="same_officer"):
        decisions(desk).approve(waiting, lan, seconded_by=same)
    assert desk.stored(waiting).state == "submitted"


def test_m6_neither_account_of_a_person_decides_about_the_person(desk: Desk) -> None:
    lan = desk.officer("lan.nguyen", bhxh_code=CODE, citizen_number=CARD)
    by_code, by_card = desk.declaration(code=CODE), desk.declaration(paper_number=CARD)

    for own in (by_code, by_card):
        for account in (lan, replace(lan, id="another")):
            with pytest.raises(NotAllowed, match="own_request"):
                decisions(desk).approve(own, account)


@pytest.mark.parametrize("foreigner", [True, False], ids=["foreigner", "of before"])
def test_m6_whoever_is_not_known_as_a_person_decides_nothing_alone(desk: Desk, foreigner: bool) -> None:
    """They log in and see, and the page says why nothing happens."""
    unknown = of_before(desk, desk.officer("kim.lee", ("*", "decide"), ("*", "data")), foreigner=foreigner)
    waiting, browser = desk.declaration(), desk.browser("kim.lee")

    assert browser.get(f"/requests/{waiting.id}").status_code == 200
    for action in ("approve", "reject", "return"):
        answer = browser.decide(waiting, action, reason="other")
        assert answer.status_code == 403
        assert "không quyết định một mình được" in answer.text
    with pytest.raises(NotAllowed, match="alone"):
        decisions(desk).send_again(waiting, unknown)
    account = desk.app.base.people.find(desk.app.person("0000000002"))
    assert account
    requests: DataRequests = desk.app.provider.officers.data_requests
    asked = requests.ask(account)
    for act in (requests.acknowledge, requests.erase):
        with pytest.raises(NotAllowed, match="alone"):
            act(asked, unknown)
    assert browser.post(f"/data/{asked.id}", {"action": "acknowledge"}).status_code == 403
    assert desk.stored(waiting).state == "submitted"


def test_m6_a_foreigner_and_a_known_officer_are_two_and_others_are_not(desk: Desk) -> None:
    lan = desk.officer("lan.nguyen")
    kim = desk.officer("kim.lee", foreigner=True)
    jun = desk.officer("jun.park", foreigner=True)
    before = of_before(desk, desk.officer("minh.tran"))
    for first, second in ((kim, jun), (before, lan), (lan, before), (before, kim)):
        waiting = desk.declaration()
        [proposal] = proposals(desk).approve_all([waiting], first, "x")
        with pytest.raises(NotAllowed, match="same_officer"):
            proposals(desk).confirm(proposal, second)

    waiting = desk.declaration()
    [proposal] = proposals(desk).approve_all([waiting], kim, "x")
    assert [each.why for each in proposals(desk).confirm(proposal, lan)] == ["approved"]


def test_m6_an_officer_of_before_is_identified_and_decides_again(desk: Desk) -> None:
    before = of_before(desk, desk.officer("lan.nguyen"))
    with pytest.raises(BadOfficer, match="both numbers"):
        desk.roster.invite(before, "lost", reset=True)

    known = desk.roster.identify(before, OWN, "desk 12")

    assert decisions(desk).approve(desk.declaration(), known).state == "approved"


@pytest.mark.parametrize("right", ["links", "data"])
def test_l8_what_belongs_to_no_agency_is_granted_everywhere_or_not_at_all(desk: Desk, right: str) -> None:
    """L-8: also a narrow right of before holds nowhere."""
    lan = desk.officer("lan.nguyen")
    with pytest.raises(BadOfficer, match="about no agency"):
        desk.roster.grant(lan, "00101", right, "test")  # type: ignore[arg-type]
    narrow = replace(lan, rights=lan.rights | {("00101", right)})  # type: ignore[arg-type]
    assert desk.app.base.officers.change(lan, narrow, Event("officer.changed"), desk.app.clock())

    browser = desk.browser("lan.nguyen")
    assert browser.get(f"/{right}").status_code == 403
    desk.roster.grant(narrow, "*", right, "test")  # type: ignore[arg-type]
    assert browser.get(f"/{right}").status_code == 200


def test_m6_the_commands_ask_for_numbers_and_the_doctor_tells_who_has_none(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_OFFICERS__URL", "http://officers.localhost:8000")
    who, why = ("lan.nguyen", "--name", "Nguyễn Thị Lan"), ("--reason", "desk 12")
    both = ("--bhxh-code", CODE, "--citizen-number", CARD)
    bare = operator.run("officers", "add", *who, *why)
    assert (bare.exit_code, "both numbers" in bare.output) == (1, True)
    operator.does("officers", "add", *who, *both, *why)
    operator.does("officers", "add", "kim.lee", "--name", "Kim Lee", "--foreigner", *why)
    assert told(operator) == ("good", "2 active, 1 of them foreigners")

    base = opened_stores()
    with base.database.transaction.begin() as connection:
        connection.execute(update(t.officer).where(t.officer.c.login == "lan.nguyen").values(citizen_number=None))
    base.close()
    state, detail = told(operator)
    assert (state, detail.partition(":")[0]) == ("wrong", "lan.nguyen")
    operator.does("officers", "identify", "lan.nguyen", *both, *why)
    assert told(operator)[0] == "good"
    assert {row["login"]: row["person"] for row in operator.json("officers", "list")} == {
        "kim.lee": "foreigner",
        "lan.nguyen": "known",
    }


def told(operator: Operator) -> tuple[str, str]:
    """What the doctor says of officers."""
    rows = json.loads(operator.run("doctor", "--json").stdout)
    return next((row["state"], row["detail"]) for row in rows if row["part"] == "officers")
