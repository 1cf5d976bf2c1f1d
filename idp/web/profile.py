"""`/account/profile` and `/account/stop`: what is registered, and requests to change it or to close the account.

Nothing changes here: after the codes a declaration is submitted, and an officer decides about it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import redirect, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.accounts import trust
from idp.accounts.account import Account, Identifier
from idp.accounts.masking import masked_contact
from idp.accounts.one_time import CodeRequest
from idp.dates import local_date
from idp.errors import Expired
from idp.http.headers import page_policy
from idp.login.sessions import Session
from idp.officers.agencies import Agencies
from idp.registration.declaration import Declaration
from idp.registration.declarations import Applicant, Declarations
from idp.registration.profile import FIELDS, STOP_FIELDS, ProfileChange, Profiles, Wanted, way_to
from idp.registration.reading import Reading
from idp.web.account import OwnPages
from idp.web.browser import Browser, csrf_of, demand_csrf, this_browser, with_query
from idp.web.otp_flow import OtpFlow, OtpPage, sent_to
from idp.web.own_data import FRESH, Sensitive, written
from idp.web.register.choices import choices
from idp.web.register.form import spoken_phone
from idp.web.register.wording import PAPERS, REASONS, REQUESTS, STATES, label, problem
from idp.web.sentences import IDENTIFIERS, PROFILE

FILLING = 1800.0
"""Seconds allowed for filling in: input is not lost because the code that opened the page has become old."""

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Office:
    """What these pages share. `identifiers_of` returns every identifier that an account ever had."""

    pages: OwnPages
    profiles: Profiles
    declarations: Declarations
    agencies: Agencies
    identifiers_of: Callable[[str], Sequence[Identifier]]
    has_passkeys: Callable[[str], bool]

    def can_ask(self, account: Account) -> bool:
        """Whether the person can receive both the code that opens the page and the one that confirms."""
        now = self.pages.clock()
        opens = trust.number(account, "step_up", now) is not None or self.has_passkeys(account.id)
        return opens and way_to(account, now) is not None

    def waiting(self, account: Account) -> dict[str, Any] | None:
        """The state of the owner's newest request."""
        declaration = self.profiles.latest(account)
        if declaration is None:
            return None
        agency = self.agencies.tree().get(declaration.form.agency)
        is_answered = declaration.state in ("returned", "rejected")
        return {
            "id": declaration.id,
            "is_open": declaration.is_open,
            "reference": declaration.formatted_reference,
            "request": REQUESTS[declaration.request],
            "title": _title(declaration),
            "advice": STATES[declaration.state][1],
            "sent": local_date(declaration.submitted_at or declaration.created_at),
            "agency": agency,
            "reason": REASONS.get(declaration.reason or "") if is_answered else None,
            "note": declaration.note if is_answered else None,
        }


