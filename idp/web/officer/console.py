"""What every page of the console is built on: the officer, the anti-forgery value, and what may be opened."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from idp.dates import local_day
from idp.errors import Forbidden, UserError
from idp.officers.agencies import Agencies, Tree
from idp.officers.logins import OfficerLogins
from idp.officers.officers import Officer, Right
from idp.ports import Clock
from idp.web.browser import Browser, WebContext, csrf_of, this_browser, with_query
from idp.web.page import Page

COOKIE = "o"
LONGEST_NOTE = 200


class NoRight(UserError):
    """The officer may not do this; `kind` selects the sentence."""

    kind = "no_right"
    status = 403


class OtherAgency(NoRight):
    """The request belongs to an agency where the officer has no right."""

    kind = "other_agency"


class OwnRequest(NoRight):
    """The request is the officer's own."""

    kind = "own_request"


class Alone(NoRight):
    """An officer who is not a known person may not decide alone."""

    kind = "alone"


REFUSALS: dict[str, type[NoRight]] = {"agency": OtherAgency, "own_request": OwnRequest, "alone": Alone}


@dataclass(frozen=True)
class Console:
    """What the pages share. `names` returns officers' names by id, `waiting` the number of open proposals."""

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
        """The current day in Vietnam."""
        return local_day(self.clock())


class OfficerPage(Page):
    """A page for logged-in officers; `right` is what the officer needs in at least one agency to open it."""

    right: ClassVar[Right | None] = None

    def __init__(self, console: Console) -> None:
        self.console = console

    def dispatch_request(self, **args: Any) -> ResponseReturnValue:
        browser = this_browser(self.console.context)
        secret = self.console.secret(browser)
        seen = self.console.logins.seen(secret) if secret else None
        if not isinstance(seen, Officer):
            return redirect(with_query("/login", why=seen), 303)
        if request.method == "POST":
            _demand_csrf(browser, secret or "")
        if self.right and not seen.holds(self.right):
            raise NoRight(f"no right {self.right}")
        return super().dispatch_request(officer=seen, **args)

    def show(self, template: str, officer: Officer, status: int = 200, **context: Any) -> Response:
        """The page, in the layout of the console."""
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
    """An officer's text, on one line and of limited length."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_NOTE]
