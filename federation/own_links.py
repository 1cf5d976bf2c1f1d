"""`/account/links`: lists the account's links, adds and removes them. All of it requires a fresh code."""

from flask import redirect
from werkzeug.wrappers import Response

from federation.linking import Link, LinkConflict
from federation.linking_flow import Linking
from federation.pages import page, removed_page
from federation.records import PendingUpstreamLogin
from federation.sentences import FAILED, REFUSED
from federation.upstream_logins import Denied
from federation.web import Journeys
from idp.dates import local_date
from idp.errors import BadRequest, Expired
from idp.http.cookies import new_browser
from idp.login.attempt import Purpose, browser_of
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser, with_query
from idp.web.own_data import Sensitive, renewed


class OwnLinks(Sensitive):
    """The list."""

    path = "/account/links"

    def __init__(self, pages: OwnPages, journeys: Journeys) -> None:
        super().__init__(pages)
        self._journeys = journeys

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        links = self._journeys.upstream_logins.links.of_account(account.id)
        linked = {link.subject.upstream for link in links}
        open_to = self._journeys.upstream_logins.upstreams.open_to(account.kind)
        language = browser.language()
        return page(
            "links.html",
            None,
            links=[self._row(link, language) for link in links],
            ways=[{"id": u.id, "label": u.name(language)} for u in open_to if u.id not in linked],
            csrf=csrf_of(browser.session or ""),
            error=self._error(browser),
        )

    def _row(self, link: Link, language: str) -> dict[str, str]:
        upstream = self._journeys.upstream_logins.upstreams.configured(link.subject.upstream)
        return {
            "id": link.id,
            "label": upstream.name(language) if upstream else link.subject.upstream,
            "since": local_date(link.made_at),
            "used": local_date(link.used_at) if link.used_at else "",
        }

    def _error(self, browser: Browser) -> str | None:
        """The result of a link that was begun here."""
        upstream = self._journeys.upstream_logins.upstreams.configured(browser.query.get("via", ""))
        why = browser.query.get("why", "")
        sentence = FAILED.get(why) or (REFUSED[why][1] if why in REFUSED else None)
        return str(sentence) % {"way": upstream.name(browser.language())} if upstream and sentence else None


class AddLink(Sensitive):
    """Leaves for an upstream to link it; nothing is linked before the confirmation page."""

    path = "/account/links"

    def __init__(self, pages: OwnPages, journeys: Journeys) -> None:
        super().__init__(pages)
        self._journeys = journeys

    def get(self, upstream_id: str) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        _, session = opened
        upstream = self._journeys.upstream_logins.upstreams.find(upstream_id)
        secret = browser.secret or new_browser()
        pending = PendingUpstreamLogin(upstream.id, "", browser_of(secret), sid=session.sid, purpose=Purpose.LINKING)
        response = self._journeys.leave(browser, upstream, pending, {})
        if secret != browser.secret:
            self._pages.context.cookies.set(response, "b", secret)
        return response


class LinkChange(Sensitive):
    """A page that makes or ends a link of the logged-in person."""

    path = "/account/links"

    def __init__(self, pages: OwnPages, journeys: Journeys, linking: Linking) -> None:
        super().__init__(pages)
        self._journeys = journeys
        self._linking = linking


class ConfirmOwnLink(LinkChange):
    """Asks before making a link that a logged-in person began."""

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        handle = browser.query.get("c", "")
        # A code may have expired while the person was at the upstream; what they brought waits here.
        opened = self.opened(browser, back=with_query("/account/links/confirm", c=handle[:64]))
        if isinstance(opened, Response):
            return opened
        flow = self._journeys.upstream_logins.flow(handle, browser_of(browser.secret or ""))
        upstream = self._journeys.upstream_logins.upstreams.find(flow.upstream)
        name = self._journeys.upstream_logins.arrival_of(flow).identity.name
        csrf = csrf_of(browser.session or "")
        return page("link_own.html", None, flow=handle, way=upstream.name(browser.language()), name=name, csrf=csrf)

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        handle = browser.form.get("c", "")
        flow = self._journeys.upstream_logins.flow(handle, browser_of(browser.secret or ""))
        if flow.mode != "session" or flow.sid != session.sid:
            raise Expired("the link was begun in another session")
        if "link-make" not in browser.form:
            self._journeys.upstream_logins.flows.take(handle)
            return redirect("/account/links", 303)
        result = self._linking.by_password(handle, flow, account, browser.scene, keep_sid=session.sid)
        if isinstance(result, Denied):
            return self._journeys.go_on(browser, result, flow.upstream)
        after = "/account/links/keep" if result.outcome.review else "/account/links"
        response = removed_page(result, after) if result.removed else redirect(after, 303)
        return renewed(self._pages, browser, account, session, response)


class Unlink(LinkChange):
    """Ends a link."""

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        named = browser.form.get("link", "")
        link = next(
            (each for each in self._journeys.upstream_logins.links.of_account(account.id) if each.id == named), None
        )
        if link is None:
            raise BadRequest("no such link")
        try:
            self._linking.remove(link, account, browser.scene, keep_sid=session.sid)
        except LinkConflict:
            raise Expired("the account was secured meanwhile") from None
        return renewed(self._pages, browser, account, session, redirect("/account/links", 303))
