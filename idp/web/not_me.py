"""`/not-me/…`: the link in a notice. The page says what happens; only its button does it."""

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.accounts.credentials import Credentials, Outdated
from idp.accounts.people import People
from idp.errors import Expired
from idp.web.browser import Surroundings, this_browser
from idp.web.headers import page_policy
from idp.web.page import Page
from idp.web.sentences import NOTICES


class NotMe(Page):
    """Ends everything open and takes the change back."""

    def __init__(self, around: Surroundings, credentials: Credentials, people: People) -> None:
        self._around = around
        self._credentials = credentials
        self._people = people

    def get(self, token: str) -> Response:
        undo = self._credentials.undo_of(token[:64])
        if undo is None:
            raise Expired("the link of a notice is used or over")
        return _page("not_me.html", token=token, about=NOTICES.get(undo.about, NOTICES["new_device"]))

    def post(self, token: str) -> Response:
        if "not-me" not in this_browser(self._around).form:
            return redirect(f"/not-me/{token[:64]}", 303)
        undo = self._credentials.undo_of(token[:64])
        account = self._people.find(undo.account_id) if undo else None
        if account is None:
            raise Expired("the link of a notice is used or over")
        try:
            self._credentials.not_me(token, account)
        except Outdated:
            raise Expired("the account was secured meanwhile, or the link was used") from None
        return _page("not_me_done.html")


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
