"""What needs two officers: the list of proposals, and one of them, which another officer confirms or refuses."""

from typing import Any

from flask import abort, redirect
from werkzeug.wrappers import Response

from idp.dates import local_date
from idp.errors import BadRequest
from idp.officers.officers import NotAllowed, Officer
from idp.ports import ConflictOver
from idp.registration.declaration import DeclarationStore
from idp.registration.proposals import Proposal, ProposalOver, Proposals
from idp.web.officer.console import REFUSALS, Console, NoRight, OfficerPage, line
from idp.web.officer.sentences import ENDS, OUTCOMES, PROPOSALS, RESULTS, SAID


class PairPage(OfficerPage):
    """A page about proposals."""

    def __init__(self, console: Console, proposals: Proposals, declarations: DeclarationStore) -> None:
        super().__init__(console)
        self.proposals = proposals
        self.declarations = declarations


class ProposalsPage(PairPage):
    """Proposals that wait for a second officer; the queue posts its selection here."""

    def get(self, officer: Officer) -> Response:
        open_ones = self.proposals.open_for(officer)
        who = self.console.names({each.proposed_by for each in open_ones})
        rows = [proposal_row(each, officer, who) for each in open_ones]
        return self.show("proposals.html", officer, rows=rows, message=SAID.get(self.query.get("said", "")))

    def post(self, officer: Officer) -> Response:
        form, note = self.form, line(self.form.get("note", ""))
        picked = [(n.removeprefix("id-"), v) for n, v in form.items() if n.startswith("id-")]
        if not picked or not note:
            return redirect("/?done=nothing", 303)
        chosen = [(self.declarations.find(item), version) for item, version in picked]
        # A declaration that changed after the page was shown is not the one that was selected.
        selected = [each for each, version in chosen if each and str(each.version) == version]
        if not selected:
            return redirect("/proposals?said=over", 303)
        try:
            self.proposals.approve_all(selected, officer, note)
        except NotAllowed as refused:
            raise REFUSALS.get(refused.why, NoRight)(refused.why) from None
        return redirect("/proposals?said=proposed", 303)


class ProposalPage(PairPage):
    """One proposal."""

    def get(self, officer: Officer, proposal_id: str) -> Response:
        return self._page(officer, self._opened(officer, proposal_id))

    def post(self, officer: Officer, proposal_id: str) -> Response:
        proposal, action = self._opened(officer, proposal_id), self.form.get("action")
        if action not in ("confirm", "refuse"):
            raise BadRequest("no such action")
        try:
            if action == "refuse":
                self.proposals.refuse(proposal, officer)
                return redirect("/proposals?said=refused", 303)
            results = self.proposals.confirm(proposal, officer)
        except NotAllowed as refused:
            return self._page(officer, proposal, error=ENDS.get(refused.why, ENDS["right"]), status=403)
        except (ProposalOver, ConflictOver):
            return self._page(officer, self._opened(officer, proposal_id), error=SAID["over"], status=409)
        lines = [(each.item, RESULTS.get(each.why, RESULTS["changed"])) for each in results]
        return self._page(officer, self._opened(officer, proposal_id), results=lines)

    def _opened(self, officer: Officer, proposal_id: str) -> Proposal:
        try:
            proposal = self.proposals.find(proposal_id, officer) if len(proposal_id) == 22 else None
        except NotAllowed:
            raise REFUSALS["agency"]("proposal of another agency") from None
        return proposal or abort(404)

    def _page(self, officer: Officer, proposal: Proposal, *, status: int = 200, **context: Any) -> Response:
        people = {proposal.proposed_by, proposal.decided_by or ""}
        listed = []
        if proposal.kind == "approve":
            listed = [(each, self.declarations.find(each)) for each, _ in proposal.items]
        return self.show(
            "proposal.html",
            officer,
            status,
            p=proposal_row(proposal, officer, self.console.names(people)),
            items=[(each, d.formatted_reference, d.form.name) for each, d in listed if d],
            conflict=proposal.items[0][0] if proposal.kind == "link" else None,
            **{"results": None, "error": None, **context},
        )


def proposal_row(proposal: Proposal, officer: Officer, who: Any) -> dict[str, Any]:
    """What the pages show of a proposal."""
    return {
        "id": proposal.id,
        "what": PROPOSALS[proposal.kind],
        "count": len(proposal.items),
        "note": proposal.note,
        "by": who.get(proposal.proposed_by, "–"),
        "at": local_date(proposal.proposed_at),
        "own": proposal.proposed_by == officer.id,
        "outcome": OUTCOMES[proposal.outcome] if proposal.outcome else None,
        "decided_by": who.get(proposal.decided_by, "–"),
        "decided_at": local_date(proposal.decided_at),
    }
