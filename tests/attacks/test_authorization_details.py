"""Authorization details (RFC 9396): nobody gets more of a record than its person read and agreed to, at no place."""

import json
from dataclasses import replace
from typing import Any

import pytest

from idp.oidc.authorization_details import LONGEST, MOST
from idp.oidc.clients import DEVICE_CODE
from idp.oidc.registration import BadClient, read_client
from tests.attacks.test_tokens import parts
from tests.flows.test_account_page import signed_in
from tests.support.app import REDIRECT, SECRET, App, Visitor, answer_of, attempt_of
from tests.support.details import TYPE, agree, allowed, detail, details, granted
from tests.support.device_grant import device
from tests.support.pushed import go, push, pushed
from tests.support.request_objects import KEY, request_object, send

ERROR = "invalid_authorization_details"
GOOD = details((2015, 2020))
OTHERS_CODE = "0000000002"
NEXT_YEAR = 2027

MALFORMED = [
    *(
        "",
        "x",
        "null",
        "7",
        "{}",
        "[]",
        "[null]",
        "[7]",
        "[[]]",
        '["bhxh_record_access"]',
        json.dumps(detail(2015, 2020)),
    ),
    *(GOOD + "x", GOOD[:-1], GOOD + GOOD, "[NaN]", "[Infinity]", "[" * 1000, "[" * 900 + "]" * 900, '{"a":' * 300),
    '[{"type":"bhxh_record_access","person":"self","from_year":2015,"to_year":2020,"to_year":2016}]',
    '[{"type":"other","type":"bhxh_record_access","person":"self","from_year":2015,"to_year":2020}]',
    json.dumps([detail(2015, 2020, type=f"{TYPE}\0")]),
    json.dumps([detail(2015, 2020, person="self\0")]),
    json.dumps([detail(2015, 2020)] * (MOST + 1)),
    GOOD + " " * LONGEST,
]
WRONG: list[dict[str, Any]] = [
    *({"type": None}, {"type": ""}, {"type": 7}, {"type": [TYPE]}, {"type": {}}, {"type": TYPE.upper()}, {"type": "x"}),
    *(
        {"person": None},
        {"person": ""},
        {"person": 7},
        {"person": ["self"]},
        {"person": {"self": 1}},
        {"person": "Self"},
    ),
    # Whoever that is: a child, or the person themselves by their number.
    *({"person": OTHERS_CODE}, {"person": "0000000001"}, {"person": "child"}),
    *({"from_year": None}, {"to_year": None}, {"from_year": "2015"}, {"from_year": 2015.0}, {"to_year": True}),
    *({"from_year": []}, {"to_year": {}}, {"from_year": -2015}, {"to_year": 10**40}, {"to_year": 1e300}),
    *({"from_year": 2021}, {"from_year": 1994}, {"from_year": 0}, {"to_year": NEXT_YEAR}, {"to_year": 2014}),
    *({"locations": ["https://a.test"]}, {"actions": ["write"]}, {"bhxh_code": OTHERS_CODE}, {"": ""}),
]


@pytest.fixture
def visitor(app: App) -> Visitor:
    """A browser with a live session; the portal `records` may ask for details, and has a key to sign with."""
    allowed(app, jwks={"keys": [KEY.as_dict(private=False)]})
    app.client("portal")
    return signed_in(app)


def change(app: App, **members: Any) -> None:
    """The operator changes the client `records`."""
    client = app.provider.oidc.clients.find("records")
    assert client
    app.base.clients.put(replace(client, **members), app.clock())
    app.clock.move(5)


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:40])
def test_what_is_no_list_of_details_is_refused(visitor: Visitor, text: str) -> None:
    """RFC 9396, 5: sent back, or said at `/par`; no page of ours, nothing kept."""
    if len(text) <= LONGEST:
        assert answer_of(visitor.authorize("records", authorization_details=text))["error"] == ERROR
    answer = push(visitor, "records", authorization_details=text)
    assert (answer.status_code, answer.json["error"]) == (400, ERROR if len(text) <= LONGEST else "invalid_request")


@pytest.mark.parametrize("members", WRONG, ids=str)
def test_a_detail_with_anything_wrong_is_refused_at_each_way_to_ask(visitor: Visitor, members: dict[str, Any]) -> None:
    """E-07, RFC 9396, 5: plain, pushed and signed, as a list or as a text; also as one of several."""
    wrong = [detail(2015, 2020), detail(2015, 2020) | members]
    wrong[1] = {name: value for name, value in wrong[1].items() if value is not None}

    assert answer_of(visitor.authorize("records", authorization_details=json.dumps(wrong)))["error"] == ERROR
    answer = push(visitor, "records", authorization_details=json.dumps(wrong))
    assert (answer.status_code, answer.json["error"]) == (400, ERROR)
    for inside in (wrong, json.dumps(wrong)):
        signed = request_object(visitor.app, "records", authorization_details=inside)
        assert answer_of(send(visitor, signed, "records"))["error"] == ERROR


