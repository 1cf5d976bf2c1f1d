"""F-5, acceptance 4: stores that forget their last seconds, or die, let nothing be used twice.

Codes, finished login attempts and device codes, and over HTTP client assertions and DPoP proofs at `/token` and
confirmed QR tickets at the poll, are made and used; half of them after the replica was cut off, or after the snapshot
was taken. Then the Redis primary is killed, and the replica is promoted or a server is started on the older snapshot,
at the same address; PostgreSQL is killed too. Whatever was used before is presented again, by several at once. `make
soak` uses 10,000, `make test` a hundredth; `SOAK_SEED` repeats a run.
"""

import os
import random
import secrets
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
import urllib3
from authlib.oauth2 import OAuth2Error
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.serving import make_server

from config.container import Container
from idp.errors import StoreDown, UserError
from idp.login.attempt import Held, LoginAttempt, browser_of
from idp.login.authentication import Authentication, Proved
from idp.login.sessions import ClientInfo, Opened
from idp.oidc.assertions import ASSERTION_TYPE
from idp.oidc.clients import DEVICE_CODE
from idp.oidc.dispatch import Entry
from idp.oidc.grant import AuthorizationCode, Grant
from tests.support import databases, servers
from tests.support.app import REDIRECT, SECRET, App, attempt_of, challenge, running_app
from tests.support.dpop import ProofKey
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.qr import DEVICE, enrolled, logins

FULL = int(os.environ.get("SOAK_CRASHED", "10000"))
AT_ONCE = 4
NETWORK = "192.0.2.0/24"
KINDS = ("code", "attempt", "device", "ticket", "assertion", "proof")
MACHINE = {"grant_types": ["client_credentials"], "scope": "machine", "redirect_uris": []}
MANY = dict.fromkeys(("attempts_per_address", "attempts_in_total", "client_failures"), 1_000_000)


class Primary:
    """Redis at one address, whichever process serves there."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.port = free_port()
        self.process = self._start(self.port, home / "0")
        self._lives = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def admin(self, port: int | None = None) -> redis.Redis:
        return redis.Redis(port=port or self.port, socket_timeout=5)

    def forget_by_snapshot(self) -> Callable[[], None]:
        """Write a snapshot now; the crash goes back to it."""
        self.admin().save()
        home = self._home / str(self._lives)

        def crash() -> None:
            self._kill()
            self.process = self._start(self.port, home)

        return crash

    def forget_by_promotion(self) -> Callable[[], None]:
        """Cut a replica off now; the crash promotes it to the address of its primary."""
        port = free_port()
        self._lives += 1
        process = self._start(port, self._home / str(self._lives))
        replica = self.admin(port)
        replica.replicaof("127.0.0.1", str(self.port))
        eventually(lambda: replica.info("replication")["master_link_status"] == "up")
        sent = self.admin().info("replication")["master_repl_offset"]
        eventually(lambda: replica.info("replication")["slave_repl_offset"] >= sent)
        replica.replicaof("127.0.0.1", str(free_port()))

        def crash() -> None:
            self._kill()
            replica.replicaof("NO", "ONE")
            replica.config_set("port", self.port)
            self.process = process

        return crash

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _start(self, port: int, home: Path) -> subprocess.Popen[bytes]:
        home.mkdir(exist_ok=True)
        command = [servers.program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]

        def answers() -> bool:
            try:
                return bool(self.admin(port).ping())
            except redis.RedisError:
                return False

        return self._stack.enter_context(running(command, log=home / "log", answers=answers, directory=home))


def eventually(holds: Callable[[], object]) -> None:
    """Waits for real servers, bounded in time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (StoreDown, redis.RedisError, SQLAlchemyError, OSError):
            pass
        time.sleep(0.02)
    raise AssertionError("not within a minute")


