"""`/link/…`: the pages of linking. Each shows what would be linked, masked; only its button changes anything."""

from dataclasses import replace
from typing import Any

from flask import redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.wrappers import Response

from federation.connector import UpstreamIdentity
from federation.linking_flow import Linking, LinkResult
from federation.matching import New, is_proven
from federation.records import LinkingFlow, Mode
from federation.sentences import CONTACTS, LOOKUP, REFUSED
from federation.upstream_logins import Denied
from federation.upstreams import UnknownUpstream, Upstream
from federation.web import PAGES, Journeys
from idp.accounts.account import Account
from idp.accounts.masking import masked_contact, masked_name, masked_number
from idp.accounts.one_time import CodeRequest
from idp.dates import local_date
from idp.ephemeral_records import digest
from idp.errors import BadRequest, Expired
from idp.http.headers import page_policy
from idp.login.attempt import LoginAttempt, browser_of
from idp.web.browser import Browser, this_browser, with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.page import Page
from idp.web.sentences import IDENTIFIERS


class CeremonyPage(Page):
    """A page of one linking flow, for the browser that began it."""

    modes: tuple[Mode, ...] = ()

    def __init__(self, journeys: Journeys, linking: Linking) -> None:
        self.journeys = journeys
        self.linking = linking
        self.upstream_logins = journeys.upstream_logins

    def dispatch_request(self, **args: Any) -> ResponseReturnValue:
        """The page, or the login page when an operator has closed the upstream meanwhile."""
        try:
            return super().dispatch_request(**args)
        except UnknownUpstream:
            _, _, flow = self._found()
            on = with_query("/login", attempt=flow.attempt, via=flow.upstream, why="unavailable")
            return redirect(on, 303)

    def _found(self) -> tuple[Browser, str, LinkingFlow]:
        browser = this_browser(self.journeys.context)
        handle = (browser.form if browser.request.method == "POST" else browser.query).get("c", "")
        return browser, handle, self.upstream_logins.flow(handle, browser_of(browser.secret or ""))

    def here(self) -> tuple[Browser, str, LinkingFlow, LoginAttempt, Upstream]:
        """The current linking flow and the attempt that it belongs to.

        Raises `Expired`, `OtherBrowser`, `UnknownUpstream`.
        """
        browser, handle, flow = self._found()
        if flow.mode not in self.modes:
            raise Expired("the linking flow wants another page")
        attempt = self.journeys.attempts.load(flow.attempt, browser.held(flow.attempt))
        return browser, handle, flow, attempt, self.upstream_logins.upstreams.find(flow.upstream)

    def give_up(self, handle: str, flow: LinkingFlow) -> Response:
        """Back to the login page; what the upstream said is discarded."""
        self.upstream_logins.flows.take(handle)
        return redirect(with_query("/login", attempt=flow.attempt), 303)

    def done(
        self, browser: Browser, upstream: Upstream, result: LinkResult | Denied, attempt: LoginAttempt
    ) -> Response:
        """Continue with the attempt; a page in between says which contacts were removed."""
        if isinstance(result, Denied):
            return self.journeys.go_on(browser, result, upstream.id)
        response = self.journeys.enter(browser, result.outcome)
        self.journeys.count(upstream.id, "linked")
        return removed_page(result, response.headers["Location"]) if result.removed else response

    def log_in_to_link(self, handle: str, flow: LinkingFlow, attempt: LoginAttempt) -> Response:
        """Continue to the login page; the person who logs in there is asked about the link."""
        self.journeys.attempts.to_link(flow.attempt, attempt, handle)
        return redirect(with_query("/login", attempt=flow.attempt), 303)


