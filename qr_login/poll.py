"""`POST /login/qr/poll`: what the script of a waiting page is told, as plain WSGI.

While nothing happens it costs one read of the ephemeral store: no session, no SQL, no page. Every response is 200 and
names a state (the words of RFC 8628 where it has one); `Retry-After` says when to ask again. A missing or unknown
cookie, and that of another, delivered or forgotten login, all get the response `GONE`, byte for byte.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from idp.errors import Expired, OtherBrowser
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.http.headers import Headers
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.authentication import Proved
from idp.login.sessions import ClientInfo
from idp.ports import Clock
from idp.web.browser import Browser, WebContext, with_query
from idp.web.login import returns_to
from qr_login.drawing import Drawing
from qr_login.flow import QrLogin, State
from qr_login.logins import Polled, QrLogins
from qr_login.sentences import sentence_of

PATH = "/login/qr/poll"
GONE = {"state": "gone", "say": "gone"}
ProvedOf = Callable[[QrLogin, ClientInfo], Proved]
"""The proof that a delivered login stands for."""


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """What a waiting browser is told; `entered` is where it continues after it was let in."""

    polled: Polled
    entered: str = ""


class Waiting:
    """A waiting browser: what it may know of its login, and its single delivery."""

    def __init__(
        self, context: WebContext, logins: QrLogins, attempts: Attempts, proved_of: ProvedOf, clock: Clock
    ) -> None:
        self.logins = logins
        self._context = context
        self._attempts = attempts
        self._proved_of = proved_of
        self._clock = clock

    def polled(self, browser: Browser, handle: str) -> PollAnswer:
        """What the script of the page is told, if it polls no faster than agreed."""
        return self._told(browser, handle, self.logins.poll)

    def looked(self, browser: Browser, handle: str) -> PollAnswer:
        """What the page itself shows."""
        return self._told(browser, handle, self.logins.look)

    def left(self, login: QrLogin) -> float:
        """Seconds until the login expires."""
        return max(0.0, login.expires_at - self._clock())

    def change(self, login: QrLogin) -> float:
        """Seconds until its next picture."""
        step = login.pace.step
        return step - max(0.0, self._clock() - login.created_at) % step

    def _told(
        self, browser: Browser, handle: str, ask: Callable[[str, Callable[[QrLogin], bool]], Polled]
    ) -> PollAnswer:
        """Before a delivery is claimed, the attempt must exist and be of this browser; otherwise nothing happens."""
        name, attempts = self._attempts.name_of(handle), list[LoginAttempt]()

        def fits(login: QrLogin) -> bool:
            if login.attempt != name:
                return False
            if login.state is State.CONFIRMED:
                try:
                    attempts[:] = [self._attempts.load(handle, browser.held(handle))]
                except (Expired, OtherBrowser):
                    return False
            return True

        polled = ask(self._context.cookies.read(browser.request.cookies, "q") or "", fits)
        if polled.kind != "delivered" or polled.login is None:
            return PollAnswer(polled)
        try:
            proved = self._proved_of(polled.login, browser.client_info)
            secret = self._attempts.logged_in(handle, attempts[0], proved, remember=False)
            browser.was_proved(handle, secret)
        except Expired:
            return PollAnswer(Polled("gone"))
        return PollAnswer(polled, with_query(returns_to(attempts[0]), attempt=handle))


class Poll:
    """The endpoint. It returns the modules of the next few pictures, and the page draws them."""

    def __init__(self, context: WebContext, waiting: Waiting, drawing: Drawing) -> None:
        self._context = context
        self._waiting = waiting
        self._drawing = drawing

    def table(self) -> Mapping[str, Endpoint]:
        return {PATH: self.poll}

    def poll(self, environ: Environ) -> EndpointResponse:
        if environ["REQUEST_METHOD"] != "POST":
            return problem(405, "method_not_allowed", [("Allow", "POST")])
        browser = Browser(self._context, Request(environ))
        answer = self._waiting.polled(browser, browser.form.get("attempt", ""))
        kind, headers = answer.polled.kind, Headers()
        if kind in ("pending", "scanned", "slow_down"):
            headers.append(("Retry-After", str(answer.polled.retry_after)))
        if answer.entered:
            cookies = Response()
            self._context.cookies.drop(cookies, "q")
            browser.hand_over(cookies)
            headers.extend(("Set-Cookie", cookie) for cookie in cookies.headers.getlist("Set-Cookie"))
        return reply(200, self._answer(answer), headers)

    def _answer(self, answer: PollAnswer) -> Mapping[str, Any]:
        login, kind = answer.polled.login, answer.polled.kind
        state = {"state": kind, "say": sentence_of(answer.polled)}
        if login is None:
            return GONE if kind == "gone" else state
        if kind == "delivered":
            return state | {"next": answer.entered}
        if kind == "scanned":
            return state | {"left": round(self._waiting.left(login), 1), "device": login.device_name}
        if kind == "pending":
            return state | {
                "left": round(self._waiting.left(login), 1),
                "change": round(self._waiting.change(login), 2),
                "every": login.pace.step,
                "pictures": [f"{self._drawing.modules(payload):x}" for payload in answer.polled.payloads],
            }
        return state
