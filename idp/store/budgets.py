"""What the sending budgets have come to, for operators. They are paid in `one_time.py`."""

from sqlalchemy import select

from idp.store import tables as t
from keys.database import Database


def read_budgets(database: Database, now: float, limit: int) -> list[tuple[str, int, float]]:
    """(key, spent, end of the window) of the budgets whose window is open, most spent first."""
    open_ones = select(t.budget.c.key, t.budget.c.spent, t.budget.c.expires_at).where(t.budget.c.expires_at > now)
    with database.read.connect() as connection:
        rows = connection.execute(open_ones.order_by(t.budget.c.spent.desc(), t.budget.c.key).limit(limit))
        return [(row.key, row.spent, row.expires_at) for row in rows]
