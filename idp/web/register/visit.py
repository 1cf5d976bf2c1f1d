"""The draft of a browser: its cookie `r` is the secret, and forms carry a value derived from it."""

import hmac
from dataclasses import dataclass

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.errors import Expired, Forbidden
from idp.http.cookies import new_browser
from idp.http.headers import page_policy
from idp.officers.agencies import Agencies
from idp.registration.declaration import Declaration
from idp.registration.declarations import Declarations
from idp.web.browser import Browser, WebContext, csrf_of, this_browser

COOKIE = "r"


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that holds a draft."""

    browser: Browser
    secret: str
    draft: Declaration

    @property
    def csrf(self) -> str:
        return csrf_of(self.secret)

    def demand_csrf(self, form: dict[str, str]) -> None:
        """Raises `Forbidden`."""
        if not hmac.compare_digest(form.get("csrf", "").encode(), self.csrf.encode()):
            raise Forbidden("anti-forgery value is missing or wrong")


@dataclass(frozen=True, slots=True)
class RegistrationPages:
    """What the pages of registration share. `draft_hours` is shown to people."""

    context: WebContext
    declarations: Declarations
    agencies: Agencies
    draft_hours: int

    def here(self) -> Visit | None:
        """The visit of this browser; None when it holds no draft."""
        browser = this_browser(self.context)
        secret = self.context.cookies.read(browser.request.cookies, COOKIE)
        if not secret:
            return None
        try:
            return Visit(browser, secret, self.declarations.of_secret(secret))
        except Expired:
            return None

    def at_work(self) -> Visit | Response:
        """The visit with a draft that can be filled in, or a redirect to the current step."""
        visit = self.here()
        if visit is None:
            return redirect("/register?why=over", 303)
        return visit if visit.draft.state in ("draft", "returned") else redirect("/register/done", 303)

    def remember(self, response: Response, secret: str) -> Response:
        """Let this browser continue with the draft, and solve captchas for it."""
        self.context.cookies.set(response, COOKIE, secret, max_age=self.draft_hours * 3600)
        if this_browser(self.context).secret is None:
            self.context.cookies.set(response, "b", new_browser())
        return response

    def leave(self, response: Response) -> Response:
        """This browser no longer holds a draft."""
        self.context.cookies.drop(response, COOKIE)
        return response


def page(template: str, **values: object) -> Response:
    """A page of registration."""
    response = Response(render_template(f"register/{template}", **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
