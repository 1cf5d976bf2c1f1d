"""`Officer`: who decides at the desk, what they may do and where.

Officers are no citizens of this provider: their accounts, sessions and second factors are apart from everybody's. A
right holds in an agency and all beneath it.
"""

from dataclasses import dataclass
from typing import Literal

from idp.desk.agencies import EVERYWHERE, Tree
from idp.desk.declaration import Declaration

Right = Literal["decide", "links", "data"]
RIGHTS: tuple[Right, ...] = ("decide", "links", "data")
"""To decide declarations, conflicts of links, and what people ask about their own data."""


class NotAllowed(Exception):
    """The officer may not do this; `why` is own_request, agency, right or same_officer."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer. `rights` are (agency, right); `bhxh_code` and `citizen_number` are the officer's own as a citizen."""

    id: str
    login: str
    name: str
    status: Literal["active", "disabled"] = "active"
    rights: frozenset[tuple[str, Right]] = frozenset()
    bhxh_code: str | None = None
    citizen_number: str | None = None
    secured_at: float = 0.0

    def may(self, right: Right, agency: str, tree: Tree) -> bool:
        """Whether the right holds in this agency."""
        if self.status != "active":
            return False
        return any(r == right and (a == EVERYWHERE or agency in tree.beneath(a)) for a, r in self.rights)

    def scope(self, right: Right, tree: Tree) -> set[str] | None:
        """The codes in which the right holds; None is everywhere."""
        mine = [agency for agency, held in self.rights if held == right]
        if EVERYWHERE in mine:
            return None
        return {code for agency in mine for code in tree.beneath(agency)}

    def is_about(self, declaration: Declaration) -> bool:
        """Whether the declaration is the officer's own."""
        form = declaration.form
        own_code = bool(self.bhxh_code) and form.code == self.bhxh_code
        return own_code or (bool(self.citizen_number) and form.paper_number == self.citizen_number)

    def demand(self, right: Right, declaration: Declaration, tree: Tree) -> None:
        """Raises `NotAllowed`."""
        if not any(held == right for _, held in self.rights) or self.status != "active":
            raise NotAllowed("right")
        if not self.may(right, declaration.form.agency, tree):
            raise NotAllowed("agency")
        if self.is_about(declaration):
            raise NotAllowed("own_request")
