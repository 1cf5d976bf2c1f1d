"""`/register/email`: a code proves the address, and a correct one submits the declaration, once."""

from dataclasses import replace
from typing import Any

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.errors import StaleState
from idp.registration.declaration import WrongState
from idp.registration.declarations import Incomplete
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.register.visit import RegistrationPages, Visit


class EmailPage(Page):
    """The code to the address of the form."""

    path = "/register/email"

    def __init__(self, desk: RegistrationPages, codes: OtpFlow) -> None:
        self._desk = desk
        self._codes = codes

    def get(self) -> Response:
        visit = self._ready()
        if isinstance(visit, Response):
            return visit
        ask = self._desk.declarations.code_for(visit.draft)
        return self._page(visit, **self._codes.first(ask, visit.browser, trusted=False))

    def post(self) -> Response:
        visit = self._ready()
        if isinstance(visit, Response):
            return visit
        form = visit.browser.form
        visit.demand_csrf(form)
        if "code-cancel" in form:
            return redirect("/register/form", 303)
        ask = self._desk.declarations.code_for(visit.draft)
        if "code-again" in form:
            again = self._codes.again(ask, visit.browser, trusted=False, bound=visit.draft.id)
            return self._page(visit, **again)
        verdict, values = self._codes.judged(ask, visit.browser)
        if verdict != "right":
            # The same form was sent twice: the first one used up the code and submitted the declaration.
            later = self._desk.at_work()
            return later if isinstance(later, Response) else self._page(visit, **values)
        try:
            self._desk.declarations.hand_in(visit.draft, visit.browser.language())
        except (Incomplete, StaleState, WrongState):
            return redirect("/register/form", 303)
        return redirect("/register/done", 303)

    def _ready(self) -> Visit | Response:
        """The visit of a person whose form is complete, or the redirect to what is missing."""
        visit = self._desk.at_work()
        if isinstance(visit, Visit) and self._desk.declarations.problems(visit.draft):
            return redirect("/register/form", 303)
        return visit

    def _page(self, visit: Visit, **values: Any) -> Response:
        sheet = OtpPage(
            title=gettext("Xác thực địa chỉ thư điện tử"),
            lead=gettext("Nhập mã vừa gửi tới thư của bạn để gửi tờ khai. Muốn đổi địa chỉ, bấm “Hủy”."),
            sent=sent_to("email", visit.draft.form.email),
            action=self.path,
            hidden={"attempt": visit.draft.id, "csrf": visit.csrf},
        )
        return self._codes.answer(visit.browser, replace(sheet, **values))
