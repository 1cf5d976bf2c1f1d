"""`/register`: who registers and for what; a draft that this browser holds is continued."""

from typing import cast

from flask import redirect
from werkzeug.wrappers import Response

from idp.accounts.account import LOGIN_KINDS, Kind
from idp.registration.declarations import Applicant, Closed
from idp.web.browser import this_browser
from idp.web.page import Page
from idp.web.register.visit import RegistrationPages, page
from idp.web.register.wording import REQUESTS

OWN = {"amend": "/account/profile", "stop": "/account/stop"}
"""Where people with an account make other requests; they log in on the way."""


class StartRegistration(Page):
    """Choose the registrant and one of the three requests. `eid` means that the electronic identity is offered."""

    def __init__(self, desk: RegistrationPages, *, eid: bool) -> None:
        self._desk = desk
        self._eid = eid

    def get(self) -> Response:
        return self._page()

    def post(self) -> Response:
        browser = this_browser(self._desk.context)
        form = browser.form
        kind, request = form.get("kind", ""), form.get("request", "")
        if kind not in LOGIN_KINDS or request not in REQUESTS:
            return self._page(unchosen=True)
        if request in OWN:
            return redirect(OWN[request], 303)
        visit = self._desk.here()
        if visit is not None and visit.draft.kind == kind and visit.draft.state in ("draft", "returned"):
            return redirect("/register/form", 303)
        try:
            secret, _ = self._desk.declarations.begin(cast(Kind, kind), Applicant(browser.network, browser.language()))
        except Closed:
            return self._page()
        if visit is not None:
            self._desk.declarations.forget(visit.draft)
        return self._desk.remember(redirect("/register/form", 303), secret)

    def _page(self, *, unchosen: bool = False) -> Response:
        desk, browser = self._desk, this_browser(self._desk.context)
        fields = browser.form if browser.request.method == "POST" else browser.query
        visit = desk.here()
        return page(
            "start.html",
            kind=fields.get("kind", "individual"),
            asked=fields.get("request", "register"),
            requests=REQUESTS,
            closed=[kind for kind in LOGIN_KINDS if not desk.declarations.is_open(kind)],
            unchosen=unchosen,
            over=browser.query.get("why") == "over",
            visit=visit if visit and visit.draft.state in ("draft", "returned") else None,
            done=visit is not None and visit.draft.state not in ("draft", "returned"),
            draft_hours=desk.draft_hours,
            eid=self._eid,
        )


class Forget(Page):
    """“Bắt đầu lại”: the draft is deleted and this browser forgets it; submitted declarations stay at the agency."""

    def __init__(self, desk: RegistrationPages) -> None:
        self._desk = desk

    def get(self) -> Response:
        return redirect("/register", 303)

    def post(self) -> Response:
        browser, visit = this_browser(self._desk.context), self._desk.here()
        if visit is not None:
            visit.demand_csrf(browser.form)
            self._desk.declarations.forget(visit.draft)
        return self._desk.leave(redirect("/register", 303))
