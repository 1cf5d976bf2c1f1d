"""`/via/…`: a browser leaves for an upstream and comes back; also the requests that an upstream sends by itself.

Every failure leads back to the login page with a sentence; the attempt, and with it the portal's request, survives.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import redirect
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from federation.connector import Leaving, UpstreamFailed
from federation.records import PendingUpstreamLogin
from federation.sentences import FAILED, NOTES
from federation.upstream_logins import Denied, LoggedIn, Outcome, StepRequired, UpstreamLogins
from federation.upstreams import Upstream
from idp.ephemeral_records import digest
from idp.errors import BadRequest, Expired, TooMany
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import Attempts, LoginAttempt, Purpose, browser_of
from idp.login.authentication import acr_level
from idp.login.sessions import Sessions
from idp.oidc.clients import Clients
from idp.ports import Seeker, Way
from idp.web.browser import LONGEST_MOVED, Browser, WebContext, this_browser, with_query
from idp.web.login import returns_to
from idp.web.page import Page

log = logging.getLogger("idp.upstreams")
Count = Callable[[str, str], None]
"""Called when a journey through an upstream ends: the upstream and the kind of end."""

TOKEN_LIFE = 900.0
"""Seconds, longer than any logout token is accepted."""

PAGES: Mapping[str, str] = {
    "confirm": "/link/confirm",
    "code": "/link/confirm",
    "open": "/link/open",
    "unresolved": "/link/who",
    "password": "/link/password",
    "differs": "/link/differs",
    "session": "/account/links/confirm",
}
"""Where the browser goes for each mode of a linking flow."""


class ViaUpstreams:
    """The upstreams as offered by the login page (`idp.ports.WaysIn`)."""

    def __init__(self, upstream_logins: UpstreamLogins, issuer: str) -> None:
        self._upstreams = upstream_logins.upstreams
        self._links = upstream_logins.links
        self._issuer = issuer

    def offered(self, seeker: Seeker) -> list[Way]:
        return [
            Way(
                upstream.label(seeker.language),
                with_query(f"/via/{upstream.id}", attempt=seeker.attempt),
                str(NOTES[state]) if (state := upstream.state()) in NOTES else "",
            )
            for upstream in self._upstreams.open_to(seeker.kind)
        ]

    def message(self, query: Mapping[str, str], language: str) -> str | None:
        upstream = self._upstreams.configured(query.get("via", ""))
        sentence = FAILED.get(query.get("why", ""))
        if upstream is None or sentence is None:
            return None
        return str(sentence) % {"way": upstream.name(language)}

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        upstream = self._upstreams.configured(through)
        upstream_session = self._links.upstream_session(account_id, auth_time) if upstream else None
        if upstream is None or upstream_session is None:
            return None
        back = f"{self._issuer}/via/{upstream.id}/logged-out"
        return upstream.connector.logout_url(upstream_session.logout_hint, back, state)


class Journeys:
    """What the pages of a journey share."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        upstream_logins: UpstreamLogins,
        clients: Clients,
        departures: LocalRateLimiter,
    ) -> None:
        self._clients = clients
        self._departures = departures
        self.context = context
        self.attempts = attempts
        self.upstream_logins = upstream_logins
        self.count = context.count_login

    def leave(
        self,
        browser: Browser,
        upstream: Upstream,
        pending: PendingUpstreamLogin,
        params: Mapping[str, str],
        login_hint: str = "",
    ) -> Response:
        """Send the browser to the upstream, or back to where it came from if the upstream cannot be asked."""
        if not self._departures.hit(browser.address):
            raise TooMany("too many journeys begun", retry_after=self._departures.retry_after)
        client = self._clients.find(params.get("client_id"))
        acr = max(_acr(params), client.minimum_acr if client else 1)
        leaving = Leaving("", "", pending.purpose is not Purpose.LOGIN, acr, browser.language(), login_hint)
        try:
            self.upstream_logins.demand_open(upstream)
            return redirect(self.upstream_logins.start(upstream, pending, leaving), 303)
        except UpstreamFailed as failed:
            return self.failed(upstream, pending, failed)

    def failed(self, upstream: Upstream, pending: PendingUpstreamLogin, failed: UpstreamFailed) -> Response:
        """Back to the page where the person chose this upstream, which shows what happened."""
        self.count(upstream.id, failed.kind)
        if failed.kind != "cancelled":
            # An upstream that does not know us stays closed for all until an operator has fixed it.
            level = logging.ERROR if failed.kind == "misconfigured" else logging.WARNING
            why = {"upstream": upstream.id, "kind": failed.kind, "reason": failed.detail}
            log.log(level, "upstream brought nobody back", extra=why)
        if pending.sid:
            return redirect(with_query("/account/links", via=upstream.id, why=failed.kind), 303)
        return redirect(with_query("/login", attempt=pending.attempt, via=upstream.id, why=failed.kind), 303)

    def go_on(self, browser: Browser, outcome: Outcome, upstream: str) -> Response:
        """The page for an outcome."""
        match outcome:
            case LoggedIn():
                self.count(upstream, "entered")
                return self.enter(browser, outcome)
            case StepRequired(_, handle, mode):
                self.count(upstream, mode)
                return redirect(with_query(PAGES[mode], c=handle), 303)
            case Denied(attempt, why, sid):
                self.count(upstream, why)
                page = "/account/links" if sid else "/link/refused"
                query = {"via": upstream, "why": why} if sid else {"attempt": attempt, "via": upstream, "why": why}
                return redirect(with_query(page, **query), 303)

    def enter(self, browser: Browser, entered: LoggedIn) -> Response:
        """Continue the attempt as the person proved by the upstream."""
        attempt = self.attempts.load(entered.attempt, browser.held(entered.attempt))
        proved, review = entered.proved, entered.review
        secret = self.attempts.logged_in(entered.attempt, attempt, proved, remember=False, review=review)
        browser.was_proved(entered.attempt, secret)
        return redirect(with_query(returns_to(attempt), attempt=entered.attempt), 303)


