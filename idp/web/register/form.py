"""`/register/form`: form 01. Readable input is saved at once; a good picture is never asked for again."""

import json
from collections.abc import Mapping
from typing import Any

from flask import abort, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from idp.dates import local_date
from idp.errors import BadRequest, StaleState
from idp.http.forms import LARGEST_BODY, LARGEST_UPLOAD, TooLarge
from idp.registration.declaration import ROLES, Declaration, Role, WrongState
from idp.registration.declarations import needed
from idp.registration.photos import LARGEST, BadPhoto
from idp.registration.reading import FIELDS, IVANS
from idp.web.browser import Browser
from idp.web.page import Page
from idp.web.register.choices import choices
from idp.web.register.visit import RegistrationPages, Visit, page
from idp.web.register.wording import GRADES, PAPERS, REASONS, SUBMISSION, TAKEN, TRANSACT_AT, label, problem

LARGEST_PART = 4 * LARGEST_BODY
"""Bytes of fields. Werkzeug also applies it to what it buffers of a file between two reads of 64 KiB."""


class PicturesTooLarge(TooLarge):
    """More than the form accepts."""

    kind = "pictures"


AGAIN = ("places", "regions")
"""Buttons that request another list, without validating the form."""


class FormPage(Page):
    """The form."""

    def __init__(self, desk: RegistrationPages) -> None:
        self._desk = desk

    def get(self) -> Response:
        visit = self._desk.at_work()
        return visit if isinstance(visit, Response) else self._page(visit, written(visit.draft), {})

    def post(self) -> Response:
        visit = self._desk.at_work()
        if isinstance(visit, Response):
            return visit
        # Read only for a browser that holds a draft: it may be long.
        form, files, problems = read_upload(visit.browser)
        visit.demand_csrf(form)
        desk = self._desk.declarations
        typed = {name: form.get(name, "") for name in FIELDS[visit.draft.kind] if name in form or name == "agrees"}
        try:
            draft, unread = desk.fill(visit.draft, typed)
            wrong = problems | {role: why for role, file in files.items() if (why := self._kept(draft, role, file))}
        except (StaleState, WrongState):
            return self._page(visit, form, {}, message=str(TAKEN))
        visit = Visit(visit.browser, visit.secret, draft)
        if "later" in form:
            return redirect("/register", 303)
        if any(button in form for button in AGAIN):
            return self._page(visit, form, wrong)
        problems = desk.problems(draft) | dict(unread) | wrong
        if problems:
            return self._page(visit, form, problems)
        odd = desk.grades(draft)
        if set(odd) - set(form.get("seen", "").split()):
            return self._page(visit, form, {}, odd=odd)
        return redirect("/register/email", 303)

    def _kept(self, draft: Declaration, role: Role, file: bytes) -> str:
        try:
            self._desk.declarations.keep_photo(draft, role, file)
        except BadPhoto as bad:
            return bad.why
        return ""

    def _page(self, visit: Visit, typed: Mapping[str, str], problems: Mapping[str, str], **more: Any) -> Response:
        draft, desk = visit.draft, self._desk.declarations
        organisation = draft.kind == "organisation"
        order = [*ROLES[:1], *FIELDS[draft.kind], *ROLES[1:]]
        wrong = {n: problem(n, problems[n], organisation=organisation) for n in order if n in problems}
        more = {"message": None, "odd": ()} | more
        return page(
            "form.html",
            draft=draft,
            organisation=organisation,
            csrf=visit.csrf,
            typed=typed,
            wrong=wrong,
            labels={name: label(name, organisation=organisation) for name in wrong},
            message=more["message"],
            odd=more["odd"],
            warnings=[GRADES[grade] for grade in more["odd"]],
            reason=REASONS.get(draft.reason or "") if draft.state == "returned" else None,
            kept=desk.photos(draft),
            needed=needed(draft),
            choices=choices(self._desk.agencies.tree(), typed, desk.today),
            papers=PAPERS,
            ivans=IVANS,
            transact_at=TRANSACT_AT,
            submission=SUBMISSION,
            draft_hours=self._desk.draft_hours,
        )


class OwnPhoto(Page):
    """A picture of the draft, only for its holder; and one that is saved as soon as it is chosen."""

    def __init__(self, desk: RegistrationPages) -> None:
        self._desk = desk

    def get(self, role: str) -> Response:
        visit = self._desk.at_work()
        if isinstance(visit, Response) or role not in ROLES:
            abort(404)
        jpeg = self._desk.declarations.photo(visit.draft, role)
        if jpeg is None:
            abort(404)
        response = Response(jpeg, mimetype="image/jpeg")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Disposition"] = "inline"
        return response

    def post(self, role: str) -> Response:
        """Check and keep one picture: 200 when it is good, 422 with a sentence that says what is wrong with it."""
        visit = self._desk.at_work()
        if isinstance(visit, Response) or role not in ROLES:
            abort(404)
        form, files, wrong = read_upload(visit.browser)
        visit.demand_csrf(form)
        try:
            if role not in wrong:
                self._desk.declarations.keep_photo(visit.draft, role, files.get(role, b""))
        except BadPhoto as bad:
            wrong = {role: bad.why}
        except WrongState:
            abort(404)
        verdict = {"problem": problem(role, wrong[role]) if role in wrong else None}
        response = Response(json.dumps(verdict), 422 if verdict["problem"] else 200, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response


def read_upload(browser: Browser) -> tuple[dict[str, str], dict[Role, bytes], dict[str, str]]:
    """The fields, the pictures, and what is wrong with the pictures, from our own form; large parts go to disk.

    A larger body is refused by its declared length, or when the limit is reached: it is never read in full.
    Raises `BadRequest`, `Forbidden`, `PicturesTooLarge`.
    """
    browser.demand_same_origin()
    request.max_content_length, request.max_form_memory_size = LARGEST_UPLOAD, LARGEST_PART
    try:
        named = dict(request.form.lists())
    except RequestEntityTooLarge:
        raise PicturesTooLarge("more than a form with pictures") from None
    if any(len(values) > 1 for values in named.values()):
        raise BadRequest("a field is given more than once")
    fields = {name: values[0] for name, values in named.items()}
    if any("\0" in name or "\0" in value for name, value in fields.items()):
        raise BadRequest("NUL in a field")
    chosen = {role: [file for file in request.files.getlist(role) if file.filename] for role in ROLES}
    several: dict[str, str] = {role: "several" for role, files in chosen.items() if len(files) > 1}
    return fields, {role: files[0].read(LARGEST + 1) for role, files in chosen.items() if len(files) == 1}, several


def written(draft: Declaration) -> dict[str, str]:
    """The form in the notation that people use."""
    form = draft.form
    fields = {name: getattr(form, name) for name in FIELDS[draft.kind]}
    dates = {name: local_date(fields[name]) for name in fields if name in ("birth_date", "starts_on")}
    return fields | dates | {"phone": spoken_phone(form.phone), "agrees": "1" if form.agrees else ""}


def spoken_phone(e164: str) -> str:
    """`0981 234 567`."""
    phone = e164.replace("+84", "0")
    return " ".join(part for part in (phone[:4], phone[4:7], phone[7:]) if part)
