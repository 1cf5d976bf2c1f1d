"""N-11, F-21: the whole space of a QR login is searched, and the implementation does what the model does.

Two browsers, two phones and an attacker with an enrolled phone, who sees the picture and knows the number; requests
that overlap, crashes after every half step, expiry, and a store that forgets its last writes. `make test` walks 10,000
random traces, `make soak` 1,000,000; `QR_SEED` repeats a run.
"""

import os
import random
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from idp.store.database import Database
from idp.store.ephemeral_sql import SqlEphemeralStore
from qr_login.flow import LIFE, QrLogin, QrRefused
from qr_login.logins import INTERVAL, REMEMBERED, QrLogins
from tests.rules.qr_login.conftest import Scene
from tests.rules.qr_login.model import OPS, POLL, TERMINAL, Op, Ticket, after
from tests.support import databases
from tests.support.memory import InMemory, Records


class World(NamedTuple):
    """The ticket, what requests are between reading and replacing or before their claim, and what is known for good."""

    ticket: Ticket = Ticket()
    backup: Ticket | None = None
    failed_over: bool = False
    in_flight: frozenset[int] = frozenset()
    to_claim: frozenset[Ticket] = frozenset()
    claimed: str = ""
    over: bool = False
    delivered: tuple[Ticket, ...] = ()
    told_denied: bool = False
    broken: str = ""


REQUESTS: list[tuple[Op, Ticket, Ticket]] = []
"""Who changes what: the ticket that a request reads, and what it puts in its place. Numbers are quick to compare."""


@cache
def requests(ticket: Ticket, over: bool) -> frozenset[int]:
    """The numbers of all requests that would change this ticket."""
    wanted = ((op, ticket, after(ticket, op, over)[0]) for op in (*OPS, POLL))
    REQUESTS.extend(new := [request for request in wanted if request[2] != ticket])
    return frozenset(range(len(REQUESTS) - len(new), len(REQUESTS)))


@cache
def readers(ticket: Ticket) -> frozenset[int]:
    """The numbers of all requests that read this ticket, in time or not."""
    return requests(ticket, False) | requests(ticket, True)


def successors(world: World, *, claims: bool) -> Iterator[World]:
    """Every world that one step makes of this one. A worker that dies before its swap is a request that never came."""
    for request in requests(world.ticket, world.over) - world.in_flight:
        yield world._replace(in_flight=world.in_flight | {request})
    for request in world.in_flight & readers(world.ticket):
        later = REQUESTS[request][2]
        to_claim = world.to_claim | {later} if later.state in TERMINAL else world.to_claim
        yield world._replace(in_flight=world.in_flight - {request}, ticket=later, to_claim=to_claim)
    for ending in world.to_claim:
        rest = world._replace(to_claim=world.to_claim - {ending})
        yield rest
        if world.claimed and claims:
            continue
        if ending.state == "denied":
            yield rest._replace(claimed=ending.state, told_denied=True)
        else:
            bad = "delivered after it was denied" if world.told_denied else ""
            yield rest._replace(claimed=ending.state, delivered=(*world.delivered, ending), broken=bad)
    if not world.over:
        yield world._replace(over=True)
    if world.backup is None:
        yield world._replace(backup=world.ticket)
    elif not world.failed_over:
        yield world._replace(ticket=world.backup, failed_over=True)


def tidied(world: World) -> World:
    """Without requests that can only fail: what they read will never be there again."""
    if world.failed_over or world.backup is None:
        return world._replace(in_flight=world.in_flight & readers(world.ticket), backup=None)
    return world._replace(in_flight=world.in_flight & (readers(world.ticket) | readers(world.backup)))


def wrong_with(world: World) -> str:
    if world.broken or len(world.delivered) > 1:
        return world.broken or "delivered twice"
    if any(ticket.device != ticket.confirmed_by for ticket in world.delivered):
        return "delivered for a device that did not confirm"
    return ""


def search(*, claims: bool = True) -> tuple[int, str]:
    """How many worlds there are, and what is wrong with the first bad one."""
    seen = {World()}
    waiting = deque(seen)
    while waiting:
        for found in successors(waiting.popleft(), claims=claims):
            world = tidied(found)
            if wrong := wrong_with(world):
                return len(seen), wrong
            if world not in seen:
                seen.add(world)
                waiting.append(world)
        assert len(seen) < 1_000_000, "the model is too large to be searched"
    return len(seen), ""


def test_in_the_whole_space_there_is_one_delivery_and_none_after_the_end() -> None:
    """N-11: also by the scanning device only, whatever overlaps, crashes, expires or is forgotten."""
    worlds, wrong = search()

    assert wrong == ""
    assert worlds > 100_000


def test_the_search_finds_what_is_wrong_without_the_durable_claim() -> None:
    """N-11: a model that holds whatever it says would prove nothing."""
    assert search(claims=False)[1] != ""


