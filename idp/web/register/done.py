"""`/register/done`: form 01 as it will be signed, to read and print, with the reference."""

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.dates import local_day
from idp.officers.agencies import Tree
from idp.registration.address import address_of
from idp.registration.declaration import Declaration
from idp.registration.reading import IVANS
from idp.web.page import Page
from idp.web.register.form import written
from idp.web.register.visit import RegistrationPages, page
from idp.web.register.wording import LABELS, PAPERS, REQUESTS, SUBMISSION, TRANSACT_AT, label


class Done(Page):
    """Shows what was submitted."""

    def __init__(self, desk: RegistrationPages) -> None:
        self._desk = desk

    def get(self) -> Response:
        visit = self._desk.here()
        if visit is None:
            return redirect("/register?why=over", 303)
        draft = visit.draft
        if draft.state in ("draft", "returned"):
            return redirect("/register/form", 303)
        tree = self._desk.agencies.tree()
        return page(
            "done.html",
            declaration=draft,
            requests=REQUESTS,
            lines=lines(draft, tree),
            agency=tree.get(draft.form.agency),
            starts_on=in_words(draft.form.starts_on),
            signed_on=in_words(str(local_day(draft.submitted_at or 0))),
            csrf=visit.csrf,
        )


def lines(declaration: Declaration, tree: Tree) -> list[tuple[str, str]]:
    """Every field with its label, in the order of the form."""
    form, written_form = declaration.form, written(declaration)
    organisation = declaration.kind == "organisation"
    agency = tree.get(form.agency)
    ivan = f": {IVANS[form.ivan]}" if form.transact_at == "ivan" and form.ivan else ""
    rows = [("name", form.name), ("code", form.code)]
    if not organisation:
        paper = f"{form.paper_number} ({PAPERS[form.paper_kind]})"
        rows += [("paper_number", paper), ("birth_date", written_form["birth_date"])]
    rows += [
        ("address", address_of(declaration)),
        ("contact_person", form.contact_person),
        ("email", form.email),
        ("phone", written_form["phone"]),
        ("transact_at", f"{TRANSACT_AT[form.transact_at]}{ivan}"),
    ]
    filled = [(label(name, organisation=organisation), value) for name, value in rows if value]
    filled.append((str(gettext("Cơ quan BHXH tiếp nhận")), f"{agency.code} - {agency.name}" if agency else form.agency))
    return [*filled, (str(LABELS["submission"]), str(SUBMISSION[form.submission]))]


def in_words(day: str) -> str:
    """`ngày 05 tháng 8 năm 2026`, as documents are dated."""
    year, month, number = day.split("-")
    return str(gettext("ngày %(day)s tháng %(month)s năm %(year)s", day=number, month=month.lstrip("0"), year=year))
