"""VNeID, simulated: login by number and password or by QR and phone, consent, and its envelopes.

The path: `/auth` -> `/login` or the phone -> `/consent` -> the provider's callback with a sealed code -> `/token` ->
`/userinfo`. Nothing here is VNeID's own: its protocol is not published, and this is what working integrations tell.
`+` stands in every code, a code lives a few seconds, and there is no ID token, no nonce and no PKCE. A login leaves a
session in the browser: the next one only asks to share, unless `prompt=login` wants the person again, and nothing that
is told afterwards says which of the two it was.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote

import segno
from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox import envelope
from sandbox.addresses import HERE, Addresses
from sandbox.faults import SECONDS, Panel, Word, add_to
from sandbox.tickets import Tickets
from sandbox.upstream_people import (
    PASSCODE,
    PASSWORD,
    SHARED_PHONE,
    Person,
    another,
    changed,
    people_of,
    registration_of,
)

PATIENCE = 600.0
STAY = 3600.0
COOKIE = "sandbox_vneid"
TRIES = 5
TOKEN_SECONDS = 300
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; base-uri 'none'"
)

LIES = {
    "wrong_key": "Niêm phong bằng khoá của người khác",
    "no_envelope": "Mã không được niêm phong (không có encrypt_key)",
    "replayed": "Gửi lại mã của lần đăng nhập trước (từ lần thứ hai)",
    "foreign": "Trả hồ sơ của người khác",
    "changed_number": "Số định danh đã đổi",
    "bad_number": "Số định danh không đủ 12 chữ số",
    "duplicate_phone": "Gửi kèm số điện thoại của hai người khác",
}
SETTINGS = {"cipher": Word(("ecb", "cbc")), "code_seconds": SECONDS, "drip_seconds": SECONDS}
USUAL = {"cipher": "ecb", "code_seconds": "5", "drip_seconds": "1"}


@dataclass
class Visit:
    """A browser that was sent here: where it goes back, and who it turned out to be."""

    state: str
    id: str = ""
    qr: str = ""
    person: Person | None = None
    refused: bool = False
    passcodes: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for; `encrypt_key` has to come back with it."""

    person: Person
    encrypt_key: str


def create_app(where: Addresses, keys: Path) -> Flask:
    """VNeID's pages and endpoints, and its fault panel; `keys` holds the public half of the provider's key."""
    app = Flask("sandbox.vneid", root_path=str(HERE))
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.context_processor(lambda: {"where": where, "look": "vneid"})
    panel = Panel(
        "vneid", people_of("vneid"), LIES, SETTINGS, USUAL, f"http://127.0.0.1:{where.vneid_port}/faults/trap"
    )
    add_to(app, panel)
    simulated = _VNeID(where, panel, keys)
    app.add_url_rule("/", view_func=simulated.home, endpoint="home")
    app.add_url_rule("/auth", view_func=simulated.arrive, endpoint="arrive")
    app.add_url_rule("/login", view_func=simulated.log_in, endpoint="log_in", methods=["POST"])
    app.add_url_rule("/phone/<qr>", view_func=simulated.phone, endpoint="phone")
    app.add_url_rule("/phone/<qr>", view_func=simulated.confirm, endpoint="confirm", methods=["POST"])
    app.add_url_rule("/visits/<visit_id>", view_func=simulated.go_on, endpoint="go_on")
    app.add_url_rule("/visits/<visit_id>/state", view_func=simulated.how_far, endpoint="how_far")
    app.add_url_rule("/consent", view_func=simulated.consent, endpoint="consent", methods=["POST"])
    app.add_url_rule("/token", view_func=simulated.token, endpoint="token", methods=["POST"])
    app.add_url_rule("/userinfo", view_func=simulated.userinfo, endpoint="userinfo")
    app.after_request(_with_policy)
    return app


