"""The National Public Service Portal (Cổng Dịch vụ công quốc gia), simulated: a WSO2 Identity Server with its quirks.

The path: `/oauth2/authorize` -> `/authenticationendpoint/login.do` -> `/commonauth` -> the provider's callback ->
`/oauth2/token` -> `/oauth2/userinfo`. A login leaves a session, so that the next one is silent until `/oidc/logout`.
One button logs in with the portal's own account, whose profile has a phone number; the other through VNeID, whose
profile has none. Civil data come along unasked: dropping them is the provider's business.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.addresses import HERE, Addresses
from sandbox.dvcqg_profile import profile_of
from sandbox.dvcqg_signer import Signer
from sandbox.faults import SECONDS, Panel, Word, add_to
from sandbox.serving import POLICY
from sandbox.tickets import Tickets
from sandbox.upstream_people import PASSWORD, Person, people_of, registration_of

PATIENCE = 600.0
TOKEN_SECONDS = 3600
COOKIE = "sandbox_commonAuthId"
ASKED = ("redirect_uri", "state", "nonce", "scope", "acr_values", "code_challenge", "code_challenge_method")

LIES = {
    "wrong_key": "ID token ký bằng khoá không công bố",
    "rotated_keys": "Đổi khoá ký (khoá mới có trong JWKS)",
    "wrong_issuer": "ID token của nơi phát hành khác (iss)",
    "wrong_audience": "ID token cho hệ thống khác (aud)",
    "wrong_nonce": "ID token có nonce khác",
    "replayed": "Gửi lại ID token của lần đăng nhập trước (từ lần thứ hai)",
    "foreign": "Trả hồ sơ của người khác",
    "changed_number": "Số định danh đã đổi",
    "duplicate_phone": "Số điện thoại của hai người khác",
}
SETTINGS = {"id_token": Word(("yes", "no")), "code_seconds": SECONDS, "drip_seconds": SECONDS}
USUAL = {"id_token": "yes", "code_seconds": "300", "drip_seconds": "1"}


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who logged in here, by the portal's own account or through VNeID."""

    person: Person
    by_vneid: bool
    at: int
    session: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a token stands for: a login, and what was asked for."""

    login: Login
    asked: Mapping[str, str]


def create_app(where: Addresses) -> Flask:
    """The portal's pages and endpoints, and its fault panel."""
    app = Flask("sandbox.dvcqg", root_path=str(HERE))
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.context_processor(lambda: {"where": where, "look": "dvcqg"})
    panel = Panel(
        "dvcqg", people_of("dvcqg"), LIES, SETTINGS, USUAL, f"http://127.0.0.1:{where.dvcqg_port}/faults/trap"
    )
    add_to(app, panel)
    simulated = _Portal(where, panel)
    app.add_url_rule("/", view_func=simulated.home, endpoint="home")
    app.add_url_rule("/oauth2/authorize", view_func=simulated.authorize, endpoint="authorize")
    app.add_url_rule("/authenticationendpoint/login.do", view_func=simulated.login_page, endpoint="login")
    app.add_url_rule("/commonauth", view_func=simulated.log_in, endpoint="commonauth", methods=["POST"])
    app.add_url_rule("/oauth2/token", view_func=simulated.token, endpoint="token", methods=["POST"])
    app.add_url_rule("/oauth2/userinfo", view_func=simulated.userinfo, endpoint="userinfo", methods=["GET", "POST"])
    app.add_url_rule("/oauth2/introspect", view_func=simulated.introspect, endpoint="introspect", methods=["POST"])
    app.add_url_rule("/oauth2/revoke", view_func=simulated.revoke, endpoint="revoke", methods=["POST"])
    app.add_url_rule("/oauth2/jwks", view_func=simulated.jwks, endpoint="jwks")
    app.add_url_rule("/oidc/logout", view_func=simulated.log_out, endpoint="logout", methods=["GET", "POST"])
    metadata = "/oauth2/token/.well-known/openid-configuration"
    app.add_url_rule(metadata, view_func=simulated.metadata, endpoint="metadata")
    return app


