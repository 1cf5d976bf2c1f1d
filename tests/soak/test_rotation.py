"""Acceptance 1, N-16: keys change under load, by hand, by force and by accident, and no portal notices.

Four workers answer token requests while `idp keys rotate` runs again and again, is killed in the middle now and then,
and keys are revoked as in an emergency. Portals keep `/jwks` for exactly its `max-age`, their copies of every age, and
never look again for a name that they do not know. `make soak` does a hundred rotations on each pair of stores, twenty
of them killed, and five revocations; `make test` does two, one and one. `SOAK_SEED` repeats the choices of a run.
"""

import json
import os
import random
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from idp.store.database import Database
from idp.store.signing_keys import SqlKeyStore
from keys import masters
from keys.changes import KeyPolicy, Plan
from keys.rotation import KeyStore, generate
from tests.support.installation import PAIRS, installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people, read_json
from tests.support.provider import IDP, Provider
from tests.support.waiting import until

MAX_AGE, LEAD = 1, 6
WORKERS, PORTALS, PEOPLE = 4, 8, 4
SETTINGS = CHEAP_HASH | {
    "IDP_KEYS__JWKS_MAX_AGE": str(MAX_AGE),
    "IDP_KEYS__LEAD": str(LEAD),
    "IDP_KEYS__CLOCK_SKEW": "0",
    "IDP_LOGIN__CAPTCHA": "never",
}
FEW, MANY = (2, 1, 1), (100, 20, 5)
"""Rotations, how many of them are killed, and revocations."""


@dataclass
class Portal:
    """Keeps the keys for exactly as long as it may."""

    issuer: str
    fetched_at: float = float("-inf")
    keys: dict[str, Any] = field(default_factory=dict)
    ages: list[float] = field(default_factory=list)

    def verify(self, token: str, kid: str) -> bool:
        if time.monotonic() - self.fetched_at >= MAX_AGE:
            answer = Visit(self.issuer, fresh=True).portal.send("GET", f"{self.issuer}/jwks")
            found = re.search(r"max-age=([0-9]+)", answer.headers["Cache-Control"])
            assert found
            assert int(found[1]) == MAX_AGE
            self.keys, self.fetched_at = read_json(answer), time.monotonic()
        self.ages.append(time.monotonic() - self.fetched_at)
        known = {"keys": [key for key in self.keys["keys"] if key["kid"] == kid]}
        if not known["keys"]:
            return False
        try:
            jwt.decode(token, KeySet.import_key_set(known), algorithms=["RS256", "ES256"])  # type: ignore[arg-type]
        except JoseError:
            return False
        return True


@dataclass
class Load:
    """People who renew their tokens without a pause, and portals that verify each one."""

    issuer: str
    chance: random.Random
    stop: threading.Event = field(default_factory=threading.Event)
    faults: list[str] = field(default_factory=list)
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    newest: dict[str, tuple[str, float]] = field(default_factory=dict)
    verified: int = 0
    ages: list[float] = field(default_factory=list)

    def person(self, number: int) -> None:
        try:
            self._live(number)
        except Exception as error:
            self.faults.append(f"person {number}: {error!r}"[:300])

    def _live(self, number: int) -> None:
        visit = Visit(self.issuer, fresh=True, person=number)
        # One after the other, so that their copies are of every age at any moment.
        portals = [Portal(self.issuer) for _ in range(PORTALS)]
        tokens = visit.tokens()
        while not self.stop.is_set():
            began = time.monotonic()
            page = visit.refresh(tokens["refresh_token"])
            tokens = read_json(page)
            for name in ("access_token", "id_token"):
                kid = kid_of(tokens[name])
                self.newest[kid] = (tokens["access_token"], began)
                portal = self.chance.choice(portals)
                if not portal.verify(tokens[name], kid):
                    self.doubtful.append((kid, f"{name} at a copy of {portal.ages[-1]:.2f} s"))
                self.verified += 1
            time.sleep(0.1)
        self.ages += [age for portal in portals for age in portal.ages]


def kid_of(token: str) -> str:
    return str(json.loads(urlsafe_b64decode(token.split(".")[0].encode()))["kid"])


