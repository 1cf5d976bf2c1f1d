"""`/account/activity`: the events of the account, newest first; and `/account/end-device`."""

from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.devices import Devices
from idp.accounts.history import Happened, History
from idp.dates import local_date
from idp.errors import BadRequest
from idp.http.headers import page_policy
from idp.web.account import OwnPages
from idp.web.activity_words import HAPPENED, THROUGH
from idp.web.browser import this_browser
from idp.web.own_data import Sensitive
from idp.web.page import Page

SHOWN_AT_ONCE = 50


class Activity(Page):
    """The sign-in history."""

    def __init__(self, pages: OwnPages, history: History) -> None:
        self._pages = pages
        self._history = history

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None:
            return self._pages.ask_to_log_in(browser, "/account/activity")
        records = self._history.of_account(grant_state.account.id, limit=SHOWN_AT_ONCE)
        response = Response(
            render_template("activity.html", rows=[_row(each) for each in records]), mimetype="text/html"
        )
        response.headers["Content-Security-Policy"] = page_policy()
        return response


class EndDevice(Sensitive):
    """Ends an enrolled phone of the person, after a fresh code: its key is no longer accepted."""

    def __init__(self, pages: OwnPages, devices: Devices) -> None:
        super().__init__(pages)
        self._devices = devices

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        self._pages.signed_in(browser)
        named = browser.form.get("device", "")
        if not named:
            raise BadRequest("no device is named")
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        mine = [device for device in self._devices.of_account(account.id) if device.id == named]
        for device in mine:
            self._devices.unenrol(device, account)
        return redirect("/account", 303)


def _row(happened: Happened) -> dict[str, Any]:
    facts = happened.facts
    through = str(facts.get("through", "")) if happened.name == "login.succeeded" else ""
    return {
        "at": local_date(happened.at),
        "what": HAPPENED[happened.name],
        "through": THROUGH.get(through) or (gettext("qua %(way)s", way=through) if through else ""),
        "browser": str(facts.get("browser", "")),
        "network": str(facts.get("network", "")) if happened.name == "login.succeeded" else "",
        "odd": happened.name in ("login.failed", "account.not_me"),
    }
