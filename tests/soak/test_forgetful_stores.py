"""F-5, acceptance 4: stores that forget their last seconds, or die, let nothing be used twice.

Codes, finished login attempts, device codes, client assertions and DPoP proofs are made and used; half of them after
the replica was cut off, or after the snapshot was taken. Then the Redis primary is killed, and the replica is promoted
or a server is started on the older snapshot, at the same address; PostgreSQL is killed too. Whatever was used before is
presented again, by several at once. `make soak` uses 10,000, `make test` a hundredth; `SOAK_SEED` repeats a run.
"""

import os
import random
import secrets
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from authlib.oauth2 import OAuth2Error
from sqlalchemy.exc import SQLAlchemyError

from config.wiring import device_codes_of
from idp.errors import Refusal, StoreDown
from idp.login.attempt import Held, LoginAttempt, browser_of
from idp.login.authentication import Authentication, Proved
from idp.login.sessions import Opened, Visitor
from idp.oidc.clients import DEVICE_CODE
from idp.oidc.dispatch import Entry
from idp.oidc.grant import AuthorizationCode, Grant
from idp.shelf import digest
from idp.store.families import SqlFamilies
from tests.support import databases, servers
from tests.support.app import REDIRECT, App, challenge, running_app
from tests.support.ports import free_port
from tests.support.processes import running

FULL = int(os.environ.get("SOAK_CRASHED", "10000"))
AT_ONCE = 4
NETWORK = "192.0.2.0/24"


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
    made: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    worked: Counter[int] = field(default_factory=Counter)

    def make(self, times: int) -> None:
        kinds = {
            "code": self._code,
            "attempt": self._attempt,
            "ticket": self._ticket,
            "assertion": lambda: self._claim("assertion"),
            "proof": lambda: self._claim("dpop"),
        }
        self.made += [(kind, make()) for kind, make in kinds.items() for _ in range(times)]

    def use(self, which: range) -> None:
        """Present each of these once, in any order and several at a time."""
        order = self.chance.sample(which, len(which))
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            self.worked.update(place for place, good in zip(order, crowd.map(self._works, order), strict=True) if good)

    def _works(self, place: int) -> bool:
        try:
            return bool(self.made[place][1]())
        except (OAuth2Error, Refusal):
            return False

    @property
    def _proof(self) -> Authentication:
        return Authentication(self.account, self.app.clock(), amr=("pwd",), acr=1, ial=0)

    @property
    def _grant(self) -> Grant:
        return Grant("portal", self._proof, "sid", ("openid",), None)

    def _code(self) -> Callable[[], object]:
        codes = self.app.provider.issuing.codes
        handle = codes.issue(AuthorizationCode(self._grant, REDIRECT, challenge()))
        return lambda: codes.redeem(handle)

    def _attempt(self) -> Callable[[], object]:
        p, secret = self.app.provider, secrets.token_urlsafe(16)
        begun = LoginAttempt((), "", "", browser_of(secret), self.app.clock())
        handle = p.attempts.begin(begun, secret)
        second = p.attempts.logged_in(handle, begun, Proved(self._proof, 0.0), remember=False)

        def finish() -> bool:
            attempt = p.attempts.load(handle, Held(secret, second))
            entry = Entry(Visitor("", NETWORK), None, handle, attempt)
            return isinstance(p.dispatcher.next_at_home(entry, handle, attempt), Opened)

        return finish

    def _ticket(self) -> Callable[[], object]:
        codes, client = device_codes_of(self.app.base), self.app.provider.clients.find("portal")
        assert client
        begun = codes.begin(client, "openid", None, NETWORK)
        asked = codes.find(begun.user_code)
        assert asked
        codes.allow(begun.user_code, asked.secret, self._grant)
        return lambda: codes.poll(begun.device_code, "portal")

    def _claim(self, purpose: str) -> Callable[[], object]:
        key, until = digest(purpose, secrets.token_urlsafe(16)), self.app.clock() + 600
        return lambda: SqlFamilies(self.app.base.database).claim(key, until)


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
    with app.base.database.read.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    return app.base.ephemeral.get("nothing", now=0) is None


def play(total: int, stack: ExitStack, home: Path) -> Counter[str]:
    seed = int(os.environ.get("SOAK_SEED", "0")) or secrets.randbits(32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    primary = Primary(stack, home)
    cluster = stack.enter_context(servers.cluster(durable=True))
    rounds = stack.enter_context(ExitStack())
    rounds.enter_context(cluster.running())
    databases.create_tables(cluster.url)
    app = stack.enter_context(running_app(home, cluster.url, primary.url))
    app.client(grant_types=["authorization_code", DEVICE_CODE])
    uses, per_round = Uses(app, app.person("0000000001"), chance), min(total, 500) // 10
    told: Counter[str] = Counter()
    for place in range(total // (per_round * 5)):
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
    assert sum(told[kind] for kind in ("code", "attempt", "ticket", "assertion", "proof")) == FULL
