"""`AuditLog` in SQL: requests insert unchained rows, one sealer chains them, anyone can verify.

Each link of the chain is keyed: someone who can write the table can truncate it, but not forge it, and anyone who knows
its head from elsewhere detects the truncation. Rows are chained in the order in which the sealer finds them, numbered
without gaps, and split into monthly segments: a whole segment can be deleted after its retention while its end hash
stays and links to the next one.
"""

import hashlib
import hmac
import json
import math
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, text, update

from idp.audit import ZERO, Chain, blotted, canonical, checked, digest
from idp.audit_export import Segment, SegmentSigner
from idp.ports import Clock, Event
from idp.store import batches
from idp.store import tables as t
from idp.store.database import Database
from idp.store.notifying import notifying
from idp.store.prepared import Prepared

_a = t.audit.c
_s = t.audit_segment.c
_CHAINED = ("at", "name", "subject", "client_id", "request_id", "facts", "reason", "month", "number")
# In order of the number, which is NULL: otherwise PostgreSQL, once it has analyzed a backlog, reads the whole table.
_ANY_LOOSE = select(_a.id).where(_a.number.is_(None)).order_by(_a.number).limit(1)
_LOOSE = select(t.audit).where(_a.number.is_(None)).order_by(_a.number, _a.id)
_CHAIN_EACH = update(t.audit).where(_a.id == bindparam("row_id"), _a.number.is_(None))
_CHAIN_ALL = text(
    "UPDATE audit SET number = link.number, month = link.month, chain_hash = link.chain_hash FROM unnest("
    "CAST(:row_id AS bigint[]), CAST(:number AS bigint[]), CAST(:month AS text[]), CAST(:chain_hash AS text[])"
    ") AS link (row_id, number, month, chain_hash) WHERE audit.id = link.row_id AND audit.number IS NULL"
)
BATCH = 500
NOTIFY_EVERY = 1.0
"""Seconds during which one process wakes the sealer once; the sealer looks every second for longer than that."""


_WRITE = insert(t.audit).inline()
_WRITE_AND_NOTIFY = {name: notifying(name, _WRITE, "audit") for name in ("sqlite", "postgresql")}
_WRITTEN = ("at", "name", "subject", "client_id", "request_id", "facts", "reason")


class SqlAudit:
    """Writes events. `request_id` returns the current request's id; subjects are keyed digests of account ids."""

    def __init__(self, database: Database, clock: Clock, digest_key: bytes, request_id: Any) -> None:
        self._database = database
        self._clock = clock
        self._digest_key = digest_key
        self._request_id = request_id
        self._notify_at = 0.0
        self._write = Prepared(database, _WRITE, _WRITTEN)
        self._write_and_notify = Prepared(database, _WRITE_AND_NOTIFY[database.dialect], _WRITTEN)

    def record(self, event: Event) -> None:
        with self._database.autocommit.connect() as connection:
            self.write(connection, event)

    def write(self, connection: Connection, event: Event) -> None:
        """Write the event in the caller's transaction: the action and its record commit or roll back together."""
        event = checked(event)
        row = {
            "at": self._clock(),
            "name": event.name,
            "subject": self.subject(event.account_id) if event.account_id else None,
            "client_id": event.client_id,
            "request_id": self._request_id(),
            "facts": json.dumps(dict(event.facts), sort_keys=True),
            "reason": blotted(event.reason),
        }
        self._writing().within(connection, **row)

    def _writing(self) -> Prepared:
        """An INSERT that wakes the sealer once in a while: commits that notify wait for each other on PostgreSQL."""
        now = time.monotonic()
        if now < self._notify_at:
            return self._write
        self._notify_at = now + NOTIFY_EVERY
        return self._write_and_notify

    def subject(self, account_id: str) -> str:
        """The name of an account in the trail: searchable with the key, meaningless without it."""
        hashed = hmac.digest(self._digest_key, f"audit\0{account_id}".encode(), hashlib.sha256)
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a verification: how many rows are valid, how many are not chained yet, and the first invalid one."""

    verified: int
    unsealed: int
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A noted place in the chain; without a number, anywhere."""

    number: int | None
    hash: str = ""


