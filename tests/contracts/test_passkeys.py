"""Passkeys on both databases, with threads: of many at once exactly one, and what is ended stays on record."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from idp.accounts.credentials import Securing
from idp.accounts.notices import NO_NOTICE
from idp.accounts.passkey import Ceremony, Passkey
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.ports import Event, Spent
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.credentials import SqlCredentials
from idp.store.database import Database
from idp.store.ephemeral_sql import SqlEphemeralStore
from idp.store.outbox import SqlOutbox
from idp.store.passkeys import SqlPasskeys
from idp.store.people import SqlPeople
from idp.store.session_clients import SqlSessionClients
from idp.store.sessions import SqlSessions
from idp.store.undo import SqlNotices
from keys.sealing import MasterKey
from tests.contracts.test_devices import AT_ONCE, at_once
from tests.contracts.test_people import account
from tests.support.clock import FrozenClock

OWNER = account(1, None)
STRANGER = account(2, None)


@pytest.fixture
def sealing() -> MasterKey:
    return MasterKey(b"k" * 32)


@pytest.fixture
def audit(database: Database, clock: FrozenClock) -> SqlAudit:
    return SqlAudit(database, clock, b"k" * 32, lambda: "r")


@pytest.fixture
def notices(database: Database, clock: FrozenClock, sealing: MasterKey) -> SqlNotices:
    return SqlNotices(database, SqlOutbox(database, sealing, clock), sealing)


@pytest.fixture
def passkeys(
    database: Database, clock: FrozenClock, sealing: MasterKey, audit: SqlAudit, notices: SqlNotices
) -> SqlPasskeys:
    SqlPeople(database).add(OWNER)
    SqlPeople(database).add(STRANGER)
    told = SqlSessionClients(database, SqlOutbox(database, sealing, clock))
    return SqlPasskeys(database, audit, notices, SqlSessions(database, audit, told, notices))


def a_passkey(name: str, *, owner: str = OWNER.id, count: int = 1) -> Passkey:
    named = f"credential of {name}"
    return Passkey(
        name.replace(" ", "").lower()[:16], "account", owner, named, b"key", count, "aaguid", True, name, "net", 10.0
    )


def add(passkeys: SqlPasskeys, passkey: Passkey, most: int = 10, secured_at: float = 0.0) -> bool:
    return passkeys.add(passkey, most, NO_NOTICE, secured_at)


def test_a_passkey_is_kept_as_it_is(passkeys: SqlPasskeys) -> None:
    mine = a_passkey("a")
    assert add(passkeys, mine)

    assert passkeys.of_credential(mine.digest) == mine
    assert passkeys.of_holder("account", OWNER.id) == [mine]
    assert passkeys.of_holder("officer", OWNER.id) == passkeys.of_holder("account", STRANGER.id) == []


def test_one_credential_is_bound_once_whoever_binds_it(passkeys: SqlPasskeys) -> None:
    """P-15: also after its end, its row is never written over."""
    mine = a_passkey("a")
    add(passkeys, mine)
    passkeys.end(mine, "removed", 11.0, NO_NOTICE)

    assert not add(passkeys, replace(mine, id="another"))
    assert not add(passkeys, replace(mine, id="another", holder=STRANGER.id))


def test_of_many_added_at_once_no_more_than_allowed_are_kept(passkeys: SqlPasskeys) -> None:
    added = at_once(lambda n: add(passkeys, a_passkey("abcdefgh"[n]), most=3))

    assert added.count(True) == len(passkeys.of_holder("account", OWNER.id)) == 3


def test_nobody_adds_after_a_credential_event_that_they_do_not_know(passkeys: SqlPasskeys) -> None:
    assert not add(passkeys, a_passkey("a"), secured_at=5.0)
    assert not add(passkeys, a_passkey("a", owner="f" * 32))
    assert passkeys.of_holder("account", OWNER.id) == []


def test_of_uses_with_one_count_at_once_one_is_noted(passkeys: SqlPasskeys) -> None:
    mine = a_passkey("a", count=4)
    add(passkeys, mine)

    noted = at_once(lambda n: passkeys.use(mine, 5, 20.0))

    assert noted.count(True) == 1
    assert passkeys.of_credential(mine.digest) == replace(mine, sign_count=5, last_used_at=20.0)


def test_an_ended_passkey_is_not_used_and_ends_once(passkeys: SqlPasskeys) -> None:
    mine = a_passkey("a")
    add(passkeys, mine)

    assert at_once(lambda n: passkeys.end(mine, "cloned", 11.0, NO_NOTICE)).count(True) == 1
    assert not passkeys.use(mine, 2, 12.0)
    assert passkeys.of_credential(mine.digest) == replace(mine, ended_at=11.0, ended_why="cloned")


def test_of_answers_to_one_challenge_at_once_one_is_taken(database: Database, clock: FrozenClock) -> None:
    challenges = EphemeralRecords(RecordKind.PASSKEY_CHALLENGE, Ceremony, SqlEphemeralStore(database), clock, life=300)
    ceremony = Ceremony("login", "browser", "attempt")
    challenge = challenges.add(ceremony)

    taken = at_once(lambda n: challenges.take(challenge))

    assert taken.count(ceremony) == 1
    assert sum(isinstance(each, Spent) for each in taken) == AT_ONCE - 1


def test_a_credential_event_ends_the_passkeys_that_it_names_or_all_and_nobody_elses(
    passkeys: SqlPasskeys,
    database: Database,
    audit: SqlAudit,
    notices: SqlNotices,
    sealing: MasterKey,
    clock: FrozenClock,
) -> None:
    """T-02: in the transaction of the event; each end is in the trail."""
    outbox = SqlOutbox(database, sealing, clock)
    sessions = SqlSessions(database, audit, SqlSessionClients(database, outbox), notices)
    credentials = SqlCredentials(database, sessions, audit, notices)
    for name in "abc":
        add(passkeys, a_passkey(name))
    add(passkeys, a_passkey("d", owner=STRANGER.id))
    event = Event("account.secured", OWNER.id)

    first = credentials.secure(Securing(OWNER.id, 0.0, {}, event, passkeys_end=("a", "d")), 20.0)
    assert first is not None
    assert [each.id for each in passkeys.of_holder("account", OWNER.id)] == ["b", "c"]
    assert credentials.has_passkeys(OWNER.id)
    credentials.secure(Securing(OWNER.id, first, {}, event, passkeys_end="all"), 21.0)

    assert not credentials.has_passkeys(OWNER.id)
    assert credentials.has_passkeys(STRANGER.id)
    with database.autocommit.connect() as connection:
        ended = connection.execute(select(t.audit.c.name).where(t.audit.c.name == "passkey.ended")).all()
        whys = connection.execute(select(t.passkey.c.ended_why).order_by(t.passkey.c.id)).scalars().all()
    assert len(ended) == 3
    assert whys == ["removed", "secured", "secured", None]