class _VNeID:
    def __init__(self, where: Addresses, panel: Panel, keys: Path) -> None:
        self._where = where
        self._panel = panel
        self._key = envelope.public_half(keys)
        self._client = registration_of("vneid")
        self._callback = f"{where.provider}/via/vneid/callback"
        self._visits: Tickets[Visit] = Tickets()
        self._stays: Tickets[Person] = Tickets()
        self._qrs: Tickets[Visit] = Tickets()
        self._codes: Tickets[Code] = Tickets()
        self._tokens: Tickets[Person] = Tickets()
        self._sent: dict[str, tuple[str, str]] = {}

    def home(self) -> str:
        return render_template("upstream_home.html", people=self._panel.people.values(), password=PASSWORD)

    def arrive(self) -> AnyResponse | tuple[str, int]:
        asked = request.args
        known = (asked.get("client_id"), asked.get("redirect_uri")) == (self._client["client_id"], self._callback)
        if not known or asked.get("response_type") != "code":
            return _sorry("Hệ thống này chưa đăng ký, hoặc yêu cầu không đúng.")
        stays = self._stays.look(request.cookies.get(COOKIE)) if asked.get("prompt") != "login" else None
        visit = Visit(asked.get("state", ""), person=stays)
        visit.id, visit.qr = self._visits.put(visit, PATIENCE), self._qrs.put(visit, PATIENCE)
        return redirect(url_for("go_on", visit_id=visit.id), 302)

    def go_on(self, visit_id: str) -> AnyResponse | str | tuple[str, int]:
        """The page that the browser is to see now."""
        visit = self._visits.look(visit_id)
        if visit is None:
            return _sorry("Phiên đăng nhập đã hết hạn. Hãy bắt đầu lại.")
        if visit.refused:
            return self._cancelled(visit_id)
        if visit.person is None:
            return self._login_page(visit)
        return render_template("vneid_consent.html", visit=visit, unticked=False)

    def how_far(self, visit_id: str) -> Response:
        visit = self._visits.look(visit_id)
        return jsonify(ready=visit is None or visit.refused or visit.person is not None)

    def log_in(self) -> AnyResponse | str | tuple[str, int]:
        visit_id = request.form.get("visit", "")
        visit = self._visits.look(visit_id)
        if visit is None:
            return self.go_on(visit_id)
        person = self._panel.people.get(request.form.get("number", "").strip())
        if person is None or not hmac.compare_digest(request.form.get("password", "").encode(), PASSWORD.encode()):
            return self._login_page(visit, wrong=True)
        visit.person = person
        return redirect(url_for("go_on", visit_id=visit_id), 303)

    def phone(self, qr: str) -> str | tuple[str, int]:
        """The app on somebody's phone, right after it has scanned."""
        visit = self._qrs.look(qr)
        if visit is None or visit.refused or visit.person is not None:
            return _sorry("Mã QR đã hết hạn hoặc đã được dùng.")
        return _phone_page(visit, "confirm", people=self._panel.people.values())

    def confirm(self, qr: str) -> str | tuple[str, int]:
        """Scan, "Xác nhận", passcode: in this order, and the browser goes on only after the last."""
        visit, form = self._qrs.look(qr), request.form
        person = self._panel.people.get(form.get("number", ""))
        if visit is None or visit.refused or visit.person is not None or person is None:
            return _sorry("Mã QR đã hết hạn hoặc đã được dùng.")
        if form.get("answer") == "refuse":
            visit.refused = True
            return _phone_page(visit, "refused", person=person)
        if "passcode" not in form:
            return _phone_page(visit, "passcode", person=person)
        if not hmac.compare_digest(form["passcode"].encode(), PASSCODE.encode()):
            visit.passcodes += 1
            visit.refused = visit.passcodes >= TRIES
            return _phone_page(visit, "refused" if visit.refused else "wrong", person=person)
        visit.person = person
        return _phone_page(visit, "done", person=person)

    def consent(self) -> AnyResponse | str | tuple[str, int]:
        visit_id, form = request.form.get("visit", ""), request.form
        visit = self._visits.look(visit_id)
        if visit is None or visit.person is None:
            return self.go_on(visit_id)
        if form.get("answer") == "cancel":
            return self._cancelled(visit_id)
        if form.get("answer") == "another":
            visit.person = None
            return self.go_on(visit_id)
        if "agree" not in form:
            return render_template("vneid_consent.html", visit=visit, unticked=True)
        if self._visits.take(visit_id) is None:
            return _sorry("Phiên đăng nhập đã được dùng.")
        code, key = self._new_code(visit.person)
        # The code goes out as it is: a framework that reads `+` as a space does not get it back.
        query = f"code={code}&state={quote(visit.state)}" + (f"&encrypt_key={key}" if key else "")
        answer = redirect(f"{self._callback}?{query}", 302)
        answer.set_cookie(COOKIE, self._stays.put(visit.person, STAY), httponly=True, samesite="Lax")
        return answer

    def token(self) -> AnyResponse:
        if request.mimetype != "application/x-www-form-urlencoded":
            return Response("Unsupported Media Type", 415, mimetype="text/plain")
        form = request.form
        names = ("client_id", "client_secret")
        if not all(hmac.compare_digest(form.get(n, "").encode(), self._client[n].encode()) for n in names):
            return _error("invalid_client", 401)
        code = self._codes.take(form.get("code"))
        login = code.person.login if code else ""
        return self._panel.answer(lambda: self._tokens_for(code, form), login)

    def userinfo(self) -> AnyResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        person = self._tokens.look(token)
        if person is None:
            return self._panel.answer(lambda: _error("invalid_token", 401))
        return self._panel.answer(lambda: self._sealed(self._profile(person), person), person.login)

    def _tokens_for(self, code: Code | None, form: Mapping[str, str]) -> Response:
        wanted = ("authorization_code", self._callback)
        if code is None or (form.get("grant_type"), form.get("redirect_uri")) != wanted:
            return _error("invalid_grant", 400)
        if form.get("encrypt_key", "") != code.encrypt_key:
            return _error("invalid_request", 400)
        token = self._tokens.put(code.person, TOKEN_SECONDS)
        answer = {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer", "scope": "openid"}
        return self._sealed(answer, code.person)

    def _profile(self, person: Person) -> dict[str, Any]:
        login = person.login
        if self._panel.is_on("foreign", login):
            person = another(person, self._panel.people)
        number = person.citizen_number
        if self._panel.is_on("changed_number", login):
            number = changed(number)
        if self._panel.is_on("bad_number", login):
            number = number[:9]
        profile: dict[str, Any] = {
            "citizenPid": number,
            "fullName": person.name,
            "birthDate": person.born("{d}/{m}/{y}"),
            "accountType": "1",
            "accountLevel": person.level,
        }
        phone = SHARED_PHONE if self._panel.is_on("duplicate_phone", login) else person.phone
        return {**profile, "phoneNumber": phone} if phone else profile

    def _new_code(self, person: Person) -> tuple[str, str]:
        """A code as it goes through the browser, and its `encrypt_key`."""
        earlier = self._sent.get(person.login)
        if earlier and self._panel.is_on("replayed", person.login):
            return earlier
        plain = f"{token_urlsafe(12)}+{token_urlsafe(12)}"
        sent = (plain, "")
        while self._is_sealing(person) and ("+" not in sent[0] or not sent[1]):
            sent = envelope.seal(plain.encode(), self._key_for(person), self._panel.settings["cipher"])
        seconds = float(self._panel.settings["code_seconds"])
        self._codes.put(Code(person, sent[1]), seconds, name=plain)
        self._sent[person.login] = sent
        return sent

    def _is_sealing(self, person: Person) -> bool:
        return not self._panel.is_on("no_envelope", person.login)

    def _key_for(self, person: Person) -> Any:
        return envelope.nobodys() if self._panel.is_on("wrong_key", person.login) else self._key

    def _sealed(self, answer: Mapping[str, Any], person: Person) -> Response:
        text = json.dumps(answer, ensure_ascii=False).encode()
        data, key = envelope.seal(text, self._key_for(person), self._panel.settings["cipher"])
        return jsonify(data=data, key=key)

    def _cancelled(self, visit_id: str) -> AnyResponse | tuple[str, int]:
        visit = self._visits.take(visit_id)
        if visit is None:
            return _sorry("Phiên đăng nhập đã hết hạn. Hãy bắt đầu lại.")
        why = "error=access_denied&error_description=Nguoi%20dung%20khong%20dong%20y"
        return redirect(f"{self._callback}?{why}&state={quote(visit.state)}", 302)

    def _login_page(self, visit: Visit, *, wrong: bool = False) -> str:
        code = segno.make(self._where.vneid + url_for("phone", qr=visit.qr), error="m")
        picture = code.svg_data_uri(scale=5, border=3, light="#fff")
        people = self._panel.people.values()
        return render_template(
            "vneid_login.html", visit=visit, picture=picture, people=people, wrong=wrong, password=PASSWORD
        )


def _phone_page(visit: Visit, step: str, **facts: Any) -> str:
    return render_template("vneid_phone.html", visit=visit, step=step, passcode=PASSCODE, **facts)


def _error(error: str, status: int) -> Response:
    answer = jsonify(error=error)
    answer.status_code = status
    return answer


def _sorry(sentence: str) -> tuple[str, int]:
    return render_template("upstream_sorry.html", sentence=sentence), 400


def _with_policy(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer
