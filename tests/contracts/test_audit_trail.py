"""The audit trail shows any change, loses nothing when a month is dropped, and holds nothing personal."""

from typing import Any

import pytest
from sqlalchemy import select, text, update

from idp.audit import EVENTS, ZERO, Chain, ForbiddenFact
from idp.ports import Event
from idp.store import batches
from idp.store import tables as t
from idp.store.audit import _ANY_LOOSE, _CHAINED, _LOOSE, BATCH, Head, SqlAudit, Trail
from idp.store.database import Database
from tests.support.clock import FrozenClock
from tests.support.rivals import outcomes

DAY = 86_400.0


@pytest.fixture
def trail(database: Database) -> Trail:
    return Trail(database, lambda last: Chain(b"k" * 32))


@pytest.fixture
def audit(database: Database, clock: FrozenClock) -> SqlAudit:
    return SqlAudit(database, clock, b"k" * 32, lambda: "request-1")


def write(audit: SqlAudit, count: int) -> None:
    for number in range(count):
        audit.record(Event("login.failed", "ab" * 16, "portal", {"kind": "wrong", "n": number}, reason="because"))


def test_what_is_recorded_is_chained_and_verifies(audit: SqlAudit, trail: Trail) -> None:
    write(audit, 5)
    assert trail.verify().unsealed == 5

    assert trail.seal() == 5
    verdict = trail.verify()
    assert (verdict.verified, verdict.unsealed, verdict.broken) == (5, 0, None)
    assert trail.seal() == 0


CHANGES: dict[str, Any] = {
    "at": 1.0,
    "name": "login.succeeded",
    "subject": "x" * 43,
    "client_id": "other",
    "request_id": "other",
    "facts": "{}",
    "reason": None,
    "month": "1999-01",
    "chain_hash": "0" * 64,
}


@pytest.mark.parametrize("column", CHANGES)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_value_is_found_and_named(
    audit: SqlAudit, trail: Trail, database: Database, column: str, number: int
) -> None:
    """Threat 4.4: alters the audit trail."""
    write(audit, 5)
    trail.seal()
    with database.autocommit.connect() as connection:
        connection.execute(update(t.audit).where(t.audit.c.number == number).values({column: CHANGES[column]}))

    broken = trail.verify().broken

    assert broken is not None
    assert str(number) in broken


@pytest.mark.parametrize("number", [2, 5])
def test_a_removed_record_is_found(audit: SqlAudit, trail: Trail, database: Database, number: int) -> None:
    write(audit, 5)
    trail.seal()
    with database.autocommit.connect() as connection:
        connection.execute(t.audit.delete().where(t.audit.c.number == number))

    assert trail.verify().broken


def test_every_byte_of_a_record_counts(audit: SqlAudit, trail: Trail, database: Database) -> None:
    write(audit, 2)
    trail.seal()
    with database.autocommit.connect() as connection:
        original = connection.execute(select(t.audit.c.facts).where(t.audit.c.number == 1)).scalar_one()
        for at in range(len(original)):
            changed = original[:at] + chr(ord(original[at]) ^ 1) + original[at + 1 :]
            connection.execute(update(t.audit).where(t.audit.c.number == 1).values(facts=changed))
            assert trail.verify().broken, at
        connection.execute(update(t.audit).where(t.audit.c.number == 1).values(facts=original))
    assert trail.verify().broken is None


def test_a_whole_month_can_go_and_the_rest_still_verifies(audit: SqlAudit, trail: Trail, clock: FrozenClock) -> None:
    """L10: retention deletes a segment and keeps its end hash."""
    write(audit, 3)
    trail.seal()
    clock.move(40 * DAY)
    write(audit, 2)
    trail.seal()
    months = sorted({row["month"] for row in trail.tail(10)})

    assert trail.drop_before(months[1], clock()) == 3
    assert (trail.verify().verified, trail.verify().broken) == (2, None)
    assert trail.last_number() == 5
    assert trail.drop_before("9999-12", clock()) == 0, "the newest segment stays"