def test_an_error_says_what_to_do_and_nothing_that_was_sent(visitor: Visitor) -> None:
    text = json.dumps([detail(2015, 2020, person=OTHERS_CODE)])
    answer = answer_of(visitor.authorize("records", authorization_details=text))

    assert answer["error_description"] == "'person' may be self: people give out their own record, and no other."
    assert OTHERS_CODE not in str(answer)


def test_a_bare_nul_or_a_second_parameter_is_refused_before(visitor: Visitor) -> None:
    assert visitor.get("/authorize?client_id=records&authorization_details=%00").status_code == 400
    assert push(visitor, "records", authorization_details=[GOOD, GOOD]).json["error"] == "invalid_request"


def test_this_year_may_be_asked_for_and_the_next_one_when_it_has_come(visitor: Visitor) -> None:
    """As it is in Việt Nam: 17:00 UTC on the last day of the year is the next one there."""
    app = visitor.app
    this_year = json.dumps([detail(NEXT_YEAR - 1, NEXT_YEAR - 1)])
    next_year = json.dumps([detail(NEXT_YEAR, NEXT_YEAR)])
    assert "/consent?" in visitor.authorize("records", authorization_details=this_year).headers["Location"]

    app.clock.now = 1798736399.0
    assert answer_of(visitor.authorize("records", authorization_details=next_year))["error"] == ERROR
    app.clock.move(1)
    assert "/login?" in visitor.authorize("records", authorization_details=next_year).headers["Location"]


def test_a_type_is_for_the_clients_that_have_it(visitor: Visitor) -> None:
    """RFC 9396, 10: the same request, of a portal that was not registered for it."""
    assert answer_of(visitor.authorize("portal", authorization_details=GOOD))["error"] == ERROR
    assert push(visitor, "portal", authorization_details=GOOD).json["error"] == ERROR


@pytest.mark.parametrize("types", [["payment_initiation"], [TYPE, "x"], [""], TYPE, [7], {TYPE: 1}])
def test_no_other_type_can_be_registered(types: Any) -> None:
    metadata = {"client_id": "new", "redirect_uris": [REDIRECT], "authorization_details_types": types}
    with pytest.raises(BadClient, match="authorization_details_types"):
        read_client(metadata, secret_digest="x")


def test_a_type_needs_the_code_flow() -> None:
    metadata = {"client_id": "new", "grant_types": ["client_credentials"], "authorization_details_types": [TYPE]}
    with pytest.raises(BadClient, match="authorization_code"):
        read_client(metadata, secret_digest="x")


def test_what_stands_beside_a_pushed_or_signed_request_counts_for_nothing(visitor: Visitor) -> None:
    """RFC 9101, 6.3: neither more years, nor any at all."""
    wide, app = details((1995, 2026)), visitor.app
    name = pushed(visitor, "records", authorization_details=GOOD)
    code = agree(visitor, go(visitor, name, "records", authorization_details=wide))
    assert visitor.redeem(code, "records").json["authorization_details"] == [detail(2015, 2020)]
    signed = request_object(app, "records", authorization_details=[detail(2015, 2020)])
    code = answer_of(send(visitor, signed, "records", authorization_details=wide))["code"]
    assert visitor.redeem(code, "records").json["authorization_details"] == [detail(2015, 2020)]

    name = pushed(visitor, "records")
    without = answer_of(go(visitor, name, "records", authorization_details=wide))["code"]
    assert "authorization_details" not in visitor.redeem(without, "records").json
    signed = request_object(app, "records")
    without = answer_of(send(visitor, signed, "records", authorization_details=wide))["code"]
    assert "authorization_details" not in visitor.redeem(without, "records").json


def test_a_type_that_is_taken_from_the_client_between_push_and_consent_is_gone(visitor: Visitor) -> None:
    """E-06: the request is judged anew when it is used, when the page is shown, and when it is answered."""
    name = pushed(visitor, "records", authorization_details=GOOD)
    asked = visitor.authorize("records", authorization_details=GOOD)
    form = {"attempt": attempt_of(asked), "agree": "1", "consent-allow": ""}
    late = visitor.authorize("records", authorization_details=GOOD)
    agreed = visitor.post("/consent", data=form | {"attempt": attempt_of(late)})
    change(visitor.app, authorization_details_types=())

    assert answer_of(go(visitor, name, "records"))["error"] == ERROR
    for page in (visitor.get(asked.headers["Location"]), visitor.post("/consent", data=form)):
        assert (page.status_code, "Location" in page.headers) == (400, False)
    assert answer_of(visitor.get(agreed.headers["Location"]))["error"] == ERROR


