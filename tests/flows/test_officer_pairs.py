"""Two officers: approvals of many at once, and links that were refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.container import Container
from federation.linking import Dispute, Subject
from idp.ports import Event
from tests.support import databases
from tests.support.officers import Desk, OfficerBrowser, running_desk


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        yield running


def proposal_of(browser: OfficerBrowser) -> str:
    """The id of the one proposal that waits."""
    found = browser.get("/proposals").text.split('href="/proposals/')
    return found[1].split('"')[0]


def test_many_are_approved_at_once_by_two(desk: Desk) -> None:
    """2.3.5"""
    desk.officer()
    desk.officer("minh.tran")
    asked = [desk.declaration() for _ in range(3)]
    first, second = desk.browser("lan.nguyen"), desk.browser("minh.tran")
    first.post("/proposals", {f"id-{each.id}": str(each.version) for each in asked} | {"note": "cả xã"})
    second.decide(asked[2], "return", reason="incomplete")
    path = f"/proposals/{proposal_of(second)}"

    assert [desk.stored(each).state for each in asked] == ["submitted", "submitted", "returned"]
    assert first.post(path, {"action": "confirm"}).status_code == 403
    answer = second.post(path, {"action": "confirm"})
    assert answer.text.count("Đã phê duyệt") == 2
    assert "Đã thay đổi sau khi đề xuất" in answer.text
    assert [desk.stored(each).state for each in asked] == ["approved", "approved", "returned"]
    stored = desk.stored(asked[0])
    assert stored.decided_by != stored.seconded_by
    assert None not in (stored.decided_by, stored.seconded_by)
    assert second.post(path, {"action": "confirm"}).status_code == 409


def test_a_proposal_without_selection_or_reason_is_none(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    browser = desk.browser("lan.nguyen")

    assert browser.post("/proposals", {"note": "x"}).headers["Location"] == "/?done=nothing"
    assert browser.post("/proposals", {f"id-{asked.id}": "2", "note": " "}).headers["Location"] == "/?done=nothing"
    assert (
        browser.post("/proposals", {f"id-{asked.id}": "1", "note": "x"}).headers["Location"] == "/proposals?said=over"
    )
    assert "Không có đề xuất nào" in browser.get("/proposals").text


def test_whoever_proposed_must_still_have_the_right_when_the_other_confirms(desk: Desk) -> None:
    lan = desk.officer()
    desk.officer("minh.tran")
    asked = desk.declaration()
    first, second = desk.browser("lan.nguyen"), desk.browser("minh.tran")
    first.post("/proposals", {f"id-{asked.id}": str(asked.version), "note": "x"})
    desk.roster.revoke(lan, "00101", "decide", "moved")

    assert second.post(f"/proposals/{proposal_of(second)}", {"action": "confirm"}).status_code == 403
    assert desk.stored(asked).state == "submitted"


def test_a_proposal_is_over_after_a_week_and_can_be_refused(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    first = desk.browser("lan.nguyen")
    first.post("/proposals", {f"id-{asked.id}": str(asked.version), "note": "x"})
    path = f"/proposals/{proposal_of(first)}"

    assert first.post(path, {"action": "refuse"}).headers["Location"] == "/proposals?said=refused"
    assert first.post(path, {"action": "refuse"}).status_code == 409
    first.post("/proposals", {f"id-{asked.id}": str(asked.version), "note": "x"})
    desk.app.clock.move(8 * 86_400)
    assert "Không có đề xuất nào" in desk.browser("lan.nguyen").get("/proposals").text


def conflict(desk: Desk, about: str, number: str = "000890123456") -> str:
    """A link that was refused, as a journey leaves it."""
    base = desk.app.base
    digests = Container(base).federation.digester
    who = Subject("vneid", digests.of("vneid", "s-1"), digests.of("citizen", number))
    facts = {"name": "Nguyễn Thị Bí Mật", "birth_date": "1990-05-17", "citizen_number": number}
    dispute = Dispute("dispute-one", who, "identity", about, {"name": "DIFFERENT"}, facts)
    base.links.dispute(dispute, Event("link.refused", about, facts={"upstream": "vneid"}), base.clock())
    return dispute.id


def test_a_refused_link_is_shown_masked_and_linked_by_two(desk: Desk) -> None:
    """2.3.5, 4.2 A8"""
    desk.officer("lan.nguyen", ("*", "links"))
    desk.officer("minh.tran", ("*", "links"))
    account = desk.app.person("0000000002")
    name = conflict(desk, account)
    first, second = desk.browser("lan.nguyen"), desk.browser("minh.tran")
    page = first.get(f"/links/{name}").text

    assert f"/links/{name}" in first.get("/links").text
    assert "Nguyễn T. B. M." in page
    assert "Bí Mật" not in page
    assert "000890123456" not in page
    assert "Hãy ghi lý do" in first.post(f"/links/{name}", {"action": "link", "note": " "}).text
    first.post(f"/links/{name}", {"action": "link", "note": "đã xem giấy tờ"})
    path = f"/proposals/{proposal_of(first)}"
    assert first.post(path, {"action": "confirm"}).status_code == 403
    assert "Đã liên kết" in second.post(path, {"action": "confirm"}).text
    assert [link.how for link in desk.app.base.links.of_account(account)] == ["officer"]
    assert first.get(f"/links/{name}").status_code == 404


def test_one_officer_leaves_a_link_refused(desk: Desk) -> None:
    desk.officer("lan.nguyen", ("*", "links"))
    name = conflict(desk, desk.app.person("0000000002"))
    browser = desk.browser("lan.nguyen")

    assert browser.post(f"/links/{name}", {"action": "refuse", "note": "khác người"}).status_code == 303
    assert "Không có liên kết nào" in browser.get("/links").text


@pytest.mark.parametrize("own", [{"bhxh_code": "0000000002"}, {"citizen_number": "000890123456"}])
def test_nobody_decides_about_a_link_of_ones_own(desk: Desk, own: dict[str, str]) -> None:
    """4.2 A8: an officer links own VNeID to a citizen."""
    desk.officer("lan.nguyen", ("*", "links"), **own)
    name = conflict(desk, desk.app.person("0000000002"))
    browser = desk.browser("lan.nguyen")

    assert browser.get(f"/links/{name}").status_code == 403
    assert browser.post(f"/links/{name}", {"action": "link", "note": "x"}).status_code == 403
