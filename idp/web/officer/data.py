"""People's requests about their own data: the list with the legal deadlines, and one request with its answer."""

from typing import Any

from flask import abort, redirect
from werkzeug.wrappers import Response

from idp.accounts.people import People
from idp.dates import local_date
from idp.errors import BadRequest, StaleState
from idp.officers.data_requests import DAY, REFUSALS, DataRequest, DataRequests, TooEarly
from idp.officers.officers import NotAllowed, Officer
from idp.web.officer import console as shared
from idp.web.officer.console import Console, NoRight, OfficerPage, line
from idp.web.officer.dossier import summary_of
from idp.web.officer.sentences import DATA, DATA_REASONS, DATA_STATES
from idp.web.own_copy import listed

ACTIONS = ("acknowledge", "prolong", "refuse", "erase")


class DataPage(OfficerPage):
    """A page about people's requests."""

    right = "data"

    def __init__(self, console: Console, requests: DataRequests, people: People) -> None:
        super().__init__(console)
        self.requests = requests
        self.people = people


class DataList(DataPage):
    """Oldest first, with overdue ones marked."""

    def get(self, officer: Officer) -> Response:
        now = self.console.clock()
        rows = [request_row(each, now) for each in self.requests.waiting(officer)]
        return self.show("data.html", officer, rows=rows, message=DATA.get(self.query.get("said", "")))


class DataCase(DataPage):
    """One request."""

    def get(self, officer: Officer, request_id: str) -> Response:
        return self._page(officer, self._opened(officer, request_id))

    def post(self, officer: Officer, request_id: str) -> Response:
        asked, form = self._opened(officer, request_id), self.form
        action, reason, note = form.get("action", ""), form.get("reason", ""), line(form.get("note", ""))
        if action not in ACTIONS:
            raise BadRequest("no such action")
        if (action == "refuse" and reason not in REFUSALS) or (action in ("refuse", "prolong") and not note):
            return self._page(officer, asked, error=DATA["reason"])
        if action == "erase" and form.get("sure") != "1":
            return self._page(officer, asked, error=DATA["sure"])
        try:
            self._answer(officer, asked, action, reason, note)
        except NotAllowed as refused:
            raise shared.REFUSALS.get(refused.why, NoRight)(refused.why) from None
        except StaleState:
            return self._page(officer, self._opened(officer, request_id), error=DATA["answered"], status=409)
        except TooEarly:
            return self._page(officer, asked, error=DATA["early"], status=409)
        return redirect(f"/data?said={action}", 303)

    def _answer(self, officer: Officer, asked: DataRequest, action: str, reason: str, note: str) -> None:
        match action:
            case "acknowledge":
                self.requests.acknowledge(asked, officer)
            case "prolong":
                self.requests.prolong(asked, officer, note)
            case "refuse":
                self.requests.refuse(asked, officer, reason, note)
            case _:
                self.requests.erase(asked, officer)

    def _opened(self, officer: Officer, request_id: str) -> DataRequest:
        try:
            request = self.requests.find(request_id, officer) if len(request_id) == 22 else None
        except NotAllowed as refused:
            raise shared.REFUSALS.get(refused.why, NoRight)(refused.why) from None
        return request or abort(404)

    def _page(self, officer: Officer, asked: DataRequest, *, error: Any = None, status: int = 200) -> Response:
        account = self.people.find(asked.account_id)
        return self.show(
            "data_case.html",
            officer,
            status,
            r=request_row(asked, self.console.clock()),
            account=summary_of(account) if account else None,
            kept=listed(self.requests.kept(asked.account_id)),
            reasons={reason: DATA_REASONS[reason] for reason in REFUSALS},
            error=error,
        )


def request_row(asked: DataRequest, now: float) -> dict[str, Any]:
    """What the pages show of a request."""
    due = asked.answer_by if asked.acknowledged_at else asked.acknowledge_by
    return {
        "id": asked.id,
        "reference": "-".join((asked.reference[:4], asked.reference[4:8], asked.reference[8:])),
        "state": DATA_STATES[asked.state],
        "asked": local_date(asked.asked_at),
        "acknowledge_by": local_date(asked.acknowledge_by),
        "answer_by": local_date(asked.answer_by),
        "acknowledged": local_date(asked.acknowledged_at) if asked.acknowledged_at else None,
        "is_waiting": asked.is_waiting,
        "erased_from": local_date(asked.erased_from),
        "too_early": now < asked.erased_from,
        "is_open": asked.state == "open",
        "can_be_prolonged": asked.can_be_prolonged,
        "late": asked.is_waiting and now > due,
        "soon": asked.is_waiting and due - DAY < now <= due,
        "note": asked.note,
    }
