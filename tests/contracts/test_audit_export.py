"""F-6: an exported month of the audit trail is checked by an outsider, who has the file and our public keys alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update

from idp.audit import ZERO, Chain
from idp.audit_export import BadExport, SegmentSigner, check
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import BrokenTrail, SqlAudit, Trail
from idp.store.database import Database
from idp.store.signing_keys import AUDIT, SqlKeyStore
from keys.cache import RingCache
from keys.changes import KeyPolicy
from keys.rotation import Rotator
from keys.sealing import MasterKey, MasterKeys
from keys.signing import Signer
from tests.support.clock import FrozenClock

DAY = 86_400.0
ISSUER = "https://login.example"
FIRST, SECOND = "2026-03", "2026-04"


@pytest.fixture
def trail(database: Database) -> Trail:
    return Trail(database, lambda last: Chain(b"k" * 32))


@pytest.fixture
def audit(database: Database, clock: FrozenClock) -> SqlAudit:
    return SqlAudit(database, clock, b"k" * 32, lambda: "request-1")


@pytest.fixture
def rotator(database: Database, clock: FrozenClock) -> Rotator:
    store = SqlKeyStore(database, MasterKeys((MasterKey(b"m" * 32),)), tables=AUDIT)
    rotator = Rotator(store, clock, KeyPolicy(algorithms=("ES256",)))
    rotator.ensure()
    return rotator


@pytest.fixture
def rings(database: Database, rotator: Rotator, clock: FrozenClock) -> RingCache:
    return RingCache(SqlKeyStore(database, MasterKeys((MasterKey(b"m" * 32),)), tables=AUDIT), clock, max_age=0.0)


@pytest.fixture
def signer(rings: RingCache, clock: FrozenClock) -> SegmentSigner:
    return SegmentSigner(Signer(rings, clock), rings.ring, clock, ISSUER)


@pytest.fixture
def jwks(rings: RingCache) -> dict[str, Any]:
    return rings.ring().unrevoked_jwks()


@pytest.fixture
def two_months(audit: SqlAudit, trail: Trail, clock: FrozenClock) -> None:
    """Three records in the first month, two in the second, all chained."""
    for count, days in ((3, 32.0), (2, 0.0)):
        for number in range(count):
            audit.record(Event("login.failed", "ab" * 16, "cổng", {"kind": "wrong", "n": number}, reason="vì sao"))
        trail.seal()
        clock.move(days * DAY)


def exported(trail: Trail, signer: SegmentSigner, month: str) -> list[str]:
    return list(trail.export(month, signer))


@pytest.mark.usefixtures("two_months")
def test_f6_each_month_verifies_with_public_keys_alone_and_follows_the_one_before(
    trail: Trail, signer: SegmentSigner, jwks: dict[str, Any], clock: FrozenClock
) -> None:
    first = check(exported(trail, signer, FIRST), jwks)
    second = check(exported(trail, signer, SECOND), jwks, first.segment)

    assert (first.segment.first, first.segment.last, first.segment.start) == (1, 3, ZERO)
    assert (second.segment.first, second.segment.last, second.segment.start) == (4, 5, first.segment.digest)
    assert (second.iss, second.iat) == (ISSUER, int(clock()))
    assert not [key for key in jwks["keys"] if "d" in key]


def change_value(lines: list[str]) -> None:
    lines[1] = lines[1].replace("login.failed", "login.worked")


def add_space(lines: list[str]) -> None:
    lines[1] += " "


def swap(lines: list[str]) -> None:
    lines[0], lines[1] = lines[1], lines[0]


def leave_out(lines: list[str]) -> None:
    del lines[1]


def cut_before_signature(lines: list[str]) -> None:
    del lines[2]


def cut_off(lines: list[str]) -> None:
    del lines[-1]


def repeat(lines: list[str]) -> None:
    lines.insert(2, lines[1])


def add_after_signature(lines: list[str]) -> None:
    lines.append(lines[0])


def break_signature(lines: list[str]) -> None:
    said = json.loads(lines[-1])["signature"]
    lines[-1] = json.dumps({"signature": said[:-2] + ("AA" if said[-2:] != "AA" else "BB")})


def spoil(lines: list[str]) -> None:
    lines[1] = "[1]"


def nest(lines: list[str]) -> None:
    lines[1] = "[" * 100_000


def empty(lines: list[str]) -> None:
    lines.clear()


HARM = [
    change_value, add_space, swap, leave_out, cut_before_signature, cut_off, repeat, add_after_signature,
    break_signature, spoil, nest, empty,
]  # fmt: skip


@pytest.mark.usefixtures("two_months")
@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_f6_a_file_that_was_tampered_with_is_refused(
    trail: Trail, signer: SegmentSigner, jwks: dict[str, Any], harm: Callable[[list[str]], None]
) -> None:
    lines = exported(trail, signer, FIRST)
    check(lines, jwks)
    harm(lines)

    with pytest.raises(BadExport):
        check(lines, jwks)


@pytest.mark.usefixtures("two_months")
@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [{}]}, {"keys": 1}, [], None], ids=repr)
def test_f6_a_set_without_the_key_vouches_for_nothing(trail: Trail, signer: SegmentSigner, keys: Any) -> None:
    with pytest.raises(BadExport):
        check(exported(trail, signer, FIRST), keys)


@pytest.mark.usefixtures("two_months")
def test_f6_a_month_that_is_left_out_is_seen(
    audit: SqlAudit, trail: Trail, signer: SegmentSigner, jwks: dict[str, Any], clock: FrozenClock
) -> None:
    clock.move(32 * DAY)
    audit.record(Event("login.failed"))
    trail.seal()
    first = check(exported(trail, signer, FIRST), jwks)

    with pytest.raises(BadExport, match="does not follow"):
        check(exported(trail, signer, "2026-05"), jwks, first.segment)


@pytest.mark.usefixtures("two_months")
def test_f6_a_closed_month_is_signed_once_and_that_signature_is_exported(
    trail: Trail, signer: SegmentSigner, jwks: dict[str, Any], clock: FrozenClock, database: Database
) -> None:
    closed_at = clock()
    assert trail.sign_closed(signer.sign) == 1
    clock.move(DAY)

    assert trail.sign_closed(signer.sign) == 0
    assert check(exported(trail, signer, FIRST), jwks).iat == int(closed_at)
    assert check(exported(trail, signer, SECOND), jwks).iat == int(clock())
    with database.autocommit.connect() as connection:
        stored = connection.execute(select(t.audit_segment.c.signature).order_by(t.audit_segment.c.month)).scalars()
        assert [signature is not None for signature in stored] == [True, False]


@pytest.mark.usefixtures("two_months")
def test_f6_a_stored_signature_by_a_revoked_key_is_not_handed_out(
    trail: Trail, signer: SegmentSigner, rings: RingCache, rotator: Rotator, clock: FrozenClock
) -> None:
    trail.sign_closed(signer.sign)
    before = check(exported(trail, signer, FIRST), rings.ring().unrevoked_jwks())
    rotator.change(lambda plan, ring: plan.revoked(ring, before.kid, force=False), "stolen")
    clock.move(60)

    after = check(exported(trail, signer, FIRST), rings.ring().unrevoked_jwks())
    assert (after.segment, after.kid != before.kid) == (before.segment, True)


@pytest.mark.usefixtures("two_months")
def test_f6_what_a_retired_key_signed_stays_good(
    trail: Trail, signer: SegmentSigner, rings: RingCache, rotator: Rotator, clock: FrozenClock
) -> None:
    trail.sign_closed(signer.sign)
    old = exported(trail, signer, FIRST)
    for _ in range(3):
        clock.move(3 * DAY)
        rotator.rotate("test")

    assert check(old, rings.ring().unrevoked_jwks()).kid not in {key.kid for key in rings.ring().published(clock())}


@pytest.mark.usefixtures("two_months")
def test_f6_a_trail_that_was_changed_is_not_signed(trail: Trail, signer: SegmentSigner, database: Database) -> None:
    with database.transaction.begin() as connection:
        connection.execute(update(t.audit).where(t.audit.c.number == 2).values(name="login.succeeded"))

    with pytest.raises(BrokenTrail, match="record 2"):
        exported(trail, signer, FIRST)


@pytest.mark.usefixtures("two_months")
@pytest.mark.parametrize("month", [FIRST, SECOND])
def test_f6_a_digest_that_was_changed_is_found(trail: Trail, database: Database, month: str) -> None:
    with database.transaction.begin() as connection:
        connection.execute(update(t.audit_segment).where(t.audit_segment.c.month == month).values(digest="0" * 64))

    assert trail.verify().broken


@pytest.mark.usefixtures("two_months")
def test_f6_a_month_from_before_digests_is_exported_too_and_the_next_one_begins_anew(
    audit: SqlAudit, trail: Trail, signer: SegmentSigner, jwks: dict[str, Any], clock: FrozenClock, database: Database
) -> None:
    with database.transaction.begin() as connection:
        connection.execute(text("UPDATE audit_segment SET digest = NULL"))
    audit.record(Event("login.failed"))
    trail.seal()
    clock.move(32 * DAY)
    audit.record(Event("login.failed"))
    trail.seal()

    assert trail.verify().broken is None
    assert trail.sign_closed(signer.sign) == 0
    found = [check(exported(trail, signer, month), jwks).segment for month in (FIRST, SECOND, "2026-05")]
    assert [(each.first, each.last, each.start) for each in found] == [(1, 3, ZERO), (4, 6, ZERO), (7, 7, ZERO)]


def test_f6_a_month_without_records_is_not_exported(trail: Trail, signer: SegmentSigner) -> None:
    with pytest.raises(LookupError, match="2026-03"):
        exported(trail, signer, FIRST)


@pytest.mark.usefixtures("two_months")
def test_f6_a_jws_of_another_kind_is_no_signature(
    rings: RingCache, trail: Trail, signer: SegmentSigner, clock: FrozenClock
) -> None:
    lines = exported(trail, signer, FIRST)
    said = check(lines, rings.ring().unrevoked_jwks())
    other = Signer(rings, clock).sign({"month": said.segment.month}, alg="ES256", typ="at+jwt")
    lines[-1] = json.dumps({"signature": other})

    with pytest.raises(BadExport, match="not one of an audit segment"):
        check(lines, rings.ring().unrevoked_jwks())
