"""Pages of `/account` that need more than a session: the full data, the password, verifying the e-mail address.

They need a code to the registered phone, or a passkey, at most five minutes old.
"""

from dataclasses import replace
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.one_time import CodeRequest
from idp.accounts.people import People
from idp.dates import local_date
from idp.ephemeral_records import digest
from idp.http.headers import page_policy
from idp.login.sessions import Session
from idp.web.account import OwnPages
from idp.web.authorize import set_session
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.sentences import IDENTIFIERS

FRESH = 300.0
"""Seconds for which a code opens the sensitive pages."""


class Sensitive(Page):
    """A page that requires a fresh code."""

    path = "/account"

    def __init__(self, pages: OwnPages) -> None:
        self._pages = pages

    def opened(self, browser: Browser, *, back: str = "", within: float = FRESH) -> tuple[Account, Session] | Response:
        """The account and session with a code at most `within` seconds old, or the redirect to the code page, which
        returns to `back`, by default to this page.
        """
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None or grant_state.session is None:
            return self._pages.ask_to_log_in(browser, self.path)
        if grant_state.session.authentication.brief:
            # A short session on an unknown screen, perhaps somebody else's, may not open what has lasting effects.
            return self._pages.ask_to_log_in(browser, self.path)
        if not self.is_fresh(grant_state.session, within):
            back = back or self.path
            return self._pages.begin(browser, "code", return_to=back, step_up=grant_state.session.sid)
        return grant_state.account, grant_state.session

    def is_fresh(self, session: Session, within: float = FRESH) -> bool:
        """Whether a code or a passkey was used within that time."""
        entered = session.authentication.otp_at
        return entered is not None and 0 <= self._pages.clock() - entered <= within


class Details(Sensitive):
    """Shows everything that is registered, unmasked."""

    path = "/account/details"

    def get(self) -> Response:
        opened = self.opened(this_browser(self._pages.context))
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        held = [i for i in account.identifiers if i.valid_to is None]
        named = [{"label": IDENTIFIERS[i.kind], "value": i.value} for i in held]
        proved = {contact.channel for contact in trust.reachable(account, "claim", self._pages.clock())}
        return _page("details.html", account=account, proved=proved, identifiers=named, **written(account))


class ChangePassword(Page):
    """Starts a change of the password; its page asks for the old one and for a code itself."""

    def __init__(self, pages: OwnPages) -> None:
        self._pages = pages

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.session is None:
            return self._pages.ask_to_log_in(browser, "/account/password")
        return self._pages.begin(browser, "password", return_to="/account", step_up=grant_state.session.sid)


class ProveEmail(Sensitive):
    """Verifies the registered address by a code sent to it; recovery uses verified addresses only."""

    path = "/account/email"

    def __init__(self, pages: OwnPages, desk: OtpFlow, people: People) -> None:
        super().__init__(pages)
        self._desk = desk
        self._people = people

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        if trust.address(account, "contact", self._pages.clock()) is None:
            return redirect("/account", 303)
        return self._page(browser, account, **self._desk.first(_ask(account, session), browser, trusted=True))

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        if (
            not account.email
            or "code-cancel" in browser.form
            or not trust.address(account, "contact", self._pages.clock())
        ):
            return redirect("/account", 303)
        ask = _ask(account, session)
        if "code-again" in browser.form:
            return self._page(browser, account, **self._desk.again(ask, browser, trusted=True))
        verdict, values = self._desk.judged(ask, browser)
        if verdict != "right":
            return self._page(browser, account, **values)
        self._people.verify_email(account.id, account.email, self._pages.clock())
        return redirect("/account", 303)

    def _page(self, browser: Browser, account: Account, **values: Any) -> Response:
        sheet = OtpPage(
            title=gettext("Xác minh địa chỉ thư điện tử"),
            lead=gettext("Địa chỉ đã xác minh dùng được khi bạn quên mật khẩu."),
            sent=sent_to("email", account.email or ""),
            action=self.path,
            hidden={"csrf": csrf_of(browser.session or "")},
        )
        return self._desk.answer(browser, replace(sheet, **values))


def renewed(pages: OwnPages, browser: Browser, account: Account, session: Session, response: Response) -> Response:
    """The session that survived a credential event continues under a new cookie."""
    after = pages.grant_states.of_account(account.id, "").account
    opened = pages.sessions.open(session.authentication, browser.client_info, None, after, before=session)
    set_session(pages.context, response, opened.cookie, opened.device_cookie)
    return response


def written(account: Account) -> dict[str, str]:
    """Birth date and phone as they are written in Vietnam: 17/05/1990, 0981 234 567."""
    phone = account.phone.replace("+84", "0") if account.phone else ""
    return {
        "birth_date": local_date(account.birth_date or ""),
        "phone": " ".join(part for part in (phone[:4], phone[4:7], phone[7:]) if part),
    }


def _ask(account: Account, session: Session) -> CodeRequest:
    bound = digest("session", session.sid)
    return CodeRequest("contact", bound, account.id, "email", account.email or "", account.id)


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
