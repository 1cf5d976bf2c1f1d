"""`/not-me/…`: the link in a notice. The page says what will happen; only its button does it."""

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.credentials import Credentials, disavowal_of
from idp.accounts.notices import Undo
from idp.accounts.people import People
from idp.errors import NoticeOver, StaleState
from idp.http.headers import page_policy
from idp.web.browser import WebContext, this_browser
from idp.web.page import Page
from idp.web.sentences import NOTICES


class NotMe(Page):
    """Ends everything open, and reverts the change or passes it to an officer."""

    def __init__(self, context: WebContext, credentials: Credentials, people: People) -> None:
        self._context = context
        self._credentials = credentials
        self._people = people

    def get(self, token: str) -> Response:
        undo, account = self._live(token)
        about = NOTICES.get(undo.about, NOTICES["new_device"])
        return _page("not_me.html", token=token, about=about, may=trust.POWERS[disavowal_of(undo, account)])

    def post(self, token: str) -> Response:
        browser = this_browser(self._context)
        if "not-me" not in browser.form:
            return redirect(f"/not-me/{token[:64]}", 303)
        _, account = self._live(token)
        try:
            proof = self._credentials.not_me(token, account, browser.scene)
        except StaleState:
            raise NoticeOver("the account was secured meanwhile, or the link was used") from None
        return _page("not_me_done.html", may=trust.POWERS[proof])

    def _live(self, token: str) -> tuple[Undo, Account]:
        """What the link is about, and for which account. Raises `NoticeOver`."""
        undo = self._credentials.undo_of(token[:64])
        account = self._people.find(undo.account_id) if undo else None
        if undo is None or account is None:
            used_at = self._credentials.undo_used_at(token[:64])
            raise NoticeOver("the link of a notice is used, over or unknown", used_at=used_at)
        return undo, account


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
