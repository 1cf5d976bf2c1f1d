"""`AuditLog` in SQL: requests insert unchained rows, one sealer chains them, anybody can verify.

Each link of the chain is keyed, so whoever can write the table can cut it, but not forge it; a cut is found by whoever
knows its head from elsewhere. Rows are chained in the order in which the sealer finds them, numbered without gaps, and
cut in monthly segments: a whole segment can be deleted after its retention while its end hash stays and carries the
next one.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from idp.audit import ZERO, Chain, blotted, canonical, checked, digest
from idp.audit_export import Segment, SegmentSigner
from idp.ports import Clock, Event
from idp.store import tables as t
from keys.database import Database

_a = t.audit.c
_s = t.audit_segment.c
_CHAINED = ("at", "name", "subject", "client_id", "request_id", "facts", "reason", "month", "number")
BATCH = 500


class SqlAudit:
    """Writes events. `request_id` tells which request is being answered; subjects are keyed digests of account ids."""

    def __init__(self, database: Database, clock: Clock, digest_key: bytes, request_id: Any) -> None:
        self._database = database
        self._clock = clock
        self._digest_key = digest_key
        self._request_id = request_id

    def record(self, event: Event) -> None:
        with self._database.autocommit.connect() as connection:
            self.write(connection, event)

    def write(self, connection: Connection, event: Event) -> None:
        """Write the event in the caller's transaction: what was done and its record stand or fall together."""
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
        connection.execute(insert(t.audit), row)

    def subject(self, account_id: str) -> str:
        """How the trail names an account: searchable by whoever has the key, meaningless to everybody else."""
        hashed = hmac.digest(self._digest_key, f"audit\0{account_id}".encode(), hashlib.sha256)
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found: how many rows hold, how many are not chained yet, and the first that does not hold."""

    verified: int
    unsealed: int
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain as somebody noted it; without a number, anywhere."""

    number: int | None
    hash: str = ""


class BrokenTrail(Exception):
    """The trail is not as it was chained; the message says where."""


@dataclass(frozen=True, slots=True)
class _End:
    """Where a trail ends, which the next record is chained to. A segment from before there were digests has none."""

    number: int = 0
    hash: str = ZERO
    month: str = ""
    digest: str | None = ZERO

    @classmethod
    def of(cls, segment: Any) -> "_End":
        return cls(segment["last_number"], segment["end_hash"], segment["month"], segment["digest"])

    def grown(self, chain: Chain, record: dict[str, Any]) -> "_End":
        """The end after this record, which has its number and its month."""
        number, month = record["number"], record["month"]
        before = self.digest or (ZERO if month != self.month else None)
        grown = digest(before, canonical(record)) if before else None
        return _End(number, chain.link(self.hash, record), month, grown)


