"""`/recover`: the forgotten password. The page says the same to everyone; the message that arrives leads on.

A link works in any browser; in one that did not request it, the person also says whose account it is.
"""

from dataclasses import replace
from typing import Any, cast

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.account import LOGIN_KINDS, Kind
from idp.accounts.passwords import WeakPassword
from idp.accounts.recovery import Recoveries, RecoveryForm, Ticket, WrongFact
from idp.errors import BadRequest, Expired, OtherBrowser, RecoveryOver, StaleState
from idp.http.cookies import new_browser
from idp.http.headers import page_policy
from idp.login.attempt import browser_of
from idp.login.challenge import Challenges
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.captcha_form import CaptchaAnswer, CaptchaForm
from idp.web.otp_flow import OtpPage, answer_sheet
from idp.web.page import Page
from idp.web.sentences import CODE, PASSWORD, RECOVERY, waiting

WAYS = ("phone", "email", "hotline")


class Recover(Page):
    """Choose a channel and request. `by_eid` means that some upstreams are strong enough for recovery."""

    def __init__(
        self, context: WebContext, recoveries: Recoveries, challenges: Challenges, *, by_eid: bool = False
    ) -> None:
        self._context = context
        self._recoveries = recoveries
        self._captchas = CaptchaForm(challenges)
        self._by_eid = by_eid

    def get(self) -> Response:
        return self._page(this_browser(self._context))

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        if browser.secret is None:
            raise OtherBrowser("the browser keeps no cookies")
        answered = CaptchaAnswer.of(form)
        if wait := self._captchas.owed(answered, browser.network):
            response = self._page(browser, str(CODE["work"] % {"wait": waiting(wait)}), answered)
            response.status_code, response.headers["Retry-After"] = 429, str(wait)
            return response
        if not self._captchas.is_right(answered, _bound(browser)):
            return self._page(browser, str(CODE["captcha"]))
        self._captchas.count_wrong(browser)
        typed = typed_in(browser)
        attempt = form.get("attempt") or None
        if form.get("way") == "email":
            self._recoveries.by_mail(typed)
            return redirect(with_query("/recover/sent", attempt=attempt), 303)
        handle = self._recoveries.by_code(typed)
        return redirect(with_query("/recover/code", ticket=handle, attempt=attempt), 303)

    def _page(self, browser: Browser, error: str | None = None, kept: CaptchaAnswer | None = None) -> Response:
        fields = browser.form if browser.request.method == "POST" else browser.query
        way = fields.get("way", "phone")
        kind = fields.get("kind", "individual")
        secret = browser.secret or new_browser()
        attempt = fields.get("attempt")
        tabs = [{"way": w, "url": with_query("/recover", way=w, kind=kind, attempt=attempt)} for w in WAYS]
        body = render_template(
            "recover.html",
            way=way if way in WAYS else "phone",
            kind=kind if kind in LOGIN_KINDS else "individual",
            tabs=tabs,
            eid_url="/recover/eid" if self._by_eid else None,
            attempt=attempt,
            username=fields.get("username", "")[:128],
            error=error,
            captcha=self._captcha(browser, secret, kept) if way != "hotline" else None,
        )
        response = _page(body)
        if secret != browser.secret:
            self._context.cookies.set(response, "b", secret)
        return response

    def _captcha(self, browser: Browser, secret: str, kept: CaptchaAnswer | None) -> dict[str, str]:
        return self._captchas.values(browser, "recover " + browser_of(secret), secret=secret, kept=kept)


