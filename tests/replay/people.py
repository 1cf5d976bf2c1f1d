"""What people, their phones and officers do, as far as answers go."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.replay.steps import follow, hidden, known
from tests.support.app import CAPTCHA, ISSUER, PASSWORD, App, answer_of, attempt_of
from tests.support.brokered import Brokered
from tests.support.declarations import FIELDS, ROLES, Registrant, drawn
from tests.support.desk import OFFICER, declared, open_agencies
from tests.support.officers import desk_of
from tests.support.passkeys import Authenticator
from tests.support.phones import PASSCODE, Phone, enrolled_phone, phone_of, taken_over, with_app
from tests.support.qr import waiting

PERSON, PHONE, EMAIL = "0000000777", "0981234567", "nga@example.com"


def levels(app: App) -> None:
    """Step-up by a code, response modes, `max_age`, and what a login is called in the tokens."""
    app.person(PERSON, phone=PHONE, phone_verified=True, email=EMAIL, email_verified=True)
    visitor = app.visitor()
    begun = visitor.log_in(visitor.authorize(acr_values="urn:bhxh:acr:2"), PERSON)
    attempt = attempt_of(begun)
    visitor.get(begun.headers["Location"])
    visitor.post("/login/code", data={"attempt": attempt, "code": "000000", "code-submit": "1"})
    back = visitor.post("/login/code", data={"attempt": attempt, "code": app.code_sent(), "code-submit": "1"})
    visitor.redeem(answer_of(visitor.get(back.headers["Location"]))["code"])
    visitor.authorize(response_mode="form_post")
    visitor.authorize(response_mode="fragment")
    app.clock.move(1000)
    visitor.authorize(max_age="60")
    visitor.authorize(prompt="login")
    visitor.authorize(prompt="consent")


def consent(app: App) -> None:
    app.client("shop", first_party=False, client_name="Cửa hàng thử")
    visitor = app.visitor()
    asked = visitor.log_in(visitor.authorize("shop", scope="openid profile"))
    attempt = attempt_of(asked)
    visitor.get(asked.headers["Location"])
    visitor.post("/consent", data={"attempt": attempt, "consent-allow": ""})
    visitor.post("/consent", data={"attempt": attempt, "agree": "1", "consent-allow": ""})
    visitor.authorize("shop", scope="openid email", prompt="none")
    attempt = attempt_of(visitor.authorize("shop", scope="openid email"))
    visitor.post("/consent", data={"attempt": attempt, "consent-deny": ""})
    page = visitor.get("/account")
    visitor.post("/account/withdraw", data={"csrf": hidden(page, "csrf"), "client_id": "shop"})
    page = visitor.get("/account")
    visitor.post("/account/end-session", data={"csrf": hidden(page, "csrf"), "session": "others"})


def login_errors(app: App) -> None:
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    visitor.try_to_log_in(attempt, "0000000001", "wrong")
    visitor.try_to_log_in(attempt, "0000000002", "wrong")
    visitor.try_to_log_in(attempt, "0000000001", PASSWORD, captcha="99999")
    visitor.try_to_log_in(attempt, "", "")
    visitor.try_to_log_in(attempt, "0000000001", PASSWORD, kind="organisation")
    for _ in range(3):
        visitor.try_to_log_in(attempt, "0000000001", "wrong")
    visitor.post("/login", data={})
    app.visitor().post("/login", data=visitor.login_form(attempt))


def phones(app: App) -> None:
    with_app(app)
    phone = phone_of(app)
    phone.log_in()
    phone.state()
    for wish in ({}, {"name": "", "passcode": PASSCODE}, {"name": "A", "passcode": "1"},
                 {"name": "A", "passcode": "111111"}, {"name": "A", "passcode": PASSCODE, "x": 1}):  # fmt: skip
        phone.call("/phone/device", wish)
    phone.call("/phone/device", {"name": "A15", "passcode": PASSCODE})
    phone.call("/phone/device", {"name": "A15", "passcode": PASSCODE, "code": "000000"})
    phone.call("/phone/device", {"name": "A15", "passcode": PASSCODE, "code": app.code_sent()})
    phone.state()
    app.clock.move(70)
    phone.call_once("/phone/device/passcode", {"old": PASSCODE, "new": "864209"}, proof="x")
    phone.call("/phone/device/passcode", {"old": PASSCODE, "new": "864209"}, token=False)
    phone.call("/phone/device/passcode", {"old": PASSCODE, "new": "864209"}, access_token="x")
    phone.call("/phone/device/passcode", {"old": "135791", "new": "864209"})
    phone.call("/phone/device/passcode", {"old": PASSCODE, "new": "864209"})
    phone.call("/phone/device/not-me", {}, token=False)
    phone.call("/phone/device", [])
    phone.call("/phone/device", {"name": "x" * 70_000})
    phone.call("/phone/nothing", {})
    second = phone_of(app, "198.51.100.9")
    page = taken_over(second)
    form = {n: hidden(page, n) for n in ("attempt", "device")}
    second.visitor.post("/login/device", data=form | {"device-take": "1"})
    second.visitor.post("/login/device", data=form | {"device-keep": "1"})
    phone.renew()
    phone.call("/phone/device/remove", {})
    phone.call("/phone/device/remove", {})
    phone.state()


def qr(app: App) -> None:
    with_app(app)
    phone = enrolled_phone(app)
    page = waiting(app.visitor())
    qr_errors(phone)
    ticket = str((phone.scan(page).json or {})["ticket"])
    phone.call("/phone/qr/look", {"ticket": ticket})
    page.told()
    phone.confirm(ticket, "00" if page.number != "00" else "01")
    page = waiting(app.visitor())
    ticket = str((phone.scan(page).json or {})["ticket"])
    phone.confirm(ticket, page.number, "999999")
    phone.confirm(ticket, page.number)
    phone.confirm(ticket, page.number)
    told = page.told()
    page.visitor.get(told["next"])
    page.poll()
    for way in ("deny", "not-me"):
        page = waiting(app.visitor())
        ticket = str((phone.scan(page).json or {})["ticket"])
        phone.call(f"/phone/qr/{way}", {"ticket": ticket})
        page.told()
    page = waiting(app.visitor(), slow="1")
    app.clock.move(600)
    page.poll()
    app.visitor().get("/q")
    app.visitor().post("/login/qr/poll", data={"attempt": "x"})


def qr_errors(phone: Phone) -> None:
    for path, body in (
        ("scan", {"picture": "x"}), ("scan", {"picture": f"{ISSUER}/q#aaaa"}), ("scan", {}), ("look", {"ticket": "x"}),
        ("look", {"ticket": "x" * 22}), ("confirm", {"ticket": "x" * 22, "number": "1", "passcode": PASSCODE}),
        ("confirm", {"ticket": "x" * 22, "number": "11", "passcode": "1"}), ("deny", {"ticket": "x" * 22}),
        ("confirm", {"ticket": "x" * 22, "number": "11", "passcode": PASSCODE}), ("not-me", {"ticket": "x" * 22}),
    ):  # fmt: skip
        phone.call(f"/phone/qr/{path}", body)
    phone.call("/phone/qr/scan", {"picture": "x"}, headers={"Accept-Language": "en"})


def registration_api(app: App) -> None:
    open_agencies(app)
    root, visitor = "/api/registrations", app.visitor()

    def post(path: str, body: Any = None, secret: str = "", **headers: str) -> TestResponse:
        bearer = {"Authorization": f"Bearer {secret}"} if secret else {}
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return visitor.post(root + path, data=raw, headers=bearer | headers)

    for body in ({}, {"kind": "officer"}, {"kind": "individual", "x": 1}, b"{", b"[]"):
        post("", body)
    secret = (post("", {"kind": "individual"}).json or {})["secret"]
    bearer = {"Authorization": f"Bearer {secret}"}
    visitor.get(root + "/draft", headers=bearer)
    visitor.get(root + "/draft")
    visitor.get(root + "/choices", query_string={"province": "79"})
    post("/draft", {"name": 1}, secret)
    post("/draft", {"email": "x"}, secret, **{"Accept-Language": "en"})
    post("/draft/code", {}, secret)
    for file in (b"", b"<svg/>", drawn((10, 10)), b"\0" * (8 * 1024 * 1024 + 1)):
        post("/draft/front", file, secret)
    post("/draft/side", drawn(), secret)
    fields = {n: v for n, v in FIELDS.items() if n not in ("region", "ivan", "starts_on")}
    post("/draft", fields | {"contact_person": "Trần Thị Nga", "agrees": True}, secret)
    for role in ROLES:
        post(f"/draft/{role}", drawn(), secret)
    post("/draft/submit", {"code": "123456"}, secret)
    post("/draft/code", {}, secret)
    post("/draft/code", {}, secret)
    post("/draft/submit", {"code": "000000"}, secret)
    done = post("/draft/submit", {"code": app.code_sent("email")}, secret).json or {}
    post("/draft", fields, secret)
    for phone in ("0981234567", "0981234568"):
        post("/status", {"reference": done["reference"], "phone": phone})
    visitor.get(root + "/status")


def registration(app: App) -> None:
    who = Registrant(app)
    who.visitor.get("/register")
    who.begin()
    who.fill(email="x")
    who.fill()
    who.prove()
    reference = who.reference()
    who.look(reference)
    who.look(reference, "0981234568")
    who.visitor.get("/register/print")
    who.visitor.get("/register/photo/front")
    app.visitor().get("/register/form")


def first_password(app: App) -> None:
    open_agencies(app)
    app.provider.registration.decisions.approve(declared(app), OFFICER)
    links = [m.facts["url"] for m in app.told("email") if "/a/" in m.facts.get("url", "")]
    link = links[-1]
    visitor = app.visitor()
    page = follow(visitor, visitor.get(link.removeprefix(ISSUER)))
    page = follow(visitor, visitor.post("/activate", data={"ticket": hidden(page, "ticket")}))
    typed = {"ticket": hidden(page, "ticket"), "code": app.code_sent()}
    page = follow(visitor, visitor.post("/activate/code", data=typed))
    for again in ("x", "một câu mới thật dài"):
        fields = {"ticket": hidden(page, "ticket"), "password": "một câu mới thật dài", "again": again}
        follow(visitor, visitor.post("/activate/password", data=fields))
    visitor.get(link.removeprefix(ISSUER))
    visitor.get("/a/" + "x" * 22)


def recovery(app: App) -> None:
    app.person(PERSON, phone=PHONE, phone_verified=True, email=EMAIL, email_verified=True, birth_date="1990-05-17")
    app.clock.move(1)
    visitor = app.visitor()
    begun = visitor.authorize()
    visitor.get("/recover", query_string={"attempt": attempt_of(begun)})
    page = visitor.get("/recover")
    fields = {"code": PERSON, "phone": PHONE, "birth_date": "17/05/1990", "captcha": CAPTCHA, "recover-submit": "1"}
    fields |= {n: hidden(page, n) for n in ("attempt", "csrf", "ticket", "captcha_id") if f'name="{n}"' in page.text}
    follow(visitor, visitor.post("/recover", data=fields))
    for path in ("/reset/" + "x" * 43, "/undo/" + "x" * 43, "/not-me/" + "x" * 43, "/recover/eid", "/recovery"):
        visitor.get(path)
    app.client("desk", grant_types=["client_credentials"], redirect_uris=[], scope="recovery")
    token = (visitor.token("desk", grant_type="client_credentials", scope="recovery").json or {})["access_token"]
    bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for body in ({}, {"code": PERSON}, {"bhxh": PERSON}, {"identifier": PERSON, "phone": PHONE}):
        visitor.post("/recovery", json.dumps(body), headers=bearer)
        visitor.post("/recovery", body, headers={"Authorization": f"Bearer {token}"})


def own_pages(app: App) -> None:
    """Each page of the owner, opened after a login with a code; and the copy of one's data."""
    app.person(PERSON, phone=PHONE, phone_verified=True, email=EMAIL, email_verified=True, address="1 Đường Thử")
    open_agencies(app)
    visitor = app.visitor()
    for path in ("/account", "/account/activity", "/account/profile", "/account/stop", "/account/passkeys",
                 "/account/data", "/account/links", "/account/password", "/account/details"):  # fmt: skip
        answer = visitor.get(path)
        if answer.status_code == 303 and "/login" in answer.headers["Location"]:
            attempt = attempt_of(answer)
            page = follow(
                visitor, visitor.log_in(answer, PERSON) if "/login?" in answer.headers["Location"] else answer
            )
            if 'name="code"' in page.text:
                typed = {"attempt": attempt, "code": app.code_sent(), "code-submit": "1"}
                follow(visitor, visitor.post("/login/code", data=typed))
    page = visitor.get("/account/data")
    visitor.post("/account/data/copy", data={"csrf": hidden(page, "csrf")})
    visitor.post("/account/data", data={"csrf": hidden(page, "csrf"), "copy": "1"})
    visitor.post("/account/data", data={"csrf": hidden(page, "csrf"), "erase": "1", "agree": "1"})


