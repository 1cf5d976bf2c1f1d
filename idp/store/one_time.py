"""`CodeStore` in SQL: budgets, code and message are committed or rolled back together."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.one_time import NewCode, StoredCode
from idp.limits.budgets import Budget, BudgetSpent, CaptchaFirst, OverBudget, over, strained, wasted
from idp.messages.message import Message
from idp.store import tables as t
from idp.store.budgets import pay
from idp.store.database import Database
from idp.store.outbox import SqlOutbox

_b = t.budget.c
_c = t.one_time_code.c


class SqlCodes:
    """One-time codes and the budgets that their messages are charged to."""

    def __init__(self, database: Database, outbox: SqlOutbox) -> None:
        self._database = database
        self._outbox = outbox
        self._dialect = postgresql if database.dialect == "postgresql" else sqlite

    def issue(
        self, code: NewCode | None, budgets: Sequence[Budget], messages: Sequence[Message], now: float, *, trusted: bool
    ) -> dict[str, BudgetSpent]:
        self._refuse_over(budgets, now)
        # Raising inside the block rolls back all charges.
        with self._database.transaction.begin() as connection:
            # Lock the code's row first, as in `use`: different lock orders would deadlock.
            if code:
                self._keep(connection, code, now)
            spent = pay(connection, budgets, now)
            refused = over(budgets, spent)
            if refused:
                raise OverBudget(refused.key, spent[refused.key].until, now)
            if wasted(spent):
                raise OverBudget("prefix", now + 3600, now)
            if not trusted and strained(budgets, spent):
                raise CaptchaFirst("a budget is strained")
            self._outbox.write(connection, *messages)
        return spent

    def _refuse_over(self, budgets: Sequence[Budget], now: float) -> None:
        """Refuse with a plain read if a budget will refuse anyway: a flood must not queue with the writers."""
        wanted = select(_b.key, _b.spent, _b.expires_at).where(
            _b.key.in_([b.key for b in budgets]), _b.expires_at > now
        )
        with self._database.autocommit.connect() as connection:
            spent = {row.key: BudgetSpent(row.spent, row.expires_at) for row in connection.execute(wanted)}
        full = next((b for b in budgets if b.key in spent and spent[b.key].units + max(b.cost, 1) > b.limit), None)
        if full:
            raise OverBudget(full.key, spent[full.key].until, now)

    def find(self, key: str, now: float) -> StoredCode | None:
        wanted = select(_c.code_digest, _c.good_until, _c.tries, _c.sent_at, _c.used_at)
        with self._database.autocommit.connect() as connection:
            row = connection.execute(wanted.where(_c.key == key, _c.expires_at > now)).first()
        return (
            StoredCode(row.code_digest, row.good_until, row.tries, row.sent_at, row.used_at is not None)
            if row
            else None
        )

    def guess(self, key: str, *, most: int, now: float) -> str | None:
        live = and_(_c.key == key, _c.used_at.is_(None), _c.tries < most, _c.good_until > now)
        counted = update(t.one_time_code).where(live).values(tries=_c.tries + 1).returning(_c.code_digest)
        with self._database.autocommit.connect() as connection:
            digest: str | None = connection.execute(counted).scalar()
        return digest

    def use(self, key: str, digest: str, used: Budget | None, now: float) -> bool:
        mine = and_(_c.key == key, _c.code_digest == digest, _c.used_at.is_(None))
        with self._database.transaction.begin() as connection:
            won = connection.execute(update(t.one_time_code).where(mine).values(used_at=now)).rowcount == 1
            if won and used:
                pay(connection, [used], now)
        return won

    def _keep(self, connection: Connection, code: NewCode, now: float) -> None:
        """Replace the old code with the new one. Tries are reset only by a use, or when the row ends."""
        row = {
            "key": code.key,
            "account_id": code.account_id,
            "code_digest": code.digest,
            "good_until": code.good_until,
            "tries": 0,
            "used_at": None,
            "sent_at": now,
            "expires_at": code.kept_until,
        }
        insert = self._dialect.insert(t.one_time_code).values(row)
        again = {name: row[name] for name in ("code_digest", "good_until", "used_at", "sent_at", "expires_at")}
        forgotten = (_c.expires_at <= now) | _c.used_at.is_not(None)
        again["tries"] = case((forgotten, 0), else_=_c.tries)
        connection.execute(insert.on_conflict_do_update(index_elements=[_c.key], set_=again))
