"""`/account/activity`: what was done with the account, newest first; and `/account/end-device`."""

from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.devices import Devices
from idp.accounts.history import Happened, History
from idp.errors import BadRequest, Forbidden
from idp.web.account import OwnPages, shown_date
from idp.web.activity_words import HAPPENED, THROUGH
from idp.web.browser import this_browser
from idp.web.headers import page_policy
from idp.web.page import Page

SHOWN_AT_ONCE = 50


class Activity(Page):
    """The sign-in history."""

    def __init__(self, pages: OwnPages, history: History) -> None:
        self._pages = pages
        self._history = history

    def get(self) -> Response:
        browser = this_browser(self._pages.around)
        standing = self._pages.standing(browser)
        if standing is None or standing.account is None:
            return self._pages.ask_to_log_in(browser, "/account/activity")
        found = self._history.of_account(standing.account.id, limit=SHOWN_AT_ONCE)
        response = Response(render_template("activity.html", rows=[_row(each) for each in found]), mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy()
        return response


class EndDevice(Page):
    """Ends an enrolled phone of the person: its key opens nothing again."""

    def __init__(self, pages: OwnPages, devices: Devices) -> None:
        self._pages = pages
        self._devices = devices

    def post(self) -> Response:
        browser = this_browser(self._pages.around)
        session = self._pages.signed_in(browser)
        standing = self._pages.standing(browser)
        named = browser.form.get("device", "")
        if not named:
            raise BadRequest("no device is named")
        if standing is None or standing.account is None:
            raise Forbidden("the session has ended")
        mine = [device for device in self._devices.of_account(session.account_id) if device.id == named]
        for device in mine:
            self._devices.unenrol(device, standing.account)
        return redirect("/account", 303)


def _row(happened: Happened) -> dict[str, Any]:
    facts = happened.facts
    through = str(facts.get("through", "")) if happened.name == "login.succeeded" else ""
    return {
        "at": shown_date(happened.at),
        "what": HAPPENED[happened.name],
        "through": THROUGH.get(through) or (gettext("qua %(way)s", way=through) if through else ""),
        "browser": str(facts.get("browser", "")),
        "network": str(facts.get("network", "")) if happened.name == "login.succeeded" else "",
        "odd": happened.name in ("login.failed", "account.not_me"),
    }
