"""What a tick of the background work does in the housekeeper, and in everybody else."""

import pytest

from config import housekeeping
from config.housekeeping import SEAL_EVERY, SEAL_FOR, Housekeeping
from config.senders import IDLE, LOOK_EVERY, QueueWatch
from idp import wakeups
from idp.messages.message import Message
from idp.ports import Event
from idp.store import audit
from tests.support.app import App
from tests.support.clock import FrozenClock

FACTS = {"code": "135790", "purpose": "login", "minutes": "5"}


class Monotonic:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def unsealed(app: App) -> int:
    return app.base.trail.verify().unsealed


def test_one_tick_chains_more_than_one_turn(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 500 a tick, a peak of more logins than that was not chained before its end."""
    monkeypatch.setattr(housekeeping, "SEAL_SECONDS", 600.0)
    monkeypatch.setattr(audit, "BATCH", 3)
    for _ in range(8):
        app.base.audit.record(Event("key.revoked"))
    Housekeeping(app.base, lambda: None).once(sweeping=False)

    assert unsealed(app) < 3


def test_a_backlog_of_records_is_chained_tick_by_tick(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the wakeup was long ago and the next look by itself has not come."""
    clock = Monotonic()
    monkeypatch.setattr(wakeups, "time", clock)
    monkeypatch.setattr(housekeeping, "SEAL_SECONDS", -1.0)
    monkeypatch.setattr(audit, "BATCH", 3)
    Housekeeping(app.base, lambda: None).once(sweeping=True)
    while unsealed(app):
        app.base.trail.seal()
    for _ in range(8):
        app.base.audit.record(Event("key.revoked"))
    app.base.watch.is_housekeeper = True
    keeper, left = Housekeeping(app.base, lambda: None), []
    for _ in range(3):
        keeper._round()
        left.append(unsealed(app))
        clock.now += (SEAL_FOR + SEAL_EVERY) / 2

    assert left == [5, 2, 0]


def test_whoever_is_not_the_housekeeper_chains_nothing_and_notes_the_head(app: App) -> None:
    Housekeeping(app.base, lambda: None).once(sweeping=False)
    witness = app.settings.data_dir / "witness"
    witness.unlink()
    app.base.audit.record(Event("key.revoked"))
    before = unsealed(app)
    Housekeeping(app.base, lambda: None)._round()

    assert unsealed(app) == before > 0
    assert witness.read_text().split()[0] == str(app.base.trail.last_number())


def test_the_length_of_an_empty_queue_is_not_asked_for_until_it_is_written_to(app: App, clock: FrozenClock) -> None:
    asked: list[str] = []
    app.base.database.watch(lambda text, _: asked.append(text))
    woken = app.base.watch.wakeups
    queue = QueueWatch(app.base.outbox, app.clock, woken)
    assert queue.length("sms") == 0
    app.clock.move(LOOK_EVERY)
    assert (queue.length("sms"), len(asked)) == (0, 1)

    app.base.outbox.put(Message("sms", "+84912345678", "otp", app.clock() + 300, FACTS))
    woken.wake("sms")
    assert queue.length("sms") == 1
    asked.clear()
    app.clock.move(LOOK_EVERY)
    assert (queue.oldest("sms"), len(asked)) == (LOOK_EVERY, 1)

    app.provider.oidc.deliveries.once()
    app.clock.move(LOOK_EVERY)
    assert queue.length("sms") == 0
    asked.clear()
    app.clock.move(IDLE)
    assert (queue.length("sms"), len(asked)) == (0, 1)
