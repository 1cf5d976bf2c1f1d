"""A picture is worth something for seconds, to the one who made its login."""

import re
from pathlib import Path

import pytest

from qr_login.flow import LIFE, WRONG_NUMBERS, QrRefused
from qr_login.logins import INTERVAL, REMEMBERED, STRANGE, UNTIL_SCANNED
from qr_login.picture import FAST, SLOW, Pictures
from tests.rules.qr_login.conftest import LINK, Scene
from tests.rules.qr_login.test_flow import ME, OTHER, why


@pytest.mark.parametrize("slow", [False, True])
def test_a_picture_is_accepted_while_it_is_shown_and_a_little_longer(scene: Scene, slow: bool) -> None:
    """M-01: 6 s at most, 10 s for who needs more time; then it is stale, and the browser goes on."""
    limit = 10 if slow else 6
    for age in range(14):
        secret, login = scene.start(slow=slow)
        scene.clock.move(20)
        picture = scene.picture(secret, login)
        scene.clock.move(age + 0.9)
        if age < limit:
            scene.logins.scan(picture, *ME)
        else:
            assert why(scene.logins.scan, picture, *ME) == "stale"
            assert scene.logins.poll(secret).kind == "pending"
            scene.logins.scan(scene.picture(secret, login), *ME)


def test_what_a_poll_hands_out_ahead_is_dead_ten_seconds_later(scene: Scene) -> None:
    """M-01: and none of it is good before its time."""
    secret, login = scene.start()
    scene.clock.move(31)
    now, *later = scene.logins.poll(secret).payloads

    assert now == scene.picture(secret, login)
    assert len(later) == 2
    for payload in later:
        assert why(scene.logins.scan, payload, *ME) == "stale"
    scene.clock.move(10)
    for payload in (now, *later):
        assert why(scene.logins.scan, payload, *ME) == "stale"


def flipped(text: str, at: int) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def test_a_picture_that_we_did_not_make_is_refused(scene: Scene) -> None:
    """M-02: another's ticket, another step, another client, a flipped character, a piece."""
    secret, login = scene.start()
    picture = scene.picture(secret, login)
    stranger = scene.picture(*scene.start())
    prefix, ticket, step, mac = picture.split(".")[-4:]
    their_mac, their_ticket = stranger.split(".")[-1], stranger.split(".")[-3]
    elsewhere = Pictures(b"other key" * 4, LINK).payload(ticket, "portal", 0)
    other_client = scene.pictures.payload(ticket, "another", 0)

    forged = [f"v1.{ticket}.{step}.{their_mac}", f"v1.{their_ticket}.{step}.{mac}", f"v1.{ticket}.01.{mac}"]
    forged += [elsewhere, other_client, flipped(picture, len(picture) - 22), flipped(picture, len(picture) - 10)]
    for number, payload in enumerate(forged):
        assert why(scene.logins.scan, payload, f"device {number}", "somebody") == "forged", payload
    unreadable = [picture[:-1], picture + "A", prefix, "", "v2" + picture[2:], picture.replace("id.test", "id.evil")]
    unreadable += [picture.replace("#", "?"), f"v1.{ticket}.0٠.{mac}", f"v1.{ticket}.-1.{mac}", "\ud800", "x" * 10_000]
    for payload in unreadable:
        assert why(scene.logins.scan, payload, *ME) == "unreadable", payload
    assert scene.logins.poll(secret).kind == "pending"


def test_forged_pictures_are_counted_against_the_device(scene: Scene) -> None:
    """M-02"""
    secret, login = scene.start()
    forged = flipped(scene.picture(secret, login), -22)
    refusals = [why(scene.logins.scan, forged, *OTHER) for _ in range(5)]

    assert refusals == ["forged"] * 5
    with pytest.raises(Exception, match="too many strange"):
        scene.logins.scan(scene.picture(secret, login), *OTHER)


def test_the_app_may_send_the_link_or_only_what_stands_behind_it(scene: Scene) -> None:
    secret, login = scene.start()

    ticket, _ = scene.logins.scan(scene.picture(secret, login).partition("#")[2], *ME)

    assert ticket == scene.pictures.ticket_of(secret)


def test_the_key_of_a_ticket_is_nowhere_but_in_the_server(scene: Scene) -> None:
    """M-03: not in the store, not in what a poll answers; and two servers' pictures differ for one ticket."""
    secret, login = scene.start()
    ticket = scene.pictures.ticket_of(secret)
    key = scene.pictures._keyed("qr picture", ticket)
    seen = repr(scene.store.records) + repr(scene.logins.poll(secret)) + repr(login)

    assert all(form not in seen for form in (key.hex(), repr(key)[2:-1], "k" * 32))
    assert repr(scene.pictures) not in seen


@pytest.mark.parametrize("back", [5, 30, 36, 40, 119, 3_600])
def test_a_clock_that_goes_back_makes_no_old_picture_good_again(scene: Scene, back: float) -> None:
    """M-04"""
    secret, login = scene.start()
    scene.clock.move(20)
    old = scene.picture(secret, login)
    scene.clock.move(40)
    scene.logins.poll(secret)
    scene.clock.move(-back)

    for _ in range(int(back) + 10):
        with pytest.raises(QrRefused):
            scene.logins.scan(old, *ME)
        scene.clock.move(1)
    assert scene.logins.poll(secret).kind != "delivered"


def test_the_floor_of_a_ticket_holds_for_every_worker(scene: Scene) -> None:
    """M-04: a worker that has seen nothing learns from the record what another refused."""
    secret, login = scene.start()
    scene.clock.move(20)
    old = scene.picture(secret, login)
    scene.clock.move(40)
    assert why(scene.logins.scan, old, *ME) == "stale"
    scene.clock.move(-40)

    assert why(scene.worker().scan, old, *ME) == "stale"


def test_after_the_clock_went_back_people_wait_no_longer_than_a_login_lives(scene: Scene) -> None:
    for back in (30, 86_400):
        scene.start()
        scene.clock.move(-back)
        scene.start()
        scene.clock.move(120)
        secret, login = scene.start()
        scene.logins.scan(scene.picture(secret, login), *ME)


def test_a_link_too_long_for_the_code_is_refused_at_once() -> None:
    Pictures(b"k" * 32, "https://id.test/".ljust(128, "q"))
    with pytest.raises(ValueError, match="may have 128 characters"):
        Pictures(b"k" * 32, "https://id.test/".ljust(129, "q"))


def test_the_two_paces() -> None:
    """L-01: the numbers of the risk assessment are those in force."""
    page = (Path(__file__).parents[3] / "docs" / "qr-security.md").read_text(encoding="utf-8")
    numbers = dict(re.findall(r"^\| ([^|]+) \| (?:one in )?([0-9]+)", page, re.MULTILINE))
    fast, slow = (pace.step * (pace.back + 1) for pace in (FAST, SLOW))

    assert numbers["a picture, copied when it appeared"] == str(fast)
    assert numbers["a picture for people who need more time, or without script"] == str(slow)
    assert numbers["the whole login"] == f"{LIFE:.0f}"
    assert numbers["what both sides are told about its end"] == f"{REMEMBERED:.0f}"
    assert numbers["wrong numbers"] == str(WRONG_NUMBERS)
    assert numbers["unknown or forged tickets from one device"] == str(STRANGE)
    assert numbers["polls"] == str(UNTIL_SCANNED)
    assert f"one in {UNTIL_SCANNED} s until the scan, then one in {INTERVAL} s" in page
