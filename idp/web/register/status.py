"""`/register/status`: how a declaration stands, for whoever knows its reference and the number on it.

To correct or to cancel it takes a code to its proved address as well. Every wrong pair gets one sentence.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.one_time import CodeRequest
from idp.desk.declaration import Declaration, WrongState
from idp.ephemeral_records import EphemeralRecords
from idp.errors import BadRequest, Expired, OtherBrowser, StaleState
from idp.login.attempt import browser_of
from idp.web.browser import Browser, this_browser, with_query
from idp.web.cookies import new_browser
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.register.visit import RegistrationPages, page
from idp.web.register.wording import REASONS, STATES, UNKNOWN

Act = Literal["correct", "cancel"]
ACTS: dict[str, str] = {"correct": "returned", "cancel": "submitted"}
"""What may be done in which state."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """Who looked a declaration up and what they want to do with it, until the code is entered."""

    declaration_id: str
    act: Act
    browser: str


class RegistrationStatusPage(Page):
    """Reference and number."""

    def __init__(self, desk: RegistrationPages, undertakings: EphemeralRecords[Undertaking]) -> None:
        self._desk = desk
        self._undertakings = undertakings

    def get(self) -> Response:
        return self._page(this_browser(self._desk.context), {})

    def post(self) -> Response:
        browser = this_browser(self._desk.context)
        form = browser.form
        reference, phone = form.get("reference", "")[:64], form.get("phone", "")[:64]
        found = self._desk.declarations.look(reference, phone, browser.network)
        if found is None:
            return self._page(browser, form, error=str(UNKNOWN))
        act = next((act for act, state in ACTS.items() if act in form and found.state == state), None)
        if act is None or not found.email_verified_at:
            return self._page(browser, form, found=found)
        if browser.secret is None:
            raise OtherBrowser("the browser keeps no cookies")
        ticket = self._undertakings.add(Undertaking(found.id, cast(Act, act), browser_of(browser.secret)))
        return redirect(with_query("/register/proof", ticket=ticket), 303)

    def _page(self, browser: Browser, form: dict[str, str], **shown: Any) -> Response:
        found: Declaration | None = shown.get("found")
        response = page(
            "status.html",
            reference=form.get("reference", "")[:64],
            phone=form.get("phone", "")[:64],
            error=shown.get("error"),
            found=found,
            state=STATES[found.state] if found else None,
            reason=REASONS.get(found.reason or "") if found and found.state in ("returned", "rejected") else None,
            agency=self._desk.agencies.tree().get(found.form.agency) if found else None,
        )
        if browser.secret is None:
            self._desk.context.cookies.set(response, "b", new_browser())
        return response


class StatusProof(Page):
    """The code to the address of the declaration; then it is opened again in this browser, or cancelled."""

    path = "/register/proof"

    def __init__(self, desk: RegistrationPages, codes: OtpFlow, undertakings: EphemeralRecords[Undertaking]) -> None:
        self._desk = desk
        self._codes = codes
        self._undertakings = undertakings

    def get(self) -> Response:
        browser = this_browser(self._desk.context)
        ticket, wish = self._wish(browser, browser.query)
        declaration = self._desk.declarations.find(wish.declaration_id)
        ask = _ask(declaration, ticket)
        return self._page(browser, ticket, wish, ask, **self._codes.first(ask, browser, trusted=False))

    def post(self) -> Response:
        browser = this_browser(self._desk.context)
        ticket, wish = self._wish(browser, browser.form)
        declaration = self._desk.declarations.find(wish.declaration_id)
        if "code-cancel" in browser.form or ACTS[wish.act] != declaration.state or not declaration.email_verified_at:
            return redirect("/register/status", 303)
        ask = _ask(declaration, ticket)
        if "code-again" in browser.form:
            again = self._codes.again(ask, browser, trusted=False, bound=ticket)
            return self._page(browser, ticket, wish, ask, **again)
        verdict, shown = self._codes.judged(ask, browser)
        if verdict != "right":
            return self._page(browser, ticket, wish, ask, **shown)
        self._undertakings.take(ticket)
        return self._carried_out(declaration, wish)

    def _carried_out(self, declaration: Declaration, wish: Undertaking) -> Response:
        desk = self._desk
        try:
            if wish.act == "cancel":
                desk.declarations.cancel(declaration)
                return page("cancelled.html", declaration=declaration)
            secret, _ = desk.declarations.open_again(declaration)
        except (StaleState, WrongState):
            return redirect("/register/status", 303)
        return desk.remember(redirect("/register/form", 303), secret)

    def _wish(self, browser: Browser, given: dict[str, str]) -> tuple[str, Undertaking]:
        ticket = given.get("ticket", "")
        if len(ticket) > 100:
            raise BadRequest("no ticket of ours")
        wish = self._undertakings.find(ticket)
        if wish is None:
            raise Expired("no such undertaking")
        if not browser.secret or wish.browser != browser_of(browser.secret):
            raise OtherBrowser("a code is entered where it was asked for")
        return ticket, wish

    def _page(self, browser: Browser, ticket: str, wish: Undertaking, ask: CodeRequest, **shown: Any) -> Response:
        titles = {"correct": gettext("Sửa tờ khai"), "cancel": gettext("Hủy tờ khai")}
        sheet = OtpPage(
            title=titles[wish.act],
            lead=gettext("Nhập mã vừa gửi tới địa chỉ thư trên tờ khai."),
            sent=sent_to("email", ask.to),
            action=self.path,
            hidden={"ticket": ticket, "attempt": ticket},
        )
        return self._codes.answer(browser, replace(sheet, **shown))


def _ask(declaration: Declaration, ticket: str) -> CodeRequest:
    return CodeRequest(
        "registration", ticket, declaration.id, "email", declaration.form.email, account_id=declaration.id
    )
