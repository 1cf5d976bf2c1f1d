"""The whole life of one made-up person by API: registered by the app, approved by command, at home on a phone."""

from dataclasses import replace
from typing import Any

from tests.attacks.test_registration_api import Phone as RegisteringApp
from tests.flows.test_activation import link_of, proved, set_first
from tests.flows.test_passwords_life import NEW, field, follow, page_of
from tests.support.app import App
from tests.support.declarations import FIELDS
from tests.support.desk import OFFICER
from tests.support.phones import APP, SCOPE, Phone, phone_of

CLERK = replace(OFFICER, rights=frozenset({("*", "decide")}))
LATER = "con đường về quê qua hai cây cầu"


def test_from_the_apps_registration_to_a_forgotten_password(everywhere: App) -> None:
    """Items 36 to 40, 42 to 44, 58, 63 and 66 of the guides."""
    app = everywhere
    reference = RegisteringApp(app).register()
    declaration = app.provider.stores.declarations.find_by_reference(reference.replace("-", ""))
    assert declaration
    code = declaration.form.code

    app.provider.registration.decisions.approve(declaration, CLERK)
    assert (_status(app, reference)["state"], declaration.state) == ("approved", "submitted")
    browser = app.visitor()
    assert page_of(set_first(browser, proved(app, browser, link_of(app)))) == "activated"

    app.client("app", secret=None, **APP)
    phone = phone_of(app)
    log_in(phone, code, NEW)
    app.clock.move(61)  # until another code may be sent
    assert phone.enrol().status_code == 201
    assert phone.state()["state"] == "active"

    app.clock.move(61)
    email = FIELDS["email"]
    asked = browser.get("/recover", query_string={"way": "email"})
    fields = {"way": "email", "kind": "individual", "username": code, "fact": email, "captcha": "00000"}
    browser.post("/recover", data=fields | {"captcha_id": field(asked, "captcha_id")})
    links = [m.facts["url"] for m in app.told("email") if m.template == "recovery_link"]
    page = follow(browser, browser.get(links[-1].removeprefix(app.settings.issuer)))
    done = browser.post("/recover/password", data={"ticket": field(page, "ticket"), "password": LATER, "again": LATER})
    assert page_of(done) == "recovered"
    assert phone.state()["state"] == "ended"
    app.clock.move(1)
    log_in(phone_of(app), code, LATER)


def log_in(phone: Phone, code: str, password: str) -> None:
    """Log in by the browser of the phone and keep the tokens."""
    asked = phone.visitor.authorize(client_id=phone.client_id, scope=SCOPE, dpop_jkt=phone.key.jkt)
    answer = phone.visitor.log_in(asked, code, password)
    phone.took(answer)


def _status(app: App, reference: str) -> dict[str, Any]:
    asking = RegisteringApp(app)
    return dict(asking.post("/status", {"reference": reference, "phone": FIELDS["phone"]}).json or {})
