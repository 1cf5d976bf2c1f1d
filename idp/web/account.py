"""`/account`: what we store about the person, their sessions and agreements, and how to end each of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.devices import Devices
from idp.accounts.masking import masked_contact
from idp.dates import local_date
from idp.errors import BadRequest, Forbidden
from idp.http.cookies import new_browser
from idp.http.headers import page_policy
from idp.login.attempt import LoginAttempt, browser_of
from idp.login.sessions import Session
from idp.login.steps import RequiredStep, Step
from idp.oidc.clients import Clients
from idp.oidc.consents import Consents
from idp.oidc.dispatch import Dispatcher, Entry
from idp.oidc.gate import GrantState
from idp.oidc.signed_in import SignedIn
from idp.web.agents import browser_name
from idp.web.authorize import STEP_PAGES, set_session
from idp.web.browser import Browser, WebContext, csrf_of, demand_csrf, this_browser, with_query
from idp.web.details_words import sentences_of
from idp.web.page import Page
from idp.web.sentences import IDENTIFIERS, SCOPES


class OwnPages:
    """What the pages of `/account` share: the current session, and how to ask the person to log in.

    `links` is True when there are upstreams to link the account with.
    """

    def __init__(
        self,
        context: WebContext,
        dispatcher: Dispatcher,
        signed_in: SignedIn,
        consents: Consents,
        clients: Clients,
        *,
        links: bool = False,
    ) -> None:
        self.links = links
        self.dispatcher = dispatcher
        self.context = context
        self.attempts = dispatcher.attempts
        self.sessions = signed_in.sessions
        self.grant_states = signed_in.grant_states
        self._signed_in = signed_in
        self.consents = consents
        self.clients = clients
        self.clock = context.clock

    def grant_state(self, browser: Browser) -> GrantState | None:
        """The live session of this browser and its active account."""
        return self._signed_in.person(browser.session)

    def signed_in(self, browser: Browser) -> Session:
        """The session behind a form of these pages. Raises `Forbidden`."""
        demand_csrf(browser)
        grant_state = self.grant_state(browser)
        if grant_state is None or grant_state.session is None:
            raise Forbidden("the session has ended")
        return grant_state.session

    def ask_to_log_in(self, browser: Browser, return_to: str = "/account", *, recovers: bool = False) -> Response:
        """Start a login attempt of our own; it returns to `/account` and then to the page that asked."""
        return self.begin(browser, "login", return_to=return_to, recovers=recovers)

    def begin(
        self, browser: Browser, step: Step, *, return_to: str, step_up: str = "", recovers: bool = False
    ) -> Response:
        """Start a login attempt of our own at this step; `step_up` is the live session whose login gets a code.

        `recovers` means that a new password will be set.
        """
        secret = browser.secret or new_browser()
        fresh = LoginAttempt((), "", "", browser_of(secret), self.clock(), return_to=return_to, step_up=step_up)
        handle = self.attempts.begin(replace(fresh, recovers=recovers), browser.address)
        response = redirect(with_query(STEP_PAGES[step], attempt=handle), 303)
        if secret != browser.secret:
            self.context.cookies.set(response, "b", secret)
        return response


class Home(Page):
    """The root address redirects to the person's own page."""

    def get(self) -> Response:
        return redirect("/account", 303)


