"""`/login/code`: a one-time code to the registered phone, as a step of a login or on top of a live session."""

from dataclasses import replace
from typing import Any

from flask import redirect
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.one_time import Ask, Purpose
from idp.accounts.people import People
from idp.login.passkey_logins import PasskeyLogins
from idp.shelf import digest
from idp.web.code_desk import CodeDesk, Sheet, sent_to
from idp.web.page import Page
from idp.web.sentences import LOGIN
from idp.web.steps import Step, Steps


class CodePage(Page):
    """Asks for a code; a right one makes the login one of level 2. So does a passkey, where the account has one."""

    def __init__(self, steps: Steps, desk: CodeDesk, people: People, passkeys: PasskeyLogins) -> None:
        self._passkeys = passkeys
        self._steps = steps
        self._desk = desk
        self._people = people

    def get(self) -> Response:
        step = self._steps.here()
        if step.account.number_for_codes(self._steps.clock()) is None:
            return self._page(step, error=_without_number(step), over=True)
        # Who has a passkey will rather use that, and a text message costs.
        hold = self._passkeys.has_any(step.account)
        shown = self._desk.first(asked(step), step.browser, trusted=step.attempt.trusted, hold=hold)
        if step.browser.query.get("why") == "passkey":
            shown |= {"error": str(LOGIN["passkey"])}
        return self._page(step, **shown)

    def post(self) -> Response:
        step = self._steps.here()
        form = step.browser.form
        if "code-cancel" in form:
            return self._steps.give_up(step)
        if step.account.number_for_codes(self._steps.clock()) is None or step.is_coded:
            return redirect(step.return_url, 303)
        ask = asked(step)
        if "code-again" in form:
            return self._page(
                step, **self._desk.again(ask, step.browser, trusted=step.attempt.trusted, bound=step.handle)
            )
        verdict, shown = self._desk.judged(ask, step.browser)
        if verdict != "right":
            return self._page(step, **shown)
        now = self._steps.clock()
        self._people.verify_phone(step.account.id, ask.to, now)
        proof = step.proof.with_code(now)
        self._steps.strengthened(step, proof, step.account.secured_at)
        return redirect(step.return_url, 303)

    def _page(self, step: Step, **shown: Any) -> Response:
        name = self._steps.client_name(step)
        sheet = Sheet(
            title=gettext("Nhập mã xác thực"),
            lead=gettext("Để chắc chắn là bạn, hãy nhập mã vừa gửi tới điện thoại đã đăng ký."),
            sent=sent_to("sms", step.account.phone) if step.account.phone else "",
            action="/login/code",
            hidden={"attempt": step.handle},
            target=step.attempt.redirect_origin,
            passkey=self._passkeys.has_any(step.account),
        )
        sheet = replace(sheet, **shown)
        if sheet.held:
            sheet = replace(
                sheet, lead=gettext("Để chắc chắn là bạn, hãy dùng khóa truy cập hoặc nhận mã qua tin nhắn.")
            )
        if name:
            sheet = replace(
                sheet, lead=sheet.lead + " " + gettext("Sau đó bạn sẽ tiếp tục đến %(client)s.", client=name)
            )
        return self._desk.answer(step.browser, sheet)


def _without_number(step: Step) -> str:
    """Why no code can be sent."""
    if step.account.phone is None:
        return str(gettext("Tài khoản chưa có số điện thoại để nhận mã."))
    return str(
        gettext("Số điện thoại đã hơn 12 tháng không dùng. Hãy xác minh lại số tại cơ quan BHXH nơi bạn tham gia.")
    )


def asked(step: Step) -> Ask:
    """The code of this step, bound to attempt and number."""
    purpose: Purpose = "login" if step.attempt.proof else "step_up"
    if step.attempt.takes_over:
        purpose = "device"
    return Ask(
        purpose, digest("attempt", step.handle), step.account.id, "sms", step.account.phone or "", step.account.id
    )
