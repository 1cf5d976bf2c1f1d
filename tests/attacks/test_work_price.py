"""Where many were wrong, a try costs work or a wait; it is asked before anything is spent, and of no known device."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.support.app import CAPTCHA, PASSWORD, App, Visitor, attempt_of
from tests.support.work import asked_on, solve

CODE = "0000000001"


@pytest.fixture
def dear(app: App) -> App:
    """The network 192.0.2.0/24 was wrong so often that a captcha has to be thirty seconds old."""
    for _ in range(160 * app.settings.limits.network_wrong // 20):
        app.provider.login.challenges.work.count_wrong("192.0.2.0/24")
    return app


def login_page(visitor: Visitor) -> tuple[str, str]:
    attempt = attempt_of(visitor.authorize())
    return attempt, visitor.get("/login", query_string={"attempt": attempt}).text


def solution(page: str) -> str:
    work = asked_on(page)
    assert work
    return solve(work)


def captcha_of(page: str) -> str:
    found = re.search(r"c_[A-Za-z0-9_-]{43}", page)
    assert found
    return found[0]


def post(visitor: Visitor, attempt: str, page: str, **more: str) -> Any:
    fields = {"attempt": attempt, "kind": "individual", "username": CODE, "password": PASSWORD, "captcha": CAPTCHA}
    return visitor.post("/login", data=fields | {"captcha_id": captcha_of(page)} | more)


def test_a_quiet_network_pays_nothing(app: App) -> None:
    visitor = app.visitor()
    attempt, page = login_page(visitor)

    assert "data-work" not in page
    assert post(visitor, attempt, page).status_code == 303


def test_work_is_taken_at_once(dear: App) -> None:
    visitor = dear.visitor()
    attempt, page = login_page(visitor)

    assert post(visitor, attempt, page, altcha=solution(page)).status_code == 303


def test_without_script_the_same_captcha_serves_when_it_is_old_enough(dear: App) -> None:
    """Nothing is spent by being early: the page keeps the picture and what was read from it."""
    visitor = dear.visitor()
    attempt, page = login_page(visitor)
    early = post(visitor, attempt, page)

    assert (early.status_code, early.headers["Retry-After"]) == (429, "30")
    assert captcha_of(early.text) == captcha_of(page)
    assert f'value="{CAPTCHA}"' in early.text
    assert PASSWORD not in early.text
    dear.clock.move(30)
    assert post(visitor, attempt, early.text).status_code == 303


def test_solved_work_opens_nothing_twice(dear: App) -> None:
    visitor = dear.visitor()
    attempt, page = login_page(visitor)
    paid = solution(page)

    assert "Sai tên đăng nhập" in post(visitor, attempt, page, altcha=paid, password="wrong guess").text
    assert "Mã kiểm tra không đúng" in post(visitor, attempt, page, altcha=paid).text


@pytest.mark.parametrize("mode", ["always", "after_failures"])
def test_no_other_challenge_evades_the_price(dear: App, mode: Any) -> None:
    """One that was used, one that nobody made, or none: the right password is not even looked at."""
    logins = dear.provider.login.logins
    logins._rules = replace(logins._rules, captcha=mode)
    visitor = dear.visitor()
    attempt, page = login_page(visitor)
    paid = solution(page)
    used = post(visitor, attempt, page, altcha=paid, password="wrong guess")
    again = post(visitor, attempt, page, altcha=paid)
    invented = post(visitor, attempt, page, captcha_id="c_" + "x" * 43)
    without = post(visitor, attempt, page, captcha_id="")

    assert "Sai tên đăng nhập" in used.text
    assert [each.status_code for each in (again, invented, without)] == [200, 200, 200]
    assert all("data-work" in each.text for each in (again, invented, without))


def test_another_network_is_not_charged(dear: App) -> None:
    visitor = dear.visitor("198.51.100.9")
    attempt, page = login_page(visitor)

    assert post(visitor, attempt, page).status_code == 303


def test_a_known_device_is_not_asked(dear: App) -> None:
    visitor = dear.visitor("198.51.100.9")
    attempt, page = login_page(visitor)
    visitor.get(post(visitor, attempt, page, remember="1").headers["Location"])
    visitor.address = "192.0.2.7"
    attempt = attempt_of(visitor.authorize(prompt="login"))
    page = visitor.get("/login", query_string={"attempt": attempt}).text

    assert post(visitor, attempt, page).status_code == 303


def test_wrong_passwords_of_strangers_raise_it(app: App) -> None:
    app.provider.login.challenges.work._free = 3
    visitor = app.visitor()
    for number in range(3):
        attempt, page = login_page(visitor)
        post(visitor, attempt, page, username=f"99{number:08d}", password="wrong guess")
    _, page = login_page(visitor)

    assert '"maxNumber": 25000' in (asked_on(page) or "")


def test_a_recovery_costs_the_same(dear: App) -> None:
    visitor = dear.visitor()
    page = visitor.get("/recover").text
    fields = {
        "way": "phone",
        "kind": "individual",
        "username": CODE,
        "captcha_id": captcha_of(page),
        "captcha": CAPTCHA,
    }
    early = visitor.post("/recover", data=fields)

    assert (early.status_code, early.headers["Retry-After"]) == (429, "30")
    assert "thử lại sau" in early.text
    assert captcha_of(early.text) == captcha_of(page)
    assert visitor.post("/recover", data=fields | {"altcha": solution(page)}).status_code == 303
