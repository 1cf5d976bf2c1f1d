"""`/authorize`: the request is validated again on every entry, and answered in the client's response mode.

This is the only place that sends a browser to a client. Success and error responses both carry `iss` (RFC 9207) and
`state`, and nothing is redirected before client and redirect URI are verified.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit, urlunsplit

from authlib.oauth2.rfc6749 import AccessDeniedError
from flask import redirect, render_template
from flask import request as flask_request
from werkzeug.wrappers import Request, Response

from idp.at_once import needs_thread
from idp.commit_waits import CommitWaits
from idp.ephemeral_records import digest
from idp.http import request as current_request
from idp.http.cookies import new_browser
from idp.http.gateway import EndpointResponse, Environ
from idp.http.headers import page_policy
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import Attempts, LoginAttempt, browser_of
from idp.login.steps import RequiredStep
from idp.oidc.authorization import AuthorizationRequest, Extension, Params, RedirectedError, read_request, unfolded
from idp.oidc.clients import Clients
from idp.oidc.dispatch import Dispatcher, Entry, Issued
from idp.ports import Clock
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.page import Endpoint

MOST_EQUAL = 3
"""How often one client may repeat a challenge or nonce within an hour before an operator is notified."""

Fields = Sequence[tuple[str, str]]
log = logging.getLogger(__name__)
STEP_PAGES = {
    "login": "/login",
    "code": "/login/code",
    "password": "/login/password",
    "link": "/link",
    "keep": "/link/keep",
    "device": "/login/device",
    "consent": "/consent",
}
"""The page for each step that is owed."""


_VISIT = "idp.authorization"
"""Where `answer_at_once` leaves a visit, or the exception that ended it, for the page."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request, its verified parameters, and what the dispatcher decided."""

    params: Params
    request: AuthorizationRequest
    entry: Entry
    outcome: RequiredStep | Issued


