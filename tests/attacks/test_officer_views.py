"""M-5: an officer compares a form with the register, and learns nothing of people whose form is wrong; views count."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Participant
from idp.accounts.phone import PhoneNumber
from idp.registration.comparing import Compared, compare
from idp.registration.declaration import Declaration, Form
from idp.store.participants import SqlParticipants
from tests.support.officers import Desk, running_desk

CODE, CARD, PHONE = "0000000777", "001190000777", "+84981234567"
KNOWN = Participant(CODE, "Trần Thị Nga", BirthDate(1990, 5, 17), CARD, PhoneNumber(PHONE))
RIGHT = Form("Trần Thị Nga", CODE, "cccd", CARD, "1990-05-17", phone=PHONE)
VIEWS = {"views_alarm": 3, "views_most": 5}


@pytest.fixture
def desk(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with running_desk(tmp_path, database_url, redis_url) as running:
        SqlParticipants(running.app.base.database).put([KNOWN])
        running.officer()
        yield running


def found(form: Form, field: str) -> Compared:
    return next(each for each in compare(form, KNOWN) if each.field == field)


def test_m5_what_is_the_same_is_shown_and_has_no_parts() -> None:
    assert [(each.verdict, each.registered == each.declared, each.parts) for each in compare(RIGHT, KNOWN)] == [
        ("same", True, ()) for _ in range(5)
    ]


@pytest.mark.parametrize(
    ("field", "declared", "registered", "parts"),
    [
        ("name", "Lê Thị Nga", "Trần T. N.", ("family",)),
        ("name", "Trần Văn Ngọc", "Trần T. N.", ("middle", "given")),
        ("name", "Trần Thị Ngà", "Trần T. N.", ("accents",)),
        ("birth_date", "1990-05-18", "**/**/****", ("day",)),
        ("birth_date", "1991-06-17", "**/**/****", ("year", "month")),
        ("birth_date", "1990", "**/**/****", ()),
        ("paper_number", "001190000778", "**********77", ("digits",)),
        ("paper_number", "079085123456", "**********77", ("all",)),
        ("phone", "+84981234576", "*** *** *67", ("digits",)),
        ("phone", "", "*** *** *67", ()),
    ],
)
def test_m5_what_differs_is_masked_and_said_in_words(
    field: str, declared: str, registered: str, parts: tuple[str, ...]
) -> None:
    form = replace(RIGHT, **{field: declared})  # type: ignore[arg-type]
    line = found(form, {"paper_number": "citizen_number"}.get(field, field))

    assert (line.registered, line.parts) == (registered, parts)


def victims(desk: Desk) -> Declaration:
    """A form in a victim's code that is wrong in everything else."""
    wrong = {"name": "Lê Văn Kẻ", "paper_number": "079085123456", "birth_date": "1985-01-02", "phone": "+84912000001"}
    return desk.declaration(code=CODE, **wrong)


def test_m5_a_form_in_anothers_code_shows_nothing_that_its_officer_did_not_know(desk: Desk) -> None:
    page = desk.browser("lan.nguyen").get(f"/requests/{victims(desk).id}").text

    for secret in ("Thị Nga", CARD, "1990", "17", PHONE, "0981234567"):
        assert not re.search(rf"<bdi>[^<]*{re.escape(secret)}[^<]*</bdi>", page), secret
    assert "Khác: họ, tên đệm, tên" in page
    assert "Khác: năm, tháng, ngày" in page


def test_m5_a_request_at_another_agency_is_another_one_that_is_open(desk: Desk) -> None:
    there = desk.declaration("00200", code=CODE, name="Trần Thị Nga", phone=PHONE)
    near = desk.declaration("00101", code=CODE, name="Trần Thị Gần", phone="+84912000009")

    page = desk.browser("lan.nguyen").get(f"/requests/{victims(desk).id}").text

    assert "Tờ khai khác tại cơ quan khác" in page
    assert "Đang mở" in page
    for hidden in (there.id, there.formatted_reference, "0981234567"):
        assert hidden not in page
    assert near.formatted_reference in page


@pytest.fixture
def counted(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with running_desk(tmp_path, database_url, redis_url, **VIEWS) as running:
        running.officer()
        yield running


def events(desk: Desk) -> list[tuple[str, str]]:
    found = desk.app.base.trail.tail(200)
    return [(e["name"], json.loads(e["facts"])["officer"]) for e in found if e["name"].startswith("officer.views")]


def test_m5_views_are_counted_told_and_ended(counted: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Another browser starts no other count; the count ends with its hour; each alarm is told once."""
    path = f"/requests/{counted.declaration().id}"
    counted.officer("minh.tran")
    browser = counted.browser("lan.nguyen")
    assert [browser.get(path).status_code for _ in range(3)] == [200] * 3
    assert events(counted) == []
    assert [browser.get(path).status_code for _ in range(2)] == [200] * 2
    assert events(counted) == [("officer.views_many", "lan.nguyen")]
    assert "ALARM" in caplog.text

    refused = counted.browser("lan.nguyen").get(path)
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 3000) == (429, True)
    assert "Bạn đã mở quá nhiều hồ sơ" in refused.text
    assert browser.decide(counted.declaration(), "reject", reason="x").status_code == 429
    assert {name for name, _ in events(counted)} == {"officer.views_many", "officer.views_refused"}
    assert len(events(counted)) == 2
    assert counted.browser("minh.tran").get(path).status_code == 200
    counted.app.clock.move(3600)
    assert counted.browser("lan.nguyen").get(path).status_code == 200


def test_m5_pictures_have_a_count_of_their_own(counted: Desk) -> None:
    """Whoever asks for pictures alone, without opening the papers, is counted too."""
    asked = counted.declaration(pictures={"front": b"a picture"})
    browser = counted.browser("lan.nguyen")
    answers = [browser.get(f"/requests/{asked.id}/front.jpg").status_code for _ in range(16)]

    assert answers == [200] * 15 + [429]
