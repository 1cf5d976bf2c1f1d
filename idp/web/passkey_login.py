"""`/login/passkey` and `/login/code/passkey`: a passkey in place of code and password, or of the one-time code.

The page's script fetches the challenge by GET and posts the device's response; without script this is never used.
"""

import json
from typing import Any

from flask import redirect
from werkzeug.wrappers import Response

from idp.login.attempt import Attempts
from idp.login.login_form import LoginFailed
from idp.login.passkey_logins import PasskeyLogins
from idp.web.browser import WebContext, this_browser, with_query
from idp.web.login import returns_to, tab_of
from idp.web.page import Page
from idp.web.steps import Steps


class PasskeyLogin(Page):
    """A login by passkey."""

    def __init__(self, context: WebContext, attempts: Attempts, logins: PasskeyLogins) -> None:
        self._context = context
        self._attempts = attempts
        self._logins = logins

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle = browser.query.get("attempt", "")
        attempt = self._attempts.load(handle, browser.held(handle))
        return question(self._logins.begin(handle, attempt, browser.address))

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        handle, kind = form.get("attempt", ""), tab_of(form.get("kind", "individual"))
        attempt = self._attempts.load(handle, browser.held(handle))
        answer, address, device = form.get("answer", ""), browser.address, browser.device
        try:
            proved = self._logins.log_in(answer, handle, attempt, tab=kind, address=address, device=device)
        except LoginFailed as failed:
            self._context.count_login("passkey", failed.kind)
            return redirect(with_query("/login", attempt=handle, kind=kind, why=failed.kind), 303)
        self._context.count_login("passkey", "succeeded")
        secret = self._attempts.logged_in(handle, attempt, proved, remember=form.get("remember") is not None)
        browser.was_proved(handle, secret)
        return redirect(with_query(returns_to(attempt), attempt=handle), 303)


class PasskeyStep(Page):
    """The code step of a login, completed with a passkey of the account."""

    def __init__(self, steps: Steps, logins: PasskeyLogins) -> None:
        self._steps = steps
        self._logins = logins

    def get(self) -> Response:
        step = self._steps.here()
        return question(self._logins.begin_step(step.handle, step.attempt, step.account, step.browser.address))

    def post(self) -> Response:
        step = self._steps.here()
        if step.is_coded:
            return redirect(step.return_url, 303)
        answer, address = step.browser.form.get("answer", ""), step.browser.address
        try:
            proof = self._logins.step(answer, step.handle, step.attempt, step.account, step.proof, address)
        except LoginFailed as failed:
            return redirect(with_query("/login/code", attempt=step.handle, why=failed.kind), 303)
        self._steps.strengthened(step, proof, step.account.secured_at)
        return redirect(step.return_url, 303)


def question(options: dict[str, Any]) -> Response:
    """What the script passes to the browser."""
    return Response(json.dumps(options), mimetype="application/json")
