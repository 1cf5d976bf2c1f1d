"""Declarations on both databases: one of two writers wins, and what is handed in stands or falls together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from idp.accounts.references import new_id, new_reference
from idp.ephemeral_records import digest, new_secret
from idp.messages.message import Message
from idp.registration.declaration import Declaration, Form, Photo, QueueFilter
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.declarations import SqlDeclarations
from idp.store.outbox import SqlOutbox
from idp.store.sweep import sweep
from keys.sealing import MasterKey

NOW = 1_772_413_200.0
FORM = Form(name="Trần Thị Nga", code="0000000777", paper_number="000190000777", phone="+84981234567", agency="07906")


@pytest.fixture
def outbox(database: Database) -> SqlOutbox:
    return SqlOutbox(database, MasterKey(b"o" * 32), lambda: NOW, waiting=1000)


@pytest.fixture
def declarations(database: Database, outbox: SqlOutbox) -> SqlDeclarations:
    audit = SqlAudit(database, lambda: NOW, b"d" * 32, lambda: "request")
    return SqlDeclarations(database, audit, outbox, MasterKey(b"p" * 32))


def draft(**changes: object) -> Declaration:
    plain = Declaration(
        new_id(), new_reference(), "individual", "register", digest("draft", new_secret("r")), NOW, FORM
    )
    return replace(plain, expires_at=NOW + 100, **changes)  # type: ignore[arg-type]


def photo(declaration: Declaration) -> Photo:
    return Photo(declaration.id, "front", b"\xff\xd8 a picture", 640, 480, NOW, NOW + 100)


def letter() -> Message:
    return Message("email", "nga@example.com", "declaration_received", NOW + 100, {"reference": "x"})


def at_once(*calls: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def test_what_is_written_is_read_by_id_secret_and_reference(declarations: SqlDeclarations) -> None:
    one = draft()
    declarations.add(one)

    assert declarations.find(one.id) == one
    assert declarations.find_by_secret(one.secret_digest) == one
    assert declarations.find_by_reference(one.reference) == one
    assert declarations.find_by_reference("----------") is None


def test_two_replace_at_once_and_one_wins(declarations: SqlDeclarations) -> None:
    for number in range(10):
        one = draft()
        declarations.add(one)
        news = [one.filled(replace(FORM, name=f"Trần Thị {letter}")) for letter in "ABCD"]
        won = at_once(*(lambda new=new: declarations.replace(new) for new in news))  # type: ignore[misc]

        assert won.count(True) == 1, number
        assert declarations.find(one.id) == news[won.index(True)]


def test_handed_in_twice_at_once_it_is_one_with_one_letter(declarations: SqlDeclarations, outbox: SqlOutbox) -> None:
    one, older = draft(), draft()
    for each in (one, older):
        declarations.add(each)
    declarations.submit(older.submitted(NOW, lapses_at=NOW + 1000), [])
    old = declarations.find(older.id)
    assert old
    handed = one.submitted(NOW, lapses_at=NOW + 1000)
    done = at_once(*[lambda: declarations.submit(handed, [old], [letter()])] * 4)

    assert sorted(map(bool, done)) == [False, False, False, True]
    assert len(list(iter(lambda: outbox.take("email", 60), None))) == 1
    ended = declarations.find(older.id)
    assert ended
    assert ended.state == "superseded"
    assert [d.id for d in declarations.open_for("individual", FORM.code)] == [one.id]


def test_a_picture_is_sealed_replaced_and_taken_before_handing_in_only(
    declarations: SqlDeclarations, database: Database
) -> None:
    one = draft()
    declarations.add(one)

    assert declarations.put_photo(photo(one))
    assert declarations.put_photo(replace(photo(one), jpeg=b"\xff\xd8 another"))
    assert declarations.photo(one.id, "front") == b"\xff\xd8 another"
    declarations.submit(one.submitted(NOW, lapses_at=NOW + 1000), [])
    assert not declarations.put_photo(photo(one))
    with database.autocommit.connect() as connection:
        row = connection.execute(select(t.photo.c.sealed, t.photo.c.expires_at)).one()
    assert b"another" not in bytes(row.sealed)
    assert row.expires_at == NOW + 1000


def test_a_forgotten_draft_leaves_nothing_and_what_was_handed_in_stays(declarations: SqlDeclarations) -> None:
    one, other = draft(), draft()
    for each in (one, other):
        declarations.add(each)
        declarations.put_photo(photo(each))
    declarations.submit(other.submitted(NOW, lapses_at=NOW + 1000), [])
    for each in (one, other):
        declarations.forget(each)

    assert (declarations.find(one.id), declarations.photos(one.id)) == (None, [])
    assert declarations.photos(other.id) == ["front"]


def test_drafts_go_and_what_nobody_decided_lapses(declarations: SqlDeclarations, database: Database) -> None:
    one, other = draft(), draft()
    for each in (one, other):
        declarations.add(each)
        declarations.put_photo(photo(each))
    declarations.submit(other.submitted(NOW, lapses_at=NOW + 1000), [])

    assert declarations.end_expired(NOW + 100) == 0
    sweep(database, NOW + 100)
    assert (declarations.find(one.id), declarations.photos(one.id)) == (None, [])
    assert declarations.photos(other.id) == ["front"]
    assert declarations.end_expired(NOW + 1000) == 1
    lapsed = declarations.find(other.id)
    assert lapsed
    assert lapsed.state == "lapsed"
    assert declarations.end_expired(NOW + 1000) == 0


def test_drafts_are_in_no_queue(declarations: SqlDeclarations) -> None:
    one, other = draft(), draft()
    for each in (one, other):
        declarations.add(each)
    declarations.submit(other.submitted(NOW, lapses_at=NOW + 1000), [])

    assert [d.id for d in declarations.queue(QueueFilter(None))] == [other.id]
