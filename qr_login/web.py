"""`/login/qr`: the page that shows the picture and waits; and `/q`, for a browser that opens the link of a picture.

A plain `GET` starts a login and redirects to itself with `now`, which shows this browser's login as it is: a reload or
a change of language loses nothing. Without script the page is reloaded for each new picture, at the slow pace.
"""

import math
from dataclasses import dataclass

from flask import redirect, render_template
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from idp.errors import TooMany
from idp.http import request as current_request
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import Attempts, LoginAttempt
from idp.oidc.clients import Clients
from idp.web.agents import browser_and_system
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.login import returns_to
from idp.web.page import Page
from qr_login.drawing import QUIET, Drawing
from qr_login.flow import LIFE, AskingBrowser, QrRefused
from qr_login.logins import REMEMBERED
from qr_login.poll import PollAnswer, Waiting
from qr_login.sentences import SENTENCES, sentence_of
from qr_login.way import takes_qr

PAGE = "/login/qr"
PAUSE = 5
"""Seconds between two reloads without script while no picture is shown."""


@dataclass(frozen=True, slots=True)
class QrLimiters:
    """Logins started per address, and in total: each lives for minutes, so this limits the open ones."""

    per_address: LocalRateLimiter
    total: LocalRateLimiter


class QrPage(Page):
    """The page on the screen in front of the person."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        clients: Clients,
        waiting: Waiting,
        drawing: Drawing,
        limiters: QrLimiters,
    ) -> None:
        self._context = context
        self._attempts = attempts
        self._clients = clients
        self._waiting = waiting
        self._drawing = drawing
        self._limiters = limiters

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle = browser.query.get("attempt", "")
        attempt = self._attempts.load(handle, browser.held(handle))
        client = self._clients.find(attempt.client_id)
        current_request.current().client_id = client.client_id if client else None
        if browser.on_phone:
            back = with_query("/login", attempt=handle)
            return Response(render_template("qr_phone.html", back_url=back), mimetype="text/html")
        if not takes_qr(self._clients, attempt.client_id):
            return _refused(handle, "off")
        if "now" not in browser.query:
            return self._begin(browser, handle, attempt)
        answer = self._waiting.looked(browser, handle)
        if answer.entered:
            response = redirect(answer.entered, 303)
            self._context.cookies.drop(response, "q")
            return response
        name = client.client_name if client else gettext("Tài khoản của tôi")
        return self._shown(browser, handle, attempt, answer, name)

    def _begin(self, browser: Browser, handle: str, attempt: LoginAttempt) -> Response:
        limiters = self._limiters
        if not limiters.per_address.hit(browser.address) or not limiters.total.hit("all"):
            raise TooMany("too many QR logins begun", retry_after=limiters.per_address.retry_after)
        slow = "slow" in browser.query
        try:
            secret, _ = self._waiting.logins.start(
                self._attempts.name_of(handle), attempt.client_id, asker_of(browser), slow=slow, browser=attempt.browser
            )
        except QrRefused as refused:
            return _refused(handle, refused.why)
        response = redirect(with_query(PAGE, attempt=handle, slow=1 if slow else None, now=1), 303)
        self._context.cookies.set(response, "q", secret, max_age=int(LIFE + REMEMBERED))
        return response

    def _shown(
        self, browser: Browser, handle: str, attempt: LoginAttempt, answer: PollAnswer, client_name: str
    ) -> Response:
        polled, login = answer.polled, answer.polled.login
        slow = login.slow if login else "slow" in browser.query
        sentences = {name: str(text) for name, text in SENTENCES.items()}
        message = sentences[sentence_of(polled)].replace("{device}", login.device_name if login else "")
        body = render_template(
            "qr.html",
            attempt=handle,
            client_name=client_name,
            state=polled.kind,
            message=message,
            sentences=sentences,
            number=login.number if login else "",
            picture=Markup(self._drawing.svg(polled.payloads[0])) if polled.payloads else "",  # noqa: S704  drawn here
            modules=self._drawing.side,
            quiet=QUIET,
            left=math.ceil(self._waiting.left(login)) if login else 0,
            slow=slow,
            refresh=self._refresh(handle, answer, slow=slow),
            new_url=with_query(PAGE, attempt=handle, slow=1 if slow else None),
            slow_url=with_query(PAGE, attempt=handle, slow=1),
            back_url=with_query("/login", attempt=handle),
            on_url=with_query(returns_to(attempt), attempt=handle),
        )
        return Response(body, mimetype="text/html")

    def _refresh(self, handle: str, answer: PollAnswer, *, slow: bool) -> str:
        """When and where a browser without script goes next; from the fast pace at once to the slow one."""
        login = answer.polled.login
        if login is None or answer.polled.kind not in ("pending", "scanned"):
            return ""
        if not slow:
            return f"0; url={with_query(PAGE, attempt=handle, slow=1)}"
        after = math.ceil(self._waiting.change(login)) if answer.polled.kind == "pending" else PAUSE
        return f"{after}; url={with_query(PAGE, attempt=handle, slow=1, now=1)}"


class LinkPage(Page):
    """For a browser that opened the link of a picture. It approves nothing, and says so."""

    def get(self) -> Response:
        return Response(render_template("qr_link.html"), mimetype="text/html")


def _refused(handle: str, why: str) -> Response:
    """Back to the login page, which says why there is no picture."""
    return redirect(with_query("/login", attempt=handle, via="qr", why=why), 303)


def asker_of(browser: Browser) -> AskingBrowser:
    """What the phone will show about this browser."""
    name, system = browser_and_system(browser.request.headers.get("User-Agent", "")[:500])
    return AskingBrowser(name, system, browser.context.places.of(browser.network), browser.network)
