"""`/recover/eid`: a person who just proved their electronic identity sets a new password without the old one.

It requires that the upstream verified the person face to face, that the link to the account has rested and does not
depend on the lost password alone, and that the person logged in at the upstream just now. A browser may still hold the
upstream session of a previous user: if the upstream does not say when the person logged in, a code to the registered
number, or a passkey, is required too.
"""

from collections.abc import Collection

from flask import render_template
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.credentials import Credentials
from idp.accounts.passwords import WeakPassword
from idp.accounts.recovery import Recoveries
from idp.errors import Expired, StaleState
from idp.http.headers import page_policy
from idp.login.sessions import Session
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser
from idp.web.page import Page
from idp.web.sentences import PASSWORD


class ByEid(Page):
    """First the login through the upstream, then the new password."""

    def __init__(self, pages: OwnPages, credentials: Credentials, recoveries: Recoveries) -> None:
        self._pages = pages
        self._credentials = credentials
        self._recoveries = recoveries

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        if "go" in browser.query:
            return self._pages.ask_to_log_in(browser, "/recover/eid", recovers=True)
        account, session, may = self._proved(browser)
        if account is None or session is None or not may:
            return _page(render_template("recover_eid.html"))
        if "recover" in may:
            return self._form(browser, account)
        if not self._takes_codes(account):
            return _page(render_template("recover_eid_no_channel.html"))
        return self._pages.begin(browser, "code", return_to="/recover/eid", step_up=session.sid)

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        account, session, may = self._proved(browser)
        if account is None or session is None or "recover" not in may:
            raise Expired("the login through the upstream is too old or too weak")
        new = browser.form.get("password", "")[:1024]
        if new != browser.form.get("again", "")[:1024]:
            return self._form(browser, account, str(PASSWORD["different"]))
        try:
            removed = self._recoveries.by_eid(account, new, browser.scene, session.authentication.through)
        except WeakPassword as weak:
            return self._form(browser, account, str(PASSWORD[str(weak)]))
        except StaleState:
            raise Expired("the account was secured meanwhile") from None
        response = _page(render_template("recovered.html", removed=removed, login_url="/account"))
        self._pages.context.cookies.drop(response, "s")
        return response

    def _proved(self, browser: Browser) -> tuple[Account | None, Session | None, Collection[trust.Power]]:
        """The account, and what its login through an upstream may do now, including the code that was entered."""
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None or grant_state.session is None:
            return None, None, ()
        account, proof, now = grant_state.account, grant_state.session.authentication, self._pages.clock()
        dated = proof.upstream_at
        stands = trust.eid_proof(
            ial=proof.ial,
            brief=proof.brief,
            firm=self._credentials.is_recoverable_through(account, proof.through),
            auth_time=proof.auth_time if dated is None else dated,
            dated=dated is not None,
            now=now,
        )
        may = trust.POWERS[stands]
        entered = proof.otp_at is not None and 0 <= now - proof.otp_at <= trust.FRESH
        if "recover_with_code" in may and entered and self._takes_codes(account):
            may = trust.POWERS["eid_fresh"]
        return account, grant_state.session, may

    def _takes_codes(self, account: Account) -> bool:
        """Whether the account has a verified number or a passkey that can confirm the person."""
        now = self._pages.clock()
        return trust.number(account, "recovery", now) is not None or self._credentials.has_passkeys(account)

    def _form(self, browser: Browser, account: Account, error: str | None = None) -> Response:
        username = next((i.value for i in account.identifiers if i.valid_to is None), "")
        values = {"csrf": csrf_of(browser.session or ""), "username": username, "error": error}
        return _page(render_template("recover_eid_password.html", **values))


def _page(body: str) -> Response:
    response = Response(body, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
