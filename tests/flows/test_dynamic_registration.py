"""A portal registers itself by an invitation, waits for the operator, logs people in, changes and ends its record."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from sqlalchemy import select

from config.container import Container
from config.loading import load
from config.stores import Stores
from idp.oidc.clients import ENCRYPTED
from idp.oidc.requested_metadata import DECIDED, OFFERED
from idp.store import tables as t
from tests.attacks.test_fapi2 import JWKS
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.app import ISSUER, REDIRECT, App, Visitor, answer_of, attempt_of
from tests.support.provider import running_provider
from tests.support.registering import Portal, bearer, invited, portal, register

PAGE = (Path(__file__).parents[2] / "docs/portals/registration.md").read_text(encoding="utf-8")
MANY = ("tls_client_auth_san", *(f"{answer}_encrypted" for answer in ENCRYPTED))
OTHER = "https://portal.example.test/other"


def code(visitor: Visitor, asked: Portal, scope: str = "openid") -> str:
    """A code for the portal; it is no first party, so the person agrees to it."""
    page = visitor.log_in(visitor.authorize(asked.id, scope=scope))
    fields = {"attempt": attempt_of(page), "agree": "1", "consent-allow": ""}
    return answer_of(visitor.get(visitor.post("/consent", data=fields).headers["Location"]))["code"]


def test_a_portal_registers_waits_and_logs_a_person_in(everywhere: App) -> None:
    asked = portal(everywhere)
    assert asked.told["approval"] == "pending"
    assert everywhere.visitor().authorize(asked.id).status_code == 400

    asked.decide()
    visitor = everywhere.visitor()
    tokens = visitor.redeem(code(visitor, asked), asked.id, asked.secret)

    assert tokens.status_code == 200, tokens.text
    assert asked.manage("GET").json["approval"] == "approved"


def test_it_is_told_everything_that_is_registered(app: App) -> None:
    """RFC 7591, 3.2.1"""
    told = portal(app, token_endpoint_auth_method=None, contacts=["it@portal.example.vn"]).told

    assert told == {
        "client_id": told["client_id"],
        "client_id_issued_at": int(app.clock()),
        "client_secret": told["client_secret"],
        "client_secret_expires_at": 0,
        "registration_access_token": told["registration_access_token"],
        "registration_client_uri": f"{ISSUER}/clients?client_id={told['client_id']}",
        "client_name": "Cổng tự đăng ký",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid profile",
        "application_type": "web",
        "subject_type": "pairwise",
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "authorization_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256",
        "approval": "pending",
    }


def test_what_is_read_is_what_was_registered_without_the_secret(everywhere: App) -> None:
    """RFC 7592, 2.1"""
    asked = portal(everywhere)

    answer = asked.manage("GET")

    assert answer.status_code == 200
    assert answer.json == {name: value for name, value in asked.told.items() if name != "client_secret"}


def test_a_portal_with_keys_gets_no_secret(app: App) -> None:
    """As the dynamic plan of the conformance suite registers."""
    told = portal(app, jwks=JWKS, token_endpoint_auth_method="private_key_jwt", contacts=["a@b.test"]).told

    assert (told["jwks"], "client_secret" in told, "client_secret_expires_at" in told) == (JWKS, False, False)


def test_an_invitation_that_is_agreed_beforehand_lets_its_clients_begin(everywhere: App) -> None:
    asked = portal(everywhere, invited(everywhere, approved=True))

    assert asked.told["approval"] == "approved"
    assert code(everywhere.visitor(), asked)


def test_an_approved_client_that_changes_waits_again(everywhere: App) -> None:
    """RFC 7592, 2.2: and an unchanged one goes on; each time its token is another one."""
    asked = portal(everywhere)
    asked.decide()
    first = asked.told["registration_access_token"]

    same = asked.change()
    assert (same.status_code, same.json["approval"], "client_secret" in same.json) == (200, "approved", False)
    assert asked.manage("GET", first).status_code == 401

    assert asked.change(redirect_uris=[REDIRECT, OTHER]).json["approval"] == "pending"
    assert everywhere.visitor().authorize(asked.id).status_code == 400
    asked.decide()
    assert everywhere.visitor().authorize(asked.id, redirect_uri=OTHER).status_code == 303


def test_what_a_change_leaves_out_is_gone_and_secrets_follow_the_method(app: App) -> None:
    asked = portal(app, client_uri="https://portal.example.test/")

    told = asked.change(client_uri=None, token_endpoint_auth_method="none").json
    assert ("client_uri" in told, "client_secret_expires_at" in told) == (False, False)
    told = asked.change(token_endpoint_auth_method="client_secret_post").json
    assert told["client_secret"] != asked.secret
    asked.decide()
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": asked.id}
    answers = [app.visitor().post("/token", form | {"client_secret": s}) for s in (told["client_secret"], asked.secret)]
    assert [answer.status_code for answer in answers] == [400, 401]


def test_a_removed_client_is_gone_with_all_that_it_got(everywhere: App) -> None:
    """RFC 7592, 2.3"""
    token = invited(everywhere, scope="openid offline_access")
    asked = portal(everywhere, token, grant_types=["authorization_code", "refresh_token"])
    asked.decide()
    visitor = everywhere.visitor()
    tokens = visitor.redeem(code(visitor, asked, "openid offline_access"), asked.id, asked.secret).json

    answer = asked.manage("DELETE")

    assert (answer.status_code, answer.data, "Content-Length" in answer.headers) == (204, b"", False)
    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.refresh(tokens["refresh_token"], asked.id, asked.secret).status_code == 401
    assert asked.manage("GET").status_code == 401


def test_every_act_is_on_record(app: App) -> None:
    asked = portal(app)
    asked.change(client_name="Tên khác")
    asked.manage("DELETE")

    rows = events(app, asked.id)
    assert rows == ["client.registered", "client.changed", "client.removed"]


def events(app: App, client_id: str) -> list[str]:
    with app.base.database.autocommit.connect() as connection:
        rows = connection.execute(select(t.audit.c.name).where(t.audit.c.client_id == client_id).order_by(t.audit.c.id))
        return list(rows.scalars())


@contextmanager
def provider() -> Iterator[Container]:
    """The provider of the operator."""
    base = Stores(load())
    yield Container(base)
    base.close()


def test_the_operator_invites_looks_and_agrees(operator: Operator) -> None:  # noqa: F811
    told = operator.json("clients", "invite", "--uses", "2", "--scope", "openid profile", "--reason", "contract 7")
    assert told["initial_access_token"] not in operator.does("clients", "invitations", "--json")
    with provider() as c:
        register_ = c.oidc.dynamic_registration.register
        made = register_(told["initial_access_token"], {"redirect_uris": [REDIRECT]}, "192.0.2.0/24")
    client_id = made.registered.client.client_id
    assert "pending" in operator.does("clients", "list")
    assert "1 of them wait" in operator.run("doctor").output
    assert operator.json("clients", "invitations")[0]["uses_left"] == 1

    seen = operator.json("clients", "show", client_id)
    assert (seen["approval"], seen["disabled"], seen["invitation"]) == ("pending", True, told["id"])
    assert operator.run("clients", "approve", client_id, "0" * 16, "--reason", "r").exit_code == 1
    assert operator.run("clients", "edit", client_id, "--enabled", "--reason", "r").exit_code == 1
    operator.does("clients", "approve", client_id, seen["version"], "--reason", "addresses compared")
    seen = operator.json("clients", "show", client_id)
    assert (seen["approval"], seen["disabled"]) == ("", False)
    assert operator.run("clients", "refuse", client_id, "--reason", "r").exit_code == 1

    operator.does("clients", "uninvite", told["id"], "--reason", "enough")
    assert operator.json("clients", "invitations") == []
    assert operator.run("clients", "uninvite", told["id"], "--reason", "r").exit_code == 1


def test_the_operator_refuses_and_may_think_again(operator: Operator) -> None:  # noqa: F811
    token = operator.json("clients", "invite", "--reason", "r")["initial_access_token"]
    with provider() as c:
        made = c.oidc.dynamic_registration.register(token, {"redirect_uris": [REDIRECT]}, "n")
    client_id = made.registered.client.client_id

    operator.does("clients", "refuse", client_id, "--reason", "nobody knows them")
    seen = operator.json("clients", "show", client_id)
    assert (seen["approval"], seen["disabled"]) == ("refused", True)
    operator.does("clients", "approve", client_id, seen["version"], "--reason", "they came by")
    assert operator.run("clients", "approve", "nobody", "x", "--reason", "r").exit_code == 1
    for scope in ("openid device", "reports", " "):
        assert operator.run("clients", "invite", "--scope", scope, "--reason", "r").exit_code == 1


def test_nobody_registers_without_an_invitation(app: App) -> None:
    answer = app.visitor().post("/clients", json={"redirect_uris": [REDIRECT]}, headers=bearer(""))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert register(app, invited(app)).status_code == 201


def test_the_example_of_the_page_registers(app: App) -> None:
    shown = re.search(r"-d '(\{.*?\})'", PAGE, re.DOTALL)
    assert shown is not None

    told = portal(app, **json.loads(shown[1])).told

    assert told["client_name"] == "Cổng dịch vụ công thử nghiệm"
    for member in set(re.findall(r"^\| `(\w+)`", PAGE.partition("## The operator agrees")[0], re.MULTILINE)):
        assert member in told


def test_the_page_names_every_member() -> None:
    """What may be registered, and what only operators decide."""
    offered, _, rest = PAGE.partition("Others that RFC 7591 knows")
    decided = rest.partition("Ask the operator")[0]

    assert {name for name in OFFERED if f"`{name}`" not in offered and not name.startswith(MANY)} == set()
    assert {name for name in DECIDED - {"client_id", "client_secret"} if f"`{name}`" not in decided} == set()


def test_a_worker_takes_put_and_delete_here_and_nowhere_else(tmp_path: Path) -> None:
    with running_provider(tmp_path, workers=1) as provider:
        told = json.loads(provider.command("clients", "invite", "--reason", "test", "--json"))
        http, kind = urllib3.PoolManager(), {"Content-Type": "application/json"}
        body = json.dumps({"redirect_uris": [REDIRECT]}).encode()
        headers = kind | bearer(told["initial_access_token"])
        made = http.request("POST", told["registration_endpoint"], body=body, headers=headers).json()
        uri, own = made["registration_client_uri"], bearer(made["registration_access_token"])
        changed = json.dumps({"client_id": made["client_id"], "redirect_uris": [OTHER]}).encode()
        after = http.request("PUT", uri, body=changed, headers=kind | own).json()
        gone = http.request("DELETE", uri, headers=bearer(after["registration_access_token"]))

        assert (made["approval"], after["redirect_uris"], gone.status, gone.data) == ("pending", [OTHER], 204, b"")
        assert http.request("DELETE", f"{provider.issuer}/token").status == 405
        assert http.request("GET", uri, headers=own).status == 401