def test_a_month_that_is_dropped_goes_in_batches(
    audit: SqlAudit, trail: Trail, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of rows in one statement would meet its time limit, and stay for ever."""
    monkeypatch.setattr(batches, "BATCH", 2)
    write(audit, 5)
    trail.seal()
    clock.move(40 * DAY)
    write(audit, 1)
    trail.seal()
    newest = max(row["month"] for row in trail.tail(10))

    assert trail.drop_before(newest, clock(), seconds=-1) == 2
    assert trail.verify().broken is None
    assert trail.drop_before(newest, clock()) == 3
    assert (trail.verify().verified, trail.verify().broken) == (1, None)
    assert trail.drop_before(newest, clock()) == 0


def test_a_wiped_trail_is_found(audit: SqlAudit, trail: Trail, database: Database) -> None:
    write(audit, 5)
    trail.seal()
    with database.autocommit.connect() as connection:
        connection.execute(t.audit.delete())

    assert trail.verify().broken


def test_a_changed_end_of_an_older_segment_is_found(
    audit: SqlAudit, trail: Trail, database: Database, clock: FrozenClock
) -> None:
    write(audit, 2)
    trail.seal()
    clock.move(40 * DAY)
    write(audit, 2)
    trail.seal()
    first = t.audit_segment.c.first_number == 1
    for changed in ({"end_hash": "0" * 64}, {"last_number": 1}):
        with database.transaction.begin() as connection:
            connection.execute(update(t.audit_segment).where(first).values(changed))
        assert trail.verify().broken, changed


def test_rows_sealed_while_it_runs_raise_no_alarm(audit: SqlAudit, trail: Trail, database_url: str) -> None:
    """A live server seals every second."""
    write(audit, 60)

    results = outcomes(verify_and_seal, database_url)
    assert [broken for broken in results if broken] == []


def test_a_late_record_does_not_reopen_a_closed_month(audit: SqlAudit, trail: Trail, clock: FrozenClock) -> None:
    clock.move(40 * DAY)
    write(audit, 1)
    trail.seal()
    clock.move(-40 * DAY)
    write(audit, 1)
    trail.seal()

    assert len({row["month"] for row in trail.tail(10)}) == 1
    assert trail.verify().broken is None


def test_a_turn_asks_no_more_for_many_records_than_for_one(audit: SqlAudit, trail: Trail, database: Database) -> None:
    """500 records a turn were 1,000 statements, which bounded how many logins a second can be chained."""
    said: list[str] = []
    asked = []
    write(audit, 1)
    trail.seal()
    database.watch(lambda statement, _seconds: said.append(statement))
    for count in (1, BATCH):
        write(audit, count)
        said.clear()
        assert trail.seal() == count
        asked.append(sum(statement.startswith("UPDATE") for statement in said))

    assert asked == [2, 2], said
    assert (trail.verify().verified, trail.verify().broken) == (BATCH + 2, None)


@pytest.mark.parametrize("statement", [_ANY_LOOSE, _LOOSE.limit(BATCH)], ids=["any", "turn"])
def test_a_backlog_that_was_analyzed_is_still_found_by_its_index(database: Database, statement: Any) -> None:
    """Read from the first row on, a trail of 200,000,000 records would meet the time limit in every turn."""
    if database.dialect == "sqlite":
        return  # It has no statistics unless somebody asks for them.
    rows = "SELECT 0, 'key.revoked', '{}', CASE WHEN n <= 30000 THEN n END FROM generate_series(1, 40000) n"
    with database.autocommit.connect() as connection:
        connection.execute(text(f"INSERT INTO audit (at, name, facts, number) {rows}"))
        connection.execute(text("ANALYZE audit"))
        asked = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.execute(text(f"EXPLAIN {asked}")).scalars())

    assert "Index Scan using audit_number" in plan, plan


def test_a_turn_across_two_months_ends_one_segment_and_begins_another(
    audit: SqlAudit, trail: Trail, database: Database, clock: FrozenClock
) -> None:
    write(audit, 1)
    trail.seal()
    write(audit, 2)
    clock.move(40 * DAY)
    write(audit, 3)
    assert trail.seal() == 5

    s = t.audit_segment.c
    with database.autocommit.connect() as connection:
        segments = connection.execute(select(s.first_number, s.last_number).order_by(s.month)).all()
    assert segments == [(1, 3), (4, 6)]
    assert (trail.verify().verified, trail.verify().broken) == (6, None)


@pytest.mark.parametrize("at", ["UPDATE audit SET", "UPDATE audit_segment", "INSERT INTO audit_segment"])
def test_a_sealer_that_dies_in_a_turn_leaves_what_was(
    audit: SqlAudit, trail: Trail, database: Database, clock: FrozenClock, at: str
) -> None:
    class Died(Exception):
        pass

    def die(statement: str, _seconds: float) -> None:
        if statement.startswith(at):
            deaths.append(statement)
            if len(deaths) == 1:
                raise Died

    write(audit, 2)
    trail.seal()
    before, deaths = trail.head(), list[str]()
    write(audit, 2)
    clock.move(40 * DAY)
    write(audit, 2)
    database.watch(die)
    with pytest.raises(Died):
        trail.seal()

    assert (trail.head(), trail.verify().unsealed, trail.verify().broken) == (before, 4, None)
    assert trail.seal() == 4
    assert (trail.verify().verified, trail.verify().broken) == (6, None)


def seal_often(url: str) -> list[int]:
    return [Trail(Database(url), lambda last: Chain(b"k" * 32)).seal() for _ in range(5)]


def verify_and_seal(url: str) -> list[str | None]:
    trail = Trail(Database(url), lambda last: Chain(b"k" * 32))
    audit = SqlAudit(Database(url), FrozenClock(), b"k" * 32, lambda: None)
    found = []
    for _ in range(5):
        write(audit, 2)
        trail.seal()
        found.append(trail.verify().broken)
    return found


def test_many_sealers_make_one_chain(audit: SqlAudit, trail: Trail, database_url: str) -> None:
    write(audit, 60)

    assert sum(outcomes(seal_often, database_url)) == 60
    assert (trail.verify().verified, trail.verify().broken) == (60, None)


@pytest.mark.parametrize("fact", ["0012345678", "0981234567", "a@b.vn", "eyJhbGciOi", "x" * 40, "000877000077"])
def test_a_fact_that_looks_personal_or_secret_is_refused(audit: SqlAudit, fact: str) -> None:
    """Style 24: an event catalogue with an alarm."""
    with pytest.raises(ForbiddenFact):
        audit.record(Event("login.failed", facts={"kind": fact}))


def test_an_event_outside_the_catalogue_is_refused(audit: SqlAudit) -> None:
    with pytest.raises(ForbiddenFact):
        audit.record(Event("login.suceeded"))


def test_accounts_stand_there_as_keyed_digests_only(audit: SqlAudit, database: Database) -> None:
    write(audit, 1)
    with database.autocommit.connect() as connection:
        row = str(connection.execute(text("SELECT * FROM audit")).all())

    assert "ab" * 16 not in row
    assert audit.subject("ab" * 16) in row


def test_every_event_says_what_it_means() -> None:
    assert all(meaning.endswith(".") for meaning in EVENTS.values())


def forged(database: Database, number: int, chain: Chain) -> None:
    """As somebody who can write the tables, and hashes with `chain`: another event, and every link after it anew."""
    with database.transaction.begin() as connection:
        connection.execute(update(t.audit).where(t.audit.c.number == number).values(name="session.ended"))
        previous = ZERO
        for row in connection.execute(select(t.audit).order_by(t.audit.c.number)).mappings().all():
            previous = chain.link(previous, {name: row[name] for name in _CHAINED})
            connection.execute(update(t.audit).where(t.audit.c.id == row["id"]).values(chain_hash=previous))
        connection.execute(update(t.audit_segment).values(end_hash=previous))


@pytest.mark.parametrize("chain", [Chain(b"", since=1_000_000), Chain(b"another key")], ids=["bare", "keyed"])
def test_f6_a_trail_that_was_hashed_anew_without_the_secret_is_found(
    audit: SqlAudit, trail: Trail, database: Database, chain: Chain
) -> None:
    write(audit, 5)
    trail.seal()
    forged(database, 2, chain)

    assert trail.verify().broken == "record 1 (login.failed) was changed"


def test_f6_records_from_before_the_secret_hold_and_are_tied_by_the_first_keyed_one(
    audit: SqlAudit, database: Database
) -> None:
    before = Trail(database, lambda last: Chain(b"k" * 32, 1_000_000))
    write(audit, 3)
    before.seal()
    after = Trail(database, lambda last: Chain(b"k" * 32, 4))
    write(audit, 2)
    after.seal()
    assert (after.verify().verified, after.verify().broken) == (5, None)

    forged(database, 2, Chain(b"another key", 4))

    assert after.verify().broken == "record 4 (login.failed) was changed"


def test_f6_a_cut_is_found_by_a_head_that_was_noted(audit: SqlAudit, trail: Trail, database: Database) -> None:
    write(audit, 3)
    trail.seal()
    earlier = trail.head()
    write(audit, 2)
    trail.seal()
    noted = trail.head()
    assert trail.verify([earlier, noted, Head(None, noted.hash)]).broken is None

    with database.transaction.begin() as connection:
        connection.execute(t.audit.delete().where(t.audit.c.number > 3))
        connection.execute(update(t.audit_segment).values(last_number=3, end_hash=earlier.hash, digest=None))

    assert trail.verify([earlier]).broken is None
    assert trail.verify([noted]).broken == "the trail ends at record 3, but record 5 was seen: the end was cut off"
    assert trail.verify([Head(None, noted.hash)]).broken == "no record has the hash that was noted"
    audit.record(Event("session.ended", "ab" * 16))
    write(audit, 1)
    trail.seal()
    assert trail.verify([noted]).broken == "record 5 is not the one that was seen: the trail was written anew"
