"""One request: form 01 beside the register, the account, pictures and history; and the decision, after which the next
request opens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flask import abort, redirect
from werkzeug.wrappers import Response

from idp.accounts.account import Account, IdentifierKind
from idp.accounts.masking import masked_name, masked_phone
from idp.accounts.participants import Participant, Participants
from idp.accounts.people import IdentifierTaken, People
from idp.dates import local_date
from idp.errors import StaleState
from idp.officers.officers import NotAllowed, Officer
from idp.ports import AuditLog, Event
from idp.registration.address import address_of
from idp.registration.comparing import Compared, DeskViews, compare
from idp.registration.decisions import Decisions, Unfit
from idp.registration.declaration import ROLES, Declaration, DeclarationStore, Role, WrongState
from idp.registration.grades import grades
from idp.registration.views import ViewBudget
from idp.web.browser import with_query
from idp.web.officer.console import REFUSALS, Console, NoRight, OfficerPage, line
from idp.web.officer.queue import Filter, message
from idp.web.officer.sentences import BEWARE, ENDS, FIELDS, GRADES, PARTS, PICTURES, REASONS, REQUESTS, STATES, VERDICTS

ACTIONS = {"approve": "approved", "reject": "rejected", "return": "returned", "resend": "resent"}


@dataclass(frozen=True, slots=True)
class Papers:
    """The stores for a request and what is shown beside it."""

    declarations: DeclarationStore
    views: DeskViews
    participants: Participants
    people: People
    audit: AuditLog
    budget: ViewBudget


class CasePage(OfficerPage):
    """A page about one request, for officers of its agency other than the applicant."""

    right = "decide"

    def __init__(self, console: Console, papers: Papers) -> None:
        super().__init__(console)
        self.papers = papers

    def opened(self, officer: Officer, declaration_id: str) -> Declaration:
        """The request. Raises `NoRight`; 404 when it does not exist."""
        declaration = self.papers.declarations.find(declaration_id) if len(declaration_id) == 22 else None
        if declaration is None or declaration.state == "draft":
            abort(404)
        try:
            officer.demand("decide", declaration.form.agency, declaration.numbers, self.console.tree())
        except NotAllowed as refused:
            raise REFUSALS.get(refused.why, NoRight)(refused.why) from None
        return declaration


class Dossier(CasePage):
    """The request and its decision."""

    def __init__(self, console: Console, papers: Papers, decisions: Decisions) -> None:
        super().__init__(console, papers)
        self._decisions = decisions

    def get(self, officer: Officer, declaration_id: str) -> Response:
        declaration = self.opened(officer, declaration_id)
        return self._page(officer, declaration, Filter.read(self.query), message=message(self.query))

    def post(self, officer: Officer, declaration_id: str) -> Response:
        declaration, form = self.opened(officer, declaration_id), self.form
        wanted = Filter.read(form)
        if form.get("version") != str(declaration.version):
            return self._stopped(officer, declaration, wanted, "changed")
        action = form.get("action", "")
        if action not in ACTIONS:
            abort(400)
        if action in ("reject", "return") and form.get("reason", "") not in REASONS:
            return self._stopped(officer, declaration, wanted, "reason", status=200)
        try:
            self._decide(officer, declaration, action, form)
        except (StaleState, WrongState):
            return self._stopped(officer, self.opened(officer, declaration_id), wanted, "changed")
        except Unfit as unfit:
            return self._stopped(officer, declaration, wanted, unfit.why)
        except NotAllowed as refused:
            return self._stopped(officer, declaration, wanted, refused.why, status=403)
        except IdentifierTaken:
            return self._stopped(officer, declaration, wanted, "taken")
        return redirect(self._next(officer, declaration, wanted, ACTIONS[action]), 303)

    def _decide(self, officer: Officer, declaration: Declaration, action: str, form: dict[str, str]) -> None:
        reason, note = form.get("reason", ""), line(form.get("note", ""))
        match action:
            case "approve":
                self._decisions.approve(declaration, officer)
            case "reject":
                self._decisions.reject(declaration, officer, reason, note)
            case "return":
                self._decisions.ask_for_correction(declaration, officer, reason, note)
            case _:
                self._decisions.send_again(declaration, officer)

    def _next(self, officer: Officer, declaration: Declaration, wanted: Filter, done: str) -> str:
        """The request after this one, else the first that waits, else the queue."""
        tree, params = self.console.tree(), {**wanted.params, "done": done, "ref": declaration.reference}
        here = (declaration.submitted_at or 0.0, declaration.id)
        for after in (here, None):
            waiting = self.papers.declarations.queue(wanted.queue(officer, tree, after, 2))
            for each in waiting:
                if each.id != declaration.id and not officer.is_among(each.numbers):
                    return with_query(f"/requests/{each.id}", **params)
        return with_query("/", **params)

    def _stopped(
        self, officer: Officer, declaration: Declaration, wanted: Filter, why: str, *, status: int = 409
    ) -> Response:
        """The same page, saying why nothing was done."""
        sentence = str(ENDS.get(why, ENDS["changed"]))
        if why == "changed" and declaration.state != "submitted":
            sentence = self._end(declaration)
        return self._page(officer, declaration, wanted, error=sentence, status=status)

    def _end(self, declaration: Declaration) -> str:
        """The outcome, and who decided."""
        by = declaration.decided_by or ""
        who = self.console.names({by}).get(by, "–")
        return str(ENDS[declaration.state] % {"who": who})

    def _page(
        self,
        officer: Officer,
        declaration: Declaration,
        wanted: Filter,
        *,
        error: str | None = None,
        message: str | None = None,
        status: int = 200,
    ) -> Response:
        self.papers.budget.spend(officer)
        facts = {"officer": officer.login, "reference": declaration.formatted_reference}
        self.papers.audit.record(Event("declaration.viewed", declaration.account_id, facts=facts))
        return self.show(
            "dossier.html",
            officer,
            status,
            d=declaration,
            form=declaration.form,
            error=error,
            message=message,
            wanted=wanted,
            back=with_query("/", **wanted.params),
            request_name=REQUESTS[declaration.request],
            state=STATES[declaration.state],
            end=None if declaration.state == "submitted" else self._end(declaration),
            submitted=local_date(declaration.submitted_at),
            reasons=REASONS,
            **self._beside(officer, declaration),
        )

    def _beside(self, officer: Officer, declaration: Declaration) -> dict[str, Any]:
        """What is shown beside the form: agency, register, account, pictures, other requests, and warnings."""
        tree, form = self.console.tree(), declaration.form
        agency, receiving = tree.get(form.agency), tree.receiving(form.agency, self.console.today())
        known, split = self._known(declaration)
        account, kept = self._account(declaration), self.papers.declarations.photos(declaration.id)
        unknown = declaration.kind == "individual" and known is None
        compared = [comparison_row(each) for each in compare(form, known)]
        odd = [GRADES[g] for g in grades(form, self.console.today()) if g in GRADES]
        others = [
            earlier(each, here=officer.may("decide", each.form.agency, tree))
            for each in self.papers.views.about(declaration)
        ]
        return {
            "address": address_of(declaration),
            "agency": agency.name if agency else form.agency,
            "moved": receiving.name if receiving and receiving.code != form.agency else None,
            "compared": compared,
            "unknown": unknown,
            "split": split,
            "grades": odd,
            "account": account,
            "pictures": [(r, PICTURES[r]) for r in ROLES if r in kept],
            "others": others,
            "beware": beware(compared, odd, unknown=unknown, split=split, rivals=any(o["is_open"] for o in others)),
            "can_resend": declaration.state == "approved" and account is not None and not account["has_password"],
        }

    def _known(self, declaration: Declaration) -> tuple[Participant | None, bool]:
        """The participant with this code, else with this citizen number; and whether these are two people."""
        form, register = declaration.form, self.papers.participants
        if declaration.kind == "organisation":
            return None, False
        by_code = register.find(form.code) if form.code else None
        by_number = register.find_by_citizen_number(form.citizen_number) if form.citizen_number else None
        split = bool(by_code and by_number and by_code.bhxh_code != by_number.bhxh_code)
        return by_code or by_number, split

    def _account(self, declaration: Declaration) -> dict[str, Any] | None:
        form, people = declaration.form, self.papers.people
        account = people.find(declaration.account_id) if declaration.account_id else None
        if account is None:
            kinds = ("bhxh",) if declaration.kind == "individual" else ("unit", "tax")
            accounts = (people.find_by_identifier(cast(IdentifierKind, kind), form.code) for kind in kinds if form.code)
            account = next(filter(None, accounts), None)
        if account is None and form.citizen_number:
            account = people.find_by_identifier("cccd", form.citizen_number)
        return summary_of(account) if account else None


class DossierPicture(CasePage):
    """A picture of a request: every view checks the right again and is recorded."""

    def get(self, officer: Officer, declaration_id: str, role: str) -> Response:
        declaration = self.opened(officer, declaration_id)
        picture = self.papers.declarations.photo(declaration.id, cast(Role, role))
        if picture is None:
            abort(404)
        self.papers.budget.spend(officer, "pictures")
        facts = {"officer": officer.login, "reference": declaration.formatted_reference, "role": role}
        self.papers.audit.record(Event("photo.viewed", declaration.account_id, facts=facts))
        return Response(picture, mimetype="image/jpeg")


def comparison_row(compared: Compared) -> dict[str, Any]:
    """A line of the comparison."""
    write: Callable[[str], str] = (
        _national if compared.field == "phone" else local_date if compared.field == "birth_date" else str
    )
    return {
        "label": FIELDS[compared.field],
        "declared": write(compared.declared),
        "registered": write(compared.registered),
        "verdict": compared.verdict,
        "word": VERDICTS[compared.verdict],
        "parts": ", ".join(str(PARTS[part]) for part in compared.parts),
    }


def beware(compared: list[dict[str, Any]], odd: list[Any], *, unknown: bool, split: bool, rivals: bool) -> list[str]:
    """The reasons not to approve, in words: while there are any, approving is not the first button."""
    labels = [str(each["label"]) for each in compared if each["verdict"] in ("differs", "close")]
    highlights = {"unknown": unknown, "split": split, "rivals": rivals}
    return [*labels, *map(str, odd), *(str(BEWARE[name]) for name, stands in highlights.items() if stands)]


def summary_of(account: Account) -> dict[str, Any]:
    """What the console shows of an account."""
    return {
        "name": masked_name(account.name),
        "identifiers": [i.masked for i in account.identifiers],
        "phone": masked_phone(account.phone) if account.phone else None,
        "active": account.is_active,
        "has_password": account.has_own_password,
    }


def earlier(declaration: Declaration, *, here: bool) -> dict[str, Any]:
    """A line of the history; for a request at another agency only that it exists, and whether it is open."""
    line = {
        "request": REQUESTS[declaration.request],
        "state": STATES[declaration.state],
        "is_open": declaration.is_open,
        "here": here,
    }
    if not here:
        return line
    return line | {
        "id": declaration.id,
        "reference": declaration.formatted_reference,
        "name": declaration.form.name,
        "phone": _national(declaration.form.phone),
        "at": local_date(declaration.submitted_at),
        "reason": REASONS.get(declaration.reason or ""),
    }


def _national(phone: str) -> str:
    return "0" + phone[3:] if phone.startswith("+84") else phone