class Authorize:
    """The authorization endpoint (RFC 6749, 3.1): a new request, or the return from a step of an attempt."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        clients: Clients,
        dispatcher: Dispatcher,
        clock: Clock,
        commit_waits: CommitWaits,
        extensions: Sequence[Extension],
    ) -> None:
        self._context = context
        self._extensions = extensions
        self._attempts = attempts
        self._clients = clients
        self._dispatcher = dispatcher
        self._clock = clock
        self._commit_waits = commit_waits
        self._constants = LocalRateLimiter(MOST_EQUAL, 3600, clock)

    def answer_at_once(self, environ: Environ) -> EndpointResponse | None:
        """The redirect with the code for a live session from which nothing is required; None for everything else.

        Most requests of portals are such. What was decided for the others waits in the environ for the page,
        which answers in the same thread: a code exists once.
        """
        browser = Browser(self._context, Request(environ))
        # A parameter `lang` sets a cookie, which the page does.
        if browser.session is None or environ["REQUEST_METHOD"] != "GET" or "lang=" in environ.get("QUERY_STRING", ""):
            return None
        try:
            visit = environ[_VISIT] = self._visit(browser)
        except Exception as error:
            environ[_VISIT] = error
            return None
        if not isinstance(visit.outcome, Issued) or visit.outcome.opened or visit.request.is_posted:
            return None
        self._notice_constants(visit.request)
        fields = answer_fields(self._context, visit.request, [("code", visit.outcome.code)])
        location = location_of(visit.request, fields)
        return 303, [("Content-Type", "text/plain; charset=utf-8"), ("Location", location)], b""

    def page(self) -> Response:
        """Everything else, in a request of Flask."""
        browser = this_browser(self._context)
        if browser.came_without_cookies():
            return redirect(f"/authorize?{urlencode(browser.params())}", 303)
        try:
            visit = flask_request.environ.get(_VISIT) or self._visit(browser)
            if isinstance(visit, Exception):
                raise visit
        except RedirectedError as refused:
            return self._refused(refused)
        if isinstance(visit.outcome, RequiredStep):
            return self._ask(visit.outcome, visit, browser)
        return self._issued(visit.outcome, visit.request, browser)

    def _visit(self, browser: Browser) -> "_Visit":
        """What is asked, and the outcome. Raises `UserError`, `RedirectedError`."""
        params = browser.params()
        handle = dict(params).get("attempt") if len(params) == 1 else None
        if handle:
            # A session may be opened, which waits for the disk.
            self._commit_waits.demand_short()
        attempt = self._attempts.load(handle, browser.held(handle)) if handle else None
        params = attempt.params if attempt else unfolded(params, self._clients, self._extensions, browser.address)
        request = read_request(params, self._clients)
        current_request.current().client_id = request.client.client_id
        entry = Entry(browser.client_info, browser.session, handle, attempt)
        return _Visit(params, request, entry, self._dispatcher.next(request, entry))

    def _refused(self, refused: RedirectedError) -> Response:
        error = refused.error
        fields = [("error", error.error)]
        if error.description:
            fields.append(("error_description", error.description))
        return send_back(self._context, refused.request, fields)

    def _ask(self, owed: RequiredStep, visit: "_Visit", browser: Browser) -> Response:
        """Send the browser to the page of the step, with a new attempt or the one it has."""
        request, entry = visit.request, visit.entry
        secret = browser.secret or new_browser()
        language = request.ui_language
        if entry.handle and entry.attempt and owed.sid != entry.attempt.step_up:
            self._attempts.replace(entry.handle, entry.attempt, replace(entry.attempt, step_up=owed.sid))
        if not entry.handle:
            # Nothing was read where this is written: a store that hangs would hold all others up.
            needs_thread()
        handle = entry.handle or self._attempts.begin(
            LoginAttempt(
                params=visit.params,
                client_id=request.client.client_id,
                redirect_origin=origin_of(request.redirect_uri),
                browser=browser_of(secret),
                started_at=self._clock(),
                login_hint=request.login_hint or "",
                step_up=owed.sid,
            ),
            browser.address,
        )
        response = redirect(with_query(STEP_PAGES[owed.step], attempt=handle, lang=language), 303)
        if secret != browser.secret:
            self._context.cookies.set(response, "b", secret)
        return response

    def _issued(self, issued: Issued, request: AuthorizationRequest, browser: Browser) -> Response:
        self._notice_constants(request)
        response = send_back(self._context, request, [("code", issued.code)])
        if issued.opened:
            set_session(self._context, response, issued.opened.cookie, issued.opened.device_cookie)
        return response

    def _notice_constants(self, request: AuthorizationRequest) -> None:
        """A challenge or nonce that repeats gives no protection (RFC 9700, 2.1.1): notify the operator."""
        for name, value in (("code_challenge", request.code_challenge), ("nonce", request.nonce)):
            if value and not self._constants.hit(digest(name, f"{request.client.client_id} {value}")):
                log.warning("constant value", extra={"parameter": name, "client_id": request.client.client_id})


class AuthorizePage(Endpoint):
    """`Authorize` as a view of Flask."""

    def __init__(self, authorize: Authorize) -> None:
        self._authorize = authorize

    def dispatch_request(self) -> Response:
        return self._authorize.page()


def send_back(context: WebContext, request: AuthorizationRequest, fields: Fields) -> Response:
    """The authorization response, success or error, in the response mode asked for: always with `state` and `iss`."""
    complete = answer_fields(context, request, fields)
    if not request.is_posted:
        return Response(status=303, headers={"Location": location_of(request, complete)})
    page = render_template("form_post.html", action=request.redirect_uri, fields=complete)
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy([origin_of(request.redirect_uri)])
    return response


def answer_fields(context: WebContext, request: AuthorizationRequest, fields: Fields) -> Fields:
    """`fields` with what belongs to every response, in the open or signed as one (JARM 2.3)."""
    state = [("state", request.state)] if request.state is not None else []
    if request.response_mode.endswith(".jwt"):
        return [("response", context.sign_response(request.client, [*fields, *state]))]
    return [*fields, *state, ("iss", context.issuer)]


def location_of(request: AuthorizationRequest, fields: Fields) -> str:
    """The verified redirect URI with the response in its query or fragment."""
    parts = urlsplit(request.redirect_uri)
    encoded = urlencode(fields)
    if request.response_mode.startswith("fragment"):
        return urlunsplit(parts._replace(fragment=encoded))
    return urlunsplit(parts._replace(query=f"{parts.query}&{encoded}" if parts.query else encoded))


def deny(context: WebContext, request: AuthorizationRequest, why: str) -> Response:
    """The response when the person refused (RFC 6749, 4.1.2.1)."""
    return send_back(context, request, [("error", AccessDeniedError.error), ("error_description", why)])


def set_session(context: WebContext, response: Response, session: str, device: str | None) -> None:
    """Set the cookie of the new session and, when the person asked to be remembered, the device cookie."""
    context.cookies.set(response, "s", session)
    if device:
        context.cookies.set(response, "d", device, max_age=15_552_000)


def origin_of(uri: str) -> str:
    """The origin of a URI, for the content policy; the private scheme of a native app is its own origin."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
