"""N-09: where a network is full of guessers, and at an account that they guess at, every other way in is as before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.accounts.recovery import RecoveryForm
from tests.attacks.test_password_guessing import fail, sprayed
from tests.flows.test_passkeys import CODE, add, at_home, log_in, owner, person_of
from tests.support import databases
from tests.support.app import ISSUER, App, answer_of
from tests.support.brokered import Brokered, brokered
from tests.support.passkeys import Authenticator
from tests.support.qr import DEVICE, enrolled, logins, waiting
from tests.support.upstreams import SimulatedUpstreams, simulated

NEIGHBOUR = "203.0.113.200"
"""An address in the network that `sprayed` fills."""


def besiege(app: App, code: str) -> None:
    """A network sprays, fifty wrong passwords come from everywhere, and the neighbour's own address is spent."""
    for number in range(17):
        fail(app.visitor(f"198.18.{number}.66"), code, times=3)
    fail(app.visitor(NEIGHBOUR), code, times=5)
    sprayed(app)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        yield running


@pytest.fixture
def here(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    with brokered(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), world) as running:
        yield running


def test_a_passkey_is_asked_for_nothing_more(everywhere: App) -> None:
    owner(everywhere)
    device = Authenticator(ISSUER)
    add(at_home(everywhere), device)
    besiege(everywhere, CODE)
    visitor = everywhere.visitor(NEIGHBOUR)

    assert "code" in answer_of(visitor.get(log_in(visitor, device)))


def test_a_picture_that_the_phone_confirms_is_asked_for_nothing_more(everywhere: App) -> None:
    owner(everywhere)
    person = person_of(everywhere)
    enrolled(everywhere, person)
    besiege(everywhere, CODE)
    page = waiting(everywhere.visitor(NEIGHBOUR))
    ticket = page.scan(DEVICE, person)
    logins(everywhere).confirm(ticket, DEVICE, person, page.number)

    assert "code" in answer_of(page.visitor.get(page.told()["next"]))


def test_a_login_through_an_upstream_is_asked_for_nothing_more(here: Brokered) -> None:
    here.through("vneid", "000890123456").press("link-confirm")
    besiege(here.app, "0012345678")
    journey = here.through("vneid", "000890123456", here.app.visitor(NEIGHBOUR))

    assert journey.place == "/authorize"
    assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]


def test_a_forgotten_password_is_recovered_from_there(everywhere: App) -> None:
    app = everywhere
    owner(app, birth_date="1990-05-17")
    besiege(app, CODE)
    before = len(app.told("sms"))

    app.provider.accounts.recoveries.by_code(RecoveryForm("individual", CODE, "1990-05-17", "browser", NEIGHBOUR))

    assert [message.template for message in app.told("sms")[before:]] == ["otp"]
