"""`idp clients load`: a file of clients, all of them or none, and secrets that are made for those without one."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from idp.oidc.clients import Client
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.app import App

GOOD: dict[str, Any] = {"client_id": "good-portal", "redirect_uris": ["https://p.test/cb"]}
SECRET = "a secret of the file that is long enough"


def loaded(operator: Operator, records: list[dict[str, Any]], *more: str) -> Any:  # noqa: F811
    Path("clients.json").write_text(json.dumps(records))
    return operator.run("clients", "load", "clients.json", "--reason", "r", *more)


def registered(operator: Operator) -> list[str]:  # noqa: F811
    return [each["client_id"] for each in operator.json("clients", "list")]


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": ["http://p.test/cb"]}, "redirect URI refused"),
    ({"frontchannel_logout_uri": "https://p.test/", "logo": 1}, "unknown member frontchannel_logout_uri, logo"),
    ({"client_secret": "short"}, "client_secret needs 32 characters"),
    ({"client_secret": 7}, "client_secret needs 32 characters"),
    ({"response_types": ["id_token"]}, "response_types may be code alone"),
    ({"client_id": "good-portal"}, "client_id is given twice"),
    ({"id_token_signed_response_alg": "PS256"}, "no PS256 key signs"),
    ({"client_id": 7}, "client_id must be a text"),
    ({"exchange_from": ["good-portal"]}, "exchange_from needs the grant type"),
    ({"exchange_to": ["good-portal"]}, "unknown member exchange_to"),
]


@pytest.mark.parametrize(("fault", "complaint"), FAULTS, ids=[complaint for _, complaint in FAULTS])
def test_one_faulty_entry_and_nothing_is_registered(operator: Operator, fault: dict[str, Any], complaint: str) -> None:  # noqa: F811
    done = loaded(operator, [GOOD, GOOD | {"client_id": "other-portal"} | fault], "--json")

    assert done.exit_code == 1
    assert "client 2 (" in done.output
    assert complaint in done.output
    assert registered(operator) == ["portal"]
    assert "client.added" not in operator.does("audit", "tail")


def test_a_database_that_ends_in_between_has_nothing_of_the_file(everywhere: App) -> None:
    portal = everywhere.base.clients.find("portal")
    assert portal

    def ends_at_the_second(connection: Connection, client: Client) -> None:
        if client.client_id == "second":
            raise ConnectionError

    pair = [replace(portal, client_id="first"), replace(portal, client_id="second")]
    with pytest.raises(ConnectionError):
        everywhere.base.clients.put_all(pair, everywhere.clock(), ends_at_the_second)

    assert [each.client_id for each in everywhere.base.clients.load_all()] == ["portal"]


def test_every_fault_of_every_entry_is_listed(operator: Operator) -> None:  # noqa: F811
    records = [GOOD | {"client_id": f"portal-{number}", "scope": "root", "logo": 1} for number in (1, 2)]
    done = loaded(operator, records, "--json")

    for named in ("client 1 (portal-1): ", "client 2 (portal-2): "):
        assert f"{named}unknown member logo" in done.output
        assert f"{named}scope may hold" in done.output


def test_secrets_that_are_made_go_into_a_file_for_the_owner_alone(operator: Operator) -> None:  # noqa: F811
    records = [GOOD, GOOD | {"client_id": "own-secret", "client_secret": SECRET}]
    done = loaded(operator, records, "--secrets-out", "made.json")

    assert done.exit_code == 0, done.output
    made = json.loads(Path("made.json").read_text())
    assert [each["client_id"] for each in made] == ["good-portal"]
    assert len(made[0]["client_secret"]) == 43
    assert made[0]["client_secret"] not in done.output
    assert stat.S_IMODE(Path("made.json").stat().st_mode) == 0o600


def test_without_a_place_for_secrets_none_is_made(operator: Operator) -> None:  # noqa: F811
    refused = loaded(operator, [GOOD])
    assert (refused.exit_code, registered(operator)) == (1, ["portal"])
    assert "--secrets-out" in refused.output
    Path("there.json").write_text("mine")
    assert loaded(operator, [GOOD], "--secrets-out", "there.json").exit_code == 1
    assert (Path("there.json").read_text(), registered(operator)) == ("mine", ["portal"])

    made = json.loads(loaded(operator, [GOOD], "--json").stdout)
    assert [each["client_id"] for each in made["secrets"]] == ["good-portal"]


def test_loading_again_keeps_the_secret_that_was_made(operator: Operator) -> None:  # noqa: F811
    loaded(operator, [GOOD], "--json")
    before = operator.json("clients", "show", "good-portal")["secrets"]
    again = json.loads(loaded(operator, [GOOD | {"scope": "openid profile"}], "--json").stdout)

    assert again == {"registered": 1, "secrets": []}
    after = operator.json("clients", "show", "good-portal")
    assert (after["scope"], after["secrets"]) == ("openid profile", before)