class Sent(Page):
    """Shown after a link was requested: the same for everyone."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def get(self) -> Response:
        attempt = this_browser(self._context).query.get("attempt")
        return _page(render_template("recover_sent.html", login_url=with_query("/login", attempt=attempt)))


class RecoverCode(Page):
    """Asks for the code sent to the registered phone."""

    def __init__(self, context: WebContext, recoveries: Recoveries) -> None:
        self._context = context
        self._recoveries = recoveries

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle, _ = self._ticket(browser, browser.query)
        return self._page(browser, handle, browser.query.get("attempt", ""))

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        handle, ticket = self._ticket(browser, form)
        attempt = form.get("attempt", "")
        if ticket.proved:
            return redirect(with_query("/recover/password", ticket=handle, attempt=attempt or None), 303)
        if "code-cancel" in form:
            return redirect(with_query("/recover", attempt=attempt or None), 303)
        if "code-again" in form:
            self._recoveries.send_again(handle, ticket, browser.address, browser.language())
            return self._page(browser, handle, attempt)
        verdict = self._recoveries.enter_code(handle, ticket, form.get("code", ""))
        if verdict != "right":
            return self._page(browser, handle, attempt, error=str(CODE[verdict]), over=verdict == "exhausted")
        return redirect(with_query("/recover/password", ticket=handle, attempt=attempt or None), 303)

    def _ticket(self, browser: Browser, fields: dict[str, str]) -> tuple[str, Ticket]:
        handle = fields.get("ticket", "")
        ticket = self._recoveries.ticket(handle)
        if ticket.way != "sms":
            raise Expired("this recovery has no code")
        if not browser.secret or ticket.browser != browser_of(browser.secret):
            raise OtherBrowser("a code is entered where it was asked for")
        return handle, ticket

    def _page(self, browser: Browser, handle: str, attempt: str, **values: Any) -> Response:
        sheet = OtpPage(
            title=gettext("Nhập mã xác thực"),
            lead=gettext("Nếu thông tin đúng, mã xác thực đã được gửi tới số điện thoại đã đăng ký."),
            sent="",
            action="/recover/code",
            hidden={"ticket": handle, "attempt": attempt},
            wait=60,
        )
        return answer_sheet(replace(sheet, **values), None)


class RecoverPassword(Page):
    """Sets the new password, after the channel was proved."""

    def __init__(self, context: WebContext, recoveries: Recoveries) -> None:
        self._context = context
        self._recoveries = recoveries

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle, ticket, asked_here = self._ticket(browser, browser.query)
        return self._page(browser, handle, ticket, asked_here)

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        handle, ticket, asked_here = self._ticket(browser, form)
        new = form.get("password", "")[:1024]
        if new != form.get("again", "")[:1024]:
            return self._page(browser, handle, ticket, asked_here, str(PASSWORD["different"]))
        typed = None if asked_here else typed_in(browser)
        try:
            removed = self._recoveries.finish(handle, ticket, typed, new, browser.scene)
        except WrongFact:
            return self._page(browser, handle, ticket, asked_here, str(RECOVERY["fact"]))
        except WeakPassword as weak:
            return self._page(browser, handle, ticket, asked_here, str(PASSWORD[str(weak)]))
        except StaleState:
            raise RecoveryOver("the account was secured meanwhile") from None
        attempt = form.get("attempt") or None
        login_url = with_query("/login", attempt=attempt) if attempt else "/account"
        return _page(render_template("recovered.html", removed=removed, login_url=login_url))

    def _ticket(self, browser: Browser, fields: dict[str, str]) -> tuple[str, Ticket, bool]:
        """The ticket, and whether it was requested in this browser. Raises `Expired`, `OtherBrowser`."""
        handle = fields.get("ticket", "")
        ticket = self._recoveries.ticket(handle)
        asked_here = bool(browser.secret) and ticket.browser == browser_of(browser.secret or "")
        if not ticket.proved:
            raise RecoveryOver("the channel is not proved")
        if ticket.way == "sms" and not asked_here:
            raise OtherBrowser("a recovery by code goes on where it began")
        return handle, ticket, asked_here

    def _page(
        self, browser: Browser, handle: str, ticket: Ticket, asked_here: bool, error: str | None = None
    ) -> Response:
        fields = browser.form if browser.request.method == "POST" else browser.query
        body = render_template(
            "recover_password.html",
            ticket=handle,
            attempt=fields.get("attempt", ""),
            asks_who=not asked_here,
            asks_fact=not asked_here and ticket.way == "hotline",
            kind=fields.get("kind", "individual"),
            username=fields.get("username", "")[:128],
            error=error,
        )
        return _page(body)


class ShortLink(Page):
    """`/r/…`: a link short enough for a text message."""

    def get(self, handle: str) -> Response:
        return redirect(with_query("/recover/password", ticket=handle[:64]), 303)


def typed_in(browser: Browser) -> RecoveryForm:
    """What the form says about the account. Raises `BadRequest`."""
    form = browser.form
    kind = form.get("kind", "individual")
    if kind not in LOGIN_KINDS:
        raise BadRequest("unknown kind of user")
    return RecoveryForm(
        kind=cast(Kind, kind),
        username=form.get("username", "")[:128],
        fact=form.get("fact", "")[:256],
        browser=browser_of(browser.secret or ""),
        address=browser.address,
        language=browser.language(),
    )


def _bound(browser: Browser) -> str:
    return "recover " + browser_of(browser.secret or "")


def _page(body: str) -> Response:
    response = Response(body, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
