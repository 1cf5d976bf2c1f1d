"""Enrolled phones in operators' hands: listed, and ended for somebody who lost one."""

import time
from collections.abc import Iterator

import pytest

from config.cli.context import opened_stores
from config.stores import Stores
from idp.accounts.devices import Device
from idp.accounts.notices import NO_NOTICE
from tests.contracts.test_people import account
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator

HOA = f"{11:032x}"
WHY = ("--reason", "stolen, call 4711")


@pytest.fixture
def base(operator: Operator) -> Iterator[Stores]:
    opened = opened_stores()
    opened.people.add(account(11, "+84381234501", phone_verified_at=time.time()))
    device = Device("-lost", HOA, "app", "key", "Galaxy A15", "192.0.2.0/24", "hash", 100.0, 200.0)
    assert opened.devices.enrol(device, None, NO_NOTICE, 0.0)
    yield opened
    opened.close()


def test_a_lost_phone_is_ended_once_with_a_reason_and_its_owner_is_told(operator: Operator, base: Stores) -> None:
    [listed] = operator.json("devices", "list", HOA)
    assert (listed["id"], listed["name"], listed["ended"]) == ("-lost", "Galaxy A15", None)

    assert operator.json("devices", "end", HOA, "-lost", *WHY) == {"ended": "-lost"}

    assert operator.json("devices", "list", HOA) == []
    [gone] = operator.json("devices", "list", HOA, "--ended")
    assert gone["why"] == "operator"
    [row] = [row for row in operator.json("audit", "tail") if row["name"] == "device.ended"]
    assert row["reason"] == "stolen, call 4711"
    taken = base.outbox.take("sms", 60)
    assert taken
    assert taken.message.facts["event"] == "device_removed"


def test_nobody_elses_phone_is_ended(operator: Operator, base: Stores) -> None:
    base.people.add(account(12, "+84381234502"))

    refused = operator.run("devices", "end", f"{12:032x}", "-lost", *WHY)

    assert refused.exit_code == 1
    assert "has no phone -lost" in refused.stderr
    assert len(operator.json("devices", "list", HOA)) == 1
