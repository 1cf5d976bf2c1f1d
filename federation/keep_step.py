"""`/link/keep`: the step after a link that proves the person better than anything before: what stays of all that."""

from flask import redirect
from werkzeug.wrappers import Response

from federation.keeping import Keeping, Older
from federation.linking import Link, LinkTaken
from federation.pages import page
from federation.sentences import OLDER
from federation.upstreams import Upstreams
from idp.errors import Expired
from idp.login.attempt import Attempts
from idp.web.account import shown_date
from idp.web.page import Page
from idp.web.steps import Step, Steps


class KeepStep(Page):
    """Each older way in and channel with a box; what is not ticked ends."""

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
        rows = [self._row(each, step) for each in self._keeping.older(step.account, link, step.proof)]
        way = self._name(link.subject.upstream, step)
        return page("link_keep.html", step.attempt, handle=step.handle, way=way, rows=rows)

    def post(self) -> Response:
        step = self._steps.here()
        link = self._link(step)
        if link is None:
            return redirect(step.return_url, 303)
        try:
            proof, moment = self._keeping.settle(step.account, link, step.proof, kept=step.browser.form.keys())
        except LinkTaken:
            raise Expired("the account was secured meanwhile") from None
        self._attempts.reviewed(step.handle, step.attempt, proof, moment)
        return redirect(step.return_url, 303)

    def _link(self, step: Step) -> Link | None:
        """The link that this login is asked about; a login in another tab may have answered, and the step is over."""
        if step.attempt.proof is None or not step.attempt.review:
            return None
        found = self._keeping.link(step.account.id, step.attempt.review)
        if found is None:
            self._attempts.reviewed(step.handle, step.attempt, step.attempt.proof, step.attempt.secured_at)
        return found

    def _row(self, each: Older, step: Step) -> dict[str, object]:
        name = self._name(each.name, step) if each.kind == "link" else each.name
        since = shown_date(each.since) if each.since else ""
        return {"key": each.key, "title": str(OLDER[each.kind]), "name": name, "since": since, "kept": each.used}

    def _name(self, upstream: str, step: Step) -> str:
        configured = self._upstreams.configured(upstream)
        return configured.name(step.browser.language()) if configured else upstream
