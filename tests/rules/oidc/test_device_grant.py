"""What a device code goes through, step by step, by the clock (RFC 8628)."""

from collections.abc import Callable

import pytest
from authlib.oauth2 import OAuth2Error

from idp.errors import Expired, TooMany
from idp.limits.local import LocalRateLimiter
from idp.login.authentication import Authentication
from idp.oidc.clients import DEVICE_CODE, Client
from idp.oidc.device_grant import ALPHABET, LIFE, Begun, DeviceCodes, format_user_code, read_user_code
from idp.oidc.grant import Grant
from tests.support.clock import FrozenClock
from tests.support.memory import InMemory

CLIENT = Client("tv-app", "Màn hình", grant_types=(DEVICE_CODE,), scope="openid profile")
GRANT = Grant("tv-app", Authentication("somebody", 1.0), "a sid", ("openid",))


class Claims:
    """What was claimed, for good."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    def __call__(self, key: str, until: float) -> bool:
        is_first = key not in self.held
        self.held.add(key)
        return is_first


class Desk:
    """Device codes with everything around them."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock, self.store, self.claims = clock, InMemory(), Claims()
        self.codes = DeviceCodes(self.store, clock, self.claims, LocalRateLimiter(10, 60, clock))

    def begin(self) -> Begun:
        return self.codes.begin(CLIENT, "openid", None, "192.0.2.0/24")

    def allow(self, begun: Begun) -> None:
        self.codes.allow(begun.user_code, self.secret(begun), GRANT)

    def deny(self, begun: Begun) -> None:
        self.codes.deny(begun.user_code, self.secret(begun))

    def secret(self, begun: Begun) -> str:
        found = self.codes.find(begun.user_code)
        return found.secret if found else ""

    def poll(self, begun: Begun) -> str:
        try:
            return "granted" if self.codes.poll(begun.device_code, "tv-app") == GRANT else "another grant"
        except OAuth2Error as refused:
            return str(refused.error)


@pytest.fixture
def desk(clock: FrozenClock) -> Desk:
    return Desk(clock)


def test_a_code_is_pending_then_granted_once_and_never_again(desk: Desk) -> None:
    """K-05"""
    begun = desk.begin()
    told = [desk.poll(begun)]
    desk.allow(begun)
    told += [desk.poll(begun) for _ in range(3)]

    assert told == ["authorization_pending", "granted", "invalid_grant", "invalid_grant"]


def test_a_denial_is_final(desk: Desk) -> None:
    """K-05"""
    begun = desk.begin()
    secret = desk.secret(begun)
    desk.deny(begun)

    for decide in (lambda: desk.codes.allow(begun.user_code, secret, GRANT), lambda: desk.deny(begun)):
        with pytest.raises(Expired):
            decide()
    assert [desk.poll(begun) for _ in range(2)] == ["access_denied", "access_denied"]


def test_who_allowed_cannot_deny_afterwards(desk: Desk) -> None:
    begun = desk.begin()
    secret = desk.secret(begun)
    desk.allow(begun)

    with pytest.raises(Expired):
        desk.codes.deny(begun.user_code, secret)
    assert desk.poll(begun) == "granted"


def test_a_code_ends_after_ten_minutes_for_both_sides(desk: Desk) -> None:
    begun, late = desk.begin(), desk.begin()
    desk.allow(late)
    desk.clock.move(LIFE - 0.1)
    assert desk.codes.find(begun.user_code) is not None
    desk.clock.move(0.1)

    assert desk.codes.find(begun.user_code) is None
    assert [desk.poll(begun), desk.poll(late)] == ["expired_token", "expired_token"]
    desk.clock.move(LIFE)
    assert desk.poll(begun) == "invalid_grant"


def test_each_hasty_poll_adds_five_seconds_which_are_remembered(desk: Desk) -> None:
    """K-04"""
    begun, told = desk.begin(), []
    for waited in (0, 4, 9, 10, 14, 15):
        desk.clock.move(waited)
        told.append(desk.poll(begun))

    pending, hasty = "authorization_pending", "slow_down"
    # Five seconds first; ten after the first hasty poll, fifteen after the second.
    assert told == [pending, hasty, hasty, hasty, hasty, hasty]
    desk.clock.move(30)
    assert desk.poll(begun) == pending


@pytest.mark.parametrize("early", [0.0, 0.4])
def test_a_timer_may_be_a_little_early(desk: Desk, early: float) -> None:
    begun = desk.begin()

    for _ in range(5):
        assert desk.poll(begun) == "authorization_pending"
        desk.clock.move(5 - early)


def test_a_flood_of_polls_soon_writes_nothing_more(desk: Desk) -> None:
    """K-04: never extra work."""
    begun = desk.begin()
    for _ in range(13):
        desk.poll(begun)
    before = desk.store.copy()
    told = {desk.poll(begun) for _ in range(100)}

    assert told == {"slow_down"}
    assert desk.store.records == before
    desk.clock.move(60)
    assert desk.poll(begun) == "authorization_pending"


def test_a_hasty_device_still_gets_what_was_granted(desk: Desk) -> None:
    begun = desk.begin()
    for _ in range(5):
        desk.poll(begun)
    desk.allow(begun)

    assert desk.poll(begun) == "granted"


