"""`idp clients check` against a portal that answers: what is right is good, and what is wrong is named."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from idp.oidc.client_check import SKEW, ClientCheck
from idp.oidc.clients import TOKEN_EXCHANGE, Client
from idp.outbound import Outbound
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.ports import free_port

NOW = 1_772_413_200.0
KEY = ECKey.generate_key("P-256")
OTHERS = {
    "shop": Client("shop", "Cổng", scope="openid profile bhxh offline_access"),
    "clock": Client("clock", "Đồng hồ", scope="phone offline_access"),
    "closed": Client("closed", "Đã đóng", disabled=True),
}
GOOD_KEYS = {"keys": [KEY.as_dict(private=False)]}


@dataclass
class Answers:
    """What the portal says; `asked` is what it was sent."""

    status: int = 400
    keys: Any = field(default_factory=lambda: GOOD_KEYS)
    ahead: float = 0.0
    url: str = ""
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def portal(**said: Any) -> Iterator[Answers]:
    answers = Answers(**said)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, json.dumps(answers.keys).encode())

        def do_POST(self) -> None:
            answers.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(answers.status, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Date", formatdate(NOW + answers.ahead, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing of it is worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers.url = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()


def found(**metadata: Any) -> dict[str, tuple[str, str]]:
    client = Client("portal", "Cổng", **{"redirect_uris": ("https://p.test/cb",)} | metadata)
    check = ClientCheck(Outbound(plain_http=True, seconds=1), lambda: NOW, OTHERS.get)
    return {each.part: (each.state, each.detail) for each in check.findings(client)}


def test_a_portal_that_is_as_it_should_be() -> None:
    with portal() as there:
        findings = found(jwks_uri=there.url, backchannel_logout_uri=there.url)

    assert {part: state for part, (state, _) in findings.items()} == dict.fromkeys(
        ("redirect URI", "sector", "jwks_uri", "back-channel logout", "clock"), "good"
    )
    assert there.asked == [b"logout_token=this-is-no-token"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "has to verify"),
        (204, "has to verify"),
        (302, "without a login"),
        (404, "status 404"),
        (500, "status 500"),
    ],
)
def test_a_receiver_of_logouts_has_to_refuse_what_is_no_token(status: int, words: str) -> None:
    with portal(status=status) as there:
        state, detail = found(backchannel_logout_uri=there.url)["back-channel logout"]

    assert state == "wrong"
    assert words in detail


@pytest.mark.parametrize(
    ("owners", "state", "words"),
    [
        (("shop",), "good", "from shop, at most openid bhxh"),
        ((), "wrong", "of nobody"),
        (("nobody",), "wrong", "from nobody: no such client"),
        (("closed",), "wrong", "from closed: no such client, or disabled"),
        (("clock",), "wrong", "from clock: the two have no scope in common"),
    ],
)
def test_whose_tokens_it_may_exchange_is_looked_at(owners: tuple[str, ...], state: str, words: str) -> None:
    told = found(grant_types=(TOKEN_EXCHANGE,), exchange_from=owners, scope="openid bhxh offline_access")

    assert (told["token exchange"][0], words in told["token exchange"][1]) == (state, True), told
    assert "token exchange" not in found()


KEYS: list[tuple[Any, str]] = [
    ([], "no JWK set"),
    ({"keys": []}, "no JWK set"),
    ({"keys": [KEY.as_dict(private=True)]}, "private"),
    ({"keys": [OctKey.generate_key(256).as_dict(private=True)]}, "private or symmetric"),
    ({"keys": [KEY.as_dict(private=False) | {"use": "enc"}]}, "no key that signs"),
    ({"keys": "x"}, "no JWK set"),
]


@pytest.mark.parametrize(("keys", "words"), KEYS)
def test_keys_that_verify_nothing_are_named(keys: Any, words: str) -> None:
    with portal(keys=keys) as there:
        fetched = found(jwks_uri=there.url)["jwks_uri"]

    assert (fetched[0], words in fetched[1]) == ("wrong", True), fetched


@pytest.mark.parametrize(
    ("ahead", "state"), [(SKEW, "good"), (-SKEW, "good"), (SKEW + 1, "wrong"), (-SKEW - 1, "wrong")]
)
def test_a_clock_that_is_off_by_more_than_tokens_allow_is_told(ahead: float, state: str) -> None:
    with portal(ahead=ahead) as there:
        told = found(jwks_uri=there.url)["clock"]

    assert told[0] == state
    assert f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours" in told[1]


def test_who_does_not_answer_is_told_and_the_rest_is_looked_at() -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    findings = found(jwks_uri=nobody, backchannel_logout_uri=nobody, redirect_uris=("http://localhost/cb",))

    assert {part for part, (state, _) in findings.items() if state == "wrong"} == {
        "jwks_uri",
        "back-channel logout",
        "redirect URI",
    }


def test_the_command_ends_with_1_when_something_is_wrong(operator: Operator) -> None:  # noqa: F811
    words = ("clients", "add", "C", "--client-id", "portal-1", "--redirect-uri", "https://p.test/cb", "--reason", "r")
    operator.does(*words)
    assert {each["state"] for each in operator.json("clients", "check", "portal-1")} == {"good"}
    operator.does("clients", "edit", "portal-1", "--disabled", "--reason", "r")

    done = operator.run("clients", "check", "portal-1", "--json")
    assert (done.exit_code, json.loads(done.stdout)[0]["state"]) == (1, "wrong")
    assert operator.run("clients", "check", "nobody").exit_code == 1