@dataclass
class Uses:
    """Everything of one installation that may be used once, and how often each was."""

    app: App
    account: str
    chance: random.Random
    key: ProofKey
    made: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    worked: Counter[int] = field(default_factory=Counter)

    def make(self, times: int) -> None:
        self.made += [(kind, getattr(self, f"_{kind}")()) for kind in KINDS for _ in range(times)]

    def use(self, which: range) -> None:
        """Present each of these once, in any order and several at a time."""
        order = self.chance.sample(which, len(which))
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            self.worked.update(place for place, good in zip(order, crowd.map(self._works, order), strict=True) if good)

    def _works(self, place: int) -> bool:
        try:
            return bool(self.made[place][1]())
        except (OAuth2Error, UserError):
            return False

    @property
    def _authentication(self) -> Authentication:
        return Authentication(self.account, self.app.clock(), amr=("pwd",), acr=1, ial=0)

    @property
    def _grant(self) -> Grant:
        return Grant("portal", self._authentication, "sid", ("openid",), None)

    def _code(self) -> Callable[[], object]:
        codes = self.app.provider.oidc.issuing.codes
        handle = codes.issue(AuthorizationCode(self._grant, REDIRECT, challenge()))
        return lambda: codes.redeem(handle)

    def _attempt(self) -> Callable[[], object]:
        p, secret = self.app.provider, secrets.token_urlsafe(16)
        begun = LoginAttempt((), "", "", browser_of(secret), self.app.clock())
        handle = p.login.attempts.begin(begun, secret)
        second = p.login.attempts.logged_in(handle, begun, Proved(self._authentication, 0.0), remember=False)

        def finish() -> bool:
            attempt = p.login.attempts.load(handle, Held(secret, second))
            entry = Entry(ClientInfo("", NETWORK), None, handle, attempt)
            return isinstance(p.oidc.dispatcher.next_at_home(entry, handle, attempt), Opened)

        return finish

    def _device(self) -> Callable[[], object]:
        codes, client = Container(self.app.base).oidc.device_codes, self.app.provider.oidc.clients.find("portal")
        assert client
        begun = codes.begin(client, "openid", None, NETWORK)
        asked = codes.find(begun.user_code)
        assert asked
        codes.allow(begun.user_code, asked.secret, self._grant)
        return lambda: codes.poll(begun.device_code, "portal")

    def _ticket(self) -> Callable[[], object]:
        """A login that a phone has confirmed: the browser's next poll delivers it."""
        visitor = self.app.visitor()
        attempt = attempt_of(visitor.authorize())
        visitor.get("/login/qr", query_string={"attempt": attempt})
        cookies = {cookie.key: cookie.value for cookie in visitor.http._cookies.values()}  # type: ignore[union-attr]
        shown = logins(self.app).look(cookies["idp-q"])
        ticket, login = logins(self.app).scan(shown.payloads[0], DEVICE, self.account, network=NETWORK)
        logins(self.app).confirm(ticket, DEVICE, self.account, login.number)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        return lambda: self._posted("/login/qr/poll", {"attempt": attempt}, headers).get("state") == "delivered"

    def _assertion(self) -> Callable[[], object]:
        now, issuer = int(self.app.clock()), self.app.settings.issuer
        who = {"iss": "signer", "sub": "signer", "aud": issuer, "jti": secrets.token_urlsafe(16)}
        assertion = self.key.signed({"alg": "ES256"}, who | {"iat": now, "exp": now + 60})
        fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return lambda: self._is_given_a_token(fields)

    def _proof(self) -> Callable[[], object]:
        nonce, url = Container(self.app.base).oidc.proofs.nonce(), self.app.settings.issuer + "/token"
        proof = self.key.proof("POST", url, now=self.app.clock(), nonce=nonce)
        headers = urllib3.make_headers(basic_auth=f"bound:{SECRET}") | {"DPoP": proof}
        return lambda: self._is_given_a_token({}, headers)

    def _is_given_a_token(self, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> bool:
        return "access_token" in self._posted("/token", {"grant_type": "client_credentials", **fields}, headers or {})

    def _posted(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The answer over a connection of its own."""
        more = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"} | dict(headers)
        url = self.app.settings.issuer + path
        answer = urllib3.request("POST", url, body=urlencode(fields), headers=more, retries=False, timeout=30)
        assert answer.status < 500, answer.data
        return dict(answer.json())


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@contextmanager
def crashed(cluster: servers.Cluster, rounds: ExitStack) -> Iterator[None]:
    """PostgreSQL, killed as by a power cut and started again, around what happens meanwhile."""
    pid = int((cluster.home / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)
    rounds.close()
    yield
    rounds.enter_context(cluster.running())


def kept(app: App) -> bool:
    with app.base.database.autocommit.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    return app.base.ephemeral.get("nothing", now=0) is None


@contextmanager
def served(home: Path, database_url: str, redis_url: str) -> Iterator[App]:
    """The application, also at a port of this machine."""
    port = free_port()
    with running_app(home, database_url, redis_url, issuer=f"http://localhost:{port}", limits=MANY) as app:
        server = make_server("127.0.0.1", port, app.wsgi, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield app
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def clients(uses: Uses) -> None:
    """The portal, a client that signs assertions and one that proves its key; and the phone of the person."""
    app, keys = uses.app, {"keys": [uses.key.jwk]}
    app.client(grant_types=["authorization_code", DEVICE_CODE])
    app.client("signer", secret=None, token_endpoint_auth_method="private_key_jwt", jwks=keys, **MACHINE)
    app.client("bound", dpop_bound_access_tokens=True, **MACHINE)
    enrolled(app, uses.account)


def play(total: int, stack: ExitStack, home: Path) -> Counter[str]:
    seed = int(os.environ.get("SOAK_SEED", "0")) or secrets.randbits(32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    primary = Primary(stack, home)
    cluster = stack.enter_context(servers.cluster(durable=True))
    rounds = stack.enter_context(ExitStack())
    rounds.enter_context(cluster.running())
    databases.create_tables(cluster.url)
    app = stack.enter_context(served(home, cluster.url, primary.url))
    uses, per_round = Uses(app, app.person("0000000001"), chance, ProofKey()), min(total, 500) // 10
    clients(uses)
    told: Counter[str] = Counter()
    for place in range(max(2, -(-total // (per_round * len(KINDS))))):
        crash, before = _one_round(uses, primary, per_round, promotion=place % 2 == 0)
        with crashed(cluster, rounds):
            crash()
        eventually(lambda: kept(app))
        for _ in range(3):
            uses.use(before)
        app.clock.move(61)
        told.update(uses.made[i][0] for i in before)
        told["twice"] += sum(1 for i in before if uses.worked[i] > 1)
        assert all(uses.worked[i] == 1 for i in before), Counter(uses.made[i][0] for i in before if uses.worked[i] != 1)
    print(dict(told))
    return told


def _one_round(uses: Uses, primary: Primary, times: int, *, promotion: bool) -> tuple[Callable[[], None], range]:
    """Make things and use them all, half of them in the seconds that Redis will forget; gives the crash."""
    first = len(uses.made)
    uses.make(times)
    half = range(first, len(uses.made), 2)
    uses.use(half)
    crash = primary.forget_by_promotion() if promotion else primary.forget_by_snapshot()
    uses.use(range(first + 1, len(uses.made), 2))
    return crash, range(first, len(uses.made))


def test_f5_a_hundred_things_are_used_once_across_crashes(stack: ExitStack, tmp_path: Path) -> None:
    """A hundredth of the soak, with a promotion and a snapshot."""
    told = play(FULL // 100, stack, tmp_path)

    assert told["twice"] == 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_f5_ten_thousand_things_are_used_once_across_crashes(stack: ExitStack, tmp_path: Path) -> None:
    told = play(FULL, stack, tmp_path)

    assert told["twice"] == 0
    assert sum(told[kind] for kind in KINDS) >= FULL
