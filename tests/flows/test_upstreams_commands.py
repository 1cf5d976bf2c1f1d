"""Upstreams in an operator's hands: what is configured, whether it answers, closing one and opening it again."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config.cli.context import opened_stores
from config.container import Container
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.ports import free_port

WHY = ("--reason", "maintenance")


class Answers(BaseHTTPRequestHandler):
    """Says 200 to whoever asks for a page, 500 to whoever asks for a broken one, and discovery of somebody else."""

    def do_GET(self) -> None:
        body = json.dumps({"issuer": "http://localhost:1"}).encode()
        self.send_response(500 if "broken" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def dvcqg(name: str, address: str, **more: Any) -> dict[str, Any]:
    places = {f"{each}_endpoint": f"{address}/{each}" for each in ("authorization", "token", "userinfo")}
    return {
        "id": name,
        "kind": "dvcqg",
        "label": f"Đăng nhập {name}",
        "client_id": "x",
        "client_secret": f"a secret for {name}",
        **places,
        **more,
    }


@pytest.fixture
def configured(operator: Operator, address: str, monkeypatch: pytest.MonkeyPatch) -> Operator:
    nobody = f"http://127.0.0.1:{free_port()}"
    others = [
        dvcqg("works", address, order=2, audience=["individual", "organisation"]),
        dvcqg("dead", nobody, order=1),
        dvcqg("broken", f"{address}/broken", enabled_from="2999-01-01T00:00:00+07:00"),
        dvcqg("over", address, enabled_to="2001-01-01T00:00:00+07:00", order=3),
        {
            "id": "liar",
            "kind": "oidc",
            "label": "L",
            "client_id": "x",
            "client_secret": "of the liar",
            "issuer": address,
        },
    ]
    monkeypatch.setenv("IDP_UPSTREAMS", json.dumps(others))
    return operator


def test_the_configured_ones_are_listed_with_their_dates(configured: Operator) -> None:
    rows = configured.json("upstreams", "list")

    assert [(each["id"], each["state"]) for each in rows] == [
        ("broken", "not open yet"),
        ("liar", "open"),
        ("dead", "open"),
        ("works", "open"),
        ("over", "over"),
    ]
    assert rows[3]["audience"] == "individual organisation"
    assert rows[0]["from"] == "2999-01-01T00:00:00+07:00"
    listed = configured.does("upstreams", "list")
    assert "Đăng nhập works" in listed
    assert "sssss" not in listed + str(rows)


def test_where_none_is_configured_none_is_listed(operator: Operator) -> None:
    assert operator.json("upstreams", "list") == []
    assert operator.run("upstreams", "test", "vneid").output == (
        "idp: no such upstream is configured; there are: none\n"
    )


def test_one_that_answers_passes_the_test(configured: Operator) -> None:
    assert configured.does("upstreams", "test", "works").startswith("works answers, in ")
    assert configured.json("upstreams", "test", "over")["answers"] is True


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("dead", "unavailable", "it does not answer"),
        ("broken", "unavailable", "status 500"),
        ("liar", "refused", "what it says is not for us"),
    ],
)
def test_one_that_fails_is_told_in_words(configured: Operator, name: str, kind: str, words: str) -> None:
    done = configured.run("upstreams", "test", name)
    assert done.exit_code == 1
    assert done.output.startswith(f"idp: {name}: ")
    assert words in done.output
    told = configured.run("upstreams", "test", name, "--json")
    assert (told.exit_code, json.loads(told.stdout)["kind"]) == (1, kind)


def test_one_that_is_closed_is_closed_everywhere_until_it_is_opened(configured: Operator) -> None:
    base = opened_stores()

    def is_open() -> bool:
        """As a process sees it that starts now."""
        return "works" in {each.id for each in Container(base).federation.upstreams.open_to("individual")}

    assert is_open()
    assert "works is closed" in configured.does("upstreams", "disable", "works", *WHY)
    assert not is_open()
    row = next(each for each in configured.json("upstreams", "list") if each["id"] == "works")
    assert row["state"] == "closed"
    assert row["closed"]
    assert configured.does("upstreams", "disable", "works", *WHY) == "works is closed already\n"
    assert configured.json("upstreams", "test", "works")["answers"] is True, "whether it works is asked while closed"

    assert "works is open" in configured.does("upstreams", "enable", "works", *WHY)
    assert is_open()
    assert configured.does("upstreams", "enable", "works", *WHY) == "works is open already\n"
    base.close()
    events = [(each["name"], each["facts"], each["reason"]) for each in configured.json("audit", "tail")[-2:]]
    assert events == [
        ("upstream.closed", "upstream=works", "maintenance"),
        ("upstream.opened", "upstream=works", "maintenance"),
    ]


@pytest.mark.parametrize("words", [("disable", *WHY), ("enable", *WHY), ("test",)], ids=lambda words: words[0])
def test_one_that_is_not_configured_is_named(configured: Operator, words: tuple[str, ...]) -> None:
    done = configured.run("upstreams", words[0], "nobody", *words[1:])

    assert (done.exit_code, done.output) == (
        1,
        "idp: no such upstream is configured; there are: broken, dead, liar, over, works\n",
    )