class AccountPage(Page):
    """The person's own page. `upstream_of` returns the upstream that ending the session may lead to."""

    def __init__(self, pages: OwnPages, upstream_of: Callable[[Session], str | None], devices: Devices) -> None:
        self._pages = pages
        self._upstream_of = upstream_of
        self._devices = devices

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        handle = browser.query.get("attempt")
        if handle:
            return self._returned(browser, handle)
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.session is None or grant_state.account is None or browser.session is None:
            return self._pages.ask_to_log_in(browser)
        self._pages.sessions.seen(grant_state.session)
        account = grant_state.account
        body = render_template(
            "account.html",
            account=_shown(account, self._pages.clock()),
            sessions=[_listed(s, grant_state.session) for s in self._pages.sessions.of_account(account.id)],
            devices=self._phones(account.id),
            consents=self._agreed(account.id),
            csrf=csrf_of(browser.session),
            password=self._password(account),
            links=self._pages.links,
        )
        response = Response(body, mimetype="text/html")
        upstream = self._upstream_of(grant_state.session)
        response.headers["Content-Security-Policy"] = page_policy([upstream] if upstream else [])
        return response

    def _returned(self, browser: Browser, handle: str) -> Response:
        """Back from a step: continue with the next step that is owed, or log in with a new session."""
        attempt = self._pages.attempts.load(handle, browser.held(handle))
        entry = Entry(browser.client_info, browser.session, handle, attempt)
        opened = self._pages.dispatcher.next_at_home(entry, handle, attempt)
        if isinstance(opened, RequiredStep):
            return redirect(with_query(STEP_PAGES[opened.step], attempt=handle), 303)
        response = redirect(attempt.return_to, 303)
        set_session(self._pages.context, response, opened.cookie, opened.device_cookie)
        return response

    def _password(self, account: Account) -> dict[str, Any]:
        """When the password was set, until when it is valid, and whether that is soon."""
        age, set_at = self._pages.dispatcher.age, account.password_changed_at
        until = age.good_until(account)
        soon = age.due(account, self._pages.clock()) == "expiring"
        return {
            "set": local_date(set_at) if set_at else None,
            "until": local_date(until) if until else None,
            "soon": soon,
        }

    def _phones(self, account_id: str) -> list[dict[str, Any]]:
        rows = []
        for device in self._devices.of_account(account_id):
            app = self._pages.clients.find(device.client_id)
            row = {"id": device.id, "name": device.name, "app": app.client_name if app else device.client_id}
            moments = {"enrolled": local_date(device.enrolled_at), "last_seen": local_date(device.last_seen_at)}
            rows.append(row | moments)
        return rows

    def _agreed(self, account_id: str) -> list[dict[str, Any]]:
        rows = []
        for agreement in self._pages.consents.of_account(account_id):
            client = self._pages.clients.find(agreement.client_id)
            scopes = [str(SCOPES[s].title) for s in agreement.scopes if s in SCOPES]
            name = client.client_name if client else agreement.client_id
            since = local_date(agreement.granted_at)
            row = {"client_name": name, "client_id": agreement.client_id, "scopes": scopes, "since": since}
            rows.append(row | {"details": sentences_of(agreement.details)})
        return rows


class EndOne(Page):
    """Ends one session of the person, or all others. `signed_out` is the address to go to after ending one's own."""

    def __init__(self, pages: OwnPages, signed_out: Callable[[Session], str]) -> None:
        self._pages = pages
        self._signed_out = signed_out

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        session = self._pages.signed_in(browser)
        named = browser.form.get("session", "")
        if not named:
            raise BadRequest("no session is named")
        if named == "others":
            self._pages.sessions.end_all(session.account_id, but=session.sid)
        else:
            self._pages.sessions.end_one(session.account_id, named)
        response = redirect("/account", 303)
        if named == session.sid:
            response = redirect(self._signed_out(session), 303)
            self._pages.context.cookies.drop(response, "s")
        return response


class Withdraw(Page):
    """Withdraws an agreement."""

    def __init__(self, pages: OwnPages) -> None:
        self._pages = pages

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        session = self._pages.signed_in(browser)
        self._pages.consents.withdraw(session.account_id, browser.form.get("client_id", ""), self._pages.clock())
        return redirect("/account", 303)


def _shown(account: Account, now: float) -> dict[str, Any]:
    held = [i for i in account.identifiers if i.valid_to is None]
    return {
        "name": account.name,
        "kind": account.kind,
        "identifiers": [{"label": IDENTIFIERS[i.kind], "masked": i.masked} for i in held],
        "phone_masked": masked_contact("sms", account.phone) if account.phone else None,
        "email_masked": masked_contact("email", account.email) if account.email else None,
        "email_unproved": trust.address(account, "contact", now) is not None,
    }


def _listed(session: Session, current: Session) -> dict[str, Any]:
    return {
        "id": session.sid,
        "browser": browser_name(session.user_agent) or gettext("Trình duyệt không rõ"),
        "place": session.network,
        "started": local_date(session.created_at),
        "last_seen": local_date(session.last_seen_at),
        "current": session.sid == current.sid,
    }
