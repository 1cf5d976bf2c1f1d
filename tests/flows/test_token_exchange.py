"""A gateway behind a portal gets a token of its own for the person, by the command and the request of the document."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from idp.oidc.clients import TOKEN_EXCHANGE
from idp.oidc.token_exchange import MOST_ACTORS, TOKEN_TYPE
from tests.attacks.test_tokens import parts
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.app import SECRET, App
from tests.support.token_exchange import API, exchange, exchanged, exchanger

PAGE = (Path(__file__).parents[2] / "docs" / "portals" / "token-exchange.md").read_text(encoding="utf-8")


def claims_of(token: str) -> dict[str, Any]:
    return dict(parts(token)[1])


def test_a_gateway_gets_a_token_of_its_own_for_the_person(everywhere: App) -> None:
    exchanger(everywhere)
    person = everywhere.visitor()
    subject = person.tokens(scope="openid profile email phone offline_access")["access_token"]

    answer = exchange(person, subject, scope="openid email", resource=API)

    told = dict(answer.json or {})
    token = told.pop("access_token")
    assert told == {
        "issued_token_type": TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "openid email",
    }
    before, now = claims_of(subject), claims_of(token)
    assert (now["client_id"], now["aud"], now["act"]) == ("gateway", API, {"sub": "gateway"})
    assert now["sub"] != before["sub"], "pairwise: each client knows the person by its own name"
    same = ("iss", "acr", "amr", "auth_time", "sid", "exp")
    assert {name: now[name] for name in same} == {name: before[name] for name in same}


def test_a_service_is_told_who_acts_by_introspection_as_by_the_token(app: App) -> None:
    exchanger(app)
    app.client("records", serves=[API])
    person = app.visitor()
    token = exchanged(person, person.tokens()["access_token"], resource=API)

    told = person.introspect(token, "records")

    assert (told["active"], told["client_id"], told["aud"]) == (True, "gateway", API)
    assert told["act"] == claims_of(token)["act"] == {"sub": "gateway"}
    assert "act" not in person.introspect(person.tokens()["access_token"])


def test_without_a_target_the_token_is_for_userinfo(app: App) -> None:
    exchanger(app)
    person = app.visitor()
    token = exchanged(person, person.tokens(scope="openid profile phone")["access_token"])

    told = person.userinfo(token).json

    assert told["name"] == "Nguyễn Thị Hoà"
    assert told["sub"] == claims_of(token)["sub"]
    assert "phone_number" not in told


def test_each_client_on_the_way_is_told(app: App) -> None:
    """RFC 8693, 4.1: the newest outermost; the client that the person logged in to acts for nobody."""
    person, owner = app.visitor(), "portal"
    token = person.tokens(scope="openid profile")["access_token"]
    for number in range(MOST_ACTORS):
        client = exchanger(app, f"link-{number}", exchange_from=[owner])
        token, owner = exchanged(person, token, client), client

    assert claims_of(token)["act"] == person.introspect(token, "link-3")["act"]
    assert json.dumps(claims_of(token)["act"]).count("sub") == MOST_ACTORS
    assert claims_of(token)["act"]["act"]["act"] == {"sub": "link-1", "act": {"sub": "link-0"}}
    exchanger(app, "one-more", exchange_from=[owner])
    refused = exchange(person, token, "one-more")
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")
    assert "4 times" in refused.json["error_description"]


def test_an_exchange_is_on_record_with_whose_token_it_was(app: App) -> None:
    """Also of a client whose id looks like a secret or a number."""
    owner = app.client("c-1234567890abcdef-of-a-province-far-away")
    exchanger(app, exchange_from=[owner])
    person = app.visitor()
    exchanged(person, person.redeem(person.code(client_id=owner), owner).json["access_token"])

    row = app.base.trail.tail(1)[0]
    assert (row["name"], row["client_id"], json.loads(row["facts"])) == (
        "token.exchanged",
        "gateway",
        {"owner": owner},
    )
    assert row["subject"] == app.base.audit.subject(app.base.people.find_by_identifier("bhxh", "0000000001").id)


def test_the_operator_allows_a_pair_as_the_document_says(operator: Operator) -> None:  # noqa: F811
    command = re.search(r"```sh\nidp (clients add .*?)```", PAGE, re.DOTALL)
    assert command
    words = re.findall(r'"([^"]*)"|(\S+)', command[1].replace("\\\n", " ").replace("c-0123456789abcdef", "portal"))
    added = json.loads(operator.does(*(quoted or plain for quoted, plain in words)))

    shown = operator.json("clients", "show", added["client_id"])
    assert (shown["grant_types"], shown["exchange_from"]) == ([TOKEN_EXCHANGE], ["portal"])
    looked = operator.json("clients", "check", added["client_id"])
    assert {"part": "token exchange", "state": "good", "detail": "from portal, at most openid profile"} in looked
    operator.does("clients", "edit", added["client_id"], "--exchange-from", "nobody-there", "--reason", "r")
    assert "nobody-there: no such client" in operator.run("clients", "check", added["client_id"]).output
    assert f"client {added['client_id']} still has it" not in operator.does(
        "clients", "remove", "portal", "--reason", "r"
    )


def test_who_still_names_a_removed_client_is_told(operator: Operator) -> None:  # noqa: F811
    added = ("--client-id", "gateway", "--grant-type", TOKEN_EXCHANGE, "--exchange-from", "portal", "--reason", "r")
    operator.does("clients", "add", "Cổng kết nối", *added)

    assert "client gateway still has it in exchange_from" in operator.does(
        "clients", "remove", "portal", "--reason", "r"
    )


def test_the_request_of_the_document_is_answered_as_it_says(app: App) -> None:
    exchanger(app, scope="openid profile", resource=["https://ho-so.example.vn/"])
    person = app.visitor()
    subject = person.tokens(scope="openid profile bhxh")["access_token"]
    shown = re.search(r"```\n(grant_type=.*?)```\n.*?```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    form = dict(parse_qsl(shown[1].replace("\n", "")))
    assert form.pop("subject_token") == "eyJ…"

    answer = person.post("/token", form | {"subject_token": subject}, auth=("gateway", SECRET))

    documented = json.loads(shown[2])
    assert answer.status_code == 200, answer.text
    assert answer.json | {"access_token": "eyJ…"} == documented


def test_the_claims_of_the_document_are_those_of_a_token(app: App) -> None:
    exchanger(app)
    exchanger(app, "records", exchange_from=["gateway"])
    person = app.visitor()
    first = exchanged(person, person.tokens(scope="openid profile")["access_token"])
    shown = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]

    claims = claims_of(exchanged(person, first, "records"))
    assert {name: claims[name] for name in ("client_id", "act")} == json.loads(shown)
