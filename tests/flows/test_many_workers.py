"""Acceptance 2: four worker processes are one provider, on SQLite alone and on PostgreSQL with Redis.

Every request has a connection of its own, so the kernel chooses the worker. That several took part is read from the
log, where each answer stands with its process: a test that met only one worker has proved nothing and fails.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from tests.support.browser import Page
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, bhxh, code_of, people, read_json, request_ids
from tests.support.provider import Provider
from tests.support.waiting import until

T = TypeVar("T")
WORKERS = 4
EIGHT = 8
MOST_STORIES = 80
FEW, MANY = 6, 320
"""Logouts or revocations; each is asked about 32 or 24 times, so that `make soak` does 10,000 of them (N-23)."""
TRIALS = [FEW, pytest.param(MANY, marks=pytest.mark.soak)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql and redis"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH, "people": people(EIGHT), "clients": [PORTAL], "workers": WORKERS}
    with (
        installed(tmp_path_factory.mktemp("many"), request, request.param, **given) as ready,
        ready.serving() as running,
    ):
        yield running


def at_once(call: Callable[[int], T]) -> list[T]:
    """What eight calls at the same time gave; each is told its number."""
    with ThreadPoolExecutor(EIGHT) as pool:
        return list(pool.map(call, range(1, EIGHT + 1)))


def story(provider: Provider, person: int) -> dict[str, str]:
    """One login, hop by hop: which request made and which used the attempt, the captcha and the code."""
    visit = Visit(provider.issuer, fresh=True, person=person)
    login = visit.authorize()
    assert login.name == "login", login.summary
    began, asked = request_ids(login)
    sent = visit.submit(login)
    assert sent.status == 303, f"{sent.status} {sent.summary}"
    posted, issued = request_ids(sent)
    redeemed = visit.redeem(code_of(sent))
    assert "id_token" in read_json(redeemed)
    return {
        "attempt made": began,
        "attempt used": asked,
        "captcha made": asked,
        "captcha used": posted,
        "code made": issued,
        "code used": redeemed.headers["X-Request-Id"],
    }


def test_what_one_worker_made_another_uses(provider: Provider) -> None:
    """Every login succeeds, and each kind of ticket was at least once used by another worker than its maker."""
    crossed: set[str] = set()
    everybody: set[int] = set()
    for _ in range(MOST_STORIES // EIGHT):
        told = at_once(lambda person: story(provider, person))
        by = provider.workers_by_request()
        everybody |= {by[id] for hops in told for id in hops.values()}
        for what in ("attempt", "captcha", "code"):
            crossed |= {what for hops in told if by[hops[f"{what} made"]] != by[hops[f"{what} used"]]}
        if len(crossed) == 3 and len(everybody) == WORKERS:
            return
    pytest.fail(f"{len(everybody)} of {WORKERS} workers took part; crossed: {crossed}")


def answers(ask: Callable[[], Page], judge: Callable[[Page], bool]) -> list[str]:
    """Ask eight times at once, on eight connections; every answer must pass. Gives the ids of the requests."""
    pages = at_once(lambda _: ask())
    refused = [page for page in pages if not judge(page)]
    assert not refused, f"{len(refused)} of {len(pages)} have not noticed: {refused[0].status} {refused[0].text}"
    return [request_ids(page)[-1] for page in pages]


def assert_everybody_answered(provider: Provider, asked: list[str]) -> None:
    by = provider.workers_by_request()
    assert len({by[id] for id in asked}) == WORKERS


def ended(visit: Visit, tokens: dict[str, str]) -> list[tuple[Callable[[], Page], Callable[[Page], bool]]]:
    """What everybody must say once a login is over."""
    return [
        (lambda: visit.authorize(prompt="none"), lambda page: page.answer["error"] == "login_required"),
        (lambda: visit.userinfo(tokens["access_token"]), lambda page: page.status == 401),
        (
            lambda: visit.ask("/introspect", token=tokens["access_token"]),
            lambda page: read_json(page) == {"active": False},
        ),
        (lambda: visit.refresh(tokens["refresh_token"]), lambda page: page.status == 400),
    ]


@pytest.mark.parametrize("trials", TRIALS)
def test_a_logout_is_seen_by_every_worker_at_the_next_request(provider: Provider, trials: int) -> None:
    """N-23"""
    asked: list[str] = []
    for _ in range(trials):
        visit = Visit(provider.issuer, fresh=True)
        tokens = visit.tokens()
        stolen = Visit(provider.issuer, fresh=True)
        stolen.browser.cookies.put("idp-s", _cookie(visit, "idp-s"), "localhost")
        assert stolen.authorize(prompt="none").answer.get("code")

        gone = visit.browser.open(f"{provider.issuer}/end_session?id_token_hint={tokens['id_token']}")
        assert gone.name == "logged-out", gone.summary
        for ask, judge in ended(stolen, tokens):
            asked += answers(ask, judge)
    assert_everybody_answered(provider, asked)


@pytest.mark.parametrize("trials", TRIALS)
def test_a_revoked_token_is_dead_for_every_worker_at_the_next_request(provider: Provider, trials: int) -> None:
    """N-23, RFC 7009"""
    asked: list[str] = []
    visit = Visit(provider.issuer, fresh=True)
    for _ in range(trials):
        tokens = visit.tokens()
        assert visit.ask("/revoke", token=tokens["refresh_token"]).status == 200
        for ask, judge in ended(visit, tokens)[1:]:
            asked += answers(ask, judge)
    assert_everybody_answered(provider, asked)


def test_a_disabled_account_is_out_for_every_worker_at_once(provider: Provider) -> None:
    """N-23: by `idp accounts disable`, from another process altogether."""
    visit = Visit(provider.issuer, fresh=True)
    tokens, code = visit.tokens(), bhxh(1)
    provider.command("accounts", "disable", code, "--reason", "test")
    try:
        for ask, judge in ended(visit, tokens):
            answers(ask, judge)
    finally:
        provider.command("accounts", "enable", code, "--reason", "test")


def test_every_worker_signs_with_the_same_ring(provider: Provider) -> None:
    """Also after a rotation that one worker did: soon all show the new keys, and whoever signs, it verifies."""

    def ring() -> str:
        return Visit(provider.issuer).portal.send("GET", f"{provider.issuer}/jwks").text

    before = set(at_once(lambda _: ring()))
    assert len(before) == 1
    assert Visit(provider.issuer).portal.send("POST", f"{provider.issuer}/testing/rotate-keys").status == 200

    # A worker asks for the ring's version every two seconds; in the meantime it goes on with the keys it has.
    until(lambda: not before & set(at_once(lambda _: ring())))
    visit = Visit(provider.issuer, fresh=True)
    for _ in range(EIGHT):
        token = visit.tokens()["id_token"]
        until(lambda token=token: verifies(token, json.loads(ring())), patience=5.0)  # type: ignore[misc]


def verifies(token: str, ring: dict[str, Any]) -> bool:
    """Whether a portal that fetched this ring can verify; it would fetch again for a key that it does not know."""
    try:
        jwt.decode(token, KeySet.import_key_set(ring), algorithms=["RS256"])  # type: ignore[arg-type]
    except InvalidKeyIdError:
        return False
    return True


def _cookie(visit: Visit, name: str) -> str:
    cookie = visit.browser.cookies.named(name)
    assert cookie, "the browser has no session"
    return cookie.value