class _Asking(Sensitive):
    """A page with a form that leads to codes."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.pages)
        self._office = office

    def _page(self, template: str, account: Account, typed: Mapping[str, str], **values: Any) -> Response:
        browser, office = this_browser(self._pages.context), self._office
        problems: Mapping[str, str] = values.pop("problems", {})
        message = PROFILE["over"] if browser.query.get("why") == "over" else None
        if "nothing" in problems:
            message = PROFILE["nothing"]
        wrong = {n: _problem(n, why) for n, why in problems.items() if n != "nothing"}
        return _answer(
            template,
            account=account,
            csrf=csrf_of(browser.session or ""),
            message=message,
            wrong=wrong,
            labels={name: label(name) for name in wrong},
            typed=typed,
            waiting=office.waiting(account),
            can_ask=office.can_ask(account),
            choices=choices(office.agencies.tree(), typed, office.declarations.today),
            **values,
        )

    def _recorded(self, wanted: Wanted, account: Account, session: Session, reading: Reading) -> Response:
        ticket = self._office.profiles.begin(wanted, account, session.sid, reading.form)
        return redirect(with_query("/account/profile/code", ticket=ticket), 303)


class Profile(_Asking):
    """ "Thông tin tài khoản": what is registered, masked until a fresh code; the history, the request, the form."""

    path = "/account/profile"

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None or grant_state.session is None:
            return self._pages.ask_to_log_in(browser, self.path)
        fresh = self.is_fresh(grant_state.session) and not grant_state.session.authentication.brief
        return self._show(grant_state.account, fresh=fresh, form=fresh)

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        if "cancel" in browser.form:
            return self._cancelled(browser)
        to_open = "open" in browser.form
        opened = self.opened(browser, within=FRESH if to_open else FILLING)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        if to_open or not self._office.can_ask(account):
            return redirect(self.path, 303)
        reading = self._office.profiles.read(account, browser.form)
        choosing = "regions" in browser.form or "places" in browser.form
        if choosing or reading.problems:
            problems = {} if choosing else reading.problems
            fresh = self.is_fresh(session)
            return self._show(account, fresh=fresh, form=True, typed=browser.form, problems=problems)
        return self._recorded("amend", account, session, reading)

    def _cancelled(self, browser: Browser) -> Response:
        grant_state = self._pages.grant_state(browser)
        account = grant_state.account if grant_state else None
        done = account is not None and self._office.profiles.cancel(account, browser.form["cancel"][:22])
        return redirect(self.path if done else f"{self.path}?why=over", 303)

    def _show(
        self,
        account: Account,
        *,
        fresh: bool,
        form: bool,
        typed: Mapping[str, str] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> Response:
        if typed is None:
            typed = self._written(account) if form else {}
        ever = self._office.identifiers_of(account.id)
        return self._page(
            "profile.html",
            account,
            typed,
            problems=problems or {},
            fresh=fresh,
            form=form,
            facts=_facts(account, fresh=fresh),
            former=[_former(i, fresh=fresh) for i in ever if i.valid_to is not None],
            papers=PAPERS if account.kind == "individual" else None,
            rests=self._office.profiles.phone_rests(account),
        )

    def _written(self, account: Account) -> dict[str, str]:
        form = self._office.profiles.registered(account)
        message = {n: str(getattr(form, n)) for n in FIELDS[account.kind] if n != "agrees"}
        return message | {"phone": spoken_phone(form.phone)}


class Stop(_Asking):
    """ "Ngừng sử dụng": what ends, and the undertaking."""

    path = "/account/stop"

    def get(self) -> Response:
        opened = self.opened(this_browser(self._pages.context))
        if isinstance(opened, Response):
            return opened
        account, _ = opened
        agency = self._office.profiles.registered(account).agency
        return self._page("stop.html", account, {"agency": agency})

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        opened = self.opened(browser, within=FILLING)
        if isinstance(opened, Response):
            return opened
        account, session = opened
        if not self._office.can_ask(account):
            return redirect(self.path, 303)
        reading = self._office.profiles.read_stop(account, browser.form)
        typed = {name: browser.form.get(name, "") for name in (*STOP_FIELDS, "region")}
        if "regions" in browser.form:
            return self._page("stop.html", account, typed)
        if reading.problems:
            return self._page("stop.html", account, typed, problems=reading.problems)
        return self._recorded("stop", account, session, reading)


class ProfileCode(Sensitive):
    """Asks for the codes: to the registered channel, then to a new address. The last one submits the request."""

    path = "/account/profile/code"

    def __init__(self, office: Office, desk: OtpFlow) -> None:
        super().__init__(office.pages)
        self._profiles = office.profiles
        self._desk = desk

    def get(self) -> Response:
        browser = this_browser(self._pages.context)
        here = self._here(browser, browser.query)
        if isinstance(here, Response):
            return here
        ticket, wish, account = here
        ask = self._profiles.code_for(wish, account)
        return self._page(browser, ticket, wish, ask, **self._desk.first(ask, browser, trusted=True))

    def post(self) -> Response:
        browser = this_browser(self._pages.context)
        demand_csrf(browser)
        here = self._here(browser, browser.form)
        if isinstance(here, Response):
            return here
        ticket, wish, account = here
        if "code-cancel" in browser.form:
            return redirect("/account/stop" if wish.request == "stop" else Profile.path, 303)
        ask = self._profiles.code_for(wish, account)
        if "code-again" in browser.form:
            return self._page(browser, ticket, wish, ask, **self._desk.again(ask, browser, trusted=True))
        verdict, values = self._desk.judged(ask, browser)
        if verdict != "right":
            # The same form was sent twice: the first one used up the code.
            again = self._here(browser, browser.form)
            if isinstance(again, Response):
                return again
            return self._next(ticket) if again[1] != wish else self._page(browser, ticket, wish, ask, **values)
        asker = Applicant(browser.network, browser.language())
        try:
            handed = self._profiles.proved(ticket, wish, account, asker)
        except Expired:
            return self._over()
        return redirect(Profile.path, 303) if handed else self._next(ticket)

    def _here(self, browser: Browser, fields: Mapping[str, str]) -> tuple[str, ProfileChange, Account] | Response:
        """The change in progress in this session, or a redirect if it was submitted, is too old or does not exist."""
        grant_state = self._pages.grant_state(browser)
        if grant_state is None or grant_state.account is None or grant_state.session is None:
            return self._pages.ask_to_log_in(browser, Profile.path)
        ticket = fields.get("ticket", "")[:100]
        try:
            wish = self._profiles.under_way(ticket, grant_state.account, grant_state.session.sid)
            self._profiles.code_for(wish, grant_state.account)
        except Expired:
            return self._over()
        return ticket, wish, grant_state.account

    def _next(self, ticket: str) -> Response:
        return redirect(with_query(self.path, ticket=ticket), 303)

    def _over(self) -> Response:
        return redirect(f"{Profile.path}?why=over", 303)

    def _page(self, browser: Browser, ticket: str, wish: ProfileChange, ask: CodeRequest, **values: Any) -> Response:
        lead = gettext("Nhập mã để gửi yêu cầu. Nếu không còn dùng nơi nhận mã này, hãy đến cơ quan BHXH.")
        if wish.proved:
            lead = gettext("Nhập thêm mã vừa gửi tới địa chỉ thư mới, để chắc chắn địa chỉ đó là của bạn.")
        sheet = OtpPage(
            title=gettext("Xác nhận ngừng sử dụng") if wish.request == "stop" else gettext("Xác nhận thay đổi"),
            lead=lead,
            sent=sent_to(ask.channel, ask.to),
            action=self.path,
            hidden={"ticket": ticket, "csrf": csrf_of(browser.session or "")},
        )
        return self._desk.answer(browser, replace(sheet, **values))


def _title(declaration: Declaration) -> Any:
    if declaration.state == "submitted" and declaration.request == "amend":
        return gettext("Yêu cầu thay đổi đang chờ cơ quan BHXH duyệt")
    return STATES[declaration.state][0]


def _problem(field: str, why: str) -> str:
    return str(PROFILE["rests"]) if why == "rests" else problem(field, why)


def _facts(account: Account, *, fresh: bool) -> list[tuple[str, str]]:
    """What is registered, in the order of the seeds; empty if it was never registered."""
    message, none = written(account), ""
    held = [i for i in account.identifiers if i.valid_to is None]
    numbers = [(str(IDENTIFIERS[i.kind]), i.value if fresh else i.masked) for i in held]
    hidden = {
        "birth_date": HIDDEN if message["birth_date"] else none,
        "phone": masked_contact("sms", account.phone) if account.phone else none,
        "address": HIDDEN if account.address else none,
        "email": masked_contact("email", account.email) if account.email else none,
    }
    open_ = message | {"address": account.address or none, "email": account.email or none}
    open_fields = open_ if fresh else hidden
    facts = [(gettext("Họ và tên"), account.name), *numbers]
    if account.kind == "individual":
        facts.append((gettext("Ngày sinh"), open_fields["birth_date"]))
    return [
        *facts,
        (gettext("Điện thoại di động"), open_fields["phone"]),
        (gettext("Địa chỉ liên hệ"), open_fields["address"]),
        (gettext("Địa chỉ thư điện tử"), open_fields["email"]),
    ]


def _former(identifier: Identifier, *, fresh: bool) -> dict[str, str]:
    return {
        "label": str(IDENTIFIERS[identifier.kind]),
        "value": identifier.value if fresh else identifier.masked,
        "since": local_date(identifier.valid_from, with_time=False),
        "until": local_date(identifier.valid_to or 0.0, with_time=False),
    }


def _answer(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy()
    return response
