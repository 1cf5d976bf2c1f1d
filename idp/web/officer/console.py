"""What every page of the console stands on: who is there, the anti-forgery value, and what may be opened."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from idp.accounts.password_rules import VIETNAM
from idp.desk.agencies import Agencies, Tree
from idp.desk.officer_logins import OfficerLogins
from idp.desk.officers import Officer, Right
from idp.errors import Forbidden, UserError
from idp.ports import Clock
from idp.web.browser import Browser, WebContext, csrf_of, this_browser, with_query
from idp.web.page import Page

COOKIE = "o"
LONGEST_NOTE = 200


class NoRight(UserError):
    """The officer may not do this; `kind` names the sentence."""

    kind = "no_right"
    status = 403


class OtherAgency(NoRight):
    """The request belongs to an agency in which the officer has no right."""

    kind = "other_agency"


class OwnRequest(NoRight):
    """The request is the officer's own."""

    kind = "own_request"


class Alone(NoRight):
    """Whoever is not known as a person decides nothing alone."""

    kind = "alone"


REFUSALS: dict[str, type[NoRight]] = {"agency": OtherAgency, "own_request": OwnRequest, "alone": Alone}


@dataclass(frozen=True)
class Console:
    """What the pages share. `names` gives officers' names by id, `waiting` how many proposals wait for somebody."""

    context: WebContext
    logins: OfficerLogins
    agencies: Agencies
    names: Callable[[set[str]], Any]
    clock: Clock

    def secret(self, browser: Browser) -> str | None:
        return self.context.cookies.read(browser.request.cookies, COOKIE)

    def tree(self) -> Tree:
        return self.agencies.tree()

    def today(self) -> Any:
        """The day in Việt Nam."""
        return datetime.fromtimestamp(self.clock(), VIETNAM).date()


class OfficerPage(Page):
    """A page for officers who are in; `right` is what one needs somewhere to open it."""

    right: ClassVar[Right | None] = None

    def __init__(self, console: Console) -> None:
        self.console = console

    def dispatch_request(self, **given: Any) -> ResponseReturnValue:
        browser = this_browser(self.console.context)
        secret = self.console.secret(browser)
        seen = self.console.logins.seen(secret) if secret else None
        if not isinstance(seen, Officer):
            return redirect(with_query("/login", why=seen), 303)
        if request.method == "POST":
            _demand_csrf(browser, secret or "")
        if self.right and not seen.holds(self.right):
            raise NoRight(f"no right {self.right}")
        return super().dispatch_request(officer=seen, **given)

    def show(self, template: str, officer: Officer, status: int = 200, **context: Any) -> Response:
        """The page, dressed as the console."""
        secret = self.console.secret(this_browser(self.console.context)) or ""
        rights = {right for _, right in officer.rights}
        body = render_template(
            f"officer/{template}", officer=officer, rights=rights, csrf=csrf_of(secret), here=request.path, **context
        )
        return Response(body, status, mimetype="text/html")

    @property
    def form(self) -> dict[str, str]:
        return this_browser(self.console.context).form

    @property
    def query(self) -> dict[str, str]:
        return this_browser(self.console.context).query


def _demand_csrf(browser: Browser, secret: str) -> None:
    if not hmac.compare_digest(browser.form.get("csrf", "").encode(), csrf_of(secret).encode()):
        raise Forbidden("anti-forgery value is missing or wrong")


def line(text: str) -> str:
    """What an officer wrote, on one line and bounded."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_NOTE]
