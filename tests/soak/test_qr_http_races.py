"""F-21, O-02, acceptance 3: over HTTP too, of two at once exactly one has an effect.

Two workers on PostgreSQL and Redis, enrolled phones that sign each request, browsers with their cookies: confirm
against confirm, poll against poll, confirm against deny, deny against poll. `make soak` plays 1,000 of each, `make
test` a hundredth. `SOAK_RACES` sets another number.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import insert

from config.container import Container
from idp.store.tables import enrolled_device
from tests.support.browser import Browser, Page
from tests.support.dpop import ProofKey
from tests.support.installation import installed, laid
from tests.support.live import CHEAP_HASH, FORM, PORTAL, REDIRECT, VERIFIER, Visit, bhxh, code_of, people
from tests.support.phones import APP, PASSCODE, SCOPE
from tests.support.provider import Provider
from tests.support.qr import read

FULL = int(os.environ.get("SOAK_RACES", "1000"))
PHONES = 150
"""One key may call sixty times a minute in each worker."""

WORKERS = 2
RENEW = 120.0
QUICK = {"id_token_signed_response_alg": "ES256"}
CLIENTS = [PORTAL | QUICK, APP | QUICK | {"client_id": "app", "redirect_uris": [REDIRECT], "first_party": True}]
MANY = {"IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "1000000", "IDP_LIMITS__ATTEMPTS_IN_TOTAL": "1000000"}
Call = Callable[[], Page]


@dataclass
class Handset:
    """An enrolled phone at a real provider."""

    issuer: str
    person: int
    key: ProofKey = field(default_factory=ProofKey)
    token: str = ""
    nonce: str | None = None
    signed_in_at: float = 0.0

    def renew(self) -> None:
        """Log in by the browser of the phone, when it is time."""
        if time.monotonic() - self.signed_in_at < RENEW:
            return
        visit = Visit(self.issuer, fresh=True, person=self.person)
        code = code_of(visit.submit(visit.authorize(client_id="app", scope=SCOPE, dpop_jkt=self.key.jkt)))
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": "app"}
        body = urlencode(fields | {"code_verifier": VERIFIER}).encode()
        page = self._send("/token", body, {"Content-Type": FORM}, None)
        if page.status == 400 and json.loads(page.body)["error"] == "use_dpop_nonce":
            page = self._send("/token", body, {"Content-Type": FORM}, None)
        self.token = json.loads(page.body)["access_token"]
        self.signed_in_at = time.monotonic()

    def call(self, step: str, **body: str) -> Page:
        headers = {"Authorization": f"DPoP {self.token}", "Content-Type": "application/json"}
        return self._send(f"/phone/qr/{step}", json.dumps(body).encode(), headers, self.token)

    def _send(self, path: str, body: bytes, headers: dict[str, str], token: str | None) -> Page:
        url = self.issuer + path
        proof = self.key.proof("POST", url, now=time.time(), nonce=self.nonce, access_token=token)
        page = Browser(headers={"Connection": "close"}).send("POST", url, body, headers | {"DPoP": proof})
        self.nonce = page.headers.get("DPoP-Nonce", self.nonce)
        return page


@dataclass
class Begun:
    """A login that a phone scanned: the browser, its number, and the ticket."""

    visit: Visit
    attempt: str
    number: str
    ticket: str
    phone: Handset

    def poll(self) -> Page:
        """With the browser's cookies, on a connection of its own."""
        url = f"{self.visit.issuer}/login/qr/poll"
        headers = {"Content-Type": FORM, "Origin": self.visit.issuer, "Connection": "close"}
        headers["Cookie"] = self.visit.browser.cookies.header(urlsplit(url))
        return Browser().send("POST", url, urlencode({"attempt": self.attempt}).encode(), headers)

    def confirm(self) -> Page:
        return self.phone.call("confirm", ticket=self.ticket, number=self.number, passcode=PASSCODE)

    def deny(self) -> Page:
        return self.phone.call("deny", ticket=self.ticket)

    def later(self, call: Call) -> Call:
        """The quicker one, after another request: so that either may come first."""

        def after() -> Page:
            self.phone.call("look", ticket=self.ticket)
            return call()

        return after


