"""How a database means to carry out the statements of a call: whether an index is used is asked, not hoped."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from idp.store.database import Database


def plan_of(database: Database, call: Callable[[], object]) -> str:
    """The plans of every statement that `call` makes, as the database tells them."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
        seen.append((text, parameters))

    with database.autocommit.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    event.listen(database.autocommit, "before_cursor_execute", note)
    call()
    event.remove(database.autocommit, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
    with database.autocommit.connect() as connection:
        return "\n".join(str(row) for each in seen for row in connection.exec_driver_sql(explain + each[0], each[1]))