class StartUpstreamLogin(Page):
    """Sends the browser to an upstream."""

    def __init__(self, journeys: Journeys) -> None:
        self._journeys = journeys

    def get(self, upstream_id: str) -> Response:
        browser = this_browser(self._journeys.context)
        upstream = self._journeys.upstream_logins.upstreams.named(upstream_id)
        handle = browser.query.get("attempt", "")
        attempt = self._journeys.attempts.load(handle, browser.held(handle))
        pending = PendingUpstreamLogin(upstream.id, handle, attempt.browser, purpose=attempt.purpose)
        return self._journeys.leave(browser, upstream, pending, params_of(attempt))


class Return(Page):
    """Comes back. Only the state that we gave to this browser for this upstream opens this page, once."""

    def __init__(self, journeys: Journeys) -> None:
        self._journeys = journeys

    def get(self, upstream_id: str) -> Response:
        journeys = self._journeys
        browser = this_browser(journeys.context)
        upstream = journeys.upstream_logins.upstreams.named(upstream_id)
        query = browser.request.environ.get("QUERY_STRING", "")
        pending = journeys.upstream_logins.consume_state(_state(query), upstream, browser_of(browser.secret or ""))
        try:
            outcome = journeys.upstream_logins.handle_callback(upstream, pending, query)
        except UpstreamFailed as failed:
            if failed.kind == "expired" and not pending.again:
                return self._once_more(browser, upstream, pending)
            return journeys.failed(upstream, pending, failed)
        return journeys.go_on(browser, outcome, upstream.id)

    def post(self, upstream_id: str) -> Response:
        """An answer in a form (OAuth 2.0 Form Post Response Mode). Raises `BadRequest`.

        A form from another site comes without our cookies; the browser sends them when it asks for the same by GET.
        """
        upstream = self._journeys.upstream_logins.upstreams.named(upstream_id)
        if not upstream.by_form:
            raise MethodNotAllowed(["GET"])
        answered = urlencode(this_browser(self._journeys.context).params())
        if len(answered) > LONGEST_MOVED:
            raise BadRequest("the answer of the upstream is too long")
        return redirect(f"/via/{upstream.id}/callback?{answered}", 303)

    def _once_more(self, browser: Browser, upstream: Upstream, pending: PendingUpstreamLogin) -> Response:
        """A short-lived code was too old: restart, once, without asking the person."""
        params: Mapping[str, str] = {}
        if pending.attempt:
            params = params_of(self._journeys.attempts.load(pending.attempt, browser.held(pending.attempt)))
        return self._journeys.leave(browser, upstream, replace(pending, kept={}, again=True), params)


class LogoutToken(Page):
    """An upstream says that a session there has ended (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""

    def __init__(self, journeys: Journeys, sessions: Sessions, claim: Callable[[str, float], bool]) -> None:
        self._journeys = journeys
        self._sessions = sessions
        self._claim = claim

    def post(self, upstream_id: str) -> Response:
        upstream_logins = self._journeys.upstream_logins
        upstream = upstream_logins.upstreams.configured(upstream_id)
        try:
            pairs = parse_qsl(this_browser(self._journeys.context).request.get_data(as_text=True), max_num_fields=10)
        except ValueError:
            pairs = []
        tokens = [value for name, value in pairs if name == "logout_token"]
        if upstream is None or len(tokens) != 1:
            raise BadRequest("one logout_token is wanted")
        try:
            subject, sid = upstream.connector.ended(tokens[0])
        except UpstreamFailed as failed:
            raise BadRequest(f"logout token: {failed.detail}") from None
        # Used once, for as long as it could be valid: a copy of it ends no later session. The signature is left out,
        # because it can be encoded in more than one way.
        until = upstream_logins.clock() + TOKEN_LIFE
        if not self._claim(digest("logout token", tokens[0].rpartition(".")[0]), until):
            return Response(status=200, headers={"Cache-Control": "no-store"})
        for account_id, ours in upstream_logins.ended_by(upstream, subject, sid):
            self._sessions.end_one(account_id, ours)
        return Response(status=200, headers={"Cache-Control": "no-store"})


def params_of(attempt: LoginAttempt) -> dict[str, str]:
    """The portal's original request."""
    return dict(attempt.params)


def origin(url: str) -> str:
    """Scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _state(query: str) -> str:
    """The one `state` of a query. Raises `Expired`: a browser without one was not sent by us."""
    try:
        states = [value for name, value in parse_qsl(query, max_num_fields=20) if name == "state"]
    except ValueError:
        states = []
    if len(states) != 1:
        raise Expired("the callback has no state of ours")
    return states[0]


def _acr(params: Mapping[str, str]) -> int:
    """The highest level that the portal requests."""
    levels = [acr_level(name) for name in params.get("acr_values", "").split()]
    return max([1, *(level for level in levels if level)])
