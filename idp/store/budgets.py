"""Sending budgets in SQL: charged in one statement inside the caller's transaction, and read by operators."""

from collections.abc import Sequence

from sqlalchemy import Connection, Double, bindparam, case, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.limits.budgets import Budget, BudgetSpent
from idp.store import tables as t
from idp.store.database import Database


def pay(connection: Connection, budgets: Sequence[Budget], now: float) -> dict[str, BudgetSpent]:
    """Charge all budgets, always in the same order, and return the new totals; the caller judges and commits."""
    rows = [{"key": b.key, "spent": b.cost, "expires_at": now + b.window} for b in sorted(budgets, key=lambda b: b.key)]
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(t.budget)
    old, new = t.budget.c, insert.excluded
    is_over = old.expires_at <= bindparam("now", type_=Double)
    statement = insert.values(rows).on_conflict_do_update(
        index_elements=[old.key],
        set_={
            "spent": case((is_over, new.spent), else_=old.spent + new.spent),
            "expires_at": case((is_over, new.expires_at), else_=old.expires_at),
        },
    )
    spent = connection.execute(statement.returning(old.key, old.spent, old.expires_at), {"now": now})
    return {row.key: BudgetSpent(row.spent, row.expires_at) for row in spent}


def read_budgets(database: Database, now: float, limit: int) -> list[tuple[str, int, float]]:
    """(key, spent, end of the window) of the budgets whose window is open, highest first."""
    open_ones = select(t.budget.c.key, t.budget.c.spent, t.budget.c.expires_at).where(t.budget.c.expires_at > now)
    with database.autocommit.connect() as connection:
        rows = connection.execute(open_ones.order_by(t.budget.c.spent.desc(), t.budget.c.key).limit(limit))
        return [(row.key, row.spent, row.expires_at) for row in rows]