class BrokenTrail(Exception):
    """The trail differs from what was chained; the message says where."""


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a trail, to which the next record is chained. A segment older than the digests has none."""

    number: int = 0
    hash: str = ZERO
    month: str = ""
    digest: str | None = ZERO

    @classmethod
    def of(cls, segment: Any) -> "_End":
        return cls(segment["last_number"], segment["end_hash"], segment["month"], segment["digest"])

    def grown(self, chain: Chain, record: dict[str, Any]) -> "_End":
        """The end after this record, which already has its number and month."""
        number, month = record["number"], record["month"]
        before = self.digest or (ZERO if month != self.month else None)
        grown = digest(before, canonical(record)) if before else None
        return _End(number, chain.link(self.hash, record), month, grown)


class Trail:
    """Chains, reads and verifies the trail."""

    def __init__(self, database: Database, chain_after: Callable[[int], Chain]) -> None:
        """`chain_after(last)` returns the chain; the first call ever fixes that it is keyed after the record `last`."""
        self._database = database
        self._chain_after = chain_after

    def has_loose(self) -> bool:
        """Whether any row waits to be chained."""
        with self._database.autocommit.connect() as connection:
            return connection.execute(_ANY_LOOSE).first() is not None

    def seal(self) -> int:
        """Chain unchained rows, at most `BATCH`; returns how many. Two at once are harmless: one waits or fails."""
        chain = self._chain_after(self.last_number())
        with self._database.transaction.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(7_266_001)))
            rows = connection.execute(_LOOSE.limit(BATCH)).mappings().all()
            end, links = self._end(connection), []
            for row in rows:
                # A late row is never added to a closed segment.
                month = max(end.month, datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m"))
                end = end.grown(
                    chain, {name: row[name] for name in _CHAINED} | {"number": end.number + 1, "month": month}
                )
                links.append((row["id"], end))
            if links:
                self._chain(connection, links)
        return len(rows)

    def sign_closed(self, sign: Callable[[Segment], str]) -> int:
        """Have every segment signed that can no longer grow; returns how many."""
        newest = select(func.max(_s.month)).scalar_subquery()
        bare = and_(_s.month < newest, _s.signature.is_(None), _s.digest.is_not(None))
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.audit_segment).where(bare)).mappings().all()
            for row in rows:
                segment = self._segment(connection, row, row["digest"])
                signed = update(t.audit_segment).where(_s.month == row["month"], _s.signature.is_(None))
                connection.execute(signed.values(signature=sign(segment)))
        return len(rows)

    def export(self, month: str, signer: SegmentSigner) -> Iterator[str]:
        """The records of a month (YYYY-MM) as lines, verified against the chain, with their signature in the last line.

        Raises `LookupError` when nothing of this month is kept, and `BrokenTrail`.
        """
        chain = self._chain_after(self.last_number())
        with self._database.autocommit.connect() as connection:
            kept = select(t.audit_segment).where(_s.month == month, _s.dropped_at.is_(None))
            row = connection.execute(kept).mappings().first()
            if row is None:
                raise LookupError(f"no record of {month} is kept")
            end = self._end(connection, before=month)
            for record, grown in self._follow(connection, chain, row, end):
                end = grown
                yield canonical(record)
            segment, stored = self._segment(connection, row, end.digest or ""), row["signature"]
            good = stored and signer.vouches(stored, segment)
            yield canonical({"signature": stored if good else signer.sign(segment)})

    def _segment(self, connection: Connection, row: Any, end: str) -> Segment:
        before = self._end(connection, before=row["month"])
        return Segment(row["month"], row["first_number"], row["last_number"], before.digest or ZERO, end)

    def verify(self, known: Collection[Head] = ()) -> Verdict:
        """Recompute every kept segment, then look for the `known` heads, which were noted elsewhere.

        Rows sealed meanwhile are verified next time.
        """
        verdict = self._recomputed()
        amiss = next((finding for finding in map(self._amiss, known) if finding), None)
        return verdict if verdict.broken else replace(verdict, broken=amiss)

    def _amiss(self, known: Head) -> str | None:
        """What is wrong with a head noted elsewhere; a head of a dropped segment cannot be checked."""
        if known.number is None:
            statement = select(_a.number).where(_a.chain_hash == known.hash)
            with self._database.autocommit.connect() as connection:
                return None if connection.execute(statement).first() else "no record has the hash that was noted"
        last = self.last_number()
        if last < known.number:
            return f"the trail ends at record {last}, but record {known.number} was seen: the end was cut off"
        if known.hash and self.hash_at(known.number) not in (None, known.hash):
            return f"record {known.number} is not the one that was seen: the trail was written anew"
        return None

    def head(self) -> Head:
        """The end of the chain, to be noted where someone who can write to the database cannot."""
        with self._database.autocommit.connect() as connection:
            end = self._end(connection)
        return Head(end.number, end.hash)

    def hash_at(self, number: int) -> str | None:
        """The hash of one record, or None when it is not kept."""
        with self._database.autocommit.connect() as connection:
            known: str | None = connection.execute(select(_a.chain_hash).where(_a.number == number)).scalar()
            return known

    def _recomputed(self) -> Verdict:
        chain = self._chain_after(self.last_number())
        with self._database.autocommit.connect() as connection:
            unsealed = connection.execute(select(func.count()).where(_a.number.is_(None))).scalar() or 0
            segments = connection.execute(select(t.audit_segment).order_by(_s.first_number)).mappings().all()
            count, end = 0, _End()
            try:
                for segment in segments:
                    if segment["first_number"] != end.number + 1:
                        raise BrokenTrail(f"records before {segment['first_number']} are missing")
                    if segment["dropped_at"] is None:
                        count += sum(1 for _ in self._follow(connection, chain, segment, end))
                    end = _End.of(segment)
            except BrokenTrail as broken:
                return Verdict(count, unsealed, str(broken))
        return Verdict(count, unsealed)

    def _follow(
        self, connection: Connection, chain: Chain, segment: Any, end: "_End"
    ) -> Iterator[tuple[dict[str, Any], "_End"]]:
        """Each record of a segment that follows `end`, and the end of the trail after it. Raises `BrokenTrail`."""
        for row in self._rows(connection, segment["first_number"], segment["last_number"]):
            if row["number"] != end.number + 1:
                break
            record = {name: row[name] for name in _CHAINED}
            end = end.grown(chain, record)
            if end.hash != row["chain_hash"]:
                raise BrokenTrail(f"record {row['number']} ({row['name']}) was changed")
            yield record, end
        if end.number != segment["last_number"]:
            raise BrokenTrail(f"record {end.number + 1} is missing")
        if end.hash != segment["end_hash"] or segment["digest"] not in (None, end.digest):
            raise BrokenTrail(f"the end of segment {segment['month']} was changed")

    def tail(self, limit: int, *, after: int = 0) -> list[dict[str, Any]]:
        """The newest `limit` rows, oldest first."""
        newest = select(t.audit).where(_a.id > after).order_by(_a.id.desc()).limit(limit)
        with self._database.autocommit.connect() as connection:
            return [dict(row) for row in connection.execute(newest).mappings()][::-1]

    def last_number(self) -> int:
        """The number of the newest chained record, including dropped ones, for the witness of a restored store."""
        with self._database.autocommit.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(_s.last_number), 0))).scalar() or 0)

    def drop_before(self, month: str, now: float, *, seconds: float = math.inf) -> int:
        """Delete the segments of earlier months (YYYY-MM) after their retention; returns how many rows were deleted.

        A segment's end hash stays and links to the next one; the newest segment is never dropped. It is marked first,
        and its rows go in batches for at most about `seconds`; the next call goes on.
        """
        newest = select(func.max(_s.month)).scalar_subquery()
        old = and_(_s.month < month, _s.month < newest, _s.dropped_at.is_(None))
        ended = select(_s.first_number, _s.last_number, _s.dropped_at).where(or_(old, _s.dropped_at.is_not(None)))
        with self._database.autocommit.connect() as connection:
            segments = connection.execute(ended.order_by(_s.first_number)).all()
            if any(dropped_at is None for _, _, dropped_at in segments):
                connection.execute(update(t.audit_segment).where(old).values(dropped_at=now))
        until = time.monotonic() + seconds
        return sum(self._drop(first, last, until) for first, last, _ in segments)

    def _drop(self, first: int, last: int, until: float) -> int:
        """Delete the records from `first` to `last` in batches; returns how many."""
        with self._database.autocommit.connect() as connection:
            left = select(func.min(_a.number)).where(_a.number.between(first, last))
            at, gone = connection.execute(left).scalar(), 0
        while at is not None and at <= last:
            some = _a.number.between(at, min(last, at + batches.BATCH - 1))
            with self._database.autocommit.connect() as connection:
                gone += connection.execute(t.audit.delete().where(some)).rowcount
            at += batches.BATCH
            if time.monotonic() > until:
                break
        return gone

    def _end(self, connection: Connection, before: str = "9999-99") -> "_End":
        newest = select(t.audit_segment).where(_s.month < before).order_by(_s.last_number.desc()).limit(1)
        row = connection.execute(newest).mappings().first()
        return _End.of(row) if row else _End()

    def _chain(self, connection: Connection, links: Sequence[tuple[int, _End]]) -> None:
        """Write what ties each row, by its id: all rows in one statement, and one for each month's segment."""
        chained = [
            {"row_id": row, "number": end.number, "month": end.month, "chain_hash": end.hash} for row, end in links
        ]
        if connection.dialect.name == "postgresql":
            connection.execute(_CHAIN_ALL, {name: [link[name] for link in chained] for name in chained[0]})
        else:
            connection.execute(_CHAIN_EACH, chained)
        for month, group in groupby((end for _, end in links), key=lambda end: end.month):
            grown = list(group)
            ends = {"last_number": grown[-1].number, "end_hash": grown[-1].hash, "digest": grown[-1].digest}
            if not connection.execute(update(t.audit_segment).where(_s.month == month).values(ends)).rowcount:
                connection.execute(insert(t.audit_segment), {"month": month, "first_number": grown[0].number} | ends)

    def _rows(self, connection: Connection, first: int, last: int) -> Iterator[Any]:
        while first <= last:
            page = select(t.audit).where(_a.number >= first, _a.number <= last).order_by(_a.number).limit(BATCH)
            rows = connection.execute(page).mappings().all()
            yield from rows
            if len(rows) < BATCH:
                return
            first = rows[-1]["number"] + 1
