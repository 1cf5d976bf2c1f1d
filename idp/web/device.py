"""`/device`: the person types the code that a device shows, sees who asks, and allows it or not (RFC 8628, 3.3).

Before the login, the page does not reveal whether a code exists. Only a button on this page decides: a link with the
code leads to the same question. The question shows the code, because a stranger may have sent the link.
"""

from typing import Any

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.dates import local_date
from idp.errors import Expired, Forbidden, TooMany
from idp.login.sessions import Session, session_digest
from idp.oidc.clients import Client
from idp.oidc.consents import Agreement
from idp.oidc.device_grant import DeviceCode, DeviceCodes, UserCodes, format_user_code, read_user_code
from idp.oidc.gate import GrantState, IssueRequest, may_issue
from idp.oidc.grant import Grant
from idp.ports import AuditLog, Event
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, this_browser, with_query
from idp.web.page import Page
from idp.web.sentences import DEVICE, SCOPES


class DevicePage(Page):
    """Asks for the code, then for the decision."""

    def __init__(self, pages: OwnPages, codes: DeviceCodes, typed: UserCodes, audit: AuditLog) -> None:
        self._pages = pages
        self._codes = codes
        self._typed = typed
        self._audit = audit

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        text = browser.query.get("user_code", "")
        if not text:
            return _enter()
        user_code = read_user_code(text)
        if user_code is None:
            return _enter(text[:32], "form")
        session = self._session(browser)
        if session is None:
            return self._pages.ask_to_log_in(browser, _here(user_code))
        try:
            asked = self._typed.find(user_code, browser.address, session.sid)
        except TooMany as over:
            return _enter("", "wait", over)
        client = self._pages.clients.find(asked.client_id) if asked else None
        if asked is None or client is None or client.disabled:
            return _enter("", "unknown")
        grant_state = self._grant_state(browser, client)
        return self._owed(browser, user_code, client, grant_state) or self._question(
            browser, user_code, asked, grant_state
        )

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        if "asked" not in browser.form:
            return redirect(with_query("/device", user_code=browser.form.get("user_code", "")[:32]), 303)
        session = self._pages.signed_in(browser)
        user_code = read_user_code(browser.form.get("user_code", ""))
        asked = self._codes.find(user_code) if user_code else None
        client = self._pages.clients.find(asked.client_id) if asked else None
        # Only a person who saw the question can answer it, so codes cannot be guessed here either.
        if user_code is None or asked is None or client is None or browser.form.get("asked") != asked.secret:
            raise Expired("the device code is over or was decided")
        if "device-allow" not in browser.form:
            self._codes.deny(user_code, asked.secret)
            self._audit.record(Event("device_grant.denied", session.account_id, client.client_id))
            return redirect("/device/done?why=denied", 303)
        grant_state = self._grant_state(browser, client)
        owed = self._owed(browser, user_code, client, grant_state)
        if owed is not None:
            return owed
        if _is_to_agree(asked, client, grant_state) and "agree" not in browser.form:
            return self._question(browser, user_code, asked, grant_state, unticked=True)
        self._allow(browser, user_code, asked, client)
        return redirect("/device/done", 303)

    def _session(self, browser: Browser) -> Session | None:
        grant_state = self._pages.grant_state(browser)
        return grant_state.session if grant_state else None

    def _grant_state(self, browser: Browser, client: Client) -> GrantState:
        """The live session of this browser, with the person's consent for the client."""
        return self._pages.grant_states.of_session(session_digest(browser.session or ""), client.client_id)

    def _owed(self, browser: Browser, user_code: str, client: Client, grant_state: GrantState) -> Response | None:
        """The redirect to the step that the client requires of a login, or that an expired password requires."""
        if grant_state.session is None:
            return self._pages.ask_to_log_in(browser, _here(user_code))
        owed = self._pages.dispatcher.owed_by(grant_state.session, grant_state, client)
        if owed is None:
            return None
        if owed.step == "login":
            return self._pages.ask_to_log_in(browser, _here(user_code))
        return self._pages.begin(browser, owed.step, return_to=_here(user_code), step_up=grant_state.session.sid)

    def _allow(self, browser: Browser, user_code: str, asked: DeviceCode, client: Client) -> None:
        """Store the consent, ask the gate, and let the device in. Raises `Expired`, `Forbidden`."""
        now, grant_state = self._pages.clock(), self._grant_state(browser, client)
        if grant_state.session is None or grant_state.account is None:
            raise Forbidden("the session has ended")
        if _is_to_agree(asked, client, grant_state):
            account_id, network = grant_state.account.id, browser.network
            agreement = Agreement(account_id, client.client_id, asked.scopes, now, network=network)
            self._pages.consents.agree(agreement.beside(grant_state.consent))
            grant_state = self._grant_state(browser, client)
        session = grant_state.session
        if session is None:
            raise Forbidden("the session has ended")
        proof = session.authentication
        refused = may_issue(grant_state, IssueRequest(client, proof, asked.scopes, now, self._pages.dispatcher.age))
        if refused is not None:
            raise Forbidden(f"the device may not be let in: {refused}")
        self._audit.record(Event("device_grant.allowed", session.account_id, client.client_id))
        grant = Grant(client.client_id, proof, session.sid, asked.scopes, asked.resource)
        self._codes.allow(user_code, asked.secret, grant)

    def _question(
        self, browser: Browser, user_code: str, asked: DeviceCode, grant_state: GrantState, *, unticked: bool = False
    ) -> Response:
        client = self._pages.clients.find(asked.client_id)
        if client is None or grant_state.account is None:
            raise Expired("the client was removed meanwhile")
        body = render_template(
            "device.html",
            user_code=format_user_code(user_code),
            asked=asked.secret,
            csrf=csrf_of(browser.session or ""),
            client_name=client.client_name,
            client_uri=client.client_uri,
            account_name=grant_state.account.name,
            began=local_date(asked.begun_at),
            network=asked.network,
            elsewhere=asked.network != browser.network,
            scopes=[{"title": SCOPES[s].title, "items": SCOPES[s].items} for s in asked.scopes],
            agree=_is_to_agree(asked, client, grant_state),
            unticked=unticked,
        )
        return Response(body, 400 if unticked else 200, mimetype="text/html")


class DeviceDone(Page):
    """Shows the outcome; the device finds out by polling."""

    def __init__(self, pages: OwnPages) -> None:
        self._pages = pages

    def get(self) -> str:
        denied = this_browser(self._pages.context).query.get("why") == "denied"
        return render_template("device_done.html", denied=denied)


def _enter(typed: str = "", why: str = "", over: TooMany | None = None) -> Response:
    values: dict[str, Any] = {"typed": typed, "error": DEVICE[why] if why else None}
    status = 429 if over else 400 if why else 200
    response = Response(render_template("device_code.html", **values), status, mimetype="text/html")
    if over and over.retry_after:
        response.headers["Retry-After"] = str(over.retry_after)
    return response


def _here(user_code: str) -> str:
    return with_query("/device", user_code=format_user_code(user_code))


def _is_to_agree(asked: DeviceCode, client: Client, grant_state: GrantState) -> bool:
    """Whether the answer is also the consent: for clients that are not our own, once for each scope."""
    agreed = grant_state.consent.scopes if grant_state.consent else ()
    return not client.first_party and not set(asked.scopes) <= set(agreed)
