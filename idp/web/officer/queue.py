"""The queue: what waits for a decision, oldest first, and selecting several for an approval by two officers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import redirect
from flask_babel import format_timedelta
from werkzeug.wrappers import Response

from idp.accounts.references import read_reference
from idp.errors import BadRequest
from idp.officers.agencies import Tree
from idp.officers.officers import Officer
from idp.registration.comparing import DeskViews, Highlights
from idp.registration.declaration import Declaration, DeclarationStore, QueueFilter, Request, State
from idp.registration.grades import grades
from idp.web.browser import with_query
from idp.web.officer.console import Console, OfficerPage
from idp.web.officer.sentences import DONE, ENDS, REQUESTS, STATES

PAGE = 25
SHOWN_STATES: tuple[State, ...] = ("submitted", "returned", "approved", "rejected")


@dataclass(frozen=True, slots=True)
class Filter:
    """The officer's filter; every link and form of the console carries it."""

    request: str = ""
    state: str = "submitted"
    agency: str = ""
    q: str = ""

    @classmethod
    def read(cls, query: dict[str, str]) -> "Filter":
        """From parameters; a value that is not a valid choice is ignored."""
        request, state = query.get("request", ""), query.get("state", "submitted")
        return cls(
            request if request in REQUESTS else "",
            state if state in SHOWN_STATES else "submitted",
            query.get("agency", "")[:8],
            " ".join(query.get("q", "")[:100].split()),
        )

    @property
    def params(self) -> dict[str, str]:
        """The parameters that differ from the default."""
        usual = Filter()
        return {
            n: getattr(self, n) for n in ("request", "state", "agency", "q") if getattr(self, n) != getattr(usual, n)
        }

    def queue(
        self, officer: Officer, tree: Tree, after: tuple[float, str] | None = None, limit: int = PAGE
    ) -> QueueFilter:
        """What to list: never beyond where the officer may decide."""
        scope = officer.scope("decide", tree)
        if self.agency:
            beneath = tree.beneath(self.agency)
            scope = beneath if scope is None else scope & beneath
        text = read_reference(self.q) or self.q
        request = cast(Request, self.request) if self.request else None
        agencies = sorted(scope) if scope is not None else None
        return QueueFilter(agencies, (cast(State, self.state),), request, text, after, limit)


class QueuePage(OfficerPage):
    """The list, twenty-five at a time."""

    right = "decide"

    def __init__(self, console: Console, declarations: DeclarationStore, views: DeskViews) -> None:
        super().__init__(console)
        self._declarations = declarations
        self._views = views

    def get(self, officer: Officer) -> Response:
        query, tree = self.query, self.console.tree()
        wanted = Filter.read(query)
        declarations = self._declarations.queue(wanted.queue(officer, tree, _after(query.get("after", "")), PAGE + 1))
        page = declarations[:PAGE]
        highlights, now = self._views.highlights(page), self.console.clock()
        today = self.console.today()
        rows = [row(each, highlights[each.id], tree, now) | {"grades": len(grades(each.form, today))} for each in page]
        more = None
        if len(declarations) > PAGE:
            last = page[-1]
            more = with_query("/", **wanted.params, after=f"{last.submitted_at!r}_{last.id}")
        return self.show(
            "queue.html",
            officer,
            rows=rows,
            wanted=wanted,
            back=with_query("", **wanted.params),
            more=more,
            later="after" in query,
            message=message(query),
            requests=REQUESTS,
            states={state: STATES[state] for state in SHOWN_STATES},
            agencies=_agencies(officer, tree),
        )


class OfficerHome(OfficerPage):
    """An officer's start page: the first part of the console that they may open."""

    def __init__(self, console: Console, queue: QueuePage) -> None:
        super().__init__(console)
        self._queue = queue

    def get(self, officer: Officer) -> Response:
        rights = {right for _, right in officer.rights}
        if "decide" in rights:
            return self._queue.get(officer)
        if rights:
            return redirect("/links" if "links" in rights else "/data", 303)
        return self.show("nothing.html", officer)


def row(declaration: Declaration, highlights: Highlights, tree: Tree, now: float) -> dict[str, Any]:
    """A line of the queue."""
    agency = tree.get(declaration.form.agency)
    return {
        "id": declaration.id,
        "reference": declaration.formatted_reference,
        "name": declaration.form.name,
        "code": declaration.form.code,
        "request": REQUESTS[declaration.request],
        "kind": declaration.kind,
        "state": STATES[declaration.state],
        "agency": agency.name if agency else declaration.form.agency,
        "age": format_timedelta(timedelta(seconds=max(0.0, now - (declaration.submitted_at or now)))),
        "version": declaration.version,
        "others": highlights.others,
        "has_account": highlights.has_account and declaration.request == "register",
        "selectable": declaration.state == "submitted",
    }


def message(query: dict[str, str]) -> str | None:
    """The outcome of the last decision, from the address."""
    done, reference = query.get("done", ""), read_reference(query.get("ref", ""))
    if done in DONE and reference:
        return str(DONE[done] % {"reference": "-".join((reference[:4], reference[4:8], reference[8:]))})
    return str(ENDS["nothing"]) if done == "nothing" else None


def _after(text: str) -> tuple[float, str] | None:
    """Where a page starts. Raises `BadRequest`."""
    if not text:
        return None
    moment, _, last = text.partition("_")
    try:
        return float(moment), last[:22]
    except ValueError:
        raise BadRequest("no place in the queue") from None


def _agencies(officer: Officer, tree: Tree) -> list[tuple[str, str]]:
    """The agencies to choose from: those where the officer holds the right directly, not the thousands beneath."""
    mine = sorted({agency for agency, right in officer.rights if right == "decide" and agency != "*"})
    below = sorted({code for agency in mine for code in tree.beneath(agency)})[:200] if len(mine) < 4 else mine
    agencies = [(code, tree.get(code)) for code in below]
    return [(code, agency.name) for code, agency in agencies if agency]
