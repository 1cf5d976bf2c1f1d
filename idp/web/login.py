"""`/login`: code, password and captcha. The page asks `Logins`; a proof is passed back to the dispatcher."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from flask import abort, redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts.account import LOGIN_KINDS, Kind
from idp.errors import BadRequest, Busy
from idp.http import request as current_request
from idp.http.headers import page_policy
from idp.login.attempt import Attempts, LoginAttempt, browser_of
from idp.login.challenge import Challenges
from idp.login.login_form import LoginFailed, LoginForm
from idp.login.logins import Logins
from idp.oidc.authorization import read_request
from idp.oidc.clients import Clients
from idp.ports import NewRecord, Seeker, WaysIn
from idp.web.authorize import deny
from idp.web.browser import Browser, WebContext, this_browser, with_query
from idp.web.captcha_form import CaptchaAnswer, CaptchaForm
from idp.web.captcha_picture import draw
from idp.web.captcha_sound import speak
from idp.web.page import Page
from idp.web.sentences import LOGIN, waiting

KEPT = 64
"""Pictures and recordings that a worker caches: about 6 MB."""

STATUS = {"wait": 429, "work": 429, "busy": 503, "closed": 403, "disabled": 403, "temporary_over": 403}


@dataclass(frozen=True, slots=True)
class LoginPageState:
    """What the page shows again after a failed attempt: the typed code, never the password."""

    kind: Kind
    username: str = ""
    error: str | None = None
    wait: int | None = None
    remember: bool = False
    captcha: bool = False
    solved: CaptchaAnswer | None = None


class _Submission:
    """One form: the attempt is read in the step that uses up its captcha, or before if it is needed earlier."""

    def __init__(self, attempts: Attempts, captchas: CaptchaForm, browser: Browser, handle: str) -> None:
        self._attempts = attempts
        self._captchas = captchas
        self._answered = CaptchaAnswer.of(browser.form)
        self._handle = handle
        self._held = browser.held(handle)
        self._attempt: LoginAttempt | None = None
        if self._use() is None:
            self.attempt()

    def attempt(self) -> LoginAttempt:
        """The attempt, read once. Raises `Expired`, `OtherBrowser`."""
        self._attempt = self._attempt or self._attempts.load_for_login(self._handle, self._held)
        return self._attempt

    def is_solved(self) -> bool:
        """Use up the captcha and check its answer. Raises `Expired`, `OtherBrowser`."""
        use = self._use()
        if self._attempt or use is None:
            self.attempt()
            return self._captchas.is_right(self._answered, self._handle)
        self._attempt, was_put = self._attempts.load_for_login_and_put(self._handle, self._held, use)
        return was_put and self._captchas.is_answer(self._answered)

    def _use(self) -> NewRecord | None:
        return self._captchas.use_of(self._answered, self._handle)


class LoginPage(Page):
    """The login page (domain facts 48 to 56)."""

    def __init__(
        self,
        context: WebContext,
        attempts: Attempts,
        logins: Logins,
        challenges: Challenges,
        clients: Clients,
        ways: WaysIn,
    ) -> None:
        self._ways = ways
        self._context = context
        self._attempts = attempts
        self._logins = logins
        self._captchas = CaptchaForm(challenges)
        self._clients = clients

    def get(self) -> Response:
        browser = this_browser(self._context)
        handle = browser.query.get("attempt")
        if handle is None:
            return redirect("/account", 303)
        attempt = self._attempts.load(handle, browser.held(handle))
        kind = tab_of(browser.query.get("kind", "individual"))
        wants = self._logins.wants_captcha(attempt.failures, browser.network) or "captcha" in browser.query
        state = LoginPageState(kind, username=attempt.login_hint, captcha=wants)
        if not self._logins.is_open(kind):
            state = LoginPageState(kind, error=str(LOGIN["closed"]))
        if browser.query.get("why") == "passkey":
            state = replace(state, error=str(LOGIN["passkey"]))
        if message := self._ways.message(browser.query, browser.language()):
            state = replace(state, error=message)
        return self._page(browser, handle, attempt, state, 200)

    def post(self) -> Response:
        browser = this_browser(self._context)
        form = browser.form
        handle = form.get("attempt", "")
        if "login-cancel" in form:
            return self._cancel(handle, self._attempts.load(handle, browser.held(handle)))
        submission = _Submission(self._attempts, self._captchas, browser, handle)
        typed = self._typed(browser, form, submission)
        try:
            proved = self._logins.with_password(typed)
        except LoginFailed as failed:
            self._context.count_login("password", failed.kind)
            return self._failed(browser, handle, submission.attempt(), typed, failed)
        except Busy as busy:
            self._context.count_login("password", "busy")
            return self._failed(browser, handle, submission.attempt(), typed, LoginFailed("busy", busy.retry_after))
        self._context.count_login("password", "succeeded")
        attempt = submission.attempt()
        secret = self._attempts.logged_in(handle, attempt, proved, remember=form.get("remember") is not None)
        browser.was_proved(handle, secret)
        return redirect(with_query(returns_to(attempt), attempt=handle), 303)

    def _typed(self, browser: Browser, form: dict[str, str], submission: _Submission) -> LoginForm:
        answered = CaptchaAnswer.of(form)
        return LoginForm(
            kind=tab_of(form.get("kind", "individual")),
            username=form.get("username", "")[:128],
            password=form.get("password", "")[:1024],
            captcha=submission.is_solved if answered.challenge else None,
            network=browser.network,
            address=browser.address,
            device=browser.device,
            failures=lambda: submission.attempt().failures,
            owed=lambda: self._captchas.owed(answered, browser.network),
        )

    def _failed(
        self, browser: Browser, handle: str, attempt: LoginAttempt, typed: LoginForm, failed: LoginFailed
    ) -> Response:
        is_unspent, fields = failed.kind in ("busy", "work"), browser.form
        failures = attempt.failures + (not is_unspent)
        wants = self._logins.wants_captcha(failures, browser.network) or failed.kind == "captcha_needed"
        if failed.kind == "login_failed":
            self._attempts.failed(handle, attempt)
        state = LoginPageState(
            typed.kind,
            username=typed.username,
            error=str(LOGIN[failed.kind] % {"wait": waiting(failed.wait)} if failed.wait else LOGIN[failed.kind]),
            wait=failed.wait,
            remember=fields.get("remember") is not None,
            captcha=wants,
            # Nothing was used up: the same picture and the typed answer are still valid.
            solved=CaptchaAnswer.of(fields) if is_unspent else None,
        )
        response = self._page(browser, handle, attempt, state, STATUS.get(failed.kind, 200))
        if failed.wait:
            response.headers["Retry-After"] = str(failed.wait)
        return response

    def _cancel(self, handle: str, attempt: LoginAttempt) -> Response:
        """Back to the portal with `access_denied`; the attempt ends."""
        self._attempts.finish(handle)
        if not attempt.client_id:
            return redirect("/logged-out", 303)
        request = read_request(attempt.params, self._clients)
        return deny(self._context, request, "The person cancelled the login.")

    def _page(
        self, browser: Browser, handle: str, attempt: LoginAttempt, state: LoginPageState, status: int
    ) -> Response:
        client = self._clients.find(attempt.client_id)
        current_request.current().client_id = client.client_id if client else None
        body = render_template(
            "login.html",
            attempt=handle,
            client_name=client.client_name if client else gettext("Tài khoản của tôi"),
            kind=state.kind,
            tabs=_tabs(handle, state.kind),
            username=state.username,
            error=state.error,
            wait=state.wait,
            remember=state.remember,
            captcha=self._captcha(browser, handle, state) if state.captcha else None,
            ways_in=self._ways.offered(
                Seeker(state.kind, handle, attempt.client_id, browser.language(), browser.on_phone)
            ),
            linking=bool(attempt.linking),
            register_url="/register",
            forgot_url=with_query("/recover", attempt=handle, kind=state.kind),
        )
        response = Response(body, status, mimetype="text/html")
        targets = [attempt.redirect_origin] if attempt.redirect_origin else []
        response.headers["Content-Security-Policy"] = page_policy(targets)
        return response

    def _captcha(self, browser: Browser, handle: str, state: LoginPageState) -> dict[str, str]:
        again = with_query("/login", attempt=handle, kind=state.kind, captcha="new")
        return self._captchas.values(browser, handle, new_url=again, kept=state.solved)


class Captcha(Page):
    """The picture or the recording of a challenge, for the browser it was made for.

    Each is made once and then served unchanged: repeated requests cost nothing and give no second view of the letters.
    """

    def __init__(self, context: WebContext, challenges: Challenges) -> None:
        self._context = context
        self._challenges = challenges
        self._drawn = lru_cache(maxsize=KEPT)(lambda name, answer: draw(answer))
        self._spoken = lru_cache(maxsize=KEPT)(lambda name, answer, language: speak(answer, language))

    def get(self, name: str, form: str) -> Response:
        browser = this_browser(self._context)
        answer = self._challenges.answer_for(name, browser_of(browser.secret or ""))
        if answer is None:
            abort(404)
        if form == "png":
            return Response(self._drawn(name, answer), mimetype="image/png")
        return Response(self._spoken(name, answer, browser.language()), mimetype="audio/wav")


def tab_of(text: str) -> Kind:
    """The tab named by a form or an address. Raises `BadRequest`."""
    if text not in LOGIN_KINDS:
        raise BadRequest("unknown kind of user")
    return cast(Kind, text)


def _tabs(handle: str, kind: Kind) -> Sequence[dict[str, object]]:
    labels = {"individual": gettext("Cá nhân"), "organisation": gettext("Tổ chức")}
    return [
        {"kind": k, "label": labels[k], "url": with_query("/login", attempt=handle, kind=k), "current": k == kind}
        for k in LOGIN_KINDS
    ]


def returns_to(attempt: LoginAttempt) -> str:
    """Every login method returns to where the attempt started."""
    return "/authorize" if attempt.client_id else "/account"