def test_a_decision_survives_a_poll_at_the_same_moment(desk: Desk) -> None:
    begun = desk.begin()
    secret = desk.secret(begun)
    desk.store.meanwhile = lambda: desk.poll(begun)
    desk.codes.allow(begun.user_code, secret, GRANT)

    assert desk.poll(begun) == "granted"


def test_a_poll_survives_a_decision_at_the_same_moment(desk: Desk) -> None:
    begun = desk.begin()
    desk.store.meanwhile = lambda: desk.allow(begun)

    assert desk.poll(begun) == "granted"


def test_of_two_decisions_at_the_same_moment_the_first_holds(desk: Desk) -> None:
    begun = desk.begin()
    desk.store.meanwhile = lambda: desk.deny(begun)

    with pytest.raises(Expired):
        desk.allow(begun)
    assert desk.poll(begun) == "access_denied"


@pytest.mark.parametrize("ending", ["delivered", "denied"])
def test_a_store_that_forgot_its_last_seconds_delivers_nothing_twice(desk: Desk, ending: str) -> None:
    """K-05, F-21: the claim in SQL has the last word."""
    begun = desk.begin()
    pending = desk.store.copy()
    if ending == "delivered":
        desk.allow(begun)
        assert desk.poll(begun) == "granted"
    else:
        desk.deny(begun)
    desk.store.restore(pending)
    desk.allow(begun)

    assert desk.poll(begun) == "invalid_grant"


def foreign(begun: Begun) -> str:
    return begun.device_code


def short(begun: Begun) -> str:
    return begun.device_code[:-1]


def changed(begun: Begun) -> str:
    return begun.device_code[:-1] + ("A" if begun.device_code[-1] != "A" else "B")


def only_what_is_shown(begun: Begun) -> str:
    return begun.user_code


def shown_with_nothing(begun: Begun) -> str:
    return f"{begun.user_code}."


def longer(begun: Begun) -> str:
    return begun.device_code + "x" * 100


def lower(begun: Begun) -> str:
    return begun.device_code.lower()


@pytest.mark.parametrize("spoil", [foreign, short, changed, only_what_is_shown, shown_with_nothing, longer, lower])
def test_whoever_does_not_hold_the_device_code_gets_one_answer_and_ends_nothing(
    desk: Desk, spoil: Callable[[Begun], str]
) -> None:
    """K-01: 256 bits that are on no screen."""
    begun = desk.begin()
    desk.allow(begun)
    client = "somebody-else" if spoil is foreign else "tv-app"

    with pytest.raises(OAuth2Error) as refused:
        desk.codes.poll(spoil(begun), client)
    assert refused.value.error == "invalid_grant"
    assert desk.poll(begun) == "granted"


def test_the_device_code_is_256_bits_that_no_store_has(desk: Desk) -> None:
    begun = desk.begin()
    held = repr(desk.store.records)

    assert len(begun.device_code.partition(".")[2]) == 43
    assert begun.device_code not in held
    assert begun.device_code.partition(".")[2] not in held
    assert begun.user_code not in held


def test_a_decision_is_about_what_was_shown(desk: Desk) -> None:
    """The same letters may come to mean another device's request; the answer to the first is none to that."""
    begun = desk.begin()

    with pytest.raises(Expired):
        desk.codes.allow(begun.user_code, "the digest of another", GRANT)
    assert desk.poll(begun) == "authorization_pending"


def test_a_user_code_has_eight_letters_without_vowels(desk: Desk) -> None:
    begun = [desk.begin().user_code for _ in range(10)]

    assert all(len(code) == 8 and set(code) <= set(ALPHABET) for code in begun)
    assert len(ALPHABET) == 20
    assert not set("AEIOUY0123456789") & set(ALPHABET)
    assert len(set(begun)) == 10


@pytest.mark.parametrize("typed", ["BCDFGHJK", "bcdf-ghjk", " bcdf ghjk ", "BcDf–GhJk", "b-c-d-f-g-h-j-k", "BCDF.GHJK"])
def test_a_code_may_be_typed_in_any_case_with_or_without_dash(typed: str) -> None:
    code = read_user_code(typed)

    assert code == "BCDFGHJK"
    assert format_user_code(code) == "BCDF-GHJK"


@pytest.mark.parametrize(
    "typed", ["", "BCDFGHJ", "BCDFGHJKL", "ACDFGHJK", "BCDFGHJ1", "ＢＣＤＦＧＨＪＫ", "ß" * 8, "B" * 500]
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_user_code(typed) is None


def test_a_network_begins_so_many_a_minute(desk: Desk) -> None:
    for _ in range(10):
        desk.begin()
    with pytest.raises(TooMany):
        desk.begin()
    desk.clock.move(60)

    assert desk.begin()


def test_a_clock_that_goes_back_locks_nobody_out(desk: Desk) -> None:
    begun = desk.begin()
    desk.poll(begun)
    desk.clock.move(-3600)

    assert desk.poll(begun) == "authorization_pending"
    assert desk.codes.find(begun.user_code) is None
