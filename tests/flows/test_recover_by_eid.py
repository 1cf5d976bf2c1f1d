"""A forgotten password is set anew by whoever proves with an electronic identity who they are, and by nobody else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from idp.registration.declaration import Declaration
from idp.store import tables as t
from tests.flows.test_passwords_life import NEW, follow, page_of
from tests.support import databases
from tests.support.app import Visitor, attempt_of
from tests.support.brokered import Brokered, Journey, brokered
from tests.support.desk import declared
from tests.support.upstreams import SimulatedUpstreams, simulated

HOA, HOA_CODE = "000890123456", "0012345678"
LOCAL = "Matkhau#2026"
CHILD = "000212345678"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    with brokered(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), world) as running:
        yield running


def linked(here: Brokered) -> None:
    """Hoà has linked the account, by the citizen number that both know."""
    here.through("vneid", HOA).press("link-confirm").follow()


def proving(here: Brokered) -> tuple[Visitor, TestResponse]:
    """As far as the page after a login through VNeID."""
    visitor = here.app.visitor()
    assert "/recover/eid" in visitor.get("/recover").text
    assert page_of(visitor.get("/recover/eid")) == "recover-eid"
    journey = Journey(here, visitor, attempt_of(visitor.get("/recover/eid?go=1")))
    assert page_of(visitor.get("/recover/eid")) == "recover-eid"
    journey.via("vneid", HOA)
    assert journey.answer is not None
    page = follow(visitor, journey.answer)
    return visitor, with_code(here, visitor, page) if page_of(page) == "code" else page


def with_code(here: Brokered, visitor: Visitor, page: TestResponse) -> TestResponse:
    """VNeID does not tell when its person logged in: a code to the registered number comes too."""
    attempt = re.search(r'name="attempt" value="([^"]+)"', page.text)
    assert attempt
    form = {"attempt": attempt[1], "code": here.app.code_sent(), "code-submit": "1"}
    return follow(visitor, visitor.post("/login/code", data=form))


def set_new(visitor: Visitor, page: TestResponse, password: str = NEW) -> TestResponse:
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf, page.text
    return visitor.post("/recover/eid", data={"csrf": csrf[1], "password": password, "again": password})


def test_a_strong_fresh_login_sets_a_new_password_and_ends_everything(here: Brokered) -> None:
    linked(here)
    old = here.app.visitor("192.0.2.9")
    old.log_in(old.authorize(), HOA_CODE, LOCAL)
    here.app.clock.move(72 * 3600 + 1)

    visitor, page = proving(here)
    assert page_of(page) == "recover-eid-password"
    assert page_of(set_new(visitor, page, "12345678")) == "recover-eid-password"
    assert page_of(set_new(visitor, page)) == "recovered"

    assert page_of(follow(visitor, visitor.get("/account"))) == "login"
    assert page_of(follow(old, old.get("/account"))) == "login"
    fresh = here.app.visitor()
    assert (
        fresh.log_in(fresh.authorize(), HOA_CODE, NEW)
        .headers["Location"]
        .startswith("https://portal.example.test/callback?code=")
    )


def test_a_link_of_the_last_three_days_recovers_nothing(here: Brokered) -> None:
    """U-07"""
    linked(here)

    _, page = proving(here)

    assert page_of(page) == "recover-eid"


def test_a_link_that_only_the_lost_password_made_recovers_nothing(here: Brokered) -> None:
    """T-03: a thief of the password could have linked an identity of their own."""
    linked(here)
    with here.app.base.database.transaction.begin() as connection:
        connection.execute(update(t.link).values(how="password"))
    here.app.clock.move(72 * 3600 + 1)

    _, page = proving(here)

    assert page_of(page) == "recover-eid"


def test_five_minutes_later_or_by_password_the_page_opens_nothing(here: Brokered) -> None:
    linked(here)
    here.app.clock.move(72 * 3600 + 1)
    visitor, page = proving(here)

    here.app.clock.move(301)

    assert set_new(visitor, page).status_code == 400
    local = here.app.visitor()
    local.log_in(local.authorize(), HOA_CODE, LOCAL)
    assert page_of(local.get("/recover/eid")) == "recover-eid"


def registration(here: Brokered, **form: str) -> Declaration:
    return declared(here.app, form={"code": "0099999999", "paper_number": ""} | form)


def state_of(here: Brokered, declaration: Declaration) -> str:
    found = here.app.provider.stores.declarations.find(declaration.id)
    assert found
    return found.state


def test_who_logs_in_by_eid_ends_what_others_asked_to_register_with_the_same_numbers(here: Brokered) -> None:
    """T-01: a pending registration is never a merge target, and has nothing left afterwards."""
    by_code = registration(here, code=HOA_CODE)
    by_number = registration(here, paper_number=HOA)
    neighbour = registration(here)

    linked(here)

    assert state_of(here, by_code) == state_of(here, by_number) == "cancelled"
    assert state_of(here, neighbour) == "submitted"
    account = here.app.base.people.find(here.account_of(HOA_CODE))
    assert account
    assert account.email != "nga@example.com"
