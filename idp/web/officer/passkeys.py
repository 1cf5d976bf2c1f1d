"""Passkeys at the console: login with one, and the officer's own list."""

import logging
from typing import Any

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.passkey import BadName, PasskeyRefused, TooManyPasskeys
from idp.accounts.passkeys import MOST
from idp.dates import local_date
from idp.ephemeral_records import digest
from idp.errors import BadRequest
from idp.http.cookies import new_browser
from idp.login.attempt import browser_of
from idp.officers.logins import LoginRefused, OfficerLogins, WrongCode
from idp.officers.officers import Officer
from idp.officers.passkeys import OfficerPasskeys
from idp.web.browser import WebContext, this_browser, with_query
from idp.web.officer.console import Console, OfficerPage
from idp.web.officer.login import entered
from idp.web.officer.sentences import DOOR
from idp.web.page import Page
from idp.web.passkey_login import question
from idp.web.sentences import PASSKEYS

PATH = "/passkeys"
log = logging.getLogger("idp.passkeys")


class PasskeyDoor(Page):
    """Issues the challenge for any passkey of an officer, and takes the response."""

    def __init__(self, context: WebContext, passkeys: OfficerPasskeys, logins: OfficerLogins) -> None:
        self._context = context
        self._passkeys = passkeys
        self._logins = logins

    def get(self) -> Response:
        browser = this_browser(self._context)
        secret = browser.secret or new_browser()
        response = question(self._passkeys.question(browser_of(secret), browser.network))
        if secret != browser.secret:
            self._context.cookies.set(response, "b", secret)
        return response

    def post(self) -> Response:
        browser = this_browser(self._context)
        answer, agent = browser.form.get("answer", ""), browser.client_info.user_agent
        try:
            secret = self._passkeys.log_in(answer, browser_of(browser.secret or ""), browser.network, agent)
        except LoginRefused:
            return redirect(with_query("/login", why="passkey"), 303)
        return entered(self._context, self._logins, browser, secret)


class OfficerPasskeysPage(OfficerPage):
    """The officer's own passkeys."""

    def __init__(self, console: Console, passkeys: OfficerPasskeys) -> None:
        super().__init__(console)
        self._passkeys = passkeys

    def get(self, officer: Officer) -> Response:
        held = self._passkeys.of(officer)
        why = self.query.get("why", "")
        rows = [self._row(each) for each in held]
        error = DOOR.get(why) if why == "wrong_code" else PASSKEYS.get(why)
        name = this_browser(self.console.context).scene.browser
        return self.show("passkeys.html", officer, rows=rows, full=len(held) >= MOST, error=error, name=name)

    def post(self, officer: Officer) -> Response:
        if not self._passkeys.remove(officer, self.form.get("passkey", "")[:22]):
            raise BadRequest("no such passkey")
        return redirect(PATH, 303)

    def _row(self, passkey: Any) -> dict[str, Any]:
        used = local_date(passkey.last_used_at) if passkey.last_used_at else ""
        moments = {"added": local_date(passkey.created_at), "used": used}
        return {"id": passkey.id, "name": passkey.name, "place": passkey.network} | moments


class AddOfficerPasskey(OfficerPage):
    """Issues the challenge for the device, and takes the response together with a code of the authenticator."""

    def __init__(self, console: Console, passkeys: OfficerPasskeys) -> None:
        super().__init__(console)
        self._passkeys = passkeys

    def get(self, officer: Officer) -> Response:
        try:
            return question(self._passkeys.begin_adding(officer, self._here()))
        except TooManyPasskeys:
            return redirect(with_query(PATH, why="many"), 303)

    def post(self, officer: Officer) -> Response:
        browser, form = this_browser(self.console.context), self.form
        name = form.get("name", "") or browser.scene.browser or gettext("Khóa truy cập")
        answer, code = form.get("answer", ""), form.get("code", "")[:16]
        try:
            self._passkeys.add(answer, officer, self._here(), code, name=name, network=browser.network)
        except WrongCode:
            return redirect(with_query(PATH, why="wrong_code"), 303)
        except BadName:
            return redirect(with_query(PATH, why="name"), 303)
        except PasskeyRefused as refused:
            log.warning("officer's passkey not added", extra={"reason": refused.reason})
            return redirect(with_query(PATH, why="refused"), 303)
        return redirect(PATH, 303)

    def _here(self) -> str:
        """The current session: a challenge must be answered in the session that requested it."""
        return digest("officer-session", self.console.secret(this_browser(self.console.context)) or "")
