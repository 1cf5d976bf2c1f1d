"""`/link`: the step that links in a login by password, after everything else that the login requires."""

from dataclasses import replace

from flask import redirect
from werkzeug.wrappers import Response

from federation.linking_flow import Linking
from federation.pages import account_values, page, removed_page
from federation.records import LinkingFlow
from federation.upstream_logins import Denied
from federation.upstreams import UnknownUpstream
from federation.web import Journeys
from idp.errors import Expired
from idp.login.authentication import Authentication
from idp.login.steps import LoginRequirements, LoginState, StepRules, first_owed
from idp.web.page import Page
from idp.web.steps import Step, Steps


class LinkStep(Page):
    """The step that asks about the link: who came from the upstream, and "Liên kết"."""

    def __init__(self, journeys: Journeys, linking: Linking, steps: Steps, rules: StepRules) -> None:
        self._journeys = journeys
        self._linking = linking
        self._steps = steps
        self._rules = rules

    def get(self) -> Response:
        step = self._steps.here()
        if not self._is_owed(step):
            return redirect(step.return_url, 303)
        flow = self._flow(step)
        if flow is None:
            return self._skip(step)
        upstream = self._journeys.upstream_logins.upstreams.find(flow.upstream)
        name = self._journeys.upstream_logins.arrival_of(flow).identity.name
        way = upstream.name(step.browser.language())
        return page(
            "link_step.html", step.attempt, handle=step.handle, way=way, name=name, account=account_values(step.account)
        )

    def post(self) -> Response:
        step = self._steps.here()
        if not self._is_owed(step):
            return redirect(step.return_url, 303)
        flow = self._flow(step)
        if flow is None or "link-make" not in step.browser.form:
            return self._skip(step)
        upstream = self._journeys.upstream_logins.upstreams.find(flow.upstream)
        result = self._linking.by_password(step.attempt.linking, flow, step.account, step.browser.scene)
        if isinstance(result, Denied):
            self._linked(step, None, step.attempt.secured_at)
            return self._journeys.go_on(step.browser, result, upstream.id)
        # The person stays logged in by the password; the link opens the next login.
        proof = replace(step.proof, auth_time=result.moment)
        self._linked(step, proof, result.moment, result.outcome.review)
        self._journeys.count(upstream.id, "linked")
        return removed_page(result, step.return_url) if result.removed else redirect(step.return_url, 303)

    def _linked(self, step: Step, proof: Authentication | None, secured_at: float, review: str = "") -> None:
        secret = self._journeys.attempts.linked(step.handle, step.attempt, proof, secured_at, review)
        step.browser.was_proved(step.handle, secret)

    def _is_owed(self, step: Step) -> bool:
        """Whether the link is the next step: after a login by password here, and after all that this login requires."""
        proof = step.attempt.proof
        if proof is None:
            return False
        state = LoginState(self._rules, LoginRequirements(), proof, step.account, step.attempt, self._steps.clock())
        owed = first_owed(state)
        return owed is not None and owed.step == "link"

    def _flow(self, step: Step) -> LinkingFlow | None:
        """The linking flow of this login, or None when it is over or its upstream was closed."""
        upstream_logins = self._journeys.upstream_logins
        try:
            flow = upstream_logins.flow(step.attempt.linking, step.attempt.browser)
            upstream_logins.upstreams.find(flow.upstream)
        except (Expired, UnknownUpstream):
            return None
        return flow

    def _skip(self, step: Step) -> Response:
        self._linked(step, step.attempt.proof, step.attempt.secured_at)
        return redirect(step.return_url, 303)