def begun(phone: Handset) -> Begun:
    """From the portal to the page with the picture, and the scan."""
    phone.renew()
    visit = Visit(phone.issuer, fresh=True)
    attempt = re.findall(r"attempt=([^&]+)", visit.authorize().url)[0]
    page = visit.browser.open(f"{phone.issuer}/login/qr?{urlencode({'attempt': attempt})}")
    number = re.findall(r'id="qr-number">(\d\d)<', page.text)[0]
    login = Begun(visit, attempt, number, "", phone)
    pictures = json.loads(login.poll().body)["pictures"]
    scanned = phone.call("scan", picture=read(pictures[0]))
    assert scanned.status == 200, scanned.text
    login.ticket = json.loads(scanned.body)["ticket"]
    return login


def word(page: Page) -> str:
    """What an answer says: the state of a poll, `done` for a phone's step, or the code of its refusal."""
    said: dict[str, Any] = json.loads(page.body)
    assert page.status < 500, page.text
    return str(said.get("state") or said.get("code") or "done")


def at_once(pool: ThreadPoolExecutor, *calls: Call) -> list[str]:
    together = Barrier(len(calls))

    def one(call: Call) -> str:
        together.wait(timeout=60)
        return word(call())

    return list(pool.map(one, calls))


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH | MANY, "people": people(PHONES), "clients": CLIENTS, "workers": WORKERS}
    with installed(tmp_path, request, "postgresql and redis", **given) as ready, ready.serving():
        yield ready


def enrolled(provider: Provider, count: int) -> list[Handset]:
    """Phones that are devices already: enrolment is not what is tried here."""
    base, now = laid(provider), time.time()
    passcode = Container(base).accounts.passwords.hash(PASSCODE)
    phones = [Handset(provider.issuer, number) for number in range(1, count + 1)]
    for phone in phones:
        account = base.people.find_by_identifier("bhxh", bhxh(phone.person))
        assert account
        row = {"id": f"device {phone.person}", "account_id": account.id, "client_id": "app", "jkt": phone.key.jkt}
        row |= {"name": "Galaxy A15", "network": "127.0.0.0/24", "passcode_hash": passcode}
        with base.database.transaction.begin() as connection:
            values = {"wrong_passcodes": 0, "enrolled_at": now, "last_seen_at": now}
            connection.execute(insert(enrolled_device), row | values)
    base.close()
    return phones


@pytest.mark.parametrize("races", [FULL // 100, pytest.param(FULL, marks=pytest.mark.soak)])
def test_of_two_at_once_exactly_one_has_an_effect(
    provider: Provider, races: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """F-21, K-05, O-02"""
    phones = enrolled(provider, min(PHONES, max(2, races)))
    began, told = time.monotonic(), Counter[str]()

    with ThreadPoolExecutor(2) as pool:
        for race in range(races):
            phone = phones[race % len(phones)]
            login = begun(phone)
            told["confirm, confirm: " + ", ".join(sorted(at_once(pool, login.confirm, login.confirm)))] += 1
            told["poll, poll: " + ", ".join(sorted(at_once(pool, login.poll, login.poll)))] += 1
            login = begun(phone)
            deny = login.later(login.deny) if race % 2 else login.deny
            both = at_once(pool, login.confirm, deny)
            told[f"confirm, deny: {', '.join(both)}; then {word(login.poll())}"] += 1
            login = begun(phone)
            assert word(login.confirm()) == "done"
            poll = login.later(login.poll) if race % 2 else login.poll
            told["deny, poll: " + ", ".join(at_once(pool, login.deny, poll))] += 1

    with capsys.disabled():
        print(f"\nQR races over HTTP, {races} of each kind, {time.monotonic() - began:.0f} s: {dict(told)}")
    assert set(told) <= {
        "confirm, confirm: confirmed, done",
        "poll, poll: delivered, gone",
        "confirm, deny: done, done; then denied",
        "confirm, deny: denied, done; then denied",
        "deny, poll: done, denied",
        "deny, poll: consumed, delivered",
    }
