"""The shipped nginx and HAProxy, with TLS, before a provider: who asks is counted, and the slow are cut (F-1, F-2).

The files of Envoy and Traefik are read as YAML; what they say was compared with the documentation of both.
"""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml  # type: ignore[import-untyped]
from sqlalchemy import select

from idp.store import registration_tables as desk_tables
from idp.store.agencies import SqlAgencies
from tests.support.desk import AGENCIES
from tests.support.installation import installed, laid
from tests.support.live import CHEAP_HASH, PORTAL, people
from tests.support.photographs import filled, photograph
from tests.support.ports import free_port
from tests.support.provider import Provider
from tests.support.proxies import SHIPPED, Proxy
from tests.support.tls import Authority, authority

MEGABYTE = 1024 * 1024
FORGED = {"X-Forwarded-For": "203.0.113.66", "X-Real-IP": "203.0.113.66", "Forwarded": "for=203.0.113.66"}
KINDS = ["nginx", "haproxy"]
HEAD = b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@dataclass
class Gateway:
    """A proxy, and whoever connects to it from an address of the loopback's network."""

    proxy: Proxy
    authority: Authority
    provider: Provider | None = None

    def request(self, method: str, path: str, address: str = "127.0.5.9", **more: Any) -> urllib3.BaseHTTPResponse:
        """One request over TLS from `address`, on a connection of its own, and never tried again by us."""
        headers = {"Host": f"localhost:{self.proxy.port}"} | more.pop("headers", {})
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.proxy.port, ca_certs=str(self.authority.certificate), server_hostname="localhost",
            assert_hostname="localhost", source_address=(address, 0), retries=False, timeout=30,
        ) as pool:  # fmt: skip
            return pool.request(method, path, headers=headers, redirect=False, **more)

    def connected(self) -> ssl.SSLSocket:
        """A TLS connection, to be slow on."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        plain = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=30)
        return context.wrap_socket(plain, server_hostname="localhost")


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"), "localhost")


def started(kind: str, proxy: Proxy, home: Path) -> contextlib.AbstractContextManager[Proxy]:
    return proxy.nginx(home / kind) if kind == "nginx" else proxy.haproxy(home / kind)


@pytest.fixture(scope="module")
def front(
    kind: str, trusted: Authority, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A provider behind the proxy, which it believes."""
    home, port = tmp_path_factory.mktemp("fronted"), free_port()
    settings = CHEAP_HASH | {
        "IDP_ISSUER": f"https://localhost:{port}",
        "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "IDP_LIMITS__CLIENT_FAILURES": "3",
    }
    with installed(home, request, settings=settings, people=people(1), clients=[PORTAL]) as ready:
        base = laid(ready)
        SqlAgencies(base.database, base.clock).put(AGENCIES)
        base.close()
        with (
            ready.serving(),
            started(kind, Proxy([ready.port], trusted, True, [ready.operations_port], port), home) as proxy,
        ):
            yield Gateway(proxy, trusted, ready)


def begun(front: Gateway, address: str) -> dict[str, str]:
    """A draft of the registration API; gives the header that opens it."""
    body, kind = json.dumps({"kind": "individual"}), {"Content-Type": "application/json"}
    asked = front.request("POST", "/api/registrations", address, body=body, headers=kind | FORGED)
    assert asked.status == 201, asked.data
    return {"Authorization": f"Bearer {json.loads(asked.data)['secret']}"}


def test_limits_see_who_asks_and_not_who_they_say_to_be(front: Gateway) -> None:
    """F-1, M-4: each forged header is another network, and none of them is counted."""
    wrong = {"Authorization": "Basic cG9ydGFsOndyb25n", "Content-Type": "application/x-www-form-urlencoded"}

    def told(address: str, number: int) -> int:
        forged = {name: value.replace("203.0.113", f"203.0.{number}") for name, value in FORGED.items()}
        return front.request("POST", "/introspect", address, body="token=x", headers=wrong | forged).status

    assert [told("127.0.6.9", number) for number in range(5)] == [401, 401, 401, 429, 429]
    assert told("127.0.7.9", 6) == 401, "another network is not hindered"


def test_what_is_kept_names_who_asks(front: Gateway) -> None:
    begun(front, "127.0.8.9")

    assert front.provider
    base = laid(front.provider)
    with base.database.autocommit.connect() as connection:
        networks = set(connection.execute(select(desk_tables.declaration.c.network)).scalars())
    base.close()
    assert "127.0.8.0/24" in networks
    assert not {network for network in networks if network.startswith("203.")}


def test_a_photograph_of_eight_megabytes_passes_and_is_judged_by_the_provider(front: Gateway) -> None:
    mine = begun(front, "127.0.9.9") | {"Content-Type": "image/jpeg"}
    just = filled(photograph(2600), 8 * MEGABYTE)

    answers = [
        front.request("POST", "/api/registrations/draft/front", "127.0.9.9", body=file, headers=mine)
        for file in (just, filled(just, 8 * MEGABYTE + 5))
    ]

    assert [answer.status for answer in answers] == [200, 400]
    assert json.loads(answers[1].data)["why"] == "too_large"


