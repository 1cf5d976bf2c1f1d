"""One browser, one phone, one delivery; everything else is refused and says why."""

import secrets

import pytest

from idp.errors import TooMany
from qr_login import logins as kept
from qr_login.flow import LIFE, QrRefused, State
from qr_login.logins import INTERVAL, SLOWER, STRANGE
from tests.rules.qr_login.conftest import ASKER, Scene

ME = ("phone", "owner of phone")
OTHER = ("other", "owner of other")


def why(call: object, *given: object) -> str:
    with pytest.raises(QrRefused) as refused:
        call(*given)  # type: ignore[operator]
    return refused.value.why


def other(number: str) -> str:
    return f"{(int(number) + 1) % 100:02}"


def test_a_confirmed_login_is_delivered_to_its_browser_once(scene: Scene) -> None:
    """K-05, O-07: with the attempt and the client that it began with."""
    secret, ticket, login = scene.scanned()
    scene.logins.confirm(ticket, *ME, login.number)

    told = scene.logins.poll(secret)

    assert (told.kind, told.login.attempt, told.login.client_id) == ("delivered", "a_1", "portal")  # type: ignore[union-attr]
    assert (told.login.device_id, told.login.account_id) == ME  # type: ignore[union-attr]
    assert scene.worker().poll(secret) == scene.worker().poll("q_" + secrets.token_urlsafe(32))


def test_the_two_secrets_do_not_give_each_other(scene: Scene) -> None:
    """K-01, K-02: 128 bits in the picture, 256 in the cookie, and a server key between them."""
    secret, login = scene.start()
    ticket = scene.pictures.ticket_of(secret)
    (key,) = scene.store.records

    assert len(ticket) * 6 >= 128
    assert len(secret.removeprefix("q_")) * 6 >= 256
    assert scene.logins.poll(ticket).kind == scene.logins.poll(f"q_{ticket}").kind == "gone"
    assert why(scene.logins.scan, f"v1.{secret[2:24]}.00.{'A' * 22}", *ME) == "unknown"
    stored = key + repr(scene.store.records[key])
    assert ticket not in stored
    assert secret not in stored
    assert login.attempt in stored


def test_without_the_cookie_every_answer_is_the_same_whatever_happened(scene: Scene) -> None:
    """O-05"""
    guess = "q_" + secrets.token_urlsafe(32)
    before = scene.logins.poll(guess)
    _, ticket, login = scene.scanned()
    during = scene.logins.poll(guess)
    scene.logins.confirm(ticket, *ME, login.number)

    assert before == during == scene.logins.poll(guess) == scene.logins.poll("") == scene.logins.poll("q_ø" + "x" * 42)


def test_polling_faster_than_agreed_is_slow_down_and_asks_no_store(scene: Scene) -> None:
    """K-04: also the answer costs nothing but a look at the clock."""
    secret, _ = scene.start()
    scene.logins.poll(secret)
    scene.logins.poll(secret)
    scene.store.restore({})

    told = scene.logins.poll(secret)

    assert (told.kind, told.retry_after, told.login) == ("slow_down", SLOWER, None)
    assert SLOWER == INTERVAL + 5