@dataclass
class Operator:
    """Rotates, is interrupted, and revokes; looks at the stored ring itself, because a command takes long to start."""

    provider: Provider
    store: KeyStore
    chance: random.Random
    rotations: int = 0
    killed: int = 0
    killed_before: int = 0
    revoked: dict[str, float] = field(default_factory=dict)
    takes: float = 2.0

    def rotate(self) -> None:
        self._wait_until_ready()
        began = time.monotonic()
        assert self._idp("rotate")["changes"]
        self.takes = time.monotonic() - began
        self.rotations += 1

    def rotate_and_die(self) -> None:
        """Somewhere on the way of a rotation that is due."""
        self._wait_until_ready()
        before = self.store.load()
        words = [str(IDP), "keys", "rotate", "--reason", "killed"]
        given: dict[str, Any] = {"env": self.provider._environment(), "cwd": self.provider.home}
        child = subprocess.Popen(words, **given, stdout=subprocess.PIPE)
        time.sleep(self.takes * self.chance.uniform(0.5, 1.05))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        after = self.store.load()
        assert after.version in (before.version, before.version + 1)
        assert {len(after.successors(alg, time.time())) for alg in after.in_use()} == {1}
        self.killed, self.killed_before = self.killed + 1, self.killed_before + (after == before)
        self.rotations += after.version - before.version

    def revoke(self, load: Load) -> None:
        """Take the key away that signs; tokens of it must be dead after five seconds, everywhere."""
        self._wait_until_ready()
        alg = self.chance.choice(["RS256", "ES256"])
        kid = self.store.load().signing_key(alg, time.time()).kid
        until(lambda: kid in load.newest or bool(load.faults))
        assert self._idp("revoke", kid)["guarantee"] is True
        self.revoked[kid] = time.monotonic()
        time.sleep(5)
        asked, token = Visit(self.provider.issuer, fresh=True), load.newest[kid][0]
        for _ in range(4 * WORKERS if alg == "ES256" else 0):
            assert asked.userinfo(token).status == 401
            assert read_json(asked.ask("/introspect", token=token)) == {"active": False}

    def _wait_until_ready(self) -> None:
        ring, plan = self.store.load(), Plan(KeyPolicy(lead=LEAD), time.time(), generate)
        ready = max(plan.ready_at(ring, ring.successors(alg, plan.now)[0]) for alg in ring.in_use())
        time.sleep(max(0.0, ready - time.time()))

    def _idp(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.provider.command("keys", *words, "--reason", "soak", "--json"))
        return told


def store_of(provider: Provider) -> SqlKeyStore:
    usual = f"sqlite:///{provider.home / 'data' / 'idp.db'}"
    database = Database(provider.settings.get("IDP_STORE__DATABASE_URL", usual))
    return SqlKeyStore(database, masters.from_file(provider.home / "data" / "master.key", create=False))


@pytest.fixture(params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    given = {"settings": SETTINGS, "people": people(PEOPLE), "clients": [PORTAL], "workers": WORKERS}
    with installed(tmp_path, request, request.param, **given) as ready, ready.serving():
        yield ready


@pytest.mark.parametrize("numbers", [FEW, pytest.param(MANY, marks=pytest.mark.soak)])
def test_n_16_keys_change_under_load_and_no_portal_notices(
    provider: Provider,
    numbers: tuple[int, int, int],
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """F-18, F-34: and what is revoked is dead after five seconds."""
    rotations, kills, emergencies = numbers
    seed = int(os.environ.get("SOAK_SEED", secrets.randbits(32)))
    load, operator = (
        Load(provider.issuer, random.Random(seed)),
        Operator(provider, store_of(provider), random.Random(seed)),
    )
    crowd = [threading.Thread(target=load.person, args=(number,)) for number in range(1, PEOPLE + 1)]
    for person in crowd:
        person.start()
    began = time.monotonic()
    steps = ["kill"] * kills + ["revoke"] * emergencies
    operator.chance.shuffle(steps)
    while operator.rotations < rotations or steps:
        # What goes wrong is spread over the whole run.
        if steps and operator.rotations >= rotations * (1 - len(steps) / (kills + emergencies)):
            operator.rotate_and_die() if steps.pop() == "kill" else operator.revoke(load)
        else:
            operator.rotate()
        assert load.faults == []
    time.sleep(MAX_AGE + 1)
    load.stop.set()
    for person in crowd:
        person.join(60)

    assert load.faults == []
    assert [told for told in load.doubtful if told[0] not in operator.revoked] == []
    late = {kid: load.newest[kid][1] - at for kid, at in operator.revoked.items() if kid in load.newest}
    assert all(seconds < 5 for seconds in late.values()), "a worker signed with a revoked key for more than 5 seconds"
    assert not [line for line in provider.logged() if line.get("status", 0) >= 500]
    assert "BROKEN" not in provider.command("keys", "verify")
    by = set(provider.workers_by_request().values())
    assert len(by) == WORKERS
    with capsys.disabled():
        print(
            f"\nrotation, {request.node.callspec.params['provider']}, seed {seed}: {operator.rotations} rotations, "
            f"{operator.killed} killed ({operator.killed_before} before they acted), {len(operator.revoked)} revoked; "
            f"{load.verified} tokens verified by portals with copies of up to {max(load.ages):.2f} s, none failed; "
            f"0 answers 5xx; {WORKERS} workers, {time.monotonic() - began:.0f} s"
        )
