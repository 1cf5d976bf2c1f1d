"""`/a/…` and `/activate`: the link from an approval, a code to the phone, the first password.

The link shows which account it is for; a code is sent only when the person asks for it.
"""

from dataclasses import replace
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.account import Account
from idp.accounts.masking import masked_contact, masked_name
from idp.accounts.passwords import WeakPassword
from idp.http.cookies import new_browser
from idp.http.headers import page_policy
from idp.login.attempt import browser_of
from idp.registration.activation import Activating, Activations, code_ask
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.sentences import IDENTIFIERS, PASSWORD


class ActivationLinkPage(Page):
    """The link from the message, while it is unused."""

    def __init__(self, context: WebContext, activations: Activations) -> None:
        self._context = context
        self._activations = activations

    def get(self, token: str) -> Response:
        browser = this_browser(self._context)
        secret = browser.secret or new_browser()
        handle = self._activations.begin(token[:64], browser_of(secret))
        response = redirect(with_query("/activate", ticket=handle), 303)
        if secret != browser.secret:
            self._context.cookies.set(response, "b", secret)
        return response


class _Step(Page):
    """What the pages of an activation share: finding the activation in progress."""

    def __init__(self, context: WebContext, activations: Activations, desk: OtpFlow) -> None:
        self._context = context
        self._activations = activations
        self._desk = desk

    def here(self) -> tuple[Browser, str, Activating, Account]:
        browser = this_browser(self._context)
        fields = browser.form if browser.request.method == "POST" else browser.query
        handle = fields.get("ticket", "")
        under_way, account = self._activations.here(handle, browser_of(browser.secret or ""))
        return browser, handle, under_way, account


class Whose(_Step):
    """Shows which account this is, masked, and a button that sends a code."""

    def get(self) -> Response:
        _, handle, under_way, account = self.here()
        if under_way.proved:
            return redirect(with_query("/activate/password", ticket=handle), 303)
        return self._page(handle, under_way, account)

    def _page(self, handle: str, under_way: Activating, account: Account, error: str | None = None) -> Response:
        held = [i for i in account.identifiers if i.valid_to is None]
        body = render_template(
            "activate.html",
            ticket=handle,
            name=masked_name(account.name),
            identifiers=[{"label": IDENTIFIERS[i.kind], "masked": i.masked} for i in held],
            phone=masked_contact("sms", account.phone or ""),
            known=under_way.known,
            error=error,
        )
        return _page(body)

    def post(self) -> Response:
        browser, handle, under_way, account = self.here()
        typed = browser.form.get("reference", "")
        if not under_way.known and not self._activations.recognise(handle, under_way, typed):
            return self._page(handle, under_way, account, gettext("Mã số tờ khai không đúng. Hãy xem trên bản in."))
        values = self._desk.first(code_ask(handle, account), browser, trusted=True)
        if values.get("error"):
            return _code_page(self._desk, browser, handle, account, values)
        return redirect(with_query("/activate/code", ticket=handle), 303)


class ActivationCodePage(_Step):
    """Asks for the code sent to the phone."""

    def get(self) -> Response:
        browser, handle, under_way, account = self.here()
        if under_way.proved or not under_way.known:
            return redirect(with_query("/activate/password" if under_way.proved else "/activate", ticket=handle), 303)
        return _code_page(self._desk, browser, handle, account, self._desk.waiting(code_ask(handle, account)))

    def post(self) -> Response:
        browser, handle, under_way, account = self.here()
        if under_way.proved or not under_way.known:
            return redirect(with_query("/activate/password" if under_way.proved else "/activate", ticket=handle), 303)
        if "code-cancel" in browser.form:
            return redirect(with_query("/activate", ticket=handle), 303)
        ask = code_ask(handle, account)
        if "code-again" in browser.form:
            return _code_page(self._desk, browser, handle, account, self._desk.again(ask, browser, trusted=True))
        verdict, values = self._desk.judged(ask, browser)
        if verdict != "right":
            return _code_page(self._desk, browser, handle, account, values)
        self._activations.proved(handle, under_way)
        return redirect(with_query("/activate/password", ticket=handle), 303)


class FirstPassword(_Step):
    """Asks for the first password, twice."""

    def get(self) -> Response:
        _, handle, under_way, account = self.here()
        if not under_way.proved:
            return redirect(with_query("/activate", ticket=handle), 303)
        return self._page(handle, account)

    def post(self) -> Response:
        browser, handle, under_way, account = self.here()
        new = browser.form.get("password", "")[:1024]
        if new != browser.form.get("again", "")[:1024]:
            return self._page(handle, account, str(PASSWORD["different"]))
        try:
            self._activations.finish(handle, under_way, account, new, browser.scene)
        except WeakPassword as weak:
            return self._page(handle, account, str(PASSWORD[str(weak)]))
        return _page(render_template("activated.html"))

    def _page(self, handle: str, account: Account, error: str | None = None) -> Response:
        username = next((i.value for i in account.identifiers if i.valid_to is None), "")
        return _page(render_template("activate_password.html", ticket=handle, username=username, error=error))


def _code_page(desk: OtpFlow, browser: Browser, handle: str, account: Account, values: dict[str, Any]) -> Response:
    sheet = OtpPage(
        title=gettext("Nhập mã xác thực"),
        lead=gettext("Mã này chứng minh bạn đang giữ điện thoại đã đăng ký."),
        sent=sent_to("sms", account.phone or ""),
        action="/activate/code",
        hidden={"ticket": handle},
    )
    return desk.answer(browser, replace(sheet, **values))


def _page(body: str) -> Response:
    response = Response(body, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
