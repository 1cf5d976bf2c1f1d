"""`/account/passkeys`: the person's passkeys: list, add, end. All of it needs a fresh code or passkey."""

import logging
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.account import Account
from idp.accounts.credentials import Credentials
from idp.accounts.notices import Notices
from idp.accounts.passkey import BadName, Ceremony, Passkey, PasskeyHolder, PasskeyRefused, TooManyPasskeys
from idp.accounts.passkeys import MOST, Passkeys
from idp.dates import local_date
from idp.ephemeral_records import digest
from idp.errors import BadRequest, Expired, StaleState
from idp.http.headers import page_policy
from idp.login.attempt import browser_of
from idp.login.sessions import Session
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser, with_query
from idp.web.own_data import Sensitive, renewed
from idp.web.passkey_login import question
from idp.web.sentences import PASSKEYS

log = logging.getLogger("idp.passkeys")


class OwnPasskeys(Sensitive):
    """The list."""

    path = "/account/passkeys"

    def __init__(self, pages: OwnPages, passkeys: Passkeys) -> None:
        super().__init__(pages)
        self._passkeys = passkeys

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        held = self._passkeys.of("account", account.id)
        body = render_template(
            "passkeys.html",
            passkeys=[self._row(each) for each in held],
            full=len(held) >= MOST,
            name=browser.scene.browser,
            error=PASSKEYS.get(browser.query.get("why", "")),
            csrf=csrf_of(browser.session or ""),
        )
        response = Response(body, mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy()
        return response

    def _row(self, passkey: Passkey) -> dict[str, Any]:
        return {
            "id": passkey.id,
            "name": passkey.name,
            "added": local_date(passkey.created_at),
            "used": local_date(passkey.last_used_at) if passkey.last_used_at else "",
            "place": self._pages.context.places.of(passkey.network) or passkey.network,
        }


class AddPasskey(Sensitive):
    """Issues the challenge for the device, and takes its response."""

    path = "/account/passkeys"

    def __init__(self, pages: OwnPages, passkeys: Passkeys, notices: Notices) -> None:
        super().__init__(pages)
        self._passkeys = passkeys
        self._notices = notices

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        try:
            return question(self._passkeys.begin_adding(_holder(account), _adding(browser, account, session)))
        except TooManyPasskeys:
            return redirect(with_query(self.path, why="many"), 303)

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        try:
            self._passkeys.finish_adding(
                browser.form.get("answer", ""),
                _holder(account),
                _adding(browser, account, session),
                name=browser.form.get("name", "") or browser.scene.browser or gettext("Khóa truy cập"),
                network=browser.network,
                notice=self._notices.of("passkey_added", account, browser.scene),
                secured_at=account.secured_at,
            )
        except BadName:
            return redirect(with_query(self.path, why="name"), 303)
        except PasskeyRefused as refused:
            log.warning("passkey not added", extra={"reason": refused.reason})
            return redirect(with_query(self.path, why="refused"), 303)
        return redirect(self.path, 303)


class EndPasskey(Sensitive):
    """Ends a passkey and every other session: the passkey may have opened one."""

    path = "/account/passkeys"

    def __init__(self, pages: OwnPages, passkeys: Passkeys, credentials: Credentials) -> None:
        super().__init__(pages)
        self._passkeys = passkeys
        self._credentials = credentials

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        named = browser.form.get("passkey", "")
        if named not in [each.id for each in self._passkeys.of("account", account.id)]:
            raise BadRequest("no such passkey")
        try:
            self._credentials.end_passkey(account, named, browser.scene, sid=session.sid)
        except StaleState:
            raise Expired("the account was secured meanwhile") from None
        return renewed(self._pages, browser, account, session, redirect(self.path, 303))


def _holder(account: Account) -> PasskeyHolder:
    """The name and number under which the device lists the passkey; masked, because others may see the list."""
    held = next((i.masked for i in account.identifiers if i.valid_to is None), "")
    return PasskeyHolder("account", account.id, held or account.name, account.name)


def _adding(browser: Browser, account: Account, session: Session) -> Ceremony:
    return Ceremony("add", browser_of(browser.secret or ""), digest("session", session.sid), account.id)
