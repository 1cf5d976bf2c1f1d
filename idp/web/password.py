"""`/login/password`: old password, new password twice, "Hoàn tất", and then the code that makes it effective.

The same page serves people who must change at login and people who want to, from `/account`.
"""

from dataclasses import replace
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.credentials import Credentials, WrongPassword
from idp.accounts.one_time import CodeRequest
from idp.accounts.passwords import WeakPassword
from idp.ephemeral_records import digest
from idp.errors import Expired, StaleState
from idp.http.headers import page_policy
from idp.limits.guesses import Guesses
from idp.login.sessions import Sessions, device_digest
from idp.login.steps import StepRules
from idp.web.authorize import set_session
from idp.web.browser import with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.sentences import PASSWORD, waiting
from idp.web.steps import Step, Steps


class PasswordPage(Page):
    """Takes the old and the new password; nothing changes yet."""

    def __init__(
        self, steps: Steps, credentials: Credentials, guesses: Guesses, rules: StepRules, changer: "Changer"
    ) -> None:
        self._steps = steps
        self._credentials = credentials
        self._guesses = guesses
        self._rules = rules
        self._changer = changer

    def get(self) -> Response:
        return self._page(self._steps.here())

    def post(self) -> Response:
        step = self._steps.here()
        form = step.browser.form
        if "password-cancel" in form:
            return self._steps.give_up(step)
        if "password-later" in form and self._due(step) == "expiring":
            self._steps.attempts.replace(step.handle, step.attempt, replace(step.attempt, postponed=True))
            return redirect(step.return_url, 303)
        if form.get("password", "") != form.get("again", ""):
            return self._page(step, "different")
        wait = self._guesses.wait(step.account.id)
        if wait:
            return self._page(step, "wait", wait)
        try:
            old, new = form.get("old", "")[:1024], form.get("password", "")[:1024]
            hashed = self._credentials.checked(step.account, old, new)
        except WrongPassword:
            return self._page(step, "wrong")
        except WeakPassword as weak:
            self._guesses.clear(step.account.id)
            return self._page(step, str(weak))
        self._guesses.clear(step.account.id)
        if self._changer.channel(step) is None:
            return self._changer.take_effect(step, hashed)
        self._steps.attempts.replace(step.handle, step.attempt, replace(step.attempt, new_password=hashed))
        return redirect(with_query("/login/password/code", attempt=step.handle), 303)

    def _due(self, step: Step) -> str | None:
        return self._rules.age.due(step.account, self._steps.clock())

    def _page(self, step: Step, error: str = "", wait: int = 0) -> Response:
        due = self._due(step)
        body = render_template(
            "password.html",
            attempt=step.handle,
            why=PASSWORD[due] if due else None,
            error=PASSWORD[error] % {"wait": waiting(wait)} if error == "wait" else PASSWORD[error] if error else None,
            can_wait=due == "expiring" and step.attempt.proof is not None,
            has_phone=self._changer.channel(step) is not None,
            username=next((i.value for i in step.account.identifiers if i.valid_to is None), ""),
        )
        response = Response(body, 429 if wait else 200, mimetype="text/html")
        if wait:
            response.headers["Retry-After"] = str(wait)
        target = step.attempt.redirect_origin
        response.headers["Content-Security-Policy"] = page_policy([target] if target else [])
        return response


class PasswordCode(Page):
    """Takes the code that makes the chosen password effective."""

    def __init__(self, steps: Steps, desk: OtpFlow, changer: "Changer") -> None:
        self._steps = steps
        self._desk = desk
        self._changer = changer

    def get(self) -> Response:
        step = self._steps.here()
        ask = self._changer.ask(step)
        if ask is None:
            return _back(step)
        return self._page(step, ask, **self._desk.first(ask, step.browser, trusted=True))

    def post(self) -> Response:
        step = self._steps.here()
        if step.is_coded and not step.attempt.new_password:
            return redirect(step.return_url, 303)
        ask = self._changer.ask(step)
        if "code-cancel" in step.browser.form or ask is None:
            return _back(step)
        if "code-again" in step.browser.form:
            return self._page(step, ask, **self._desk.again(ask, step.browser, trusted=True, bound=step.handle))
        verdict, values = self._desk.judged(ask, step.browser)
        if verdict != "right":
            return self._page(step, ask, **values)
        return self._changer.take_effect(step, step.attempt.new_password, proved=ask.channel)

    def _page(self, step: Step, ask: CodeRequest, **values: Any) -> Response:
        sheet = OtpPage(
            title=gettext("Xác nhận đổi mật khẩu"),
            lead=gettext("Mật khẩu mới có hiệu lực sau khi bạn nhập mã."),
            sent=sent_to(ask.channel, ask.to),
            action="/login/password/code",
            hidden={"attempt": step.handle},
            target=step.attempt.redirect_origin,
        )
        return self._desk.answer(step.browser, replace(sheet, **values))


class Changer:
    """Makes a chosen password effective and records the fresh proof."""

    def __init__(self, steps: Steps, credentials: Credentials, sessions: Sessions) -> None:
        self._steps = steps
        self._credentials = credentials
        self._sessions = sessions

    def channel(self, step: Step) -> trust.Contact | None:
        """Where the code for a new password goes: the number, else the address; None: no code is needed."""
        return next(iter(trust.reachable(step.account, "password", self._steps.clock())), None)

    def ask(self, step: Step) -> CodeRequest | None:
        """The code, bound to the chosen password: a different password needs a different code."""
        contact = self.channel(step)
        if contact is None or not step.attempt.new_password:
            return None
        bound = digest("password", step.handle + step.attempt.new_password)
        return CodeRequest("password", bound, step.account.id, contact.channel, contact.to, step.account.id)

    def take_effect(self, step: Step, hashed: str, *, proved: trust.Channel | None = None) -> Response:
        """Change the password, and continue the attempt as the person who just proved both passwords.

        Raises `Expired` when the account was secured elsewhere in the meantime: then nothing changed.
        """
        device = step.browser.device
        try:
            moment = self._credentials.change(
                step.account,
                hashed,
                step.browser.scene,
                sid=step.session.sid if step.session else None,
                device=device_digest(device) if device else None,
                proved=proved,
            )
        except StaleState:
            raise Expired("the account was secured meanwhile") from None
        proof = replace(step.proof, auth_time=moment)
        stronger = proof.with_code(moment) if proved == "sms" else proof
        self._steps.strengthened(step, stronger, moment)
        response = redirect(step.return_url, 303)
        if step.session:
            # From this response on the session has a new cookie: a copy of the old one is worthless.
            after, kept = replace(step.account, secured_at=moment), replace(step.attempt, known_device=True)
            opened = self._sessions.open(stronger, step.browser.client_info, kept, after, before=step.session)
            set_session(self._steps.context, response, opened.cookie, opened.device_cookie)
        return response


def _back(step: Step) -> Response:
    return redirect(with_query("/login/password", attempt=step.handle), 303)
