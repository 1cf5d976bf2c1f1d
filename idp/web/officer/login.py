"""Login and logout of the console, and the invitation with which an officer sets password and second factor."""

import io

import segno
from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.accounts.passwords import WeakPassword
from idp.errors import Expired
from idp.officers.logins import (
    LoginRefused,
    NoInvitation,
    OfficerLoginForm,
    OfficerLogins,
    WrongCode,
    provisioning_url,
)
from idp.officers.officers import Officer
from idp.web.browser import Browser, WebContext, this_browser
from idp.web.officer.console import COOKIE, Console, OfficerPage
from idp.web.officer.sentences import DOOR
from idp.web.page import Page
from idp.web.sentences import PASSWORD, waiting


class InvitationOver(Expired):
    """The invitation was used, has expired, or never existed."""

    kind = "invitation"


def entered(context: WebContext, logins: OfficerLogins, browser: Browser, secret: str) -> Response:
    """Logged in, by any method: the new session replaces the one before in this browser (L-9)."""
    before = context.cookies.read(browser.request.cookies, COOKIE)
    if before and isinstance(seen := logins.seen(before), Officer):
        logins.log_out(before, seen)
    response = redirect("/", 303)
    context.cookies.set(response, COOKIE, secret)
    return response


class OfficerLoginPage(Page):
    """Login name, password and code on one form."""

    def __init__(self, context: WebContext, logins: OfficerLogins) -> None:
        self._context = context
        self._logins = logins

    def get(self) -> Response:
        why = this_browser(self._context).query.get("why", "")
        message = DOOR.get(why) if why in ("idle", "ended", "out", "enrolled") else None
        return self._page(message=message, error=DOOR["passkey"] if why == "passkey" else None)

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        login = form.get("login", "")[:64].strip()
        agent = browser.client_info.user_agent
        typed = OfficerLoginForm(
            login, form.get("password", "")[:1024], form.get("code", "")[:16], browser.network, browser.address, agent
        )
        try:
            secret = self._logins.log_in(typed)
        except LoginRefused as refused:
            return self._refuse(login, refused.wait)
        return entered(self._context, self._logins, browser, secret)

    def _refuse(self, login: str, wait: int) -> Response:
        if not wait:
            return self._page(login, error=DOOR["refused"])
        response = self._page(login, error=DOOR["wait"] % {"wait": waiting(wait)}, status=429)
        response.headers["Retry-After"] = str(wait)
        return response

    def _page(self, login: str = "", *, error: object = None, message: object = None, status: int = 200) -> Response:
        body = render_template("officer/login.html", login=login, error=error, message=message)
        return Response(body, status, mimetype="text/html")


class OfficerLogoutPage(OfficerPage):
    """Ends the session; a form, so that a link on another site cannot do it."""

    def post(self, officer: Officer) -> Response:
        secret = self.console.secret(this_browser(self.console.context)) or ""
        self.console.logins.log_out(secret, officer)
        response = redirect("/login?why=out", 303)
        self.console.context.cookies.drop(response, COOKIE)
        return response


class Invitation(Page):
    """Sets password and authenticator app, once."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def get(self, token: str) -> Response:
        return self._page(token)

    def post(self, token: str) -> Response:
        form = this_browser(self._console.context).form
        password = form.get("password", "")[:1024]
        if password != form.get("again", "")[:1024]:
            return self._page(token, PASSWORD["different"])
        try:
            self._console.logins.enrol(token, password, form.get("code", "")[:16])
        except NoInvitation:
            raise InvitationOver("invitation used or over") from None
        except WrongCode:
            return self._page(token, DOOR["wrong_code"])
        except WeakPassword as weak:
            return self._page(token, DOOR["short"] if str(weak) == "too_short" else PASSWORD[_weak(str(weak))])
        return redirect("/login?why=enrolled", 303)

    def _page(self, token: str, error: object = None) -> Response:
        try:
            officer = self._console.logins.invited(token)
        except NoInvitation:
            raise InvitationOver("invitation used or over") from None
        secret = self._console.logins.secret_for(token)
        spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
        picture = _picture(provisioning_url(officer, secret))
        body = render_template(
            "officer/invitation.html", officer=officer, token=token, secret=spaced, picture=picture, error=error
        )
        return Response(body, 200, mimetype="text/html")


def _weak(reason: str) -> str:
    return reason if reason in PASSWORD else "common"


def _picture(text: str) -> str:
    """The QR code as inline SVG, without a style of its own."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, border=4, dark="#000", light="#fff", omitsize=True
    )
    return drawn.getvalue().decode()
