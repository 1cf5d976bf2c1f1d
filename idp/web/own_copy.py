"""`/account/data`: a copy of the person's own data, and the request to erase it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.dates import local_date
from idp.errors import StaleState
from idp.http.headers import page_policy
from idp.officers.data_requests import DataRequest, DataRequests, KeptData
from idp.ports import AuditLog, Event
from idp.web.account import OwnPages
from idp.web.browser import csrf_of, demand_csrf, this_browser
from idp.web.own_data import Sensitive
from idp.web.page import Page
from idp.web.sentences import KEPT

FILE = "bhxh-my-data.json"


class OwnData(Page):
    """Shows the possible requests about one's own data, and those already made."""

    def __init__(self, pages: OwnPages, requests: DataRequests) -> None:
        self._pages = pages
        self._requests = requests

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None or browser.session is None:
            return self._pages.ask_to_log_in(browser, "/account/data")
        asked = [_shown(request) for request in self._requests.of_account(grant_state.account.id)]
        waits = any(request["waits"] for request in asked)
        body = render_template("own_data.html", asked=asked, waits=waits, csrf=csrf_of(browser.session))
        response = Response(body, mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy()
        return response

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        session = self._pages.signed_in(browser)
        try:
            self._requests.withdraw(session.account_id, browser.form.get("withdraw", "")[:22])
        except StaleState:
            # It was answered in the meantime; the page shows how.
            return redirect("/account/data", 303)
        return redirect("/account/data", 303)


class Export(Sensitive):
    """Returns the copy as one JSON file."""

    path = "/account/data/export"

    def __init__(self, pages: OwnPages, copy_of: Callable[[str], dict[str, Any]], audit: AuditLog) -> None:
        super().__init__(pages)
        self._copy_of = copy_of
        self._audit = audit

    def get(self) -> Response:
        opened = self.opened(this_browser(self._pages.context))
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        body = json.dumps(self._copy_of(account.id), ensure_ascii=False, indent=2)
        self._audit.record(Event("data.exported", account.id))
        response = Response(body + "\n", mimetype="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
        response.headers["Content-Security-Policy"] = page_policy()
        return response


class Erase(Sensitive):
    """Requests erasure, after the person read what it means and proved their identity again."""

    path = "/account/data/erase"

    def __init__(self, pages: OwnPages, requests: DataRequests) -> None:
        super().__init__(pages)
        self._requests = requests

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        body = render_template(
            "erase.html", csrf=csrf_of(browser.session or ""), kept=listed(self._requests.kept(account.id))
        )
        response = Response(body, mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy()
        return response

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser)
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        if "understood" not in browser.form:
            return redirect("/account/data/erase", 303)
        self._requests.ask(account, browser.scene)
        return redirect("/account/data", 303)


def listed(kept: Sequence[KeptData]) -> list[tuple[str, str]]:
    """The data that the law keeps after an erasure, with the day on which each is deleted."""
    return [(f"{KEPT[each.what]} {each.reference}".strip(), local_date(each.until, with_time=False)) for each in kept]


def _shown(request: DataRequest) -> dict[str, Any]:
    reference = request.reference
    return {
        "id": request.id,
        "reference": f"{reference[:4]}-{reference[4:8]}-{reference[8:]}",
        "state": request.state,
        "waits": request.is_waiting,
        "asked": local_date(request.asked_at),
        "acknowledge_by": local_date(request.acknowledge_by),
        "answer_by": local_date(request.answer_by),
        "erased_from": local_date(request.erased_from),
        "answered": local_date(request.answered_at) if request.answered_at else None,
        "note": request.note,
    }
