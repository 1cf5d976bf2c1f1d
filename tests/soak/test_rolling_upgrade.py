"""F-07: two nodes behind HAProxy or nginx are stopped and started one after the other, and no request fails.

People log in, portals redeem, refresh, ask for claims and introspect, devices poll: through the shipped configuration,
while each node is replaced. `make soak` replaces each ten times, `make test` once.
"""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from idp.oidc.clients import DEVICE_CODE
from tests.support.browser import Page
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, code_of, people
from tests.support.ports import free_port
from tests.support.provider import Provider
from tests.support.proxies import Proxy
from tests.support.waiting import until

CLIENTS, FULL = 4, 10
PACE = 0.02
"""Seconds between two requests of a client: half of what two cores carry, not all of it."""


@dataclass
class Nodes:
    """Two installations on the same stores, each of which can be replaced."""

    nodes: list[Provider]
    issuer: str
    stacks: list[contextlib.ExitStack] = field(default_factory=lambda: [contextlib.ExitStack(), contextlib.ExitStack()])

    def start(self, number: int) -> None:
        self.stacks[number].enter_context(self.nodes[number].serving())

    def replace(self, number: int) -> None:
        """What an operator does to one node: stop it, start the new version, wait until it is ready."""
        self.stacks[number].close()
        self.start(number)


@pytest.fixture(params=["haproxy", "nginx"])
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nodes]:
    port = free_port()
    shared = CHEAP_HASH | {
        "IDP_ISSUER": f"http://localhost:{port}",
        "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "IDP_WEB__DRAIN_FOR": "5",
        "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "100000",
        # Four people log in more often than anybody does in a day.
        "IDP_LIMITS__SUCCESSES": "100000",
    }
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with (
        installed(
            first, request, "postgresql and redis", people=people(CLIENTS), clients=[PORTAL], settings=shared, workers=2
        ) as one,
        contextlib.ExitStack() as stack,
    ):
        key = {"IDP_KEYS__MASTER_KEY_FILE": str(first / "data" / "master.key")}
        both = Nodes([one, Provider(second, dict(one.settings) | key, workers=2)], one.issuer)
        for number, each in enumerate(both.stacks):
            stack.enter_context(each)
            both.start(number)
        proxy = Proxy([n.port for n in both.nodes], operations=[n.operations_port for n in both.nodes], port=port)
        stack.enter_context(
            proxy.haproxy(tmp_path / "p") if request.param == "haproxy" else proxy.nginx(tmp_path / "p")
        )
        yield both


@dataclass
class Client:
    """One person with a portal and a device, who never stops asking."""

    visit: Visit
    asked: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def run(self, over: threading.Event) -> None:
        while not over.wait(PACE):
            with contextlib.suppress(_Failed):
                self.once(over)

    def once(self, over: threading.Event) -> None:
        """Everything once, and the cheap things some times."""
        page = self.ask("login", lambda: self.visit.authorize(prompt="login"))
        page = self.ask("login", lambda: self.visit.submit(page))
        tokens = json.loads(self.ask("code", lambda: self.visit.redeem(code_of(page))).body)
        begun = json.loads(self.ask("device", lambda: self._of_device("/device_authorization", scope="openid")).body)
        for _ in range(5):
            tokens |= self._use(tokens)
            over.wait(PACE)
        polled = self._of_device("/token", grant_type=DEVICE_CODE, device_code=begun["device_code"])
        self._judge("poll", polled, waits=True)

    def _use(self, tokens: dict[str, str]) -> dict[str, str]:
        """Renew the tokens and ask with them; gives the new ones."""
        new: dict[str, str] = json.loads(self.ask("refresh", lambda: self.visit.refresh(tokens["refresh_token"])).body)
        self.ask("userinfo", lambda: self.visit.userinfo(new["access_token"]))
        self.ask("introspect", lambda: self.visit.ask("/introspect", token=new["access_token"]))
        self.ask("jwks", lambda: self.visit.portal.send("GET", f"{self.visit.issuer}/jwks"))
        return new

    def _of_device(self, path: str, **fields: str) -> Page:
        return self.visit.ask(path, **fields)

    def ask(self, name: str, step: Callable[[], Page]) -> Page:
        try:
            page = step()
        except Exception as error:
            self.failed.append(f"{name}: {type(error).__name__} {error}"[:300])
            raise _Failed from None
        return self._judge(name, page)

    def _judge(self, name: str, page: Page, *, waits: bool = False) -> Page:
        self.asked[name] += 1
        good = page.status in (200, 302, 303) or (waits and b"authorization_pending" in page.body)
        if not good:
            self.failed.append(f"{name}: {page.status} {urlencode({'at': page.url})} {page.text[:200]}")
            raise _Failed
        return page


class _Failed(Exception):
    """This round cannot go on; what failed is written down."""


def replaced_under_load(nodes: Nodes, times: int) -> list[Client]:
    clients = [Client(Visit(nodes.issuer, person=number + 1)) for number in range(CLIENTS)]
    over = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(client.run, over) for client in clients]
        try:
            until(lambda: all(client.asked["poll"] for client in clients) or any(client.failed for client in clients))
            for _ in range(times):
                nodes.replace(0)
                nodes.replace(1)
        finally:
            over.set()
        for each in running:
            each.result()
    return clients


def test_f_07_two_nodes_are_replaced_and_no_request_fails(nodes: Nodes) -> None:
    clients = replaced_under_load(nodes, 1)

    assert [failure for client in clients for failure in client.failed] == []
    assert sum(sum(client.asked.values()) for client in clients) > 100


@pytest.mark.soak
def test_f_07_two_nodes_are_replaced_ten_times(nodes: Nodes, capsys: pytest.CaptureFixture[str]) -> None:
    clients = replaced_under_load(nodes, FULL)
    asked = sum((client.asked for client in clients), Counter[str]())
    failed = [failure for client in clients for failure in client.failed]

    with capsys.disabled():
        print(f"\neach node replaced {FULL} times: {sum(asked.values())} requests, {len(failed)} failed; {dict(asked)}")
    assert failed == []
