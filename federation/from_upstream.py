"""`/via/…/initiate`, `/via/…/front-channel-logout`: an upstream sends a browser here that we did not send there.

Anybody can write such an address, so it gives nobody anything: a login begun by it is an ordinary journey with a state
of this browser's, a session that lives stays, and only who knows the upstream's name for a session can end it.
"""

from flask import redirect
from flask_babel import gettext
from markupsafe import escape
from werkzeug.wrappers import Response

from federation.records import PendingUpstreamLogin
from federation.upstreams import Upstream
from federation.web import Journeys
from idp.errors import BadRequest, TooMany
from idp.http.cookies import new_browser
from idp.http.forms import single
from idp.http.headers import framed_policy
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import LoginAttempt, browser_of
from idp.login.sessions import Sessions
from idp.web.account import OwnPages
from idp.web.browser import LONGEST_MOVED, this_browser, with_query
from idp.web.page import Page

TARGETS = ("/account", "/account/activity", "/account/links")
"""Our own pages that `target_link_uri` may name."""

LONGEST_HINT = 255
"""Characters of a `login_hint` that is passed on."""


class InitiateLogin(Page):
    """Begins a login of our own at this upstream (OpenID Connect Core 1.0, section 4)."""

    def __init__(self, journeys: Journeys, own: OwnPages) -> None:
        self._journeys = journeys
        self._own = own

    def get(self, upstream_id: str) -> Response:
        """Off to the upstream at once; whoever is logged in stays so, and is led to the page. Raises `BadRequest`."""
        browser = this_browser(self._own.context)
        upstream = self._journeys.upstream_logins.upstreams.named(upstream_id)
        demand_issuer(upstream, browser.query)
        target = self._target(browser.query.get("target_link_uri"))
        now = self._own.grant_state(browser)
        if now is not None and now.session is not None and now.account is not None:
            return redirect(target, 303)
        secret = browser.secret or new_browser()
        attempt = LoginAttempt((), "", "", browser_of(secret), self._own.clock(), return_to=target)
        handle = self._own.attempts.begin(attempt, browser.address)
        pending = PendingUpstreamLogin(upstream.id, handle, attempt.browser)
        response = self._journeys.leave(browser, upstream, pending, {}, _hint(browser.query.get("login_hint", "")))
        if secret != browser.secret:
            self._own.context.cookies.set(response, "b", secret)
        return response

    def post(self, upstream_id: str) -> Response:
        """The same in a form: another site's comes without our cookies, so it is asked again by GET."""
        upstream = self._journeys.upstream_logins.upstreams.named(upstream_id)
        params = single(this_browser(self._own.context).params())
        names = ("iss", "login_hint", "target_link_uri")
        moved = with_query(f"/via/{upstream.id}/initiate", **{name: params.get(name) for name in names})
        if len(moved) > LONGEST_MOVED:
            raise BadRequest("the form is too long")
        return redirect(moved, 303)

    def _target(self, uri: str | None) -> str:
        """The page of ours that is named; without one the person's own. Raises `BadRequest`: no open redirect."""
        targets = {None: TARGETS[0]} | {f"{self._own.context.issuer}{path}": path for path in TARGETS}
        if uri not in targets:
            raise BadRequest("target_link_uri is none of our pages for this")
        return targets[uri]


class FrontChannelLogout(Page):
    """Ends what came through one session of the upstream, in a frame of its page (Front-Channel Logout 1.0, section 3).

    No cookie is read: a frame of another site has none. Every `sid` gets the same answer, and so does none.
    """

    def __init__(self, journeys: Journeys, sessions: Sessions, loads: LocalRateLimiter) -> None:
        self._journeys = journeys
        self._sessions = sessions
        self._loads = loads

    def get(self, upstream_id: str) -> Response:
        """Raises `BadRequest`, `TooMany`."""
        browser = this_browser(self._journeys.context)
        upstream = self._journeys.upstream_logins.upstreams.named(upstream_id)
        demand_issuer(upstream, browser.query)
        if not self._loads.hit(browser.network):
            raise TooMany("too many front-channel logouts", retry_after=self._loads.retry_after)
        for account_id, sid in self._journeys.upstream_logins.ended_by(upstream, None, browser.query.get("sid")):
            self._sessions.end_one(account_id, sid)
        title = escape(gettext("Đã đăng xuất"))
        response = Response(f"<!doctype html><title>{title}</title>", mimetype="text/html")
        response.headers["Content-Security-Policy"] = framed_policy(upstream.frames)
        return response


def demand_issuer(upstream: Upstream, params: dict[str, str]) -> None:
    """`iss` must be this upstream's issuer, letter for letter. Raises `BadRequest`, also when none is configured."""
    if not upstream.issuer or params.get("iss") != upstream.issuer:
        raise BadRequest("iss is not the issuer of this upstream")


def _hint(hint: str) -> str:
    """The hint as it is passed on; one that no form could have held helps nobody and is left out."""
    return hint if len(hint) <= LONGEST_HINT and hint.isprintable() else ""
