"""Acceptance 4, N-01: what may be used once is used once, however many present it at the same instant.

Eight connections, four to each of two worker processes, present the same code or refresh token; the last byte of each
request is held back until the others have arrived whole, so that all eight are decided at once. `make soak` presents
100,000 times on each pair of stores, `make test` a hundredth of that. `SOAK_SEED` repeats a run, `SOAK_PRESENTATIONS`
sets another number.
"""

import json
import os
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from idp.store.database import Database
from idp.store.tables import refresh_family
from tests.support.installation import PAIRS, installed
from tests.support.live import BASIC, CHEAP_HASH, FORM, PORTAL, REDIRECT, REQUEST, VERIFIER, Visit, people, read_json
from tests.support.provider import Provider
from tests.support.wire import Answer, Wire

AT_ONCE = 8
WORKERS = 2
FULL = int(os.environ.get("SOAK_PRESENTATIONS", "100000"))
CODES, WITH_GRACE, WITHOUT_GRACE = 0.4, 0.4, 0.2
"""How the presentations are shared out."""

FAMILIES = 5
QUICK = {"id_token_signed_response_alg": "ES256"}
STRICT = PORTAL | QUICK | {"client_id": "portal-strict", "refresh_grace": 0, "token_endpoint_auth_method": "none"}
KEPT_OPEN = 2.0
"""Seconds that the server surely keeps an idle connection."""


