"""What needs two officers: one proposes, another with the same right confirms or refuses.

An officer cannot confirm their own proposal. A confirmed proposal is claimed first and then carried out, item by item:
an item that changed since the proposal is left as it is, and reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from idp.accounts.people import IdentifierTaken
from idp.accounts.references import new_id
from idp.errors import StaleState
from idp.officers.agencies import EVERYWHERE
from idp.officers.officers import NotAllowed, Officer, OfficerStore, Right, demand_persons
from idp.ports import Clock, Conflict, ConflictOver, Conflicts, Event
from idp.registration.decisions import Decisions, Unfit
from idp.registration.declaration import Declaration, WrongState

Kind = Literal["approve", "link"]
Outcome = Literal["confirmed", "refused"]

RIGHT: dict[Kind, Right] = {"approve": "decide", "link": "links"}
LIFE = 7 * 86_400.0
MOST_ITEMS = 25
NOTHING_TO_LINK = ("number", "disavowed")
"""Conflicts that are not a link waiting to be made."""

MOST_LISTED = 100


class ProposalOver(Exception):
    """It was already decided, or has expired."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal. Items are (id, version) of declarations, or the id of one conflict; agency "*" is everywhere."""

    id: str
    kind: Kind
    agency: str
    items: tuple[tuple[str, int], ...]
    note: str
    proposed_by: str
    proposed_at: float
    expires_at: float
    decided_by: str | None = None
    decided_at: float | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one item; `why` is approved or linked, or the reason why it was left."""

    item: str
    why: str


class ProposalStore(Protocol):
    """Stores proposals."""

    def add(self, proposal: Proposal, event: Event) -> None:
        """Store a new proposal."""
        ...

    def find(self, proposal_id: str) -> Proposal | None:
        """The proposal."""
        ...

    def open(self, now: float) -> list[Proposal]:
        """Undecided proposals, oldest first."""
        ...

    def decide(self, proposal: Proposal, event: Event) -> bool:
        """Store outcome and officer, once; False when it was already decided or has expired."""
        ...


class Proposals:
    """Proposes and confirms. `conflicts` is None where nothing can be linked."""

    def __init__(
        self,
        store: ProposalStore,
        officers: OfficerStore,
        decisions: Decisions,
        conflicts: Conflicts | None,
        clock: Clock,
    ) -> None:
        self._store = store
        self._officers = officers
        self._declarations = decisions.stores.declarations
        self._decisions = decisions
        self._agencies = decisions.stores.agencies
        self._conflicts = conflicts
        self._clock = clock

    def approve_all(self, declarations: Sequence[Declaration], officer: Officer, note: str) -> list[Proposal]:
        """Propose to approve these: one proposal per agency. Raises `NotAllowed`."""
        tree = self._agencies.tree()
        by_agency: dict[str, list[Declaration]] = {}
        for each in declarations[:MOST_ITEMS]:
            officer.demand("decide", each.form.agency, each.numbers, tree)
            by_agency.setdefault(each.form.agency, []).append(each)
        return [
            self._propose("approve", agency, tuple((each.id, each.version) for each in theirs), officer, note)
            for agency, theirs in by_agency.items()
        ]

    def link(self, conflict_id: str, officer: Officer, note: str) -> Proposal:
        """Propose the link that a conflict is about. Raises `NotAllowed`, `ConflictOver`."""
        if self.conflict(conflict_id, officer).reason in NOTHING_TO_LINK:
            raise ConflictOver
        return self._propose("link", EVERYWHERE, ((conflict_id, 0),), officer, note)

    def conflict(self, conflict_id: str, officer: Officer) -> Conflict:
        """An undecided conflict that is not the officer's own. Raises `NotAllowed`, `ConflictOver`."""
        demand_everywhere("links", officer)
        conflict = self._conflicts.find(conflict_id) if self._conflicts else None
        if conflict is None:
            raise ConflictOver
        if officer.is_among(conflict.concerns):
            raise NotAllowed("own_request")
        return conflict

    def refuse_link(self, conflict_id: str, officer: Officer, note: str) -> None:
        """Settle a conflict without a link; one officer may. Raises `NotAllowed`, `ConflictOver`."""
        self.conflict(conflict_id, officer)
        demand_persons(officer)
        if self._conflicts:
            self._conflicts.refuse(conflict_id, officer.login, note)

    def conflicts(self, officer: Officer) -> list[Conflict]:
        """Waiting conflicts. Raises `NotAllowed`."""
        demand_everywhere("links", officer)
        return self._conflicts.waiting(MOST_LISTED) if self._conflicts else []

    def open_for(self, officer: Officer) -> list[Proposal]:
        """Waiting proposals in the officer's agencies, including the officer's own."""
        return [each for each in self._store.open(self._clock()) if self.may(each, officer)]

    def find(self, proposal_id: str, officer: Officer) -> Proposal | None:
        """The proposal, if it belongs to one of the officer's agencies. Raises `NotAllowed`."""
        proposal = self._store.find(proposal_id)
        if proposal and not self.may(proposal, officer):
            raise NotAllowed("agency")
        return proposal

    def may(self, proposal: Proposal, officer: Officer) -> bool:
        """Whether the officer has the right for the proposal; without an agency, having it anywhere is enough."""
        if proposal.agency == EVERYWHERE:
            return officer.holds(RIGHT[proposal.kind])
        return officer.may(RIGHT[proposal.kind], proposal.agency, self._agencies.tree())

    def refuse(self, proposal: Proposal, officer: Officer) -> None:
        """End it; the proposer may do that too. Raises `NotAllowed`, `ProposalOver`."""
        if not self.may(proposal, officer):
            raise NotAllowed("agency")
        if proposal.proposed_by != officer.id:
            demand_persons(officer)
        self._claim(proposal, officer, "refused")

    def confirm(self, proposal: Proposal, officer: Officer) -> list[Result]:
        """Carry it out. Raises `NotAllowed`, `ProposalOver`, `ConflictOver`."""
        if proposal.proposed_by == officer.id:
            raise NotAllowed("same_officer")
        if not self.may(proposal, officer):
            raise NotAllowed("agency")
        first = self._officers.find(proposal.proposed_by)
        if first is None or not self.may(proposal, first):
            raise NotAllowed("right")
        demand_persons(first, officer)
        if proposal.kind == "link":
            self.conflict(proposal.items[0][0], officer)
        self._claim(proposal, officer, "confirmed")
        if proposal.kind == "link":
            return [self._linked(proposal, first, officer)]
        return [self._approved(item, version, first, officer) for item, version in proposal.items]

    def _propose(
        self, kind: Kind, agency: str, items: tuple[tuple[str, int], ...], officer: Officer, note: str
    ) -> Proposal:
        now = self._clock()
        proposal = Proposal(new_id(), kind, agency, items, note, officer.id, now, now + LIFE)
        event = Event("proposal.made", facts={"officer": officer.login, "kind": kind, "items": len(items)}, reason=note)
        self._store.add(proposal, event)
        return proposal

    def _claim(self, proposal: Proposal, officer: Officer, outcome: Outcome) -> None:
        decided = replace(proposal, decided_by=officer.id, decided_at=self._clock(), outcome=outcome)
        facts = {"officer": officer.login, "kind": proposal.kind, "outcome": outcome}
        if not self._store.decide(decided, Event("proposal.decided", facts=facts, reason=proposal.note)):
            raise ProposalOver

    def _approved(self, item: str, version: int, first: Officer, second: Officer) -> Result:
        declaration = self._declarations.find(item)
        if declaration is None or declaration.version != version:
            return Result(declaration.formatted_reference if declaration else item, "changed")
        return Result(
            declaration.formatted_reference,
            why_not(lambda: self._decisions.approve(declaration, first, seconded_by=second)),
        )

    def _linked(self, proposal: Proposal, first: Officer, second: Officer) -> Result:
        conflict = proposal.items[0][0]
        if self._conflicts is None:
            return Result(conflict, "changed")
        try:
            self._conflicts.link(conflict, first.login, second.login, proposal.note)
        except ConflictOver:
            return Result(conflict, "changed")
        return Result(conflict, "linked")


def why_not(approve: Callable[[], object]) -> str:
    """Approve; returns "approved", or the reason why it failed."""
    try:
        approve()
    except (StaleState, WrongState):
        return "changed"
    except NotAllowed as refused:
        return refused.why
    except Unfit as unfit:
        return unfit.why
    except IdentifierTaken:
        return "taken"
    return "approved"


def demand_everywhere(right: Right, officer: Officer) -> None:
    """Check the right for what belongs to no agency. Raises `NotAllowed`."""
    if not officer.holds(right):
        raise NotAllowed("right")
