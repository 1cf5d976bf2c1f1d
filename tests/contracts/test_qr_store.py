"""A QR login on every store: no field is lost, a story goes through, and what is stored opens nothing."""

from collections.abc import Iterator

import pytest
from redis import Redis

from idp.ports import EphemeralStore
from idp.store.database import Database
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.ephemeral_sql import SqlEphemeralStore
from qr_login.flow import AskingBrowser, QrLogin, QrRefused, State
from qr_login.logins import CODEC, LIFE, REMEMBERED, QrLogins
from qr_login.picture import Pictures
from tests.support.clock import FrozenClock

ASKER = AskingBrowser("Chrome", "Android", "Cần Thơ", "203.0.113.0/24")
ME = ("phone", "owner")
FULL = QrLogin(
    "a_1", "portal", ASKER, "07", 1.5, True, State.DENIED, 3, "phone", "owner", 2.5, 2, True, "not_me", "Galaxy"
)


@pytest.fixture(params=["sql", "redis"])
def store(request: pytest.FixtureRequest, database: Database) -> Iterator[EphemeralStore]:
    if request.param == "sql":
        yield SqlEphemeralStore(database)
    else:
        with Redis.from_url(request.getfixturevalue("empty_redis_url")) as client:
            yield RedisEphemeralStore(client)


def engine(store: EphemeralStore, clock: FrozenClock) -> QrLogins:
    return QrLogins(store, Pictures(b"k" * 32, "https://id.test/q"), clock, lambda ticket, login: True)


def test_every_field_survives_and_is_written_the_same_way_each_time() -> None:
    """A compare-and-swap compares bytes: what was read must be written alike. No field stands at its default."""
    written = CODEC.dump_json(FULL)

    assert CODEC.validate_json(written) == FULL
    assert CODEC.dump_json(CODEC.validate_json(written)) == written
    assert all(getattr(FULL, name) != getattr(QrLogin("", "", ASKER, "", 0.0), name) for name in ("state", "floor"))


def test_a_story_goes_through(store: EphemeralStore, clock: FrozenClock) -> None:
    """K-05"""
    logins = engine(store, clock)
    secret, login = logins.start("a_1", "portal", ASKER)
    picture = logins.poll(secret).payloads[0]
    ticket, _ = logins.scan(picture, *ME)
    with pytest.raises(QrRefused, match="already_scanned"):
        logins.scan(picture, "other", "somebody")
    logins.confirm(ticket, *ME, login.number)

    told = engine(store, clock).poll(secret)

    assert (told.kind, told.login and told.login.intruded) == ("delivered", True)
    assert engine(store, clock).poll(secret).kind == "gone"


def test_it_is_forgotten_when_nobody_needs_to_be_told_any_more(store: EphemeralStore, clock: FrozenClock) -> None:
    logins = engine(store, clock)
    secret, _ = logins.start("a_1", "portal", ASKER)
    clock.move(LIFE)
    assert logins.poll(secret).kind == "expired"
    clock.move(REMEMBERED)
    assert logins.poll(secret).kind == "gone"