def test_any_other_body_of_more_than_64_kib_does_not_come_through(front: Gateway) -> None:
    """Announced, it is refused before it is sent; in chunks, when there was too much."""
    before = answered(front, "/token")
    with front.connected() as announcing:
        announcing.sendall(HEAD + b"Content-Length: 70000\r\n\r\na=")
        told = received(announcing)

    chunks = iter([b"a=" + b"x" * 40_000] * 2)
    refused = front.request(
        "POST", "/token", body=chunks, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert (told[:12], refused.status) == (b"HTTP/1.1 413", 413)
    assert answered(front, "/token") == before, "the provider never saw it"


def answered(front: Gateway, route: str) -> int:
    """How many requests of a route the provider has answered."""
    assert front.provider
    return sum(line.get("message") == "answered" and line.get("route") == route for line in front.provider.logged())


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/%6detrics", "/healthz?x=1"])
def test_what_is_for_operators_is_not_for_the_world(front: Gateway, path: str) -> None:
    assert front.request("GET", path).status == 404


def test_plain_http_leads_to_https(front: Gateway) -> None:
    with urllib3.HTTPConnectionPool("127.0.0.1", front.proxy.plain, retries=False) as pool:
        answer = pool.request("GET", "/login?x=1", headers={"Host": "evil.test"}, redirect=False)

    assert (answer.status, answer.headers["Location"]) == (301, "https://localhost/login?x=1")


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\na="], ids=["silent", "head", "body"])
def test_the_slow_are_cut_and_hold_up_nobody(front: Gateway, sent: bytes) -> None:
    """F-2: more of them than the provider has threads; a request that is not whole never gets there."""
    before = answered(front, "/token")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(front.connected()) for _ in range(40)]
        for connection in slow:
            connection.sendall(sent)

        assert front.request("GET", "/jwks").status == 200
        last = [received(connection) for connection in slow]

    assert {answer[:12] for answer in last} <= {b"", b"HTTP/1.1 408"}
    assert answered(front, "/token") == before


def received(connection: ssl.SSLSocket) -> bytes:
    """All that comes until the other side closes; a test that waits for that in vain fails."""
    found = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        while more := connection.recv(65_536):
            found += more
    return found


def test_a_listed_proxy_that_says_who_asks_is_no_alarm(front: Gateway) -> None:
    """After all that was forged above: what a stranger sends as a forwarded header does not reach the provider."""
    front.request("GET", "/jwks", headers=FORGED)

    assert front.provider
    assert "\nidp_forwarded_from_unlisted_total 0.0\n" in front.provider.metrics()


@dataclass
class Node:
    """What stands in for a node: ready, and answering, or hanging up on whatever it was sent."""

    hangs_up: bool = False
    seen: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """The port, until the block ends."""
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                ready = self.path == "/readyz"
                if not ready:
                    node.seen.append(self.command)
                self.close_connection = True
                if ready or not node.hangs_up:
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.send_header("Connection", "close")
                    self.end_headers()

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def two_nodes(kind: str, trusted: Authority, home: Path, *ports: int) -> Iterator[Gateway]:
    with started(kind, Proxy(ports, trusted), home) as proxy:
        yield Gateway(proxy, trusted)


def test_a_node_that_is_gone_costs_no_request(kind: str, trusted: Authority, tmp_path: Path) -> None:
    """Nothing was sent yet, so a form goes on to the other node as well."""
    node = Node()
    with node.serving() as port, two_nodes(kind, trusted, tmp_path, free_port(), port) as front:
        told = [front.request(method, "/token").status for method in ("POST", "GET") for _ in range(10)]

    assert told == [200] * 20
    assert node.seen == ["POST"] * 10 + ["GET"] * 10


def test_what_was_sent_is_sent_again_only_where_that_changes_nothing(
    kind: str, trusted: Authority, tmp_path: Path
) -> None:
    """A node dies with a request in hand: a page is asked for elsewhere, a form is not sent twice."""
    dying, well = Node(hangs_up=True), Node()
    with dying.serving() as one, well.serving() as other, two_nodes(kind, trusted, tmp_path, one, other) as front:
        posted = [front.request("POST", "/token").status for _ in range(10)]
        sent = len(dying.seen) + len(well.seen)
        got = [front.request("GET", "/jwks").status for _ in range(10)]

    assert dying.seen, "the dying one was asked"
    assert sent == 10
    assert set(posted) <= {200, 502}
    assert posted.count(502) == dying.seen.count("POST")
    assert got == [200] * 10


@pytest.mark.parametrize("name", ["envoy/envoy.yaml", "traefik/traefik.yml", "traefik/idp.yml"])
def test_the_other_files_are_yaml_that_says_each_thing_once(name: str) -> None:
    class Once(yaml.SafeLoader):  # type: ignore[misc]
        """YAML that takes no key twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            assert len(keys) == len(set(keys)), keys
            return super().construct_mapping(node, deep)

    text = (SHIPPED / name).read_text(encoding="utf-8")

    assert yaml.load(text, Once)
    assert "&" not in text.replace("&&", ""), "not every reader of YAML knows anchors and merging"


def test_every_file_says_the_same() -> None:
    """Limits, deadlines and what is hidden: a number that is changed in one file is changed in all."""
    texts = {p.relative_to(SHIPPED).as_posix(): p.read_text(encoding="utf-8") for p in SHIPPED.glob("*/*.*")}
    assert len(texts) == 5
    del texts["traefik/traefik.yml"]

    for name, text in texts.items():
        assert "id.example.vn" in text, name
        assert "orwarded" in text, name
        # nginx asks nobody whether a node is well.
        assert ("/readyz" in text and "8010" in text) or name.startswith("nginx"), name
        assert ("64k" in text) or ("65536" in text), name
        assert ("40m" in text) or ("41943040" in text), name
        assert "photo/" in text, name
        assert "api/registrations/" in text, name
        assert "30s" in text, name
        assert "2s" in text, name
