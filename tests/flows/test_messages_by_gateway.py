"""Text messages through a real HTTP gateway that is slow, down, refusing, duplicating, late and lying."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.senders import deliveries_of
from config.stores import Stores
from idp.messages.message import Message
from idp.messages.sms_gateway import signature
from idp.store.outbox import Record
from tests.support.app import App, running_app
from tests.support.databases import sqlite_copy
from tests.support.installation import installed, laid
from tests.support.ports import free_port
from tests.support.sms import SECRET, SmsGateway, sms_gateway
from tests.support.waiting import until

NUMBER = "+84912345678"
RECEIPTS = "/messages/receipts"
GOOD = {"id": "a" * 22, "status": "delivered"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmsGateway]:
    with sms_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def app(gateway: SmsGateway, sqlite_template: Path, tmp_path: Path) -> Iterator[App]:
    """An application whose text messages leave through the gateway, which behaves again."""
    gateway.behave(answer="accept", slow=0, drops_repeats="yes", receipts=1, receipts_after=0, receipt_says="delivered")
    with running_app(tmp_path, sqlite_copy(sqlite_template, tmp_path), messages=gateway.settings()) as running:
        yield running


def put(app: App, **more: Any) -> Message:
    facts = {"code": "135790", "purpose": "login", "minutes": "5"}
    message = replace(Message("sms", NUMBER, "otp", app.clock() + 300, facts), **more)
    app.base.outbox.put(message)
    return message


def state(app: App, message: Message) -> tuple[str, str | None]:
    record = app.base.outbox.find(message.id)
    assert record
    return record.state, record.error


def arrived(gateway: SmsGateway, message: Message) -> list[dict[str, Any]]:
    return [each for each in gateway.delivered() if each["id"] == message.id]


def tell(app: App, said: object, secret: str = SECRET) -> int:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = {"X-Signature": signature(secret, body)}
    return app.visitor().post(RECEIPTS, data=body, headers=headers, content_type="application/json").status_code


def test_a_code_arrives_under_our_id(app: App, gateway: SmsGateway) -> None:
    message = put(app)

    app.provider.oidc.deliveries.once()

    [found] = arrived(gateway, message)
    assert (found["to"], found["delivered"]) == (NUMBER, 1)
    assert "135790 de dang nhap" in found["text"]
    assert state(app, message) == ("sent", None)


def test_a_gateway_that_is_down_gets_it_later_under_the_same_id(app: App, gateway: SmsGateway) -> None:
    """F-30, W-07"""
    gateway.behave(answer="down")
    message = put(app)
    app.provider.oidc.deliveries.once()
    assert state(app, message) == ("waiting", "status 503")

    gateway.behave(answer="accept")
    app.clock.move(10)
    app.provider.oidc.deliveries.once()

    assert [each["delivered"] for each in arrived(gateway, message)] == [1]
    assert state(app, message) == ("sent", None)


def test_nobody_at_the_gateways_address_is_a_gateway_that_is_down(app: App, gateway: SmsGateway) -> None:
    elsewhere = app.settings.model_copy(deep=True)
    object.__setattr__(elsewhere.messages.gateway, "url", "http://localhost:1/messages")
    message = put(app)

    deliveries_of(elsewhere, app.base.outbox, app.clock).once()

    assert state(app, message) == ("waiting", "NewConnectionError")


def test_a_gateway_that_answers_too_slowly_counts_as_down_and_the_repeat_is_dropped(
    app: App, gateway: SmsGateway
) -> None:
    """F-30: it had the message all the same."""
    gateway.behave(slow=6)
    message = put(app)
    app.provider.oidc.deliveries.once()
    assert state(app, message)[0] == "waiting"

    gateway.behave(slow=0)
    app.clock.move(10)
    app.provider.oidc.deliveries.once()

    assert state(app, message) == ("sent", None)
    while (found := arrived(gateway, message)[0])["asked"] < 2:
        pass
    assert found["delivered"] == 1


def test_what_the_gateway_refuses_for_good_is_not_tried_again(app: App, gateway: SmsGateway) -> None:
    gateway.behave(answer="refuse")
    message = put(app)

    app.provider.oidc.deliveries.once()

    assert state(app, message) == ("failed", "status 400")


def test_a_wrong_secret_is_mended_by_an_operator_so_the_message_waits(app: App, gateway: SmsGateway) -> None:
    stranger = app.settings.model_copy(deep=True)
    object.__setattr__(stranger.messages.gateway, "secret", None)
    message = put(app)

    deliveries_of(stranger, app.base.outbox, app.clock).once()

    assert state(app, message) == ("waiting", "status 401")


def test_a_receipt_says_what_became_of_it(app: App) -> None:
    good, bad = put(app), put(app)
    app.provider.oidc.deliveries.once()

    assert tell(app, [{"id": good.id, "status": "delivered"}, {"id": bad.id, "status": "failed", "why": "off"}]) == 200

    assert state(app, good) == ("delivered", None)
    assert state(app, bad) == ("failed", "said the gateway")


def test_a_receipt_for_a_message_whose_answer_was_lost_ends_the_trying(app: App, gateway: SmsGateway) -> None:
    gateway.behave(answer="down")
    message = put(app)
    app.provider.oidc.deliveries.once()

    for _ in range(2):
        assert tell(app, {"id": message.id, "status": "delivered"}) == 200

    app.clock.move(100)
    assert app.provider.oidc.deliveries.once() == 0
    assert state(app, message)[0] == "delivered"
    assert 'idp_messages_total{channel="sms",outcome="delivered"} 1.0' in app.metrics_page()


def test_receipts_repeated_late_contradicting_or_of_unknown_messages_change_nothing(app: App) -> None:
    """F-30: duplicates, late by eleven minutes, wrong receipt."""
    message, unsent = put(app), put(app)
    taken = app.base.outbox.take("sms", 15)
    assert taken
    app.base.outbox.finish(taken, "sent")
    first, other = (message, unsent) if taken.message.id == message.id else (unsent, message)

    for said in ("delivered", "delivered", "failed", "buffered", "x" * 5000):
        assert tell(app, {"id": first.id, "status": said}) == 200
    for unknown in ("a" * 22, "", "x", "\ud800" * 22, "' OR 1=1 --", "A" * 10_000):
        assert tell(app, {"id": unknown, "status": "delivered"}) == 200
    app.clock.move(660)
    assert tell(app, {"id": other.id, "status": "delivered"}) == 200

    assert state(app, first)[0] == "delivered"
    assert state(app, other)[0] == "waiting", "it was never handed over"


def test_a_running_provider_hears_what_arrived_and_finishes_what_is_under_way(
    sqlite_template: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """F-30: every receipt three times; and a stop that comes in the middle of a sending."""
    port = free_port()
    (tmp_path / "home").mkdir()
    with sms_gateway(tmp_path, f"http://localhost:{port}{RECEIPTS}") as gateway:
        gateway.behave(receipts=3)
        with installed(tmp_path / "home", request, settings=gateway.environment()) as provider:
            provider.port = port
            base = laid(provider)
            first, last = (
                Message("sms", NUMBER, "otp", base.clock() + 300, {"code": code, "purpose": "login", "minutes": "5"})
                for code in ("135790", "246801")
            )
            with provider.serving():
                base.outbox.put(first)
                until(lambda: found(base, first).state == "delivered")
                gateway.behave(slow=2, receipts=0)
                base.outbox.put(last)
                until(lambda: found(base, last).state == "sending")

            assert found(base, last).state == "sent"
            base.close()


def found(base: Stores, message: Message) -> Record:
    record = base.outbox.find(message.id)
    assert record
    return record


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 30_000,
        b"null",
        b"17",
        b'"x"',
        b"[1]",
        b"{}",
        b'{"id": 1, "status": []}',
        [GOOD] * 501,
    ],
)
def test_what_is_no_receipt_is_refused(app: App, said: object) -> None:
    assert tell(app, said) == 400


def test_five_hundred_receipts_at_once_are_taken(app: App) -> None:
    assert tell(app, [GOOD] * 500) == 200


def test_a_receipt_that_is_too_large_is_refused(app: App) -> None:
    assert tell(app, b" " * 70_000) == 413


def test_a_receipt_without_the_shared_secret_is_refused(app: App) -> None:
    message = put(app)
    app.provider.oidc.deliveries.once()
    body = json.dumps({"id": message.id, "status": "failed"}).encode()

    assert tell(app, body, secret="another") == 401
    visitor = app.visitor()
    assert visitor.post(RECEIPTS, data=body).status_code == 401
    assert visitor.post(RECEIPTS, data=body, headers={"X-Signature": "sha256=\xe9"}).status_code == 401
    assert visitor.get(RECEIPTS).status_code == 405
    assert state(app, message) == ("sent", None)


def test_without_a_shared_secret_there_is_no_place_for_receipts(sqlite_template: Path, tmp_path: Path) -> None:
    with running_app(tmp_path, sqlite_copy(sqlite_template, tmp_path)) as plain:
        assert plain.visitor().post(RECEIPTS, data=b"{}").status_code == 404
