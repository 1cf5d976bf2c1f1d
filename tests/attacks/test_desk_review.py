"""Attacks on the desk that were tried on it after it was built: files that cost much, messages without end, who sees
what in the trail.
"""

import contextlib
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from idp.accounts.one_time import CodeRequest
from idp.audit import Chain
from idp.errors import TooMany
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.officers.officers import BadOfficer
from idp.registration.declarations import Applicant
from idp.registration.photos import BadPhoto, PhotoProcessor
from idp.store.audit import Trail
from tests.support import databases
from tests.support.app import App
from tests.support.desk import WHO
from tests.support.officers import Desk, running_desk


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        yield running


def jpeg(*, tail: bytes = b"", scans: int = 0, before: bytes = b"") -> bytes:
    """A progressive JPEG; its last scan comes `scans` times more, each behind `before`."""
    out = BytesIO()
    Image.new("RGB", (640, 640), (120, 130, 140)).save(out, "JPEG", progressive=True)
    picture, end = out.getvalue()[:-2], b"\xff\xd9"
    last = picture[picture.rindex(b"\xff\xda") :]
    return picture + (before + last) * scans + end + tail


@pytest.mark.parametrize("before", [b"", b"\xff\xfe\x00\x04hi", b"\xff\x01", b"\xff\xff", b"\xff\xd0"])
def test_a_picture_of_a_thousand_scans_is_refused_before_it_is_decoded(before: bytes) -> None:
    """2.16: forty bytes of a scan cost a walk over all pixels; eight megabytes of them held a worker for an hour."""
    with pytest.raises(BadPhoto, match="broken"):
        PhotoProcessor().develop("portrait", jpeg(scans=1000, before=before))


def test_a_picture_of_thousands_of_segments_is_refused_without_counting_them_all() -> None:
    picture = jpeg()
    with pytest.raises(BadPhoto, match="broken"):
        PhotoProcessor().develop("portrait", picture[:-2] + b"\xff\xfe\x00\x02" * 5000 + picture[-2:])


def test_what_comes_after_a_picture_is_not_counted_as_its_scans() -> None:
    """Phones append a film or a second picture."""
    made = PhotoProcessor().develop("portrait", jpeg(tail=b"\xff\xda" * 500, scans=3))
    assert (made.width, made.height) == (640, 640)


def test_an_officer_s_clicks_send_one_text_in_ten_minutes(desk: Desk) -> None:
    """W-01: a second click of the button, or a thousand, cost nobody money and wake nobody up."""
    desk.officer()
    browser, asked = desk.browser("lan.nguyen"), desk.declaration()
    browser.decide(asked, "approve")
    answers = [browser.decide(desk.stored(asked), "resend").status_code for _ in range(5)]
    assert (answers, len(desk.app.told("sms"))) == ([409] * 5, 1)

    desk.app.clock.move(600)
    answers = [browser.decide(desk.stored(asked), "resend").status_code for _ in range(5)]
    assert (answers, len(desk.app.told("sms"))) == ([303, *[409] * 4], 1)


@pytest.mark.parametrize(
    "form",
    [
        {"code": "000190000123", "paper_kind": "passport", "paper_number": "C1234567"},
        {"paper_number": "000190000123"},
        {"code": "000190000123", "paper_number": "000190000123"},
    ],
)
def test_an_officer_s_own_number_is_known_wherever_it_stands(desk: Desk, form: dict[str, Any]) -> None:
    """4.2, no self-approval: since 2025 the citizen number may be the code."""
    desk.officer(citizen_number="000190000123")
    own = desk.declaration(**form)
    assert desk.browser("lan.nguyen").decide(own, "approve").status_code == 403
    assert desk.stored(own).state == "submitted"


def test_one_network_cannot_keep_the_darkroom_to_itself(desk: Desk) -> None:
    """2.16: a network begins many drafts, and each takes many pictures."""
    desk_of_citizens = desk.app.provider.registration.declarations

    def first_refused(network: str) -> int:
        for number in range(200):
            _, draft = desk_of_citizens.begin("individual", Applicant(network, "vi"))
            try:
                desk_of_citizens.keep_photo(draft, "portrait", b"no picture")
            except BadPhoto:
                continue
            except TooMany:
                return number
        return -1

    assert first_refused("192.0.2.0/24") == first_refused("198.51.100.0/24") == 120


def test_a_line_of_an_officer_takes_no_number_of_a_person_into_the_trail(desk: Desk) -> None:
    """The trail stays when the person's data are erased; the person is still told the whole line."""
    desk.officer()
    asked = desk.declaration()
    note = "Gọi 0981 234 567 hoặc nga@example.com, sổ 0012345678, sau 17:30 ngày 22/11/2026"
    desk.browser("lan.nguyen").decide(asked, "reject", reason="other", note=note)

    [row] = [
        r
        for r in Trail(desk.app.base.database, lambda last: Chain(b"k" * 32)).tail(50)
        if r["name"] == "declaration.rejected"
    ]
    assert row["reason"] == "Gọi … hoặc … sổ …, sau 17:30 ngày 22/11/2026"
    assert desk.stored(asked).note == note


def test_whose_declaration_ends_by_an_approval_of_another_is_told_by_mail(desk: Desk) -> None:
    """T-01: of two who declare one code, one may not be the person; neither is left with silence."""
    desk.officer()
    now = desk.app.clock()
    mine = desk.declaration(email="mine@example.com", email_verified_at=now)
    theirs = desk.declaration(code=mine.form.code, email="theirs@example.com", email_verified_at=now, agency="00200")
    unproved = desk.declaration(code=mine.form.code, email="nobody@example.com")
    desk.browser("lan.nguyen").decide(mine, "approve")

    assert {desk.stored(each).state for each in (theirs, unproved)} == {"superseded"}
    letters = {(m.template, m.to) for m in desk.app.told("email")}
    assert letters == {("activation", "mine@example.com"), ("declaration_rejected", "theirs@example.com")}
    assert [m.to for m in desk.app.told("sms")] == [mine.form.phone]
    [row] = [
        r
        for r in Trail(desk.app.base.database, lambda last: Chain(b"k" * 32)).tail(50)
        if r["name"] == "declaration.approved"
    ]
    assert '"superseded": 2' in row["facts"]


def test_codes_of_drafts_are_not_paid_from_the_codes_of_the_addresss_owner(app: App) -> None:
    """W-01: strangers name somebody's address again and again; the owner still gets codes of other purposes."""
    to, codes = "nga@example.com", app.provider.accounts.codes
    for number in range(12):
        draft = CodeRequest("registration", f"draft {number}", f"draft {number}", "email", to, f"draft {number}")
        with contextlib.suppress(OverBudget, CaptchaFirst):
            codes.send(draft, f"192.0.2.{number}", language="vi", trusted=True)
        app.clock.move(3700)

    app.told("email")
    codes.send(
        CodeRequest("contact", "session", "owner", "email", to, "owner"), "198.51.100.7", language="vi", trusted=True
    )
    assert [(m.to, m.facts["purpose"]) for m in app.told("email")] == [(to, "contact")]


def test_an_old_look_at_an_officer_opens_no_closed_account(app: App) -> None:
    roster = app.provider.officers.roster
    seen = roster.add("lan.nguyen", "Nguyễn Thị Lan", "test", WHO)
    roster.disable(seen, "left")

    with pytest.raises(BadOfficer):
        roster.grant(seen, "*", "decide", "test")
    assert [each.status for each in roster.all()] == ["disabled"]