class Trail:
    """Chains, reads and verifies the trail."""

    def __init__(self, database: Database, chain_after: Callable[[int], Chain]) -> None:
        """`chain_after(last)` gives the chain; the first caller ever fixes that it is keyed after the record `last`."""
        self._database = database
        self._chain_after = chain_after

    def has_loose(self) -> bool:
        """Whether anything waits to be chained."""
        with self._database.autocommit.connect() as connection:
            return connection.execute(select(_a.id).where(_a.number.is_(None)).limit(1)).first() is not None

    def seal(self) -> int:
        """Chain what is not chained yet; returns how many rows. Two sealers at once do no harm: one waits or fails."""
        chain = self._chain_after(self.last_number())
        with self._database.transaction.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(7_266_001)))
            loose = select(t.audit).where(_a.number.is_(None)).order_by(_a.id).limit(BATCH)
            rows = connection.execute(loose).mappings().all()
            end = self._end(connection)
            for row in rows:
                # A late row never goes back into a segment that was closed.
                month = max(end.month, datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m"))
                end = end.grown(
                    chain, {name: row[name] for name in _CHAINED} | {"number": end.number + 1, "month": month}
                )
                self._chain(connection, row["id"], end)
        return len(rows)

    def sign_closed(self, sign: Callable[[Segment], str]) -> int:
        """Have every segment signed to which nothing can be added any more; returns how many."""
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
        """The records of a month (YYYY-MM) as lines, proved against the chain, and in the last line their signature.

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
        """Recompute every segment that is kept, then look for the `known` heads, which somebody noted elsewhere.

        Rows that are sealed meanwhile wait for the next time.
        """
        verdict = self._recomputed()
        amiss = next((finding for finding in map(self._amiss, known) if finding), None)
        return verdict if verdict.broken else replace(verdict, broken=amiss)

    def _amiss(self, known: Head) -> str | None:
        """What is wrong with a head that was noted elsewhere; one of a segment that was dropped tells nothing more."""
        if known.number is None:
            found = select(_a.number).where(_a.chain_hash == known.hash)
            with self._database.autocommit.connect() as connection:
                return None if connection.execute(found).first() else "no record has the hash that was noted"
        last = self.last_number()
        if last < known.number:
            return f"the trail ends at record {last}, but record {known.number} was seen: the end was cut off"
        if known.hash and self.hash_at(known.number) not in (None, known.hash):
            return f"record {known.number} is not the one that was seen: the trail was written anew"
        return None

    def head(self) -> Head:
        """The end of the chain, to be noted where whoever writes the database cannot write."""
        with self._database.autocommit.connect() as connection:
            end = self._end(connection)
        return Head(end.number, end.hash)

    def hash_at(self, number: int) -> str | None:
        """The hash of one record, or None when it is not kept."""
        with self._database.autocommit.connect() as connection:
            found: str | None = connection.execute(select(_a.chain_hash).where(_a.number == number)).scalar()
            return found

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
        """Each record of a segment that follows `end`, and where the trail ends with it. Raises `BrokenTrail`."""
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
        """The number of the newest chained record, dropped ones included, for the witness of a restored store."""
        with self._database.autocommit.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(_s.last_number), 0))).scalar() or 0)

    def drop_before(self, month: str, now: float) -> int:
        """Delete the segments of earlier months (YYYY-MM) after their retention; returns how many rows went.

        A segment's end hash stays and carries the next one; the newest segment is never dropped.
        """
        with self._database.transaction.begin() as connection:
            newest = select(func.max(_s.month)).scalar_subquery()
            old = and_(_s.month < month, _s.month < newest, _s.dropped_at.is_(None))
            dropped = update(t.audit_segment).where(old).values(dropped_at=now).returning(_s.month)
            months = list(connection.execute(dropped).scalars())
            return connection.execute(t.audit.delete().where(_a.month.in_(months))).rowcount if months else 0

    def _end(self, connection: Connection, before: str = "9999-99") -> "_End":
        newest = select(t.audit_segment).where(_s.month < before).order_by(_s.last_number.desc()).limit(1)
        found = connection.execute(newest).mappings().first()
        return _End.of(found) if found else _End()

    def _chain(self, connection: Connection, row_id: int, end: "_End") -> None:
        mine = and_(_a.id == row_id, _a.number.is_(None))
        chained = {"number": end.number, "month": end.month, "chain_hash": end.hash}
        connection.execute(update(t.audit).where(mine).values(chained))
        ends = {"last_number": end.number, "end_hash": end.hash, "digest": end.digest}
        if not connection.execute(update(t.audit_segment).where(_s.month == end.month).values(ends)).rowcount:
            begun = {"month": end.month, "first_number": end.number} | ends
            connection.execute(insert(t.audit_segment), begun)

    def _rows(self, connection: Connection, first: int, last: int) -> Iterator[Any]:
        while first <= last:
            page = select(t.audit).where(_a.number >= first, _a.number <= last).order_by(_a.number).limit(BATCH)
            rows = connection.execute(page).mappings().all()
            yield from rows
            if len(rows) < BATCH:
                return
            first = rows[-1]["number"] + 1