def test_polling_as_agreed_is_never_slowed(scene: Scene) -> None:
    secret, _ = scene.start()
    for _ in range(int(LIFE) // INTERVAL):
        assert scene.logins.poll(secret).kind == "pending"
        scene.clock.move(INTERVAL)


@pytest.mark.parametrize("last", ["consumed", "denied", "expired"])
def test_after_the_end_nothing_follows(scene: Scene, last: str) -> None:
    """K-05, O-02"""
    secret, ticket, login = scene.scanned()
    if last == "consumed":
        scene.logins.confirm(ticket, *ME, login.number)
        scene.logins.poll(secret)
    elif last == "denied":
        scene.logins.deny(ticket, *ME)
    else:
        scene.clock.move(LIFE)

    assert why(scene.logins.confirm, ticket, *ME, login.number) == last
    assert why(scene.logins.deny, ticket, *ME) == last
    assert why(scene.logins.context, ticket, *ME) == last
    assert scene.logins.poll(secret).kind == {"consumed": "gone"}.get(last, last)


def test_a_confirmation_that_nobody_took_in_time_is_void(scene: Scene) -> None:
    """K-05"""
    secret, ticket, login = scene.scanned()
    scene.logins.confirm(ticket, *ME, login.number)
    scene.clock.move(LIFE)

    assert scene.logins.poll(secret).kind == "expired"
    scene.clock.move(kept.REMEMBERED)
    assert scene.logins.poll(secret).kind == "gone"


def test_a_second_phone_is_refused_and_both_sides_are_told(scene: Scene) -> None:
    """K-06"""
    secret, login = scene.start()
    picture = scene.picture(secret, login)
    ticket, first = scene.logins.scan(picture, *ME)

    assert why(scene.logins.scan, picture, *ME) == "already_scanned"
    assert not scene.logins.context(ticket, *ME).intruded
    assert why(scene.logins.scan, picture, *OTHER) == "already_scanned"

    assert not first.intruded
    assert scene.logins.context(ticket, *ME).intruded
    told = scene.logins.poll(secret).login
    assert told is not None
    assert (told.intruded, told.device_id) == (True, "phone")


def test_nobody_confirms_or_denies_what_they_did_not_scan(scene: Scene) -> None:
    """O-01, O-03: neither before the scan, nor from another device, nor for another account."""
    secret, login = scene.start()
    ticket = scene.pictures.ticket_of(secret)
    assert why(scene.logins.confirm, ticket, *ME, login.number) == "not_scanned"
    assert why(scene.logins.deny, ticket, *ME) == "not_scanned"

    scene.logins.scan(scene.picture(secret, login), *ME)

    for device, account in (OTHER, ("phone", OTHER[1]), ("other", ME[1]), ("", "")):
        assert why(scene.logins.confirm, ticket, device, account, login.number) == "other_device"
        assert why(scene.logins.deny, ticket, device, account) == "other_device"
        assert why(scene.logins.context, ticket, device, account) == "other_device"
    assert scene.logins.poll(secret).kind == "scanned"


def test_a_second_confirmation_changes_nothing(scene: Scene) -> None:
    """O-02"""
    secret, ticket, login = scene.scanned()
    after = scene.logins.confirm(ticket, *ME, login.number)

    assert why(scene.logins.confirm, ticket, *ME, login.number) == "confirmed"
    assert why(scene.logins.confirm, ticket, *ME, other(login.number)) == "confirmed"
    assert scene.logins.context(ticket, *ME) == after
    assert scene.logins.poll(secret).kind == "delivered"


def test_who_confirmed_may_still_say_no_until_the_browser_has_it(scene: Scene) -> None:
    """With its reason, for the page and the log."""
    secret, ticket, login = scene.scanned()
    scene.logins.confirm(ticket, *ME, login.number)
    scene.logins.deny(ticket, *ME, "not_me")

    told = scene.logins.poll(secret)

    assert (told.kind, told.login.denied_by) == ("denied", "not_me")  # type: ignore[union-attr]


def test_the_third_wrong_number_ends_the_login(scene: Scene) -> None:
    """L-04"""
    secret, ticket, login = scene.scanned()
    for wrong in (other(login.number), "", "123456"):
        assert why(scene.logins.confirm, ticket, *ME, wrong) == "wrong_number"

    assert why(scene.logins.confirm, ticket, *ME, login.number) == "denied"
    told = scene.logins.poll(secret).login
    assert told is not None
    assert (told.state, told.denied_by) == (State.DENIED, "wrong_number")


def test_two_wrong_numbers_do_no_harm(scene: Scene) -> None:
    secret, ticket, login = scene.scanned()
    for _ in range(2):
        assert why(scene.logins.confirm, ticket, *ME, other(login.number)) == "wrong_number"
    scene.logins.confirm(ticket, *ME, login.number)

    assert scene.logins.poll(secret).kind == "delivered"


def test_what_is_delivered_stays_delivered_when_the_store_forgets_it(scene: Scene) -> None:
    """F-21: the last word is the durable claim's, not the short-lived store's."""
    secret, ticket, login = scene.scanned()
    scene.logins.confirm(ticket, *ME, login.number)
    before = scene.store.copy()
    assert scene.logins.poll(secret).kind == "delivered"
    scene.store.restore(before)

    assert scene.worker().poll(secret).kind == "gone"


def test_a_device_that_guesses_at_tickets_is_not_looked_at_any_more(scene: Scene) -> None:
    """K-01, O-04: five in a minute, by whatever it asks; others go on."""
    secret, login = scene.start()
    for number in range(STRANGE):
        guess = secrets.token_urlsafe(16)
        if number % 2:
            assert why(scene.logins.confirm, guess, *OTHER, "00") == "unknown"
        else:
            assert why(scene.logins.scan, f"v1.{guess}.00.{'A' * 22}", *OTHER) == "unknown"

    with pytest.raises(TooMany) as refused:
        scene.logins.scan(scene.picture(secret, login), *OTHER)
    assert refused.value.retry_after == 60
    scene.logins.scan(scene.picture(secret, login), *ME)
    scene.clock.move(60)
    assert why(scene.logins.scan, scene.picture(secret, login), *OTHER) == "already_scanned"


@pytest.mark.parametrize("guesses", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_guessing_tickets_hits_nothing(scene: Scene, guesses: int) -> None:
    """O-04: each guess from a device of its own, so that nothing but chance protects."""
    for _ in range(100):
        scene.start()
    for number in range(guesses):
        device = f"device {number}"
        assert why(scene.logins.scan, f"v1.{secrets.token_urlsafe(16)}.00.{'A' * 22}", device, device) == "unknown"


def test_two_logins_of_one_browser_have_nothing_to_do_with_each_other(scene: Scene) -> None:
    """O-07: two tabs are two attempts."""
    first, second = scene.start("a_1"), scene.start("a_2")
    ticket, login = scene.logins.scan(scene.picture(*second), *ME)
    scene.logins.confirm(ticket, *ME, login.number)

    assert scene.logins.poll(first[0]).kind == "pending"
    told = scene.logins.poll(second[0]).login
    assert told is not None
    assert (told.attempt, told.asker) == ("a_2", ASKER)


def test_waiting_writes_nothing(scene: Scene) -> None:
    """K-04: a poll reads, before the scan and after it; only the one delivery writes."""
    secret, login = scene.start()
    before = scene.store.copy()
    assert scene.logins.poll(secret).kind == "pending"
    assert scene.store.records == before
    scene.logins.scan(scene.picture(secret, login), *ME)
    before = scene.store.copy()
    assert scene.logins.poll(secret).kind == "scanned"
    assert scene.store.records == before
