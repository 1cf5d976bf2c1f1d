"""`/link/keep`, `/account/links/keep`: which older login methods stay after a link that proves the person better.

The first is a step of the login that made the link; the second asks a person who linked from their session.
"""

from collections.abc import Sequence

from flask import redirect
from werkzeug.wrappers import Response

from federation.keeping import Keeping, Older
from federation.linking import Link, LinkConflict
from federation.pages import page
from federation.sentences import OLDER
from federation.upstreams import Upstreams
from idp.dates import local_date
from idp.errors import Expired
from idp.login.attempt import Attempts
from idp.login.authentication import Authentication
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser
from idp.web.own_data import Sensitive, renewed
from idp.web.page import Page
from idp.web.steps import Step, Steps


class KeepStep(Page):
    """Each older login method and channel with a checkbox; what is not ticked ends."""

    def __init__(self, attempts: Attempts, upstreams: Upstreams, keeping: Keeping, steps: Steps) -> None:
        self._attempts = attempts
        self._upstreams = upstreams
        self._keeping = keeping
        self._steps = steps

    def get(self) -> Response:
        step = self._steps.here()
        link = self._link(step)
        if link is None:
            return redirect(step.return_url, 303)
        values = _shown(self._upstreams, step.browser, link, self._keeping.older(step.account, link, step.proof))
        return page("link_keep.html", step.attempt, action="/link/keep", hidden={"attempt": step.handle}, **values)

    def post(self) -> Response:
        step = self._steps.here()
        link = self._link(step)
        if link is None:
            return redirect(step.return_url, 303)
        try:
            proof, moment = self._keeping.settle(step.account, link, step.proof, kept=step.browser.form.keys())
        except LinkConflict:
            raise Expired("the account was secured meanwhile") from None
        self._reviewed(step, proof, moment)
        return redirect(step.return_url, 303)

    def _link(self, step: Step) -> Link | None:
        """The link that this login is asked about; if a login in another tab has answered, the step is over."""
        if step.attempt.proof is None or not step.attempt.review:
            return None
        link = self._keeping.link(step.account.id, step.attempt.review)
        if link is None:
            self._reviewed(step, step.attempt.proof, step.attempt.secured_at)
        return link

    def _reviewed(self, step: Step, proof: Authentication, secured_at: float) -> None:
        secret = self._attempts.reviewed(step.handle, step.attempt, proof, secured_at)
        step.browser.was_proved(step.handle, secret)


class KeepOwn(Sensitive):
    """The same question for a person who linked from their session, behind the same fresh code."""

    path = "/account/links/keep"

    def __init__(self, pages: OwnPages, upstreams: Upstreams, keeping: Keeping) -> None:
        super().__init__(pages)
        self._upstreams = upstreams
        self._keeping = keeping

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        link = self._keeping.waiting(account.id)
        if link is None:
            return redirect("/account/links", 303)
        older = self._keeping.older(account, link, session.authentication)
        hidden = {"csrf": csrf_of(browser.session or "")}
        return page(
            "link_keep.html", None, action=self.path, hidden=hidden, **_shown(self._upstreams, browser, link, older)
        )

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        link = self._keeping.waiting(account.id)
        response = redirect("/account/links", 303)
        if link is None:
            return response
        try:
            kept = browser.form.keys()
            self._keeping.settle(account, link, session.authentication, kept=kept, sid=session.sid)
        except LinkConflict:
            raise Expired("the account was secured meanwhile") from None
        return renewed(self._pages, browser, account, session, response)


def _shown(upstreams: Upstreams, browser: Browser, link: Link, older: Sequence[Older]) -> dict[str, object]:
    """The method that proved the person, and a row for each older item."""

    def name(upstream: str) -> str:
        configured = upstreams.configured(upstream)
        return configured.name(browser.language()) if configured else upstream

    rows = [
        {
            "key": each.key,
            "title": str(OLDER[each.kind]),
            "name": name(each.name) if each.kind == "link" else each.name,
            "since": local_date(each.since) if each.since else "",
            "kept": each.used,
        }
        for each in older
    ]
    return {"way": name(link.subject.upstream), "rows": rows}
