"""Acceptance 2, F-30: whoever is killed, what was accepted is sent.

While messages go out, half by a gateway that drops repeats of an id and half by SMTP, every two seconds one worker of
the provider and the process that accepts messages are killed with -9. None is lost, the gateway delivers none twice,
and SMTP repeats at most one letter per kill, with the same code. `make soak` sends 10,000 on each pair of stores, `make
test` a hundredth of that on SQLite. `SOAK_MESSAGES` sets another number.
"""

import contextlib
import multiprocessing
import os
import re
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from idp.messages.message import Message
from tests.support.installation import PAIRS, installed, laid
from tests.support.ports import free_port
from tests.support.provider import Provider
from tests.support.sms import SmsGateway, sms_gateway
from tests.support.waiting import until

FULL = int(os.environ.get("SOAK_MESSAGES", "10000"))
WORKERS = 2
KILL_EVERY = 2.0
LIVES = 3600.0
HELD_BY_THE_DEAD = 40
"""A worker dies with one message of each channel, and holds them for up to half a minute."""

TO = {"sms": "+84912345678", "email": "hoa@example.com"}


@dataclass
class Postbox:
    """A mail server's memory: by Message-ID the codes of every letter that was taken."""

    codes: dict[str, list[str]] = field(default_factory=dict)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        letter: Any = message_from_bytes(envelope.content, policy=default)
        found = re.search(r"\d{6}", letter.get_body(("plain",)).get_content())
        assert found
        self.codes.setdefault(letter["Message-ID"].strip("<>").partition("@")[0], []).append(found[0])
        return "250 OK"


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Postbox, int]]:
    postbox, port = Postbox(), free_port()
    controller = Controller(postbox, hostname="localhost", port=port)
    controller.start()
    yield postbox, port
    controller.stop()


def accept(home: Path, settings: dict[str, str], count: int, notes: Path) -> None:
    """Put messages until `count` are noted as accepted; a note is written only after `put` has returned."""
    base = laid(Provider(home, settings))
    with notes.open("a", buffering=1) as lines:
        for number in range(len(notes.read_text().splitlines()), count):
            channel: Any = "sms" if number % 2 else "email"
            code = f"{secrets.randbelow(1_000_000):06d}"
            facts = {"code": code, "purpose": "login", "minutes": "5"}
            message = Message(channel, TO[channel], "otp", base.clock() + LIVES, facts)
            base.outbox.put(message)
            lines.write(f"{message.id} {channel} {code}\n")


@dataclass
class Killer:
    """Kills a worker and the accepting process, and starts the latter again until it is done."""

    provider: Provider
    count: int
    notes: Path
    kills: int = 0
    accepting: Any = None
    noted: int = 0

    def accepted(self) -> list[tuple[str, str, str]]:
        """(id, channel, code) of what was accepted; a line that a kill cut off does not count."""
        lines = self.notes.read_text().split("\n")[:-1]
        return [(*line.split(" "),) for line in lines if line.count(" ") == 2]  # type: ignore[misc]

    def start_accepting(self) -> None:
        given = (self.provider.home, dict(self.provider.settings), self.count, self.notes)
        self.noted = len(self.accepted())
        self.accepting = multiprocessing.get_context("spawn").Process(target=accept, args=given)
        self.accepting.start()

    def until_all_is_out(self) -> None:
        base = laid(self.provider)
        self.start_accepting()
        while len(self.accepted()) < self.count or self._waiting(base) > HELD_BY_THE_DEAD:
            time.sleep(KILL_EVERY)
            self._kill()
        self.accepting.join()
        until(lambda: self._waiting(base) == 0, patience=120)
        base.close()

    def _waiting(self, base: Any) -> int:
        return sum(count for count, _ in base.outbox.waiting().values())

    def _kill(self) -> None:
        # Only one that has sent something: a worker that is still starting would be killed for ever.
        busy = {line["pid"] for line in self.provider.logged() if line["message"] == "message"}
        for victim in sorted(self.provider.worker_processes() & busy)[:1]:
            os.kill(victim, signal.SIGKILL)
            self.kills += 1
        noted = len(self.accepted())
        assert noted == self.count or self.accepting.exitcode in (None, 0), "it fell by itself"
        if self.noted < noted < self.count:
            # It is accepting by now; what it has noted counts.
            self.accepting.kill()
            self.accepting.join()
            self.start_accepting()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[SmsGateway]:
    home = tmp_path / "gateway"
    home.mkdir()
    with sms_gateway(home) as running:
        yield running


@pytest.mark.parametrize(
    ("stores", "messages"),
    [
        ("sqlite", FULL // 100),
        *(pytest.param(stores, FULL, marks=pytest.mark.soak) for stores in PAIRS),
    ],
)
def test_no_message_is_lost_and_none_is_delivered_twice(
    stores: str,
    messages: int,
    gateway: SmsGateway,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # So slow that even a hundred messages are still on their way when the first kill comes.
    gateway.behave(slow=0.1 if messages < 1000 else 0, receipts=0)
    with mail_server() as (postbox, port):
        settings = gateway.environment() | smtp_settings(port)
        with installed(tmp_path, request, stores, settings=settings, workers=WORKERS) as provider, provider.serving():
            killer = Killer(provider, messages, tmp_path / "accepted")
            killer.notes.touch()
            began = time.monotonic()
            killer.until_all_is_out()
            took = time.monotonic() - began
    accepted, kills = killer.accepted(), killer.kills
    repeats = judge(accepted, gateway, postbox, kills)
    with capsys.disabled():
        print(
            f"\nmessages, {stores}: {len(accepted)} accepted, {kills} workers killed: 0 lost, 0 text "
            f"messages twice, {repeats} letters twice; {took:.0f} s, {len(accepted) / took:.0f} messages/s"
        )


def smtp_settings(port: int) -> dict[str, str]:
    smtp = {"HOST": "localhost", "PORT": str(port), "SECURITY": "none", "SENDER": "no-reply@id.example.vn"}
    return {"IDP_MESSAGES__EMAIL": "smtp"} | {f"IDP_MESSAGES__SMTP__{name}": value for name, value in smtp.items()}


def judge(accepted: list[tuple[str, str, str]], gateway: SmsGateway, postbox: Postbox, kills: int) -> int:
    """What arrived, held against what was accepted; gives how many letters came twice."""
    texts = {each["id"]: each for each in gateway.delivered()}
    lost = [note for note in accepted if note[0] not in (texts if note[1] == "sms" else postbox.codes)]
    assert lost == []
    assert {each["delivered"] for each in texts.values()} == {1}
    assert all(f" {code} " in texts[name]["text"] for name, channel, code in accepted if channel == "sms")
    assert all(set(postbox.codes[name]) == {code} for name, channel, code in accepted if channel == "email")
    times = Counter(len(codes) for codes in postbox.codes.values())
    repeats = sum((often - 1) * count for often, count in times.items())
    assert kills > 0
    assert repeats <= kills
    return repeats
