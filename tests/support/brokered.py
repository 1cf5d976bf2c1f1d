"""The application beside the simulated upstreams, with everybody of the sandbox: for logins through both."""

import csv
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from config.cli.people_file import read_person
from idp.accounts.participants import Participant
from idp.store.participants import SqlParticipants
from tests.support import leaks
from tests.support.app import App, Visitor, attempt_of, running_app
from tests.support.browser import Browser
from tests.support.upstreams import PASSWORD, PROJECT, SimulatedUpstreams

SANDBOX = PROJECT / "sandbox"


@dataclass
class Brokered:
    """The application and the simulated upstreams."""

    app: App
    world: SimulatedUpstreams

    def through(self, upstream: str, login: str, visitor: Visitor | None = None, **more: Any) -> "Journey":
        """Log in at the portal through an upstream and come back; nothing is confirmed yet."""
        visitor = visitor or self.app.visitor()
        attempt = attempt_of(visitor.authorize(**more))
        return Journey(self, visitor, attempt).via(upstream, login)

    def account_of(self, bhxh: str) -> str:
        """The id of the account with this BHXH code."""
        found = self.app.base.people.find_by_identifier("bhxh", bhxh)
        assert found is not None
        return found.id


@dataclass
class Journey:
    """A browser on its way through an upstream; `answer` is what we said last."""

    brokered: Brokered
    visitor: Visitor
    attempt: str
    answer: TestResponse | None = None

    def via(self, upstream: str, login: str) -> "Journey":
        """Leave from the login page, log in there, come back."""
        away = self.visitor.get(f"/via/{upstream}", query_string={"attempt": self.attempt})
        assert away.status_code == 303, away.text
        self.answer = self.visitor.get(come_back(self.brokered.world, upstream, away.headers["Location"], login))
        return self

    @property
    def place(self) -> str:
        """The path that the last answer leads to."""
        assert self.answer is not None
        assert self.answer.status_code in (302, 303), (self.answer.status_code, self.answer.text)
        return urlsplit(self.answer.headers["Location"]).path

    def page(self) -> TestResponse:
        """The page that the last answer leads to."""
        assert self.answer is not None
        return self.visitor.get(self.answer.headers["Location"])

    def press(self, button: str, **fields: str) -> "Journey":
        """Press a button of the page that the last answer leads to, or of the last page."""
        page = self.page() if self.answer is not None and self.answer.status_code == 303 else self.answer
        assert page is not None
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        assert action, page.text
        assert f'name="{button}"' in page.text, page.text
        self.answer = self.visitor.post(action[1], data=hidden | fields | {button: "1"})
        return self

    def log_in(self, bhxh: str, password: str) -> "Journey":
        """Log in with the local password in the same attempt."""
        self.answer = self.visitor.try_to_log_in(self.attempt, bhxh, password)
        return self

    def follow(self) -> "Journey":
        """Go where the last answer leads; whoever is asked what to keep keeps everything."""
        self.answer = self.page()
        if self.answer.headers.get("Location", "").startswith("/link/keep"):
            self.answer = self.visitor.get(keep_all(self.visitor, self.page()).headers["Location"])
        return self


def keep_all(visitor: Visitor, page: TestResponse) -> TestResponse:
    """Keep every older way in and channel."""
    attempt = re.search(r'name="attempt" value="([^"]+)"', page.text)
    assert attempt, page.text
    kept = re.findall(r'type="checkbox" name="([^"]+)"', page.text)
    return visitor.post("/link/keep", data=dict.fromkeys(kept, "1") | {"attempt": attempt[1], "keep-done": "1"})


def come_back(world: SimulatedUpstreams, upstream: str, url: str, login: str) -> str:
    """Log in at an upstream by password, as a person would; gives the address that the browser is sent back to."""
    page = Browser(world.url(upstream)).open(url)
    if upstream == "dvcqg":
        back = page.fill("username", login).fill("password", PASSWORD).press("dvcqg-submit")
    else:
        consent = page.fill("number", login).fill("password", PASSWORD).press("vneid-submit")
        back = consent.tick("agree").press("vneid-share")
    assert back.location, back.summary
    return back.location


@contextmanager
def brokered(home: Path, database_url: str, world: SimulatedUpstreams, redis_url: str = "") -> Iterator[Brokered]:
    """The application with both upstreams configured, the portal, and the sandbox's accounts and participants."""
    issuer = f"http://localhost:{world.first_port}"
    with running_app(home, database_url, redis_url, issuer=issuer, upstreams=configured(world)) as app:
        # Real upstreams live in real time: their tokens are of now.
        app.clock.now = time.time()
        app.client()
        populate(app)
        yield Brokered(app, world)


def configured(world: SimulatedUpstreams) -> list[dict[str, Any]]:
    """`sandbox/upstreams.json`, at the ports of this world."""
    text = (SANDBOX / "upstreams.json").read_text(encoding="utf-8")
    for place in (3, 4):
        text = text.replace(f"http://localhost:{8000 + place}", f"http://localhost:{world.first_port + place}")
    known: list[dict[str, Any]] = json.loads(text)
    key = str(world.data / "sandbox" / "vneid-key.pem")
    return [each | ({"private_key_file": key} if each["kind"] == "vneid" else {}) for each in known]


def populate(app: App) -> None:
    """The accounts of the sandbox, all with the password of the first, and the register of participants."""
    people = json.loads((SANDBOX / "people.json").read_text(encoding="utf-8"))
    hashed = app.provider.accounts.passwords.hash(people[0]["password"])
    for person in people:
        account, _ = read_person(person | {"temporary": False}, app.clock())
        leaks.PEOPLE.update({account.name, *(i.value for i in account.identifiers)})
        app.base.people.add(replace(account, password_hash=hashed, password_changed_at=app.clock()))
    today = datetime.fromtimestamp(app.clock(), UTC).date()
    with (SANDBOX / "participants.csv").open(encoding="utf-8") as file:
        rows = [Participant.read(row, today=today, now=app.clock()) for row in csv.DictReader(file)]
    SqlParticipants(app.base.database).put(rows)