@dataclass
class Walk:
    """The implementation and the model, side by side, on one random trace of two browsers' logins."""

    chance: random.Random
    scene: Scene
    logins: list[tuple[str, QrLogin, str]] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=lambda: [Ticket(), Ticket()])
    claimed: set[int] = field(default_factory=set)
    deliveries: list[int] = field(default_factory=list)
    trace: list[object] = field(default_factory=list)
    saved: tuple[Records, list[Ticket]] | None = None

    def __post_init__(self) -> None:
        for attempt in ("a_0", "a_1"):
            secret, login = self.scene.start(attempt)
            self.logins.append((secret, login, self.scene.pictures.ticket_of(secret)))
        self.began = self.scene.clock()
        self.scene.clock.move(20)  # now there are old pictures
        self.workers = (self.scene.logins, self.scene.worker())

    def go(self, steps: int) -> None:
        """Random steps; after each, both say the same."""
        for _ in range(steps):
            self.scene.clock.move(INTERVAL + self.chance.random() * self.chance.choice((0, 0, 1, 20)))
            if self.chance.random() < 0.03:
                self.forget()
            elif self.chance.random() < 0.3 and self.swapping():
                self.overlap()
            else:
                self.check(self.some_op(), self.chance.randrange(2))

    def some_op(self) -> Op:
        likely = (POLL, POLL, *(Op("phone 0", name) for name in ("scan", "scan", "confirm", "confirm")))
        return self.chance.choice((*OPS, *likely, *likely))

    def swapping(self) -> bool:
        return isinstance(self.scene.store, InMemory)

    def overlap(self) -> None:
        """Somebody else's whole request between the reading and the replacing of another, on one ticket."""
        outer, inner, which = self.some_op(), self.some_op(), self.chance.randrange(2)
        if POLL in (outer, inner) and outer == inner:
            return
        told: list[str] = []
        self.scene.store.meanwhile = lambda: (self.trace.append("meanwhile"), told.append(self.do(inner, which)))
        answer = self.do(outer, which)
        self.scene.store.meanwhile = None
        if told:
            assert told == [self.expect(inner, which)], self.trace
        assert answer == self.expect(outer, which), self.trace

    def forget(self) -> None:
        """The store takes back one earlier moment of both logins."""
        if self.swapping() and self.chance.random() < 0.5:
            self.saved = (self.scene.store.copy(), list(self.tickets))
        elif self.saved is not None:
            self.scene.store.restore(self.saved[0])
            self.tickets = list(self.saved[1])
            self.trace.append("forgot")

    def check(self, op: Op, which: int) -> None:
        answer = self.do(op, which)
        assert answer == self.expect(op, which), self.trace

    def expect(self, op: Op, which: int) -> str:
        """What the model answers, and the durable claim after it."""
        age = self.scene.clock() - self.began
        if age >= LIFE + REMEMBERED:
            return "gone" if op == POLL else "unknown"
        later, answer = after(self.tickets[which], op, age >= LIFE)
        ends = later.state in TERMINAL and later.state != self.tickets[which].state
        self.tickets[which] = later
        if ends and which in self.claimed:
            return "gone" if op == POLL else "consumed"
        if ends:
            self.claimed.add(which)
            self.deliveries += [which] * (answer == "delivered")
        return answer

    def do(self, op: Op, which: int) -> str:
        """What the implementation answers, by one of two workers."""
        self.trace.append((op, which))
        secret, login, ticket = self.logins[which]
        worker = self.chance.choice(self.workers)
        if op == POLL:
            told = worker.poll(secret)
            assert told.login is None or told.login.attempt == f"a_{which}", "another browser's login"
            return told.kind
        try:
            self.ask(worker, op, login, ticket)
        except QrRefused as refused:
            return refused.why
        return "ok"

    def ask(self, worker: QrLogins, op: Op, login: QrLogin, ticket: str) -> None:
        device = (op.who, f"owner of {op.who}")
        wrong = f"{(int(login.number) + 1) % 100:02}"
        if op.name in ("scan", "stale"):
            step = login.pace.at(self.scene.clock() - login.created_at) - (10 if op.name == "stale" else 0)
            worker.scan(self.scene.pictures.payload(ticket, login.client_id, max(0, min(step, 99))), *device)
        elif op.name == "deny":
            worker.deny(ticket, *device)
        else:
            worker.confirm(ticket, *device, login.number if op.name == "confirm" else wrong)


def walk(traces: int, seed: int, make: Callable[[], Scene]) -> int:
    """How many deliveries there were."""
    delivered = 0
    for number in range(traces):
        walk = Walk(random.Random(f"{seed} {number}"), make())
        walk.go(walk.chance.randrange(4, 14))
        assert len(walk.deliveries) == len(set(walk.deliveries)), (number, walk.trace)
        delivered += len(walk.deliveries)
    return delivered


@pytest.mark.parametrize("traces", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_the_implementation_follows_the_model(traces: int, capsys: pytest.CaptureFixture[str]) -> None:
    """N-11, F-21"""
    seed = int(os.environ.get("QR_SEED", secrets.randbits(32)))

    delivered = walk(traces, seed, Scene)

    with capsys.disabled():
        print(f"\nQR model: {traces} traces, seed {seed}: {delivered} deliveries, no difference")
    assert delivered > traces / 50


def test_on_sqlite_it_follows_the_model_too(sqlite_template: Path, tmp_path: Path) -> None:
    """N-11"""
    database = Database(databases.sqlite_copy(sqlite_template, tmp_path))

    assert walk(300, secrets.randbits(32), lambda: Scene(store=SqlEphemeralStore(database))) > 2

    database.close()