def test_a_type_that_is_taken_from_the_client_ends_what_was_issued(visitor: Visitor) -> None:
    """The gate asks at every use; when the client has the type again, so have its tokens."""
    tokens = granted(visitor, (2015, 2020))
    code = answer_of(visitor.authorize("records", authorization_details=GOOD))["code"]
    change(visitor.app, authorization_details_types=())

    assert visitor.redeem(code, "records").json["error"] == "invalid_grant"
    assert visitor.refresh(tokens["refresh_token"], "records").json["error"] == "invalid_grant"
    assert visitor.introspect(tokens["access_token"], "records") == {"active": False}
    assert visitor.introspect(tokens["refresh_token"], "records") == {"active": False}
    assert visitor.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.parametrize(
    "more",
    [
        details((2014, 2020)),
        details((2015, 2021)),
        details((2016, 2017), (1999, 1999)),
        details((1995, 2026)),
        json.dumps([detail(2016, 2017, person=OTHERS_CODE)]),
        json.dumps([detail(2016, 2017, type="payment_initiation")]),
        "[]",
        "{",
    ],
)
def test_a_token_request_gets_no_more_than_was_granted(visitor: Visitor, more: str) -> None:
    """E-08, RFC 9396, 6: the refresh token is not spent by that, and a code is, as by any other wrong try."""
    refresh_token = granted(visitor, (2015, 2020))["refresh_token"]
    code = answer_of(visitor.authorize("records", authorization_details=GOOD))["code"]

    for answer in (
        visitor.redeem(code, "records", authorization_details=more),
        visitor.refresh(refresh_token, "records", authorization_details=more),
    ):
        assert (answer.status_code, answer.json["error"]) == (400, ERROR)
    assert visitor.redeem(code, "records").json["error"] == "invalid_grant"
    again = visitor.refresh(refresh_token, "records")
    assert again.json["authorization_details"] == [detail(2015, 2020)]


def test_a_grant_without_details_gets_none_later(visitor: Visitor) -> None:
    """Also of a client that the person agreed to show them at another login."""
    granted(visitor, (2015, 2020))
    code = visitor.code(client_id="records", scope="openid offline_access")
    refused = visitor.redeem(code, "records", authorization_details=GOOD)
    assert refused.json["error"] == ERROR

    code = visitor.code(client_id="records", scope="openid offline_access")
    tokens = visitor.redeem(code, "records").json
    assert "authorization_details" not in parts(tokens["access_token"])[1]
    assert visitor.refresh(tokens["refresh_token"], "records", authorization_details=GOOD).json["error"] == ERROR


def test_no_years_are_granted_without_a_person_at_the_page(app: App) -> None:
    """Neither to a client in its own name, nor to a device whose code somebody else may have typed."""
    grants = ["authorization_code", "client_credentials", DEVICE_CODE]
    allowed(app, grant_types=grants, scope="openid reports.read")
    visitor = app.visitor()

    own = visitor.token("records", SECRET, grant_type="client_credentials", authorization_details=GOOD)
    assert (own.status_code, own.json["error"]) == (400, ERROR)
    form = {"scope": "openid", "authorization_details": GOOD}
    begun = visitor.post("/device_authorization", form, auth=("records", SECRET))
    assert (begun.status_code, begun.json["error"]) == (400, ERROR)
    assert device(app, "records", scope="openid").user_code


def test_the_form_of_the_page_changes_nothing(visitor: Visitor) -> None:
    asked = visitor.authorize("records", authorization_details=GOOD)
    form = {
        "attempt": attempt_of(asked),
        "agree": "1",
        "consent-allow": "",
        "authorization_details": details((1995, 2026)),
    }
    code = answer_of(visitor.get(visitor.post("/consent", data=form).headers["Location"]))["code"]

    assert visitor.redeem(code, "records").json["authorization_details"] == [detail(2015, 2020)]


def test_one_person_agrees_for_themselves_and_for_one_portal(visitor: Visitor) -> None:
    granted(visitor, (2015, 2020))
    app = visitor.app
    app.person(OTHERS_CODE)
    allowed(app, "other")
    other = app.visitor("198.51.100.3")
    other.code(OTHERS_CODE)

    for browser, portal in ((other, "records"), (visitor, "other")):
        refused = answer_of(browser.authorize(portal, prompt="none", authorization_details=GOOD))
        assert refused["error"] == "consent_required"


def test_an_organisation_has_no_record_to_show(visitor: Visitor) -> None:
    app = visitor.app
    app.person(kind="organisation", identifiers={"unit": "TZ0001Z", "tax": "0100109106"})
    browser = app.visitor("198.51.100.3")
    begun = browser.authorize("records", authorization_details=GOOD)
    fields = browser.login_form(attempt_of(begun), "TZ0001Z") | {"kind": "organisation"}
    back = browser.post("/login", data=fields)

    assert answer_of(browser.get(back.headers["Location"]))["error"] == "access_denied"
    assert (
        answer_of(browser.authorize("records", authorization_details=GOOD, prompt="none"))["error"] == "login_required"
    )
    assert "/login?" in browser.authorize("records", authorization_details=GOOD, prompt="login").headers["Location"]
