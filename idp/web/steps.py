"""What the later steps of a login share: who the person is, where the step leads, and how the person cancels."""

from dataclasses import dataclass

from flask import redirect
from werkzeug.wrappers import Response

from idp.accounts.account import Account
from idp.errors import Expired
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.authentication import Authentication
from idp.login.sessions import Session
from idp.oidc.authorization import read_request
from idp.oidc.clients import Clients
from idp.oidc.dispatch import is_current
from idp.oidc.signed_in import SignedIn
from idp.web.authorize import deny
from idp.web.browser import Browser, WebContext, this_browser, with_query


@dataclass(frozen=True, slots=True)
class Step:
    """One person at one step of one attempt: the proof so far, the current account, and the session if any."""

    browser: Browser
    handle: str
    attempt: LoginAttempt
    proof: Authentication
    account: Account
    session: Session | None = None

    @property
    def return_url(self) -> str:
        """Where every step returns to: the dispatcher, or our own page."""
        return with_query("/authorize" if self.attempt.client_id else "/account", attempt=self.handle)

    @property
    def is_coded(self) -> bool:
        """Whether the code of this attempt was already entered: the form was sent twice."""
        entered = self.attempt.proof.otp_at if self.attempt.proof else None
        return entered is not None and entered >= self.attempt.started_at


class Steps:
    """Finds the person at a step."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        signed_in: SignedIn,
        clients: Clients,
    ) -> None:
        self.context = context
        self.attempts = attempts
        self.clock = context.clock
        self._grant_states = signed_in.grant_states
        self._signed_in = signed_in
        self._clients = clients

    def here(self) -> Step:
        """The person proved in the attempt, or the one whose live session gets a code.

        Raises `Expired` without such a proof: a step cannot be taken without the one before it.
        """
        browser = this_browser(self.context)
        fields = browser.form if browser.request.method == "POST" else browser.query
        handle = fields.get("attempt", "")
        attempt = self.attempts.load(handle, browser.held(handle))
        carried = self._signed_in.person(browser.session)
        session = carried.session if carried else None
        proof = attempt.proof
        if proof is None and session and attempt.step_up == session.sid:
            proof = session.authentication
        if proof is None:
            raise Expired("nobody is logged in at this step")
        grant_state = self._grant_states.of_account(proof.account_id, attempt.client_id)
        account = grant_state.account
        if account is None or not account.is_active or not is_current(attempt, grant_state):
            raise Expired("the account was secured or closed meanwhile")
        own = session if session and session.account_id == account.id else None
        return Step(browser, handle, attempt, proof, account, own)

    def strengthened(self, step: Step, proof: Authentication, secured_at: float) -> None:
        """Store the proof, and give the browser what it needs to continue."""
        secret = self.attempts.strengthened(step.handle, step.attempt, proof, secured_at)
        step.browser.was_proved(step.handle, secret)

    def give_up(self, step: Step) -> Response:
        """Back to the portal with `access_denied`, or to our own page; the attempt ends."""
        self.attempts.finish(step.handle)
        if not step.attempt.client_id:
            return redirect("/account" if step.session else "/logged-out", 303)
        request = read_request(step.attempt.params, self._clients)
        return deny(self.context, request, "The person cancelled the login.")

    def client_name(self, step: Step) -> str:
        """The name of the portal that the login leads to; empty for our own pages."""
        client = self._clients.find(step.attempt.client_id) if step.attempt.client_id else None
        return client.client_name if client else ""
