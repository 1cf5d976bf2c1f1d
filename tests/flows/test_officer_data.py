"""What people ask about their data, at the console: acknowledged, prolonged, refused, erased; late ones are marked."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.officers.data_requests import DataRequest
from tests.support import databases
from tests.support.officers import Desk, running_desk

HOA = "0000000002"


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        running.officer("lan.nguyen", ("*", "data"))
        yield running


def asked(desk: Desk) -> DataRequest:
    """Somebody asks for erasure."""
    account = desk.app.base.people.find(desk.app.person(HOA))
    assert account
    return desk.app.provider.officers.data_requests.ask(account)


def test_a_request_is_acknowledged_prolonged_once_and_carried_out(desk: Desk) -> None:
    """L6, L7"""
    request = asked(desk)
    browser = desk.browser("lan.nguyen")
    path = f"/data/{request.id}"

    assert path in browser.get("/data").text
    assert browser.post(path, {"action": "acknowledge"}).headers["Location"] == "/data?said=acknowledge"
    assert "Hãy chọn lý do" in browser.post(path, {"action": "prolong", "note": ""}).text
    assert browser.post(path, {"action": "prolong", "note": "đang xác minh"}).status_code == 303
    assert browser.post(path, {"action": "prolong", "note": "nữa"}).status_code == 409
    desk.app.clock.move(3 * 86_400)
    browser = desk.browser("lan.nguyen")
    assert "Hãy đánh dấu" in browser.post(path, {"action": "erase"}).text
    assert desk.app.base.people.find_by_identifier("bhxh", HOA)
    assert browser.post(path, {"action": "erase", "sure": "1"}).status_code == 303
    erased = desk.app.base.people.find(request.account_id)
    assert erased
    assert (erased.status, erased.name, erased.password_hash) == ("disabled", "Đã xóa theo yêu cầu", None)
    assert desk.app.base.people.find_by_identifier("bhxh", HOA) is None
    assert browser.post(path, {"action": "erase", "sure": "1"}).status_code == 409


def test_a_refusal_needs_a_reason_and_a_line(desk: Desk) -> None:
    path = f"/data/{asked(desk).id}"
    browser = desk.browser("lan.nguyen")

    assert browser.post(path, {"action": "refuse", "reason": "debt"}).status_code == 200
    assert browser.post(path, {"action": "refuse", "reason": "x", "note": "x"}).status_code == 200
    assert browser.post(path, {"action": "refuse", "reason": "debt", "note": "còn nợ"}).status_code == 303
    assert "Không có yêu cầu nào" in browser.get("/data").text


def test_what_is_late_says_so(desk: Desk) -> None:
    """L6: two working days."""
    asked(desk)
    assert "Quá hạn" not in desk.browser("lan.nguyen").get("/data").text
    desk.app.clock.move(5 * 86_400)

    assert "Quá hạn" in desk.browser("lan.nguyen").get("/data").text


def test_nobody_answers_ones_own_request_and_it_takes_the_right(desk: Desk) -> None:
    """L14"""
    path = f"/data/{asked(desk).id}"
    desk.officer("hoa.nguyen", ("*", "data"), bhxh_code=HOA)
    desk.officer("minh.tran")

    for login in ("hoa.nguyen", "minh.tran"):
        browser = desk.browser(login)
        assert browser.get(path).status_code == 403
        assert browser.post(path, {"action": "erase", "sure": "1"}).status_code == 403
    assert desk.app.base.people.find_by_identifier("bhxh", HOA)