@dataclass
class Crowd:
    """Eight connections over two workers, in an order that `chance` shuffles for each volley."""

    provider: Provider
    chance: random.Random
    wires: list[Wire] = field(default_factory=list)
    presented: int = 0
    used_at: float = 0.0

    def present(self, fields: dict[str, str]) -> list[Answer]:
        """The same token request from all at the same instant; gives the eight answers."""
        body = urlencode(fields)
        request = self._post("/token", body, "" if "client_id" in fields else f"Authorization: {BASIC}\r\n")
        wires = self._ready()
        for wire in wires:
            wire.send(request[:-1])
        for wire in wires:
            wire.send(request[-1:])
        self.presented += len(wires)
        return [wire.read() for wire in wires]

    def codes(self, session: str, **more: str) -> list[str]:
        """A fresh code from each connection, through a live session."""
        head = f"Host: {self._host}\r\nCookie: idp-s={session}\r\n\r\n"
        for wire in self._ready():
            wire.send(f"GET /authorize?{urlencode(REQUEST | more)} HTTP/1.1\r\n{head}".encode())
        return [_code_in(wire.read()) for wire in self.wires]

    def redeem(self, code: str, **more: str) -> Answer:
        """One quiet redemption."""
        wire = self._ready()[0]
        wire.send(self._post("/token", urlencode(redemption(code) | more), ""))
        return wire.read()

    def leave(self) -> None:
        for wire in self.wires:
            wire.close()
        self.wires = []

    def _post(self, path: str, body: str, more: str) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
        return f"{head}{more}\r\n{body}".encode()

    @property
    def _host(self) -> str:
        return urlsplit(self.provider.issuer).netloc

    def _ready(self) -> list[Wire]:
        """The connections, made anew when they have been idle for too long, in a new order."""
        if not self.wires or time.monotonic() - self.used_at > KEPT_OPEN:
            self.leave()
            self._meet()
        self.used_at = time.monotonic()
        self.chance.shuffle(self.wires)
        return self.wires

    def _meet(self) -> None:
        """Connect until each worker holds its share; who answered stands in the log."""
        met: dict[int, list[Wire]] = {}
        while len(met) < WORKERS or min(map(len, met.values())) < AT_ONCE // WORKERS:
            asked = [(wire := Wire(self.provider.port), self._health(wire)) for _ in range(AT_ONCE)]
            by = self.provider.workers_by_request()
            for wire, request_id in asked:
                met.setdefault(by[request_id], []).append(wire)
        self.wires = [wire for held in met.values() for wire in held[: AT_ONCE // WORKERS]]
        for spare in (wire for held in met.values() for wire in held[AT_ONCE // WORKERS :]):
            spare.close()

    def _health(self, wire: Wire) -> str:
        wire.send(f"GET /jwks HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        return wire.read().header("X-Request-Id") or ""


def redemption(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }


def refreshing(token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token}


def _code_in(answer: Answer) -> str:
    location = answer.header("Location") or ""
    assert location.startswith(REDIRECT), f"{answer.status} {location} {answer.body[:300]!r}"
    return parse_qs(urlsplit(location).query)["code"][0]


def statuses(answers: list[Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


def successors(answers: list[Answer]) -> set[str]:
    return {json.loads(answer.body)["refresh_token"] for answer in answers if answer.status == 200}


@pytest.fixture(params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH, "people": people(1), "clients": [PORTAL | QUICK, STRICT], "workers": WORKERS}
    with installed(tmp_path, request, request.param, **given) as ready, ready.serving():
        yield ready


@pytest.mark.parametrize("presentations", [FULL // 100, pytest.param(FULL, marks=pytest.mark.soak)])
def test_what_may_be_used_once_is_used_once(
    provider: Provider, presentations: int, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("SOAK_SEED", secrets.randbits(32)))
    crowd = Crowd(provider, random.Random(seed))
    visit = Visit(provider.issuer)
    visit.tokens()
    cookie = visit.browser.cookies.named("idp-s")
    assert cookie
    began = time.monotonic()

    codes = spend_codes(crowd, cookie.value, int(presentations * CODES))
    generations = rotate(crowd, cookie.value, int(presentations * WITH_GRACE))
    families = kill_families(crowd, cookie.value, int(presentations * WITHOUT_GRACE))

    took = time.monotonic() - began
    crowd.leave()
    stores = request.node.callspec.params["provider"]
    with capsys.disabled():
        print(
            f"\ndouble spend, {stores}, seed {seed}: {crowd.presented} presentations, {AT_ONCE} at once over {WORKERS} "
            f"workers: {codes} codes, {generations} refresh tokens with grace and {families} without, "
            f"0 spent twice; {took:.0f} s, {crowd.presented / took:.0f} presentations/s"
        )


def spend_codes(crowd: Crowd, session: str, presentations: int) -> int:
    """Of each code exactly one 200, and for everybody else `invalid_grant`."""
    spent = 0
    while spent * AT_ONCE < presentations:
        for code in crowd.codes(session, scope="openid"):
            answers = crowd.present(redemption(code))
            assert statuses(answers) == [200] + [400] * (AT_ONCE - 1), statuses(answers)
            spent += 1
    return spent


def rotate(crowd: Crowd, session: str, presentations: int) -> int:
    """Of each refresh token exactly one new generation, and within the grace all get that same successor."""
    visit = Visit(crowd.provider.issuer)
    tokens = [read_json(visit.redeem(code))["refresh_token"] for code in crowd.codes(session)[:FAMILIES]]
    begun, spent = sum(map(generation_of, tokens)), 0
    while spent * AT_ONCE < presentations:
        number = spent % FAMILIES
        answers = crowd.present(refreshing(tokens[number]))
        assert statuses(answers) == [200] * AT_ONCE, [answer.body for answer in answers]
        (tokens[number],) = successors(answers)
        spent += 1
    stored = generations(crowd.provider, tokens)
    assert stored == [(generation_of(token), None) for token in tokens]
    assert sum(map(generation_of, tokens)) == begun + spent, "a token had two successors"
    return spent


def kill_families(crowd: Crowd, session: str, presentations: int) -> int:
    """With grace 0 exactly one 200; then the family is dead, its newest token too."""
    killed: list[str] = []
    while len(killed) * AT_ONCE < presentations:
        for code in crowd.codes(session, client_id="portal-strict"):
            first = successors([crowd.redeem(code, client_id="portal-strict")]).pop()
            answers = crowd.present(refreshing(first) | {"client_id": "portal-strict"})
            assert statuses(answers) == [200] + [400] * (AT_ONCE - 1), statuses(answers)
            (successor,) = successors(answers)
            after = crowd.redeem("", **refreshing(successor), client_id="portal-strict")
            assert after.status == 400, "a family outlived the reuse of its token"
            assert generation_of(successor) == generation_of(first) + 1
            killed.append(successor)
    for token, (generation, revoked_at) in zip(killed, generations(crowd.provider, killed), strict=True):
        assert (generation, revoked_at is not None) == (generation_of(token), True), "the family moved on after its end"
    return len(killed)


def generation_of(token: str) -> int:
    return int(token.split(".")[1])


def generations(provider: Provider, tokens: list[str]) -> list[tuple[int, float | None]]:
    """What the store says of the tokens' families: generation, and when it ended."""
    usual = f"sqlite:///{provider.home / 'data' / 'idp.db'}"
    database = Database(provider.settings.get("IDP_STORE__DATABASE_URL", usual))
    f = refresh_family.c
    with database.autocommit.connect() as connection:
        rows = connection.execute(select(f.id, f.generation, f.revoked_at)).all()
    database.close()
    stored = {row.id: (row.generation, row.revoked_at) for row in rows}
    return [stored[token.split(".")[0].removeprefix("r_")] for token in tokens]
