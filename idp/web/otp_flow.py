"""What every page with a one-time code does: send the first, send again, check the typed code, show where it went."""

from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.masking import masked_contact
from idp.accounts.one_time import CodeRequest, OneTimeCodes, Verdict
from idp.http.headers import page_policy
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.login.challenge import Challenges
from idp.ports import Clock
from idp.web.browser import Browser
from idp.web.captcha_form import CaptchaAnswer, CaptchaForm
from idp.web.sentences import CODE, waiting


@dataclass(frozen=True, slots=True)
class OtpPage:
    """What a code page shows: `sent` says where the code went, `hidden` are fields that the form passes on.

    `wait` is in seconds; `over` means that no attempt is left; `target` is the origin that the form may finally lead
    to. `passkey` means that a passkey of the account is accepted too, `held` that no code is sent before the person
    asks for it. `other_way` is the address for choosing another login method, when none of these is available.
    """

    title: str
    lead: str
    sent: str
    action: str
    hidden: dict[str, str]
    error: str | None = None
    wait: int = 0
    captcha: bool = False
    kept: CaptchaAnswer | None = None
    owed: int = 0
    over: bool = False
    target: str = ""
    passkey: bool = False
    held: bool = False
    other_way: str = ""

    @property
    def waiting(self) -> str:
        """The waiting time in words."""
        return waiting(self.wait)


class OtpFlow:
    """Codes for pages."""

    def __init__(self, codes: OneTimeCodes, challenges: Challenges, clock: Clock) -> None:
        self._codes = codes
        self._captchas = CaptchaForm(challenges)
        self._clock = clock

    def first(self, ask: CodeRequest, browser: Browser, *, trusted: bool, hold: bool = False) -> dict[str, Any]:
        """Make sure that a code was sent, or with `hold` can be requested; returns the fields of `OtpPage` that change.

        A browser that another site sent here must use the button: a foreign page cannot use up a person's codes.
        """
        if self._codes.next_send(ask) is not None:
            return self.waiting(ask)
        return {"held": True} if hold or browser.was_sent_here else self.again(ask, browser, trusted=trusted)

    def again(self, ask: CodeRequest, browser: Browser, *, trusted: bool, bound: str = "") -> dict[str, Any]:
        """Send the first or another code; a captcha in the form, bound to `bound`, is checked."""
        if self._codes.is_exhausted(ask):
            return {"error": str(CODE["exhausted"]), "over": True}
        form = browser.form if browser.request.method == "POST" and not trusted else {}
        answered = CaptchaAnswer.of(form)
        if wait := self._captchas.owed(answered, browser.network):
            error = str(CODE["work"] % {"wait": waiting(wait)})
            return {"captcha": True, "kept": answered, "owed": wait, "error": error}
        solved = self._captchas.is_right(answered, bound)
        if answered.challenge and not solved:
            return {"captcha": True, "error": str(CODE["captcha"])}
        if solved:
            self._captchas.count_wrong(browser)
        try:
            until = self._codes.send(ask, browser.address, language=browser.language(), trusted=trusted or solved)
        except CaptchaFirst:
            return {"captcha": True}
        except OverBudget as refused:
            return {"wait": refused.retry_after or 60, "error": str(CODE["budget"])}
        return {"wait": self._seconds(until)}

    def waiting(self, ask: CodeRequest) -> dict[str, Any]:
        """The time until another code can be requested."""
        until = self._codes.next_send(ask)
        return {"wait": self._seconds(until) if until else 0}

    def judged(self, ask: CodeRequest, browser: Browser) -> tuple[Verdict, dict[str, Any]]:
        """The verdict on the typed code, and what to show when it was wrong."""
        verdict = self._codes.check(ask, browser.form.get("code", ""))
        if verdict == "right":
            return verdict, {}
        return verdict, {"error": str(CODE[verdict]), "over": verdict == "exhausted"} | self.waiting(ask)

    def answer(self, browser: Browser, sheet: OtpPage) -> Response:
        """The page, with a captcha if the sheet needs one."""
        return answer_sheet(sheet, self._captcha(browser, sheet))

    def _captcha(self, browser: Browser, sheet: OtpPage) -> dict[str, str] | None:
        if not sheet.captcha:
            return None
        return self._captchas.values(browser, sheet.hidden["attempt"], kept=sheet.kept)

    def _seconds(self, until: float) -> int:
        return max(0, round(until - self._clock()))


def answer_sheet(sheet: OtpPage, captcha: dict[str, str] | None) -> Response:
    """The page of a sheet."""
    body = render_template("code.html", sheet=sheet, captcha=captcha)
    response = Response(body, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy([sheet.target] if sheet.target else [])
    if sheet.owed:
        response.status_code, response.headers["Retry-After"] = 429, str(sheet.owed)
    return response


def sent_to(channel: str, to: str) -> str:
    """The sentence that says where the code went."""
    masked = masked_contact(channel, to)
    if channel == "sms":
        return str(gettext("Mã xác thực đã gửi tới số %(masked)s", masked=masked))
    return str(gettext("Mã xác thực đã gửi tới %(masked)s", masked=masked))