class Confirm(CeremonyPage):
    """The masked account and "Xác nhận"."""

    modes = ("confirm", "code")

    def get(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        account = self.upstream_logins.evidence.account(flow.account_id)
        if account is None:
            raise Expired("the account is gone")
        return page(
            "link_confirm.html",
            attempt,
            flow=handle,
            way=upstream.name(browser.language()),
            account=account_values(account),
            by_code=flow.mode == "code",
        )

    def post(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        if "link-confirm" not in browser.form:
            return self.give_up(handle, flow)
        if flow.mode == "code":
            return redirect(with_query("/link/code", c=handle), 303)
        result = self.linking.confirm(handle, flow, browser.scene, by_code=False)
        return self.done(browser, upstream, result, attempt)


class LinkCodePage(CeremonyPage):
    """The code to our own number, required for a link based on that number."""

    modes = ("code",)

    def __init__(self, journeys: Journeys, linking: Linking, desk: OtpFlow) -> None:
        super().__init__(journeys, linking)
        self._desk = desk

    def get(self) -> Response:
        browser, handle, flow, attempt, _ = self.here()
        return self._page(browser, handle, flow, attempt, **self._desk.first(_ask(handle, flow), browser, trusted=True))

    def post(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        ask = _ask(handle, flow)
        if "code-cancel" in browser.form:
            return self.give_up(handle, flow)
        if "code-again" in browser.form:
            return self._page(browser, handle, flow, attempt, **self._desk.again(ask, browser, trusted=True))
        verdict, more = self._desk.judged(ask, browser)
        if verdict != "right":
            return self._page(browser, handle, flow, attempt, **more)
        result = self.linking.confirm(handle, flow, browser.scene, by_code=True)
        return self.done(browser, upstream, result, attempt)

    def _page(self, browser: Browser, handle: str, flow: LinkingFlow, attempt: LoginAttempt, **more: Any) -> Response:
        sheet = OtpPage(
            title=gettext("Xác nhận liên kết tài khoản"),
            lead=gettext("Liên kết có hiệu lực sau khi bạn nhập mã gửi tới số đã đăng ký với cơ quan BHXH."),
            sent=sent_to("sms", flow.phone),
            action="/link/code",
            hidden={"c": handle},
            target=attempt.redirect_origin,
        )
        return self._desk.answer(browser, replace(sheet, **more))


class Open(CeremonyPage):
    """What would be registered for a proved person without an account."""

    modes = ("open", "unresolved")

    def get(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        if not flow.may_open:
            raise Expired("this linking flow opens no account")
        arrival = self.upstream_logins.arrival_of(flow)
        matched = self.upstream_logins.matched(upstream, arrival, flow.bhxh_code)
        known = matched.participant if isinstance(matched, New) else None
        birth_date = str(arrival.identity.birth_date or "")
        return page(
            "link_open.html",
            attempt,
            flow=handle,
            way=upstream.name(browser.language()),
            name=known.name if known else arrival.identity.name,
            birth_date=local_date(birth_date),
            citizen_number=masked_number(arrival.identity.citizen_number or ""),
            bhxh_code=masked_number(known.bhxh_code) if known else "",
        )

    def post(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        if "link-password" in browser.form:
            return self.log_in_to_link(handle, flow, attempt)
        if "link-open" not in browser.form:
            return self.give_up(handle, flow)
        result = self.linking.open(upstream, handle, flow)
        return self.done(browser, upstream, result, attempt)


class Who(CeremonyPage):
    """No account was found: the person types their BHXH code, or logs in to be linked."""

    modes = ("unresolved",)

    def get(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        return self._page(browser, handle, flow, attempt, upstream)

    def post(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        if "link-password" in browser.form:
            return self.log_in_to_link(handle, flow, attempt)
        if "link-cancel" in browser.form:
            return self.give_up(handle, flow)
        if "link-new" in browser.form:
            return redirect(with_query("/link/open", c=handle), 303)
        typed = browser.form.get("bhxh_code", "")[:64]
        wait = self.linking.look_up(upstream, handle, flow, typed)
        if wait is None or isinstance(wait, int):
            error = LOOKUP["none" if wait is None else "wait"]
            return self._page(browser, handle, flow, attempt, upstream, typed=typed, error=str(error))
        return redirect(with_query(PAGES[wait.mode], c=wait.handle), 303)

    def _page(
        self,
        browser: Browser,
        handle: str,
        flow: LinkingFlow,
        attempt: LoginAttempt,
        upstream: Upstream,
        *,
        typed: str = "",
        error: str = "",
    ) -> Response:
        more = {"way": upstream.name(browser.language()), "typed": typed, "error": error}
        identity = self.upstream_logins.arrival_of(flow).identity
        kinds = {"by_code": identity.kind == "individual", "weak": _is_weak(identity, upstream)}
        return page("link_who.html", attempt, flow=handle, may_open=flow.may_open, **kinds, **more)


class LogInFirst(CeremonyPage):
    """The person first has to log in with their own password; which account it is about, is not disclosed."""

    modes = ("password", "differs")

    def get(self) -> Response:
        browser, handle, flow, attempt, upstream = self.here()
        way = upstream.name(browser.language())
        title, sentence = REFUSED["phone_differs"]
        differs = {"title": str(title), "sentence": str(sentence) % {"way": way}} if flow.mode == "differs" else None
        return page("link_password.html", attempt, flow=handle, way=way, differs=differs)

    def post(self) -> Response:
        browser, handle, flow, attempt, _ = self.here()
        if "link-password" not in browser.form:
            return self.give_up(handle, flow)
        return self.log_in_to_link(handle, flow, attempt)


class RefusedPage(Page):
    """Why there is no link, and how to continue."""

    def __init__(self, journeys: Journeys) -> None:
        self._journeys = journeys

    def get(self) -> Response:
        browser = this_browser(self._journeys.context)
        handle, why = browser.query.get("attempt", ""), browser.query.get("why", "")
        attempt = self._journeys.attempts.load(handle, browser.held(handle))
        upstream = self._journeys.upstream_logins.upstreams.configured(browser.query.get("via", ""))
        if upstream is None or why not in REFUSED:
            raise BadRequest("no such reason")
        title, sentence = REFUSED[why]
        more = str(sentence) % {"way": upstream.name(browser.language())}
        return page("link_refused.html", attempt, title=str(title), sentence=more, handle=handle)


def _is_weak(identity: UpstreamIdentity, upstream: Upstream) -> bool:
    """Whether a higher level there would have identified the person."""
    return identity.citizen_number is not None and not is_proven(identity, upstream.policy)


def page(template: str, attempt: LoginAttempt | None, **values: object) -> Response:
    """A page whose forms may finally lead to the portal."""
    response = Response(render_template(template, **values), mimetype="text/html")
    target = attempt.redirect_origin if attempt else ""
    response.headers["Content-Security-Policy"] = page_policy([target] if target else [])
    return response


def removed_page(result: LinkResult, go_on: str) -> Response:
    """The contacts that were removed from the account because they were never proved."""
    return page("linked.html", None, removed=[str(CONTACTS[name]) for name in result.removed], go_on=go_on)


def account_values(account: Account) -> dict[str, str | None]:
    """An account so that its owner recognises it and others learn nothing: initials, last digits."""
    held = next((i for i in account.identifiers if i.kind in IDENTIFIERS and i.valid_to is None), None)
    return {
        "name": masked_name(account.name),
        "label": str(IDENTIFIERS[held.kind]) if held else "",
        "number": masked_number(held.value) if held else "",
        "phone": masked_contact("sms", account.phone) if account.phone else None,
    }


def _ask(handle: str, flow: LinkingFlow) -> CodeRequest:
    return CodeRequest("link", digest("link", handle), flow.account_id, "sms", flow.phone, flow.account_id)
