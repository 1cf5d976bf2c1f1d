"""`/login/code`: a one-time code, as a step of a login or on top of a live session.

The code goes to the registered phone. After many wrong guesses, when no number may be used, it goes to the verified
address; without one, a passkey or an electronic identity is offered, so there is always a way on.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.one_time import CodeRequest, Purpose
from idp.accounts.people import People
from idp.ephemeral_records import digest
from idp.login.passkey_logins import PasskeyLogins
from idp.web.browser import with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.sentences import LOGIN
from idp.web.steps import Step, Steps


class CodePage(Page):
    """Asks for a code; a correct one raises the login to level 2. So does a passkey, if the account has one."""

    def __init__(
        self, steps: Steps, desk: OtpFlow, people: People, passkeys: PasskeyLogins, settle_doubt: Callable[[str], None]
    ) -> None:
        self._settle_doubt = settle_doubt
        self._passkeys = passkeys
        self._steps = steps
        self._desk = desk
        self._people = people

    def get(self) -> Response:
        step = self._steps.here()
        ask = asked(step, self._steps.clock())
        if ask is None:
            elsewhere = with_query("/login", attempt=step.handle) if step.attempt.suspicious else ""
            return self._page(step, None, error=_without_number(step), over=True, other_way=elsewhere)
        # A person with a passkey will prefer it, and a text message costs money.
        hold = self._passkeys.has_any(step.account)
        values = self._desk.first(ask, step.browser, trusted=step.attempt.trusted, hold=hold)
        if step.browser.query.get("why") == "passkey":
            values |= {"error": str(LOGIN["passkey"])}
        return self._page(step, ask, **values)

    def post(self) -> Response:
        step = self._steps.here()
        form = step.browser.form
        if "code-cancel" in form:
            return self._steps.give_up(step)
        ask = asked(step, self._steps.clock())
        if ask is None or step.is_coded:
            return redirect(step.return_url, 303)
        if "code-again" in form:
            return self._page(
                step, ask, **self._desk.again(ask, step.browser, trusted=step.attempt.trusted, bound=step.handle)
            )
        verdict, values = self._desk.judged(ask, step.browser)
        if verdict != "right":
            return self._page(step, ask, **values)
        self._entered(step, ask)
        return redirect(step.return_url, 303)

    def _entered(self, step: Step, ask: CodeRequest) -> None:
        """A code to the phone makes the login two-factor; a code by mail only answers the suspicion of guessing."""
        now = self._steps.clock()
        if step.attempt.suspicious:
            self._settle_doubt(step.account.id)
        if ask.channel == "email":
            self._steps.attempts.replace(step.handle, step.attempt, replace(step.attempt, suspicious=False))
            return
        self._people.verify_phone(step.account.id, ask.to, now)
        proof = step.proof.with_code(now)
        self._steps.strengthened(step, proof, step.account.secured_at)

    def _page(self, step: Step, ask: CodeRequest | None, **values: Any) -> Response:
        name = self._steps.client_name(step)
        sheet = OtpPage(
            title=gettext("Nhập mã xác thực"),
            lead=_lead(ask),
            sent=sent_to(ask.channel, ask.to) if ask else "",
            action="/login/code",
            hidden={"attempt": step.handle},
            target=step.attempt.redirect_origin,
            passkey=self._passkeys.has_any(step.account),
        )
        sheet = replace(sheet, **values)
        if sheet.held:
            sheet = replace(
                sheet, lead=gettext("Để chắc chắn là bạn, hãy dùng khóa truy cập hoặc nhận mã qua tin nhắn.")
            )
        if name:
            sheet = replace(
                sheet, lead=sheet.lead + " " + gettext("Sau đó bạn sẽ tiếp tục đến %(client)s.", client=name)
            )
        return self._desk.answer(step.browser, sheet)


def _lead(ask: CodeRequest | None) -> str:
    if ask is None:
        return str(gettext("Để chắc chắn là bạn, cần thêm một cách xác nhận ngoài mật khẩu."))
    if ask.channel == "email":
        return str(gettext("Để chắc chắn là bạn, hãy nhập mã vừa gửi tới địa chỉ thư đã đăng ký."))
    return str(gettext("Để chắc chắn là bạn, hãy nhập mã vừa gửi tới điện thoại đã đăng ký."))


def _without_number(step: Step) -> str:
    """Why no code can be sent."""
    if step.account.phone is None:
        return str(gettext("Tài khoản chưa có số điện thoại để nhận mã."))
    return str(
        gettext("Số điện thoại đã hơn 12 tháng không dùng. Hãy xác minh lại số tại cơ quan BHXH nơi bạn tham gia.")
    )


def asked(step: Step, now: float) -> CodeRequest | None:
    """The code of this step, bound to attempt and receiver; None if no registered channel may receive it."""
    purpose: Purpose = "login" if step.attempt.proof else "step_up"
    if step.attempt.takes_over:
        purpose = "device"
    bound, who = digest("attempt", step.handle), step.account.id
    if number := trust.number(step.account, purpose, now):
        return CodeRequest(purpose, bound, who, "sms", number, who)
    # A mail is no second factor: it only answers the suspicion that the password was guessed.
    address = trust.address(step.account, purpose, now) if step.attempt.suspicious else None
    return CodeRequest(purpose, bound, who, "email", address, who) if address else None
