"""Somebody reads all of the short-lived store, at every moment: nothing that a browser or an app holds is in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.store import tables as t
from tests.flows.test_passkeys import add, at_home, log_in, owner
from tests.support.app import App, Visitor, answer_of
from tests.support.brokered import Brokered, brokered
from tests.support.declarations import Registrant, hidden
from tests.support.device_grant import device, let_in, tv
from tests.support.passkeys import Authenticator
from tests.support.phones import enrolled_phone, with_app
from tests.support.qr import waiting
from tests.support.upstreams import SimulatedUpstreams, simulated

_FIELD = re.compile(r'<input type="hidden" name="(?!asked")[^"]+" value="([^"]+)"')
"""What `/device` calls the request is a digest of what the device holds, and decides nothing without a session."""
_HANDLE = re.compile(r"[A-Za-z0-9_-]{22,}")
LOCAL = "Matkhau#2026"


class Thief:
    """Notes what visitors send and are given, and reads the store after each of their requests."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.held: set[str] = set()
        self.found: set[tuple[str, str]] = set()
        self.records = 0

    def saw(self, visitor: Visitor, url: str, sent: dict[str, Any], answer: TestResponse) -> None:
        fields = [sent.get(name) or {} for name in ("data", "query_string")]
        pairs = [pair for given in fields if isinstance(given, dict) for pair in given.items()]
        values = [str(value) for name, value in pairs if name != "asked"]
        values += [cookie.value for cookie in visitor.http._cookies.values()]  # type: ignore[union-attr]
        values += [url, unquote_plus(answer.headers.get("Location", "")), *_FIELD.findall(answer.text)]
        values += [json.dumps(answer.json)] if answer.is_json else []
        self.held.update(handle for value in values for handle in _HANDLE.findall(value))
        for record in self.read():
            self.records += 1
            self.found.update((url, handle) for handle in self.held if handle.encode() in record)

    def read(self) -> Iterator[bytes]:
        """Every key and value, in SQL and in Redis."""
        with self.app.base.database.autocommit.connect() as connection:
            for key, value in connection.execute(select(t.ephemeral.c.key, t.ephemeral.c.value)):
                yield key.encode() + b"\0" + value
        if self.app.base.redis is not None:
            for key in self.app.base.redis.scan_iter():
                yield key + b"\0" + (self.app.base.redis.get(key) or b"")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(
    world: SimulatedUpstreams, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Brokered]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with brokered(tmp_path, database_url, world, redis_url) as running:
        yield running


@pytest.fixture
def thief(here: Brokered, monkeypatch: pytest.MonkeyPatch) -> Thief:
    thief, send = Thief(here.app), Visitor._send

    def watched(visitor: Visitor, method: str, url: str, **more: Any) -> TestResponse:
        answer = send(visitor, method, url, **more)
        thief.saw(visitor, url, more, answer)
        return answer

    monkeypatch.setattr(Visitor, "_send", watched)
    return thief


def through_an_upstream(here: Brokered) -> None:
    answer = here.through("vneid", "000890123456").press("link-confirm").follow().answer
    assert answer
    assert here.app.visitor().redeem(answer_of(answer)["code"]).status_code == 200


def linked_by_password(here: Brokered) -> None:
    journey = here.through("vneid", "000868444445").press("link-password").log_in("0044444445", LOCAL)
    answer = journey.follow().press("link-make").follow().answer
    assert answer
    assert "code" in answer_of(answer)


def by_passkey(here: Brokered) -> None:
    owner(here.app)
    key = Authenticator(here.app.settings.issuer)
    add(at_home(here.app), key)
    assert "/authorize" in log_in(here.app.visitor(), key)


def by_phone(here: Brokered) -> None:
    with_app(here.app)
    phone, page = enrolled_phone(here.app), waiting(here.app.visitor())
    ticket = (phone.scan(page).json or {})["ticket"]
    assert phone.confirm(ticket, page.number).status_code == 200
    assert page.told()["state"] == "delivered"


def by_a_device(here: Brokered) -> None:
    tv(here.app)
    screen = device(here.app)
    let_in(here.app.visitor(), screen.user_code)
    assert screen.tokens()


def registered(here: Brokered) -> None:
    registrant = Registrant(here.app)
    reference = registrant.register()
    here.app.clock.move(61)  # an address gets one code a minute
    asked = registrant.look(reference, cancel="1")
    page = registrant.visitor.get(asked.headers["Location"])
    given = {name: hidden(page, name) for name in ("ticket", "attempt")} | {"code": here.app.code_sent("email")}
    assert "đã hủy" in registrant.visitor.post("/register/proof", data=given | {"code-submit": "1"}).text.lower()


FLOWS = (through_an_upstream, linked_by_password, by_passkey, by_phone, by_a_device, registered)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_no_handle_that_anybody_holds_lies_in_the_store(here: Brokered, thief: Thief, flow: Any) -> None:
    """F-12: an attempt's handle lay in clear in a journey's record, and a ceremony's in the attempt's."""
    here.app.person("0000000001")
    flow(here)

    assert thief.found == set()
    assert thief.records > 0
    assert len(thief.held) > 3
