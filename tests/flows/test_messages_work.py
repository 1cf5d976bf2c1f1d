"""Who sends: threads inside `idp serve`, or `idp messages work`; and what operators see and may do."""

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.cli.context import opened_stores
from idp.messages.message import Message
from idp.messages.sending import Deliveries, Receipt
from idp.messages.working import IDLE, Workers
from idp.wakeups import Wakeups
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.app import App, running_app
from tests.support.databases import sqlite_copy
from tests.support.inbox import deliver, received
from tests.support.installation import PAIRS, installed, laid
from tests.support.processes import running
from tests.support.provider import IDP, Provider
from tests.support.waiting import until

NUMBER, ADDRESS = "+84912345678", "hoa@example.com"
SOON = IDLE / 10
FACTS = {"code": "135790", "purpose": "login", "minutes": "5"}


def otp(now: float, channel: str = "sms") -> Message:
    to = NUMBER if channel == "sms" else ADDRESS
    return Message(channel, to, "otp", now + 300, FACTS)  # type: ignore[arg-type]


@pytest.fixture(params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    with installed(tmp_path, request, request.param) as ready:
        yield ready


def put(provider: Provider, *messages: Message) -> None:
    """Accept messages as any other process of the installation would."""
    base = laid(provider)
    base.outbox.put(*(replace(each, good_until=base.clock() + 300) for each in messages))
    base.close()


def test_what_is_accepted_is_sent_by_the_running_provider(provider: Provider) -> None:
    inbox = provider.home / "data" / "inbox"
    with provider.serving():
        put(provider, otp(0), otp(0, "email"))
        until(lambda: len(received(inbox)) == 2)
        metrics = until_counted(provider)

    assert 'idp_messages_total{channel="sms",outcome="sent"} 1.0' in metrics
    assert 'idp_messages_waiting{channel="email"}' in metrics
    assert {each["to"] for each in received(inbox)} == {NUMBER, ADDRESS}
    log = provider.log.read_text()
    assert '"became": "sent"' in log
    for secret in ("135790", NUMBER[3:], ADDRESS):
        assert secret not in log


def test_what_another_process_accepts_wakes_the_sender(provider: Provider) -> None:
    """Long before the look that would find it if nobody were woken."""
    inbox = provider.home / "data" / "inbox"
    with provider.serving():
        for count in range(1, 6):
            put(provider, otp(0))
            assert until(lambda count=count: len(received(inbox)) == count) < SOON  # type: ignore[misc]


def until_counted(provider: Provider) -> str:
    page = ""

    def counted() -> bool:
        nonlocal page
        page = provider.metrics()
        # Gauges are written by the housekeeping, once a second.
        return page.count('outcome="sent"} 1.0') == 2 and "idp_messages_waiting{" in page

    until(counted)
    return page


def test_a_process_of_its_own_sends_and_stops_when_told(provider: Provider) -> None:
    provider.settings = {**provider.settings, "IDP_MESSAGES__IN_SERVE": "false"}
    inbox = provider.home / "data" / "inbox"
    put(provider, *(otp(0) for _ in range(20)))
    with working(provider) as process:
        until(lambda: len(received(inbox)) == 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    listed = json.loads(provider.command("messages", "list", "--state", "sent", "--json"))
    assert len(listed) == 20


def working(provider: Provider) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    log = provider.home / "work.log"
    return running(
        [str(IDP), "messages", "work"],
        log=log,
        answers=lambda: "sending" in log.read_text(errors="replace"),
        environment=provider._environment(),
        directory=provider.home,
    )


def test_a_slow_gateway_holds_up_no_mail(app: App) -> None:
    """W-07: other channels unaffected."""

    class Slow:
        longest = 15.0

        def __init__(self) -> None:
            self.asked, self.go = threading.Event(), threading.Event()

        def send(self, message: Message) -> Receipt:
            self.asked.set()
            assert self.go.wait(30)
            return Receipt()

    class Quick:
        longest = 15.0
        sent = threading.Event()

        def send(self, message: Message) -> Receipt:
            self.sent.set()
            return Receipt()

    slow, quick = Slow(), Quick()
    app.base.watch.start(may_keep_house=False)
    workers = Workers(Deliveries(app.base.outbox, {"sms": slow, "email": quick}, app.clock), 1, app.base.watch.wakeups)
    app.base.outbox.put(otp(app.clock()))
    workers.start()
    assert slow.asked.wait(30)

    app.base.outbox.put(otp(app.clock(), "email"))

    assert quick.sent.wait(30)
    slow.go.set()
    workers.stop()
    app.base.watch.stop()


def test_a_store_that_is_down_for_a_while_does_not_end_the_sending(app: App) -> None:
    """F-30"""
    gone = threading.Event()

    class Flaky:
        def __init__(self) -> None:
            self.failures = 3

        def __getattr__(self, name: str) -> object:
            self.failures -= 1
            if self.failures >= 0:
                raise ConnectionError
            gone.set()
            return getattr(app.base.outbox, name)

    app.base.outbox.put(otp(app.clock()))
    sender = app.provider.oidc.deliveries._senders["sms"]
    workers = Workers(Deliveries(Flaky(), {"sms": sender}, app.clock), 1, Wakeups())  # type: ignore[arg-type]
    workers.start()

    assert gone.wait(30)
    until(lambda: len(received(app.settings.data_dir / "inbox")) == 1)
    workers.stop()


def test_nothing_configured_sends_nothing_and_says_so(sqlite_template: Path, tmp_path: Path) -> None:
    silent = {"sms": "none", "email": "none"}
    with running_app(tmp_path, sqlite_copy(sqlite_template, tmp_path), messages=silent) as app:
        message = otp(app.clock())
        app.base.outbox.put(message)

        assert deliver(app) == []
        record = app.base.outbox.find(message.id)
        assert record
        assert (record.state, record.error) == ("failed", "no sender is configured")
        assert b'"not sent":["sms","email"]' in app.operation().answer("/readyz")[2]


def test_files_and_lists_show_what_they_should(app: App) -> None:
    mail, text = otp(app.clock(), "email"), otp(app.clock())
    app.base.outbox.put(mail, text)

    both = {each["channel"]: each for each in deliver(app)}

    assert both["sms"] | {"body": ""} == {
        "id": text.id,
        "channel": "sms",
        "to": NUMBER,
        "sent_at": app.clock(),
        "body": "",
    }
    assert both["email"]["subject"].startswith("BHXH")
    assert both["email"]["html"].startswith("<!doctype html>")
    folder = app.settings.data_dir / "inbox"
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_operators_see_masked_recipients_and_never_a_code(operator: Operator) -> None:
    first, second = queued(operator)

    shown = operator.does("messages", "list")

    for secret in ("135790", NUMBER, ADDRESS, "91234"):
        assert secret not in shown
    assert "*** *** *78" in shown
    assert "h***@example.com" in shown
    listed = operator.json("messages", "list", "--channel", "email")
    assert [(each["id"], each["state"]) for each in listed] == [(second, "waiting")]
    assert first in shown


def queued(operator: Operator) -> tuple[str, str]:
    """Put a text message and a mail; gives their ids."""
    base = opened_stores()
    messages = otp(base.clock()), otp(base.clock(), "email")
    base.outbox.put(*messages)
    base.close()
    return messages[0].id, messages[1].id


def test_what_failed_is_tried_anew_with_a_reason_and_only_that(operator: Operator) -> None:
    failed, waiting = queued(operator)
    base = opened_stores()
    taken = base.outbox.take("sms", 15)
    assert taken
    base.outbox.finish(taken, "failed", "status 503")
    base.close()

    assert operator.run("messages", "retry", failed).exit_code == 2
    assert operator.run("messages", "retry", "a" * 22, "--reason", "r").exit_code == 1
    refused = operator.run("messages", "retry", waiting, "--reason", "r")
    assert (refused.exit_code, "it is waiting" in refused.stderr) == (1, True)
    assert operator.json("messages", "retry", failed, "--reason", "gateway is back")["state"] == "waiting"

    assert "message.retried" in operator.does("audit", "tail")
    assert "gateway is back" in operator.does("audit", "tail")


def test_budgets_are_shown_without_whom_they_are_of(operator: Operator) -> None:
    base = opened_stores()
    with base.database.transaction.begin() as connection:
        for key, spent in ((f"number-day:{NUMBER}", 3), ("all-day", 41), ("prefix-hour:8491234", 7)):
            connection.exec_driver_sql(f"INSERT INTO budget VALUES ('{key}', {spent}, {base.clock() + 60})")
        connection.exec_driver_sql(f"INSERT INTO budget VALUES ('all-minute', 9, {base.clock() - 1})")
    base.close()

    shown = operator.json("messages", "budget")

    assert [(each["budget"], each["spent"]) for each in shown] == [
        ("all-day", 41),
        ("prefix-hour:8491234", 7),
        ("number-day:+8***78", 3),
    ]
    assert "(none)" not in operator.does("messages", "budget")


def test_doctor_says_when_messages_wait_for_too_long(operator: Operator) -> None:
    queued(operator)
    assert "sms by file, email by file, 2 waiting" in operator.does("doctor")

    base = opened_stores()
    with base.database.transaction.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET created_at = created_at - 601")
    base.close()

    complaint = operator.run("doctor")
    assert complaint.exit_code == 1
    assert "is anybody sending" in complaint.stdout
