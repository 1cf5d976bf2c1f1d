"""Two portals that citizens log into through the provider. The first has two roles: first-party, and a partner that
needs consent; the second is of another office, to see that a logout at one is a logout at the other.

The path: `/login` -> the provider -> `/callback` -> `/`, where the person and the tokens are shown; and
`/backchannel-logout`, where the provider tells that the session has ended. A browser is known by a cookie; everything
else is kept in memory and gone with the process.
"""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import serving
from sandbox.addresses import HERE, Addresses
from sandbox.relying_party import Login, Refused, RelyingParty, Unreachable
from sandbox.token_view import unpack

MOST_VISITS = 1000

RECORD = json.dumps([{"type": "bhxh_record_access", "person": "self", "from_year": 2015, "to_year": 2020}])
"""What the partner asks for besides its scopes, by the third button (RFC 9396)."""

PERSONAL = {
    "name": "Họ và tên",
    "bhxh_number": "Mã số BHXH",
    "personal_id": "Số CCCD / định danh cá nhân",
    "unit_code": "Mã đơn vị",
    "tax_code": "Mã số thuế",
    "birthdate": "Ngày sinh",
    "phone_number": "Số điện thoại",
    "email": "Thư điện tử",
    "sub": "Mã chủ thể (sub)",
}

EXPLAINED = {
    "access_denied": "Bạn đã dừng đăng nhập hoặc không đồng ý chia sẻ thông tin.",
    "login_required": "Bạn cần đăng nhập lại.",
    "consent_required": "Bạn cần đồng ý chia sẻ thông tin thì cổng này mới phục vụ được.",
    "invalid_grant": "Phiên đăng nhập đã hết hạn hoặc đã bị thu hồi.",
    "temporarily_unavailable": "Máy chủ đăng nhập đang bận.",
    "unreachable": "Chưa liên lạc được với máy chủ đăng nhập, hoặc câu trả lời của nó không tin được.",
    "not_ours": "Câu trả lời này không thuộc lần đăng nhập nào đang mở trong trình duyệt này.",
    "signed_out": "Bạn chưa đăng nhập vào cổng này.",
}


@dataclass(frozen=True, slots=True)
class Site:
    """One portal: its name, its address, and its cookie, because the ports of one host share theirs."""

    name: str
    url: str
    cookie: str


@dataclass
class Visit:
    """One browser: logins on their way (state -> role), and the one that is done."""

    pending: dict[str, str] = field(default_factory=dict)
    role: str = ""
    login: Login | None = None


