"""Two officers at the same time, on both databases; and what a page of the queue costs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from idp.store import tables as t
from tests.support.officers import PASSWORD, Desk, running_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path, database_url) as running:
        yield running


def at_once(*calls: Callable[[], int]) -> list[int]:
    """What the calls give, begun together."""
    together = Barrier(len(calls))

    def begun(call: Callable[[], int]) -> int:
        together.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begun, calls))


def test_two_officers_approve_at_once_and_one_account_is_opened(desk: Desk) -> None:
    logins = ("lan.nguyen", "minh.tran")
    for login in logins:
        desk.officer(login)
    asked = desk.declaration()
    browsers = [desk.browser(login) for login in logins]
    csrfs = [browser.csrf() for browser in browsers]

    def approve(which: int) -> int:
        fields = {"csrf": csrfs[which], "action": "approve", "version": asked.version}
        return browsers[which].send("POST", f"/requests/{asked.id}", data=fields).status_code

    answers = at_once(lambda: approve(0), lambda: approve(1))

    assert sorted(answers) == [303, 409]
    with desk.app.base.database.autocommit.connect() as connection:
        for table in (t.account, t.activation):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1
    assert len([m for m in desk.app.told("sms") if m.template == "activation"]) == 1


def test_two_officers_confirm_a_proposal_at_once_and_it_is_carried_out_once(desk: Desk) -> None:
    for login in ("lan.nguyen", "minh.tran", "an.le"):
        desk.officer(login)
    asked = [desk.declaration() for _ in range(3)]
    desk.browser("lan.nguyen").post(
        "/proposals", {f"id-{each.id}": str(each.version) for each in asked} | {"note": "x"}
    )
    browsers = [desk.browser(login) for login in ("minh.tran", "an.le")]
    path = "/proposals/" + browsers[0].get("/proposals").text.split('href="/proposals/')[1].split('"')[0]
    csrfs = [browser.csrf() for browser in browsers]

    def confirm(which: int) -> int:
        return browsers[which].send("POST", path, data={"csrf": csrfs[which], "action": "confirm"}).status_code

    assert sorted(at_once(lambda: confirm(0), lambda: confirm(1))) == [200, 409]
    assert {desk.stored(each).state for each in asked} == {"approved"}
    assert len([m for m in desk.app.told("sms") if m.template == "activation"]) == 3


def test_a_code_is_used_once_also_by_two_at_once(desk: Desk) -> None:
    """6.5.1"""
    desk.officer()
    desk.app.clock.move(30)
    form = {"login": "lan.nguyen", "password": PASSWORD, "code": desk.code()}
    browsers = [desk.browser(), desk.browser()]

    def log_in(which: int) -> int:
        return browsers[which].send("POST", "/login", data=form).status_code

    answers = at_once(lambda: log_in(0), lambda: log_in(1))

    assert sorted(answers) == [200, 303]


def test_a_page_of_the_queue_takes_the_same_few_statements_however_long_it_is(desk: Desk) -> None:
    desk.officer()
    browser = desk.browser("lan.nguyen")
    desk.declaration()
    seen: list[str] = []
    desk.app.base.database.watch(lambda text, _seconds: seen.append(text))
    browser.get("/")
    seen.clear()
    browser.get("/")
    short = len(seen)
    for _ in range(40):
        desk.declaration()
    browser.get("/")
    seen.clear()
    page = browser.get("/")

    assert page.text.count("Trần Thị Thử") == 25
    # Session, officer and rights in one; the queue; open ones of the same codes; accounts that exist; perhaps agencies.
    assert 4 <= len(seen) == short <= 5, seen