class _Portal:
    def __init__(self, where: Addresses, panel: Panel) -> None:
        self._panel = panel
        self._client = registration_of("dvcqg")
        self._url = where.dvcqg
        self._provider = where.provider
        self._callback = f"{where.provider}/via/dvcqg/callback"
        self._signer = Signer(f"{where.dvcqg}/oauth2/token", self._client["client_id"], panel)
        self._visits: Tickets[Mapping[str, str]] = Tickets()
        self._sessions: Tickets[Login] = Tickets()
        self._codes: Tickets[Grant] = Tickets()
        self._access: Tickets[Grant] = Tickets()
        self._refresh: Tickets[Grant] = Tickets()

    def home(self) -> str:
        people = self._panel.people.values()
        begin = _with(f"{self._provider}/via/dvcqg/initiate", {"iss": self._signer.issuer})
        return render_template("upstream_home.html", people=people, password=PASSWORD, begin=begin)

    def authorize(self) -> AnyResponse | tuple[str, int]:
        asked = request.args
        known = (asked.get("client_id"), asked.get("redirect_uri")) == (self._client["client_id"], self._callback)
        if not known or asked.get("response_type") != "code":
            return _sorry("Hệ thống này chưa đăng ký, hoặc yêu cầu không đúng.")
        kept = {name: asked[name] for name in ASKED if name in asked}
        login = self._sessions.look(request.cookies.get(COOKIE))
        if login is not None and asked.get("prompt") != "login":
            return self._back(login, kept)
        if asked.get("prompt") == "none":
            return redirect(_with(self._callback, {"error": "login_required", "state": kept.get("state", "")}), 302)
        return redirect(url_for("login", sessionDataKey=self._visits.put(kept, PATIENCE)), 302)

    def login_page(self) -> str | tuple[str, int]:
        key = request.args.get("sessionDataKey", "")
        if self._visits.look(key) is None:
            return _sorry("Phiên đăng nhập đã hết hạn. Hãy bắt đầu lại.")
        people, wrong = self._panel.people.values(), "authFailure" in request.args
        return render_template("dvcqg_login.html", key=key, people=people, password=PASSWORD, wrong=wrong)

    def log_in(self) -> AnyResponse | tuple[str, int]:
        form = request.form
        key = form.get("sessionDataKey", "")
        if form.get("by") == "cancel":
            asked = self._visits.take(key) or {}
            why = {"error": "access_denied", "error_description": "User cancelled", "state": asked.get("state", "")}
            return redirect(_with(self._callback, why), 302) if asked else _sorry("Phiên đăng nhập đã hết hạn.")
        person = self._panel.people.get(form.get("username", "").strip())
        if person is None or not hmac.compare_digest(form.get("password", "").encode(), PASSWORD.encode()):
            return redirect(url_for("login", sessionDataKey=key, authFailure="true"), 302)
        asked = self._visits.take(key)
        if asked is None:
            return _sorry("Phiên đăng nhập đã hết hạn. Hãy bắt đầu lại.")
        login = Login(person, form.get("by") == "vneid", int(time.time()), str(uuid4()))
        answer = make_response(self._back(login, asked))
        cookie = self._sessions.put(login, TOKEN_SECONDS)
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax")
        return answer

    def token(self) -> AnyResponse:
        form = request.form
        if not self._knows(form):
            return _error("invalid_client", 401)
        match form.get("grant_type"):
            case "authorization_code":
                grant = self._codes.take(form.get("code"))
                good = grant is not None and form.get("redirect_uri") == self._callback and _verifies(grant.asked, form)
            case "refresh_token":
                grant = self._refresh.take(form.get("refresh_token"))
                good = grant is not None
            case _:
                return _error("unsupported_grant_type", 400)
        if grant is None or not good:
            return self._panel.answer(lambda: _error("invalid_grant", 400))
        return self._panel.answer(lambda: self._tokens_for(grant), grant.login.person.login)

    def userinfo(self) -> AnyResponse:
        """By GET with a bearer token; one integration posts, and may put the token into the form."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.form.get("access_token", "")
        grant = self._access.look(token)
        if grant is None:
            return self._panel.answer(lambda: _error("invalid_token", 401))
        login = grant.login
        return self._panel.answer(lambda: self._profile(login), login.person.login)

    def introspect(self) -> AnyResponse:
        if not self._knows(request.form):
            return _error("invalid_client", 401)
        grant = self._access.look(request.form.get("token"))
        if grant is None:
            return self._panel.answer(lambda: jsonify(active=False))
        facts = {"client_id": self._client["client_id"], "username": grant.login.person.login, "token_type": "Bearer"}
        return self._panel.answer(lambda: jsonify(active=True, **facts), grant.login.person.login)

    def revoke(self) -> AnyResponse:
        if not self._knows(request.form):
            return _error("invalid_client", 401)
        for kept in (self._access, self._refresh):
            kept.take(request.form.get("token"))
        return self._panel.answer(lambda: Response("", 200))

    def jwks(self) -> AnyResponse:
        return self._panel.answer(lambda: jsonify(keys=self._signer.public_keys()))

    def metadata(self) -> AnyResponse:
        """Where a stock WSO2 server has it: behind its token endpoint, which is its issuer."""
        paths = {
            "authorization_endpoint": "/oauth2/authorize",
            "token_endpoint": "/oauth2/token",
            "userinfo_endpoint": "/oauth2/userinfo",
            "introspection_endpoint": "/oauth2/introspect",
            "revocation_endpoint": "/oauth2/revoke",
            "end_session_endpoint": "/oidc/logout",
            "jwks_uri": "/oauth2/jwks",
        }
        facts: dict[str, Any] = {name: self._url + path for name, path in paths.items()}
        facts |= {"issuer": f"{self._url}/oauth2/token", "response_types_supported": ["code"]}
        facts |= {"subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]}
        return self._panel.answer(lambda: jsonify(facts))

    def log_out(self) -> AnyResponse | str | tuple[str, int]:
        """Ends the session of this browser, and leads back when the hint is an ID token of ours.

        Whoever stays here loads the provider's front-channel logout in a frame.
        """
        asked = request.values
        login = self._sessions.take(request.cookies.get(COOKIE))
        back = asked.get("post_logout_redirect_uri", "")
        is_ours = back.startswith(f"{self._provider}/") and self._signer.made(asked.get("id_token_hint", ""))
        state = {"state": asked["state"]} if "state" in asked else {}
        named = {"iss": self._signer.issuer, "sid": login.session} if login else {}
        frame = _with(f"{self._provider}/via/dvcqg/front-channel-logout", named) if named else ""
        out = render_template("dvcqg_out.html", frame=frame)
        answer = make_response(redirect(_with(back, state), 302) if is_ours else out)
        answer.headers["Content-Security-Policy"] = f"{POLICY}; frame-src {self._provider}"
        answer.delete_cookie(COOKIE)
        return answer

    def _back(self, login: Login, asked: Mapping[str, str]) -> AnyResponse:
        code = self._codes.put(Grant(login, asked), float(self._panel.settings["code_seconds"]), name=str(uuid4()))
        answer = {"code": code, "session_state": f"{uuid4().hex}.{uuid4().hex}"}
        if "state" in asked:
            answer["state"] = asked["state"]
        return redirect(_with(self._callback, answer), 302)

    def _tokens_for(self, grant: Grant) -> Response:
        access = self._access.put(grant, TOKEN_SECONDS, name=str(uuid4()))
        refresh = self._refresh.put(grant, TOKEN_SECONDS, name=str(uuid4()))
        answer = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        if self._panel.settings["id_token"] == "yes":
            login = grant.login
            answer["id_token"] = self._signer.id_token(login.person, login.at, login.session, access, grant.asked)
        return jsonify({**answer, "scope": grant.asked.get("scope", "openid")})

    def _profile(self, login: Login) -> Response:
        return jsonify(profile_of(login.person, by_vneid=login.by_vneid, panel=self._panel, url=self._url))

    def _knows(self, form: Mapping[str, str]) -> bool:
        names = ("client_id", "client_secret")
        return all(hmac.compare_digest(form.get(n, "").encode(), self._client[n].encode()) for n in names)


def _verifies(asked: Mapping[str, str], form: Mapping[str, str]) -> bool:
    """PKCE, when it was begun with."""
    if "code_challenge" not in asked:
        return True
    hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return asked["code_challenge"] == base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def _with(url: str, more: Mapping[str, str]) -> str:
    if not more:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"


def _error(error: str, status: int) -> Response:
    answer = jsonify(error=error, error_description=error.replace("_", " "))
    answer.status_code = status
    return answer


def _sorry(sentence: str) -> tuple[str, int]:
    return render_template("upstream_sorry.html", sentence=sentence), 400
