"""What the console shows beside declarations, each in one statement: other declarations, existing accounts."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from idp.limits.budgets import Budget, BudgetSpent
from idp.registration.comparing import Highlights
from idp.registration.declaration import OPEN, Declaration
from idp.store import tables as t
from idp.store.budgets import pay
from idp.store.database import Database
from idp.store.declaration_rows import declaration_of

_d = t.declaration.c
_i = t.identifier.c
MOST = 20


class SqlDeclarationViews:
    """`DeskViews` on declarations and identifiers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def highlights(self, page: Sequence[Declaration]) -> dict[str, Highlights]:
        codes = {each.form.code for each in page if each.form.code}
        numbers = {each.form.citizen_number for each in page if each.form.citizen_number}
        if not codes | numbers:
            return {each.id: Highlights(0, has_account=False) for each in page}
        open_ones = select(_d.code).where(_d.code.in_(codes), _d.state.in_(OPEN))
        held = select(_i.value).where(_i.value.in_(codes | numbers), _i.valid_to.is_(None))
        held = held.where(_i.kind.in_(("bhxh", "cccd", "unit", "tax")))
        with self._database.autocommit.connect() as connection:
            counts = Counter(connection.execute(open_ones).scalars())
            taken = set(connection.execute(held).scalars())
        return {
            each.id: Highlights(
                max(0, counts[each.form.code] - each.is_open), bool(taken & {each.form.code, each.form.citizen_number})
            )
            for each in page
        }

    def count(self, budget: Budget, now: float) -> BudgetSpent:
        with self._database.transaction.begin() as connection:
            return pay(connection, [budget], now)[budget.key]

    def about(self, declaration: Declaration) -> list[Declaration]:
        form = declaration.form
        same = [_d.code == form.code] if form.code else []
        same += [_d.citizen_number == form.citizen_number] if form.citizen_number else []
        if not same:
            return []
        others = and_(or_(*same), _d.kind == declaration.kind, _d.id != declaration.id, _d.state != "draft")
        newest = select(t.declaration).where(others).order_by(_d.submitted_at.desc(), _d.id).limit(MOST)
        with self._database.autocommit.connect() as connection:
            return [declaration_of(row) for row in connection.execute(newest).mappings()]
