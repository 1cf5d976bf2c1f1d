"""`/consent`: the person reads what a portal requests, and agrees or not. Each agreement is kept with its evidence."""

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.accounts.people import People
from idp.errors import Expired, Forbidden
from idp.http.headers import page_policy
from idp.login.attempt import Attempts, LoginAttempt
from idp.oidc.authorization import AuthorizationRequest, read_request
from idp.oidc.clients import Clients
from idp.oidc.consents import Agreement, Consents
from idp.oidc.signed_in import SignedIn
from idp.web.authorize import deny, origin_of
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.details_words import sentences_of
from idp.web.page import Page
from idp.web.sentences import SCOPES


class ConsentPage(Page):
    """Asks for consent; our own clients need it for authorization details only, or when they ask for it."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        clients: Clients,
        signed_in: SignedIn,
        people: People,
        consents: Consents,
    ) -> None:
        self._context = context
        self._attempts = attempts
        self._clients = clients
        self._grant_states = signed_in.grant_states
        self._signed_in = signed_in
        self._people = people
        self._consents = consents
        self._clock = context.clock

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle = browser.query.get("attempt", "")
        _, request, account_id = self._asked(browser, handle)
        return self._page(handle, request, account_id, unticked=False)

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        handle = form.get("attempt", "")
        attempt, request, account_id = self._asked(browser, handle)
        if "consent-deny" in form:
            return self._denied(handle, request)
        if "agree" not in form:
            return self._page(handle, request, account_id, unticked=True)
        client_id, now = request.client.client_id, self._clock()
        before = self._grant_states.of_account(account_id, client_id).consent
        agreement = Agreement(
            account_id, client_id, request.shared, now, network=browser.network, details=request.details
        )
        self._consents.agree(agreement.beside(before))
        self._attempts.consented(handle, attempt, account_id)
        return redirect(with_query("/authorize", attempt=handle), 303)

    def _asked(self, browser: Browser, handle: str) -> tuple[LoginAttempt, AuthorizationRequest, str]:
        """The attempt, its request and who is asked: the person proved in it, else that of the live session."""
        attempt = self._attempts.load(handle, browser.held(handle))
        if not attempt.client_id:
            raise Expired("nothing to agree to")
        request = read_request(attempt.params, self._clients)
        if attempt.proof:
            return attempt, request, attempt.proof.account_id
        grant_state = self._signed_in.person(browser.session)
        if grant_state is None or grant_state.account is None:
            raise Forbidden("nobody is logged in")
        return attempt, request, grant_state.account.id

    def _page(self, handle: str, request: AuthorizationRequest, account_id: str, *, unticked: bool) -> Response:
        account = self._people.find(account_id)
        body = render_template(
            "consent.html",
            attempt=handle,
            client_name=request.client.client_name,
            client_uri=request.client.client_uri,
            account_name=account.name if account else "",
            scopes=[{"title": SCOPES[s].title, "items": SCOPES[s].items} for s in request.shared],
            details=sentences_of(request.details),
            unticked=unticked,
        )
        response = Response(body, 400 if unticked else 200, mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy([origin_of(request.redirect_uri)])
        return response

    def _denied(self, handle: str, request: AuthorizationRequest) -> Response:
        self._attempts.finish(handle)
        return deny(self._context, request, "The person did not agree.")
