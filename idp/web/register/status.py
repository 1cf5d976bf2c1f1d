"""`/register/status`: the state of a declaration, for anyone who knows its reference and the number on it.

Correcting or cancelling also needs a code to its verified address. Every wrong pair gets the same sentence.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.one_time import CodeRequest
from idp.ephemeral_records import EphemeralRecords
from idp.errors import BadRequest, Expired, OtherBrowser, StaleState
from idp.http.cookies import new_browser
from idp.login.attempt import browser_of
from idp.registration.declaration import Declaration, WrongState
from idp.web.browser import Browser, this_browser, with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.register.visit import RegistrationPages, page
from idp.web.register.wording import REASONS, STATES, UNKNOWN

Act = Literal["correct", "cancel"]
ACTS: dict[str, str] = {"correct": "returned", "cancel": "submitted"}
"""What may be done in which state."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """The declaration that was looked up and what to do with it, until the code is entered."""

    declaration_id: str
    act: Act
    browser: str


class RegistrationStatusPage(Page):
    """Asks for reference and number."""

    def __init__(self, desk: RegistrationPages, undertakings: EphemeralRecords[Undertaking]) -> None:
        self._desk = desk
        self._undertakings = undertakings

    def get(self) -> Response:
        return self._page(this_browser(self._desk.context), {})

    def post(self) -> Response:
        browser = this_browser(self._desk.context)
        form = browser.form
        reference, phone = form.get("reference", "")[:64], form.get("phone", "")[:64]
        declaration = self._desk.declarations.look(reference, phone, browser.network)
        if declaration is None:
            return self._page(browser, form, error=str(UNKNOWN))
        act = next((act for act, state in ACTS.items() if act in form and declaration.state == state), None)
        if act is None or not declaration.email_verified_at:
            return self._page(browser, form, found=declaration)
        if browser.secret is None:
            raise OtherBrowser("the browser keeps no cookies")
        ticket = self._undertakings.add(Undertaking(declaration.id, cast(Act, act), browser_of(browser.secret)))
        return redirect(with_query("/register/proof", ticket=ticket), 303)

    def _page(self, browser: Browser, form: dict[str, str], **values: Any) -> Response:
        declaration: Declaration | None = values.get("found")
        response = page(
            "status.html",
            reference=form.get("reference", "")[:64],
            phone=form.get("phone", "")[:64],
            error=values.get("error"),
            found=declaration,
            state=STATES[declaration.state] if declaration else None,
            reason=REASONS.get(declaration.reason or "")
            if declaration and declaration.state in ("returned", "rejected")
            else None,
            agency=self._desk.agencies.tree().get(declaration.form.agency) if declaration else None,
        )
        if browser.secret is None:
            self._desk.context.cookies.set(response, "b", new_browser())
        return response


class StatusProof(Page):
    """Takes the code sent to the declaration's address, then reopens it in this browser or cancels it."""

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
        verdict, values = self._codes.judged(ask, browser)
        if verdict != "right":
            return self._page(browser, ticket, wish, ask, **values)
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

    def _wish(self, browser: Browser, fields: dict[str, str]) -> tuple[str, Undertaking]:
        ticket = fields.get("ticket", "")
        if len(ticket) > 100:
            raise BadRequest("no ticket of ours")
        wish = self._undertakings.find(ticket)
        if wish is None:
            raise Expired("no such undertaking")
        if not browser.secret or wish.browser != browser_of(browser.secret):
            raise OtherBrowser("a code is entered where it was asked for")
        return ticket, wish

    def _page(self, browser: Browser, ticket: str, wish: Undertaking, ask: CodeRequest, **values: Any) -> Response:
        titles = {"correct": gettext("Sửa tờ khai"), "cancel": gettext("Hủy tờ khai")}
        sheet = OtpPage(
            title=titles[wish.act],
            lead=gettext("Nhập mã vừa gửi tới địa chỉ thư trên tờ khai."),
            sent=sent_to("email", ask.to),
            action=self.path,
            hidden={"ticket": ticket, "attempt": ticket},
        )
        return self._codes.answer(browser, replace(sheet, **values))


def _ask(declaration: Declaration, ticket: str) -> CodeRequest:
    return CodeRequest(
        "registration", ticket, declaration.id, "email", declaration.form.email, account_id=declaration.id
    )
