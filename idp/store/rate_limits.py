"""`RateLimits` in SQL: all counts of one try are raised and judged by one statement, atomically on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Boolean, Double, Integer, and_, bindparam, case, literal, or_, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from idp.limits.durable import NOTHING, Decision, Hit
from idp.store import tables as t
from keys.database import Database

NEVER = 0.0
"""`blocked_until` of a count that blocks nobody. The moment of the try would block whoever began a little earlier but
came second, and everybody on a machine whose clock is behind."""


class SqlRateLimits:
    """Durable counts in the table `throttle`."""

    _compiled: ClassVar[dict[tuple[str, int], SQLCompiler]] = {}

    def __init__(self, database: Database) -> None:
        self._database = database

    def hit(self, hits: Sequence[Hit], now: float) -> list[Decision]:
        # Sorted, because two statements that lock the same rows in different orders would wait for each other.
        rows = [_first(hit, now) for hit in sorted(hits, key=lambda hit: hit.key)]
        compiled = self._for(len(rows))
        values = compiled.params | {f"{name}_{n}": value for n, row in enumerate(rows) for name, value in row.items()}
        values["now"] = now
        given = values if compiled.positiontup is None else tuple(values[name] for name in compiled.positiontup)
        with self._database.autocommit.connect() as connection:
            found = connection.exec_driver_sql(str(compiled), given).all()
        return [Decision(row.key, bool(row.admitted), row.failures, row.blocked_until) for row in found]

    def forgive(self, *, clear: Sequence[str] = (), give_back: Mapping[str, int] = NOTHING) -> None:
        counts = t.throttle.c
        cleared = counts.key.in_(clear)
        units = case(*((counts.key == key, number) for key, number in give_back.items()), (cleared, 0), else_=0)
        # Locked in the order in which `hit` locks; an expired count is a forgotten one, and is swept later.
        mine = select(counts.key).where(counts.key.in_([*clear, *give_back])).order_by(counts.key).with_for_update()
        forgiven = {
            "failures": case((or_(cleared, counts.failures <= units), 0), else_=counts.failures - units),
            "blocked_until": case((cleared, counts.blocked_until), else_=NEVER),
            "expires_at": case((cleared, 0.0), else_=counts.expires_at),
        }
        with self._database.autocommit.connect() as connection:
            connection.execute(update(t.throttle).where(counts.key.in_(mine)).values(forgiven))

    def _for(self, count: int) -> SQLCompiler:
        """The statement for so many rows, compiled once: SQLAlchemy would do so for every try (some 4 ms)."""
        if (wanted := (self._database.dialect, count)) not in self._compiled:
            rows = [{c.name: bindparam(f"{c.name}_{n}", type_=c.type) for c in t.throttle.c} for n in range(count)]
            self._compiled[wanted] = self._upsert().values(rows).compile(dialect=self._database.autocommit.dialect)
        return self._compiled[wanted]

    def _upsert(self) -> Any:
        """The statement without its rows: what becomes of a count that exists already."""
        first = (postgresql if self._database.dialect == "postgresql" else sqlite).insert(t.throttle)
        old, new, now = t.throttle.c, first.excluded, bindparam("now", type_=Double)
        forgotten = old.expires_at <= now
        blocked = and_(old.expires_at > now, old.blocked_until > now)
        raised = old.failures + new.failures
        over = raised - new.free
        doubled = new.base.op("<<")(case((over > 16, 16), else_=over))
        delay = case((doubled > new.cap, new.cap), else_=doubled)
        until = case((over < 0, literal(NEVER, Double)), else_=now + type_coerce(delay, Integer))
        return first.on_conflict_do_update(
            index_elements=[old.key],
            set_={
                "failures": case((forgotten, new.failures), (blocked, old.failures), else_=raised),
                "blocked_until": case(
                    (forgotten, new.blocked_until),
                    (blocked, old.blocked_until),
                    else_=until,
                ),
                "admitted": case((blocked, literal(False, Boolean)), else_=literal(True, Boolean)),
                "expires_at": case((or_(forgotten, new.sliding), new.expires_at), else_=old.expires_at),
            },
        ).returning(old.key, old.admitted, old.failures, old.blocked_until)


def _first(hit: Hit, now: float) -> dict[str, object]:
    """The row of a count that does not exist yet: this try is its first failure until it succeeds."""
    policy = hit.policy
    return {
        "key": hit.key,
        "free": policy.free,
        "base": policy.base,
        "cap": policy.cap,
        "memory": policy.memory,
        "sliding": policy.sliding,
        "failures": hit.weight,
        "blocked_until": now + delay if (delay := policy.delay(hit.weight)) else NEVER,
        "admitted": True,
        "expires_at": now + policy.memory,
    }
