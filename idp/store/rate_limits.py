"""`RateLimits` in SQL: one statement raises and judges all counts of one try, atomically on both databases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import (
    Boolean,
    Double,
    Integer,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from idp.limits.durable import NOTHING, Decision, Hit
from idp.store import tables as t
from idp.store.database import Database
from idp.store.prepared import Prepared, Row, Statement

NEVER = 0.0
"""`blocked_until` of a count that blocks nobody. The time of the try would block a caller who began slightly earlier
but came second, and every caller on a machine whose clock is behind."""


Shape = tuple[str, int, int]
"""What a statement does, and with how many keys of each kind."""


class SqlRateLimits:
    """Durable counts in the table `throttle`."""

    _statements: ClassVar[dict[tuple[str, Shape], Statement]] = {}

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared: dict[Shape, Prepared] = {}

    def hit(self, hits: Sequence[Hit], now: float) -> list[Decision]:
        # Sorted, because two statements that lock the same rows in different orders would deadlock.
        rows = [_first(hit, now) for hit in sorted(hits, key=lambda hit: hit.key)]
        values = {f"{name}_{n}": value for n, row in enumerate(rows) for name, value in row.items()}
        counted = self._execute(("hit", len(rows), 0), lambda: self._upsert_of(len(rows)), values | {"now": now})
        return [Decision(row["key"], bool(row["admitted"]), row["failures"], row["blocked_until"]) for row in counted]

    def forgive(self, *, clear: Sequence[str] = (), give_back: Mapping[str, int] = NOTHING) -> None:
        values: dict[str, object] = {f"cleared_{n}": key for n, key in enumerate(clear)}
        for n, (key, number) in enumerate(give_back.items()):
            values |= {f"key_{n}": key, f"number_{n}": number}
        if values:
            shape = "forgive", len(clear), len(give_back)
            self._execute(shape, lambda: _forgiven(self._database.dialect, len(clear), len(give_back)), values)

    def _execute(self, shape: Shape, make: Callable[[], Statement], values: dict[str, object]) -> list[Row]:
        """Execute the statement of this shape, compiled once: SQLAlchemy would compile it for every try (some 4 ms).

        If the connection is cut just after it took effect, it takes effect twice.
        """
        prepared = self._prepared.get(shape)
        if prepared is None:
            known = (self._database.dialect, shape)
            statement = self._statements.setdefault(known, make())
            prepared = self._prepared[shape] = Prepared(self._database, statement)
        return prepared.changed(**values)

    def _upsert_of(self, count: int) -> Any:
        rows = [{c.name: bindparam(f"{c.name}_{n}", type_=c.type) for c in t.throttle.c} for n in range(count)]
        return self._upsert().values(rows)

    def _upsert(self) -> Any:
        """The statement without its rows: how an existing count is updated."""
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


def _forgiven(dialect: str, cleared: int, given_back: int) -> Any:
    """The statement that clears so many counts, and gives back units of so many others.

    PostgreSQL is not waited for until it lies on the disk: after a crash it may be lost, which refuses somebody once
    more and permits nothing. What `hit` charged lies there before it returns.
    """
    counts = t.throttle.c
    clear: list[Any] = [bindparam(f"cleared_{n}") for n in range(cleared)]
    others: list[Any] = [bindparam(f"key_{n}") for n in range(given_back)]
    is_cleared = or_(false(), *(counts.key == key for key in clear))
    numbers = ((counts.key == key, bindparam(f"number_{n}", type_=Integer)) for n, key in enumerate(others))
    units = case(*numbers, (is_cleared, 0), else_=0)
    # Locked in the same order as `hit`; an expired count is treated as absent, and is swept later.
    mine = select(counts.key).where(counts.key.in_([*clear, *others])).order_by(counts.key).with_for_update()
    if dialect == "postgresql":
        mine = mine.where(func.set_config("synchronous_commit", "off", true()) == "off")
    forgiven = {
        "failures": case((or_(is_cleared, counts.failures <= units), 0), else_=counts.failures - units),
        "blocked_until": case((is_cleared, counts.blocked_until), else_=NEVER),
        "expires_at": case((is_cleared, 0.0), else_=counts.expires_at),
    }
    return update(t.throttle).where(counts.key.in_(mine)).values(forgiven)


def _first(hit: Hit, now: float) -> dict[str, object]:
    """The row of a new count: this try is its first failure until it succeeds."""
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
