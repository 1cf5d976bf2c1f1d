"""Refused links: the list, and one of them, which one officer may leave refused and two may link after all."""

from typing import Any

from flask import abort, redirect
from werkzeug.wrappers import Response

from idp.accounts.people import People
from idp.dates import local_date
from idp.errors import BadRequest
from idp.officers.officers import NotAllowed, Officer
from idp.ports import Conflict, ConflictOver
from idp.registration.proposals import Proposals
from idp.web.officer.console import REFUSALS, Console, NoRight, OfficerPage, line
from idp.web.officer.dossier import summary_of
from idp.web.officer.sentences import CONFLICTS, SAID
from idp.web.sentences import NOTICES


class ConflictsPage(OfficerPage):
    """Conflicts, oldest first."""

    right = "links"

    def __init__(self, console: Console, proposals: Proposals) -> None:
        super().__init__(console)
        self._proposals = proposals

    def get(self, officer: Officer) -> Response:
        rows = [conflict_row(each) for each in self._proposals.conflicts(officer)]
        return self.show("links.html", officer, rows=rows, message=SAID.get(self.query.get("said", "")))


class ConflictPage(OfficerPage):
    """Who came and whose account it is, both masked."""

    right = "links"

    def __init__(self, console: Console, proposals: Proposals, people: People) -> None:
        super().__init__(console)
        self._proposals = proposals
        self._people = people

    def get(self, officer: Officer, conflict_id: str) -> Response:
        return self._page(officer, self._opened(officer, conflict_id))

    def post(self, officer: Officer, conflict_id: str) -> Response:
        conflict, form = self._opened(officer, conflict_id), self.form
        note, action = line(form.get("note", "")), form.get("action")
        if action not in ("refuse", "link"):
            raise BadRequest("no such action")
        if not note:
            return self._page(officer, conflict, error=SAID["reason"])
        try:
            if action == "refuse":
                self._proposals.refuse_link(conflict.id, officer, note)
                return redirect("/links?said=link_refused", 303)
            self._proposals.link(conflict.id, officer, note)
        except ConflictOver:
            return redirect("/links?said=over", 303)
        except NotAllowed as refused:
            raise REFUSALS.get(refused.why, NoRight)(refused.why) from None
        return redirect("/proposals?said=proposed", 303)

    def _opened(self, officer: Officer, conflict_id: str) -> Conflict:
        try:
            return self._proposals.conflict(conflict_id, officer)
        except NotAllowed as refused:
            raise REFUSALS.get(refused.why, NoRight)(refused.why) from None
        except ConflictOver:
            abort(404)

    def _page(self, officer: Officer, conflict: Conflict, *, error: Any = None) -> Response:
        about = self._people.find(conflict.account_id) if conflict.account_id else None
        other = conflict.linked_to if conflict.linked_to != conflict.account_id else None
        linked = self._people.find(other) if other else None
        return self.show(
            "link.html",
            officer,
            c=conflict_row(conflict),
            said_of=conflict.upstream_facts,
            agreement=conflict.agreement,
            account=summary_of(about) if about else None,
            linked=summary_of(linked) if linked else None,
            about=NOTICES.get(conflict.agreement.get("about", "")),
            can_link=about is not None and about.is_active and conflict.reason not in ("number", "disavowed"),
            error=error,
        )


def conflict_row(conflict: Conflict) -> dict[str, Any]:
    """What the pages show of a conflict."""
    return {
        "id": conflict.id,
        "upstream": conflict.upstream,
        "reason": CONFLICTS.get(conflict.reason, conflict.reason),
        "times": conflict.times,
        "at": local_date(conflict.created_at),
    }