class Visits:
    """Browsers by the value of their cookie; the oldest is forgotten when there are too many."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, cookie: str | None) -> Visit | None:
        return self._visits.get(cookie or "")

    def open(self, visit: Visit) -> str:
        """Remember it under a new cookie value."""
        cookie = token_urlsafe(24)
        with self._lock:
            self._visits[cookie] = visit
            if len(self._visits) > MOST_VISITS:
                self._visits.popitem(last=False)
        return cookie

    def close(self, cookie: str | None) -> None:
        self._visits.pop(cookie or "", None)

    def end(self, role: str, sid: str) -> list[Login]:
        """Log out whoever logged in by that role in that session of the provider."""
        with self._lock:
            theirs = [v for v in self._visits.values() if v.role == role and v.login and v.login.sid == sid]
            logins = [visit.login for visit in theirs if visit.login]
            for visit in theirs:
                visit.login = None
        return logins


def create_app(parties: Mapping[str, RelyingParty], where: Addresses, site: Site) -> Flask:
    """A portal; `parties` are its roles, `main` and perhaps `partner`."""
    app = Flask("sandbox.portal", root_path=str(HERE))
    app.context_processor(lambda: {"where": where, "site": site, "roles": tuple(parties)})
    portal = _Portal(parties, site, Visits())
    app.add_url_rule("/", view_func=portal.home, endpoint="home")
    app.add_url_rule("/signed-out", view_func=portal.signed_out, endpoint="signed_out")
    for role in parties:
        prefix = "" if role == "main" else f"/{role}"
        app.add_url_rule(f"{prefix}/login", f"login_{role}", portal.log_in, defaults={"role": role})
        app.add_url_rule(f"{prefix}/callback", f"callback_{role}", portal.called_back, defaults={"role": role})
        told = {"defaults": {"role": role}, "methods": ["POST"]}
        app.add_url_rule(f"{prefix}/backchannel-logout", f"told_{role}", portal.told, **told)
    app.add_url_rule("/refresh", view_func=portal.refresh, endpoint="refresh", methods=["POST"])
    app.add_url_rule("/logout", view_func=portal.log_out, endpoint="logout", methods=["POST"])
    app.register_error_handler(Refused, lambda error: _failed(error.error, error.description))
    app.register_error_handler(Unreachable, lambda error: _failed("unreachable", str(error), 502))
    return app


class _Portal:
    def __init__(self, parties: Mapping[str, RelyingParty], site: Site, visits: Visits) -> None:
        self._parties = parties
        self._site = site
        self._visits = visits

    def home(self) -> str:
        visit = self._visit()
        if visit is None or visit.login is None:
            return render_template("portal_home.html", record=RECORD)
        person, tokens = visit.login.person, visit.login.tokens
        return render_template(
            "portal_person.html",
            rows=[(label, person[name]) for name, label in PERSONAL.items() if person.get(name)],
            person=json.dumps(dict(person), ensure_ascii=False, indent=2, sort_keys=True),
            tokens=[unpack(name, tokens[name]) for name in ("id_token", "access_token") if name in tokens],
            refresh_token=tokens.get("refresh_token"),
            role=visit.role,
        )

    def log_in(self, role: str) -> AnyResponse:
        url, state = self._parties[role].start(request.args.get("authorization_details"))
        visit, cookie = self._visit(), None
        if visit is None:
            visit = Visit()
            cookie = self._visits.open(visit)
        visit.pending[state] = role
        answer = redirect(url, 303)
        return self._with_cookie(answer, cookie) if cookie else answer

    def called_back(self, role: str) -> AnyResponse | tuple[str, int]:
        visit, answer = self._visit(), request.args.to_dict()
        # The answer must belong to a login that this very browser began: otherwise an attacker could slip in theirs.
        if visit is None or visit.pending.pop(answer.get("state", ""), None) != role:
            return _failed("not_ours")
        if "error" in answer:
            return _failed(answer["error"], answer.get("error_description", ""))
        login = self._parties[role].finish(answer)
        # A new cookie at login, so that one planted before it opens nothing.
        self._visits.close(request.cookies.get(self._site.cookie))
        cookie = self._visits.open(Visit(visit.pending, role, login))
        return self._with_cookie(redirect(self._site.url + "/", 303), cookie)

    def refresh(self) -> AnyResponse | tuple[str, int]:
        visit = self._visit()
        if visit is None or visit.login is None:
            return _failed("signed_out")
        visit.login = self._parties[visit.role].refresh(visit.login.state)
        return redirect(self._site.url + "/", 303)

    def told(self, role: str) -> tuple[dict[str, str], int, dict[str, str]]:
        """The provider says that a session has ended (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""
        party, quiet = self._parties[role], {"Cache-Control": "no-store"}
        try:
            sid = party.ended(request.form.get("logout_token", ""))
        except Refused as error:
            return {"error": error.error, "error_description": error.description}, 400, quiet
        for login in self._visits.end(role, sid):
            party.forget(login.state)
        return {}, 200, quiet

    def log_out(self) -> AnyResponse | tuple[str, int]:
        visit = self._visit()
        if visit is None or visit.login is None:
            return _failed("signed_out")
        party, state = self._parties[visit.role], visit.login.state
        url = party.goodbye(state, self._site.url + "/signed-out")
        party.forget(state)
        self._visits.close(request.cookies.get(self._site.cookie))
        answer = make_response(redirect(url, 303))
        answer.delete_cookie(self._site.cookie)
        return answer

    def signed_out(self) -> str:
        return render_template("portal_signed_out.html")

    def _visit(self) -> Visit | None:
        return self._visits.find(request.cookies.get(self._site.cookie))

    def _with_cookie(self, answer: AnyResponse, cookie: str) -> Response:
        made = make_response(answer)
        made.set_cookie(self._site.cookie, cookie, httponly=True, samesite="Lax")
        return made


def _failed(error: str, description: str = "", status: int = 400) -> tuple[str, int]:
    explained = EXPLAINED.get(error, "Máy chủ đăng nhập từ chối yêu cầu này.")
    return render_template("portal_error.html", error=error, description=description, explained=explained), status


def serve(where: Addresses) -> None:
    """Serve both portals with the clients of `clients.json`."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("idpyoidc").setLevel(logging.CRITICAL)
    portals = [each for each in registrations(where) if "client_secret" in each]
    main, partner, pension = (RelyingParty(where.provider, registration) for registration in portals)
    service = Site("Cổng Dịch vụ", where.portal, "sandbox_portal")
    other = Site("Cổng Lương hưu", where.pension, "sandbox_pension")
    serving.serve(
        create_app({"main": main, "partner": partner}, where, service),
        where.portal_port,
        (create_app({"main": pension}, where, other), where.pension_port),
    )


def registrations(where: Addresses) -> list[dict[str, Any]]:
    """`clients.json`, with the addresses of this run."""
    text = (HERE / "clients.json").read_text(encoding="utf-8")
    clients: list[dict[str, Any]] = json.loads(where.at_home(text))
    return clients
