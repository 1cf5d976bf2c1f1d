"""The gateway that the sandbox plays behaves as it is told, within bounds, and takes nothing that is no message."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sandbox.addresses import Addresses
from sandbox.sms import Behaviour, Gateway, create_app

MESSAGE = {"id": "5f0c9a7d3be1428c6a90d2", "to": "+84912345678", "text": "BHXH: <b>xin chao</b>"}


@pytest.fixture
def gateway() -> FlaskClient:
    where = Addresses(8000, 8001, 8002, "http://localhost:8000", Path("data"))
    return create_app(where, Gateway(secret="", receipts_url="")).test_client()


def test_repeats_are_dropped_until_it_is_told_otherwise(gateway: FlaskClient) -> None:
    seen = []
    for drops in ("yes", "yes", "no", "no"):
        gateway.post("/behaviour", data={"drops_repeats": drops})
        assert gateway.post("/messages", json=MESSAGE).status_code == 202
        seen.append([(each["asked"], each["delivered"]) for each in gateway.get("/delivered").json or []])

    assert seen == [[(1, 1)], [(2, 1)], [(3, 2)], [(4, 3)]]


@pytest.mark.parametrize(("answer", "status"), [("down", 503), ("refuse", 400), ("accept", 202)])
def test_it_answers_as_it_is_told_and_delivers_only_what_it_takes(
    gateway: FlaskClient, answer: str, status: int
) -> None:
    assert gateway.post("/behaviour", data={"answer": answer}).status_code == 303

    assert gateway.post("/messages", json=MESSAGE).status_code == status
    assert len(gateway.get("/delivered").json or []) == (status == 202)


@pytest.mark.parametrize(
    "form", [{"answer": "x"}, {"slow": "x"}, {"receipts": "1.5"}, {"receipt_says": ""}, {"receipts_after": ""}]
)
def test_a_behaviour_that_does_not_exist_changes_nothing(gateway: FlaskClient, form: Mapping[str, str]) -> None:
    assert gateway.post("/behaviour", data=form).status_code == 400
    assert gateway.post("/messages", json=MESSAGE).status_code == 202


def test_nothing_is_slower_or_more_often_than_a_test_can_bear() -> None:
    changed = Behaviour().changed({"slow": "1e9", "receipts_after": "-5", "receipts": "1000", "other": "x"})

    assert changed == Behaviour(slow=60.0, receipts_after=0.0, receipts=10)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"id": 1, "to": "x", "text": "y"}'])
def test_what_is_no_message_is_refused(gateway: FlaskClient, body: bytes) -> None:
    assert gateway.post("/messages", data=body, content_type="application/json").status_code == 400


def test_its_page_shows_messages_as_text(gateway: FlaskClient) -> None:
    gateway.post("/messages", json=MESSAGE)

    assert "BHXH: &lt;b&gt;xin chao&lt;/b&gt;" in gateway.get("/").text