def passkeys(app: App) -> None:
    app.person(PERSON, phone=PHONE, phone_verified=True, email=EMAIL, email_verified=True)
    visitor = app.visitor()
    begun = visitor.get("/account/passkeys")
    attempt = attempt_of(begun)
    follow(visitor, visitor.log_in(begun, PERSON))
    visitor.post("/login/code", data={"attempt": attempt, "code": app.code_sent(), "code-submit": "1"})
    visitor.get("/account", query_string={"attempt": attempt})
    page = visitor.get("/account/passkeys")
    options = visitor.post("/account/passkeys/options", data={"csrf": hidden(page, "csrf")})
    if options.json:
        answer = Authenticator(ISSUER).create(options.json.get("publicKey", options.json))
        form = {"csrf": hidden(page, "csrf"), "name": "Máy ở nhà", "answer": answer}
        visitor.post("/account/passkeys/add", data=form)
        visitor.post("/account/passkeys", data=form)


def officers(app: App) -> None:
    desk = desk_of(app)
    desk.officer("lan.nguyen", ("00101", "decide"), ("*", "links"), ("*", "data"))
    first, second, third = (desk.declaration() for _ in range(3))
    browser = desk.browser()
    browser.get("/")
    browser.get("/login")
    browser.log_in("lan.nguyen", "wrong")
    browser.log_in("lan.nguyen", code="000000")
    browser.log_in("lan.nguyen")
    for path in ("/", f"/requests/{first.id}", "/requests/x", "/proposals", "/data", "/links", "/links/x", "/passkeys",
                 "/invitation/x", "/login/key", "/nothing", "/token"):  # fmt: skip
        browser.get(path)
    browser.decide(first, "approve", csrf="x")
    browser.decide(first, "approve")
    browser.decide(first, "approve")
    browser.decide(second, "reject", reason="incomplete", note="")
    browser.decide(third, "return", reason="other", note="Mang giấy tờ")
    browser.post("/logout")
    browser.get("/")


def upstreams(app: App) -> None:
    """Through both simulated upstreams: the first time with a question, then without; refused, cancelled, wrong."""
    world = app.upstreams  # type: ignore[attr-defined]
    here = Brokered(app, world)
    for upstream in ("vneid", "dvcqg"):
        known(app, world.url(upstream), upstream)
    known(app, app.settings.issuer, "issuer")
    journey = here.through("vneid", "000890123456").press("link-confirm").follow()
    assert journey.answer
    journey.visitor.redeem(answer_of(journey.answer)["code"])
    here.through("vneid", "000890123456", journey.visitor, prompt="login").follow()
    here.through("dvcqg", "000890123456").press("link-cancel")
    here.through("dvcqg", "000985222222").page()
    here.through("vneid", "000985222223").page()
    here.through("vneid", "000899777001").page()
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    visitor.get("/via/nobody", query_string={"attempt": attempt})
    visitor.get("/via/vneid", query_string={"attempt": "x"})
    visitor.get("/via/vneid/callback")
    visitor.get("/via/vneid/callback", query_string={"state": "x", "code": "x"})
    visitor.get("/via/vneid", query_string={"attempt": attempt})
    visitor.get("/account/links")
    visitor.get("/status.json")
