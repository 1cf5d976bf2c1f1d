"""`/authorize`: the request is checked anew on every entry, and answered in the client's response mode.

This is the only place that sends a browser to a client: success and error alike carry `iss` (RFC 9207) and `state`, and
nothing is redirected before client and redirect URI are proven.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

from authlib.oauth2.rfc6749 import AccessDeniedError
from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.ephemeral_records import digest
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import Attempts, LoginAttempt, browser_of
from idp.login.steps import RequiredStep
from idp.oidc.authorization import AuthorizationRequest, Params, RedirectedError, read_request
from idp.oidc.clients import Clients
from idp.oidc.dispatch import Dispatcher, Entry, Issued
from idp.ports import Clock
from idp.web import request as current_request
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.cookies import new_browser
from idp.web.headers import page_policy
from idp.web.page import Endpoint

MOST_EQUAL = 3
"""Equal challenges or nonces of one client in an hour before an operator is told."""

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
"""Where the browser goes for what is owed."""


class Authorize(Endpoint):
    """The authorization endpoint (RFC 6749, 3.1): a new request, or the return from a step of an attempt."""

    def __init__(
        self, context: WebContext, attempts: Attempts, clients: Clients, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self._context = context
        self._attempts = attempts
        self._clients = clients
        self._dispatcher = dispatcher
        self._clock = clock
        self._constants = LocalRateLimiter(MOST_EQUAL, 3600, clock)

    def dispatch_request(self) -> Response:
        browser = this_browser(self._context)
        params = browser.params()
        if browser.came_without_cookies():
            return redirect(f"/authorize?{urlencode(params)}", 303)
        handle = dict(params).get("attempt") if len(params) == 1 else None
        attempt = self._attempts.load(handle, browser.held(handle)) if handle else None
        if attempt:
            params = attempt.params
        try:
            request = read_request(params, self._clients)
            current_request.current().client_id = request.client.client_id
            entry = Entry(browser.client_info, browser.session, handle, attempt)
            outcome = self._dispatcher.next(request, entry)
        except RedirectedError as refused:
            return self._refused(refused)
        if isinstance(outcome, RequiredStep):
            return self._ask(outcome, request, browser, entry, params)
        return self._issued(outcome, request, browser)

    def _refused(self, refused: RedirectedError) -> Response:
        error = refused.error
        fields = [("error", error.error)]
        if error.description:
            fields.append(("error_description", error.description))
        return send_back(self._context.issuer, refused.request, fields)

    def _ask(
        self, owed: RequiredStep, request: AuthorizationRequest, browser: Browser, entry: Entry, params: Params
    ) -> Response:
        """Send the browser to the page of the step, on a new attempt or on the one it has."""
        secret = browser.secret or new_browser()
        language = request.ui_language
        if entry.handle and entry.attempt and owed.sid != entry.attempt.step_up:
            self._attempts.replace(entry.handle, entry.attempt, replace(entry.attempt, step_up=owed.sid))
        handle = entry.handle or self._attempts.begin(
            LoginAttempt(
                params=params,
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
        response = send_back(self._context.issuer, request, [("code", issued.code)])
        if issued.opened:
            set_session(self._context, response, issued.opened.cookie, issued.opened.device_cookie)
        return response

    def _notice_constants(self, request: AuthorizationRequest) -> None:
        """The same challenge or nonce again and again protects nobody (RFC 9700, 2.1.1): tell the operator."""
        for name, value in (("code_challenge", request.code_challenge), ("nonce", request.nonce)):
            if value and not self._constants.hit(digest(name, f"{request.client.client_id} {value}")):
                log.warning("constant value", extra={"parameter": name, "client_id": request.client.client_id})


def send_back(issuer: str, request: AuthorizationRequest, fields: Sequence[tuple[str, str]]) -> Response:
    """The authorization response, success or error, in the response mode asked for: always with `state` and `iss`."""
    state = [("state", request.state)] if request.state is not None else []
    return answer_client(request.redirect_uri, request.response_mode, [*fields, *state, ("iss", issuer)])


def deny(issuer: str, request: AuthorizationRequest, why: str) -> Response:
    """The answer when the person said no (RFC 6749, 4.1.2.1)."""
    return send_back(issuer, request, [("error", AccessDeniedError.error), ("error_description", why)])


def set_session(context: WebContext, response: Response, session: str, device: str | None) -> None:
    """Give the browser its new session and, when it asked to be remembered, its device cookie."""
    context.cookies.set(response, "s", session)
    if device:
        context.cookies.set(response, "d", device, max_age=15_552_000)


def answer_client(redirect_uri: str, mode: str, fields: Sequence[tuple[str, str]]) -> Response:
    """Send `fields` to a proven redirect URI: in the query, in the fragment, or by a form that posts itself."""
    if mode == "form_post":
        page = Response(render_template("form_post.html", action=redirect_uri, fields=fields), mimetype="text/html")
        page.headers["Content-Security-Policy"] = page_policy([origin_of(redirect_uri)])
        return page
    parts = urlsplit(redirect_uri)
    encoded = urlencode(fields)
    if mode == "fragment":
        return Response(status=303, headers={"Location": urlunsplit(parts._replace(fragment=encoded))})
    query = f"{parts.query}&{encoded}" if parts.query else encoded
    return Response(status=303, headers={"Location": urlunsplit(parts._replace(query=query))})


def origin_of(uri: str) -> str:
    """The origin of a URI, for the content policy; a native app's own scheme stands for itself."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
