"""Rich authorization requests (RFC 9396): years of a record are asked for, read in words, granted, told, taken back."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.attacks.test_tokens import parts
from tests.flows.test_account_page import csrf, signed_in
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.app import SECRET, App, Visitor, answer_of, attempt_of
from tests.support.details import TYPE, agree, allowed, detail, details, granted
from tests.support.device_grant import device, let_in

PAGE = (Path(__file__).parents[2] / "docs" / "portals" / "authorization-details.md").read_text(encoding="utf-8")
IN_WORDS = "Xem quá trình đóng BHXH của bạn, từ năm 2015 đến năm 2020"


@pytest.fixture
def visitor(everywhere: App) -> Visitor:
    """A browser with a live session; the portal `records` may ask for details."""
    allowed(everywhere)
    return signed_in(everywhere)


def page_of(visitor: Visitor, *years: tuple[int, int], client_id: str = "records") -> str:
    asked = visitor.authorize(client_id, authorization_details=details(*years))
    return visitor.get(asked.headers["Location"]).text


def test_a_person_agrees_to_years_of_their_record_and_the_token_carries_them(visitor: Visitor) -> None:
    """RFC 9396, 7 and 9: in the answer, the access token, and at introspection of both tokens; not in the ID token."""
    tokens = granted(visitor, (2015, 2020))
    carried = [detail(2015, 2020)]

    assert tokens["authorization_details"] == carried
    assert parts(tokens["access_token"])[1]["authorization_details"] == carried
    assert visitor.introspect(tokens["access_token"], "records")["authorization_details"] == carried
    assert visitor.introspect(tokens["refresh_token"], "records")["authorization_details"] == carried
    assert "authorization_details" not in parts(tokens["id_token"])[1]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert visitor.get("/testing/resource", headers=bearer).json["authorization_details"] == carried


def test_the_page_says_it_in_words_in_both_languages(visitor: Visitor) -> None:
    page = page_of(visitor, (2015, 2020), (2003, 2003))
    assert IN_WORDS in page
    assert "Xem quá trình đóng BHXH của bạn trong năm 2003" in page

    visitor.get("/account?lang=en")
    page = page_of(visitor, (2015, 2020), (2003, 2003))
    assert "See your record of social insurance contributions for the years 2015 to 2020" in page
    assert "See your record of social insurance contributions for the year 2003" in page


def test_years_that_meet_or_overlap_are_one_range(visitor: Visitor) -> None:
    """So a person reads one sentence, whatever a portal makes of it."""
    tokens = granted(visitor, (2018, 2020), (2003, 2003), (2015, 2017), (2016, 2019))

    assert tokens["authorization_details"] == [detail(2003, 2003), detail(2015, 2020)]


def test_our_own_clients_ask_too_and_once_for_the_same_years(visitor: Visitor) -> None:
    granted(visitor, (2015, 2020))
    ask = {"client_id": "records", "prompt": "none"}

    for same in (details((2015, 2020)), details((2016, 2017)), details((2015, 2015), (2020, 2020))):
        assert "code" in answer_of(visitor.authorize(**ask, authorization_details=same))
    for other in (details((2014, 2020)), details((2015, 2021)), details((2016, 2016), (1999, 1999))):
        refused = answer_of(visitor.authorize(**ask, authorization_details=other))
        assert (refused["error"], refused["error_description"]) == ("consent_required", "details_not_granted")
    assert "code" in answer_of(visitor.authorize(**ask))


def test_what_was_agreed_before_goes_on(visitor: Visitor) -> None:
    """A narrower or another consent, with or without details, cuts nothing off; the gaps between are not filled."""
    first = granted(visitor, (2000, 2001))
    agree(visitor, visitor.authorize("records", prompt="consent"))
    second = granted(visitor, (2003, 2004))

    for tokens in (first, second):
        assert visitor.introspect(tokens["access_token"], "records")["active"]
        assert visitor.refresh(tokens["refresh_token"], "records").status_code == 200
    gap = visitor.authorize("records", prompt="none", authorization_details=details((2000, 2004)))
    assert answer_of(gap)["error"] == "consent_required"
    assert "code" in answer_of(
        visitor.authorize("records", prompt="none", authorization_details=details((2004, 2004), (2000, 2000)))
    )


def test_consent_at_a_device_leaves_the_years(everywhere: App) -> None:
    grants = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
    allowed(everywhere, first_party=False, grant_types=grants)
    visitor = signed_in(everywhere)
    tokens = granted(visitor, (2015, 2020), scope="openid")
    screen = device(everywhere, "records", scope="openid profile")
    let_in(visitor, screen.user_code)

    assert "authorization_details" not in screen.poll().json
    assert visitor.introspect(tokens["access_token"], "records")["authorization_details"] == [detail(2015, 2020)]


def test_a_refresh_keeps_the_years_and_may_ask_for_fewer_for_one_token(visitor: Visitor) -> None:
    """RFC 9396, 6: the refresh token stands for all of them."""
    tokens = granted(visitor, (2015, 2020))
    fewer = visitor.refresh(tokens["refresh_token"], "records", authorization_details=details((2016, 2017))).json
    assert fewer["authorization_details"] == [detail(2016, 2017)]
    assert parts(fewer["access_token"])[1]["authorization_details"] == [detail(2016, 2017)]

    again = visitor.refresh(fewer["refresh_token"], "records").json
    assert again["authorization_details"] == [detail(2015, 2020)]


def test_the_first_token_may_be_for_fewer_years_too(visitor: Visitor) -> None:
    asked = {"scope": "openid offline_access", "authorization_details": details((2015, 2020))}
    code = agree(visitor, visitor.authorize("records", **asked))
    first = visitor.redeem(code, "records", authorization_details=details((2015, 2015))).json

    assert first["authorization_details"] == [detail(2015, 2015)]
    assert visitor.refresh(first["refresh_token"], "records").json["authorization_details"] == [detail(2015, 2020)]


def test_the_person_refuses(visitor: Visitor) -> None:
    asked = visitor.authorize("records", authorization_details=details((2015, 2020)))
    answer = answer_of(visitor.post("/consent", data={"attempt": attempt_of(asked), "consent-deny": ""}))

    assert answer["error"] == "access_denied"
    page = visitor.get("/account").text
    assert IN_WORDS not in page


def test_the_person_sees_the_years_and_takes_them_back(visitor: Visitor) -> None:
    """C-05: code, access token and refresh token end, also of our own client, which goes on without details."""
    tokens = granted(visitor, (2015, 2020))
    asked = {"client_id": "records", "prompt": "none", "authorization_details": details((2015, 2020))}
    code = answer_of(visitor.authorize(**asked))["code"]
    page = visitor.get("/account").text
    assert IN_WORDS in page

    visitor.post("/account/withdraw", data={"csrf": csrf(page), "client_id": "records"})

    assert IN_WORDS not in visitor.get("/account").text
    assert visitor.introspect(tokens["access_token"], "records") == {"active": False}
    assert visitor.refresh(tokens["refresh_token"], "records").json["error"] == "invalid_grant"
    assert visitor.redeem(code, "records").json["error"] == "invalid_grant"
    assert answer_of(visitor.authorize(**asked))["error"] == "consent_required"
    assert "code" in answer_of(visitor.authorize("records", prompt="none"))


def test_a_new_consent_after_that_brings_nothing_back(visitor: Visitor) -> None:
    tokens = granted(visitor, (2015, 2020), scope="openid")
    page = visitor.get("/account").text
    visitor.post("/account/withdraw", data={"csrf": csrf(page), "client_id": "records"})
    granted(visitor, (2003, 2003))

    assert visitor.introspect(tokens["access_token"], "records") == {"active": False}
    assert IN_WORDS not in visitor.get("/account").text


def test_the_trail_and_the_own_copy_have_what_was_agreed(visitor: Visitor) -> None:
    granted(visitor, (2015, 2020))
    account = visitor.app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    happened = visitor.app.provider.stores.history.of_account(account.id, limit=10)
    facts = next(h.facts for h in happened if h.name == "consent.given")

    assert json.loads(str(facts["authorization_details"])) == [detail(2015, 2020)]
    copy = visitor.app.provider.stores.own_copies.of_account(account.id)
    assert copy["consents"][0]["authorization_details"] == [detail(2015, 2020)]


def test_a_service_of_the_audience_reads_them(everywhere: App) -> None:
    """RFC 9396, 9.2"""
    allowed(everywhere, resource=["https://records.example.test/"])
    everywhere.client(
        "api",
        SECRET,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="x",
        serves=["https://records.example.test/"],
    )
    visitor = signed_in(everywhere)
    asked = visitor.authorize(
        "records", resource="https://records.example.test/", authorization_details=details((2015, 2020))
    )
    token = visitor.redeem(agree(visitor, asked), "records").json["access_token"]

    assert visitor.introspect(token, "api")["authorization_details"] == [detail(2015, 2020)]


def test_the_page_for_portals_is_true(everywhere: App) -> None:
    """Its command is typed elsewhere; what it asks is asked, and what it says comes back comes back."""
    asked, told = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    allowed(everywhere)
    visitor = signed_in(everywhere)
    begun = visitor.authorize("records", authorization_details=asked)
    page = visitor.get(begun.headers["Location"]).text
    answer = visitor.redeem(agree(visitor, begun), "records").json

    assert f"<li>{re.search('^> (.*)$', PAGE, re.MULTILINE)[1]}</li>" in page  # type: ignore[index]
    assert json.loads(told).items() <= answer.items()


def test_operators_give_the_type_and_take_it_away(operator: Operator) -> None:  # noqa: F811
    """The command of the page, `edit` and `load`."""
    command = re.search(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
    assert command
    operator.does(*shlex.split(command[1].replace("\\\n", ""))[1:])
    facts = operator.json("clients", "show", "cong-a")
    assert facts["authorization_details_types"] == [TYPE]

    operator.does("clients", "edit", "cong-a", "--authorization-details-type", "", "--reason", "r")
    assert operator.json("clients", "show", "cong-a")["authorization_details_types"] == []
    refused = operator.run("clients", "edit", "cong-a", "--authorization-details-type", "other", "--reason", "r")
    assert (refused.exit_code, f"may be {TYPE}" in refused.output) == (1, True), refused.output
    entry = {"client_id": "loaded", "redirect_uris": ["https://p.test/cb"], "authorization_details_types": [TYPE]}
    Path("clients.json").write_text(json.dumps([entry]))
    operator.does("clients", "load", "clients.json", "--reason", "r", "--json")
    assert operator.json("clients", "show", "loaded")["authorization_details_types"] == [TYPE]
