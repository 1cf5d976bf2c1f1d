"""An officer's morning in Chromium: in by the invitation, through the queue by keys, pages judged by axe and pictured.

`officers.localhost` is the process and port of the provider; `make pictures` leaves pictures in `build/screenshots`.
"""

import io
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect
from sqlalchemy import insert

from config.settings import Settings
from config.stores import Stores
from idp.accounts.account import Account, Identifier
from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Participant
from idp.accounts.people import new_account_id
from idp.accounts.phone import PhoneNumber
from idp.accounts.references import new_id, new_reference
from idp.officers.data_requests import DataRequest
from idp.registration.declaration import ROLES, Declaration, Form, Photo
from idp.store import tables as t
from idp.store.participants import SqlParticipants
from tests.browser.test_pages_look_right import assert_it_fits, barriers
from tests.support.chromium import WIDTHS, keep_picture, profile
from tests.support.provider import Provider
from tests.support.sandbox import PROJECT

OFFICERS = json.loads((PROJECT / "sandbox" / "officers.json").read_text(encoding="utf-8"))
OWN = ("--bhxh-code", "9900000001", "--citizen-number", "001190000001")
PASSWORD = "một câu dài mà chỉ cán bộ nhớ"
NAMES = ("Nguyễn Thị Hoà", "Trần Đức Ðạt", "Lê Văn Nam", "Phạm Thị Hoa", "Đặng Văn Lâm", "Bùi Thị Út")


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("officers"))
    (made.home / "data").mkdir(mode=0o700)
    shutil.copy(request.getfixturevalue("sqlite_template"), made.home / "data" / "idp.db")
    made.command("agencies", "import", str(PROJECT / "sandbox" / "agencies.csv"), "--reason", "test")
    third = {**OFFICERS[0], "login": "ba.le", "bhxh_code": "9900000003", "citizen_number": "001190000003"}
    OFFICERS.append(third)
    (made.home / "officers.json").write_text(json.dumps(OFFICERS), encoding="utf-8")
    made.command("officers", "load", str(made.home / "officers.json"), "--reason", "test")
    base = Stores(Settings(issuer=made.issuer, data_dir=made.home / "data"))
    for number, name in enumerate(NAMES):
        declare(base, number, name)
    SqlParticipants(base.database).put(known(number, name) for number, name in enumerate(NAMES))
    who = Account(new_account_id(), "individual", NAMES[0], identifiers=(Identifier("bhxh", "0000000899", 0.0),))
    base.people.add(who)
    with base.database.transaction.begin() as connection:
        connection.execute(insert(t.data_request), asdict(DataRequest.new(who.id, time.time())))
    base.close()
    with made.serving():
        yield made


def declare(base: Stores, number: int, name: str) -> Declaration:
    """A declaration with pictures that waits at an agency of the sandbox."""
    now, code = time.time() - 86_400 + number, f"00000008{number:02d}"
    form = Form(name, code, "cccd", f"0010900000{number:02d}", "1990", street="12 Đường Thử", agency="07901")
    form = replace(form, phone=f"+849812300{number:02d}", email="nguoi.thu@example.com")
    draft = Declaration(new_id(), new_reference(), "individual", "register", new_id(), now, form=form)
    store, picture = base.declarations, io.BytesIO()
    Image.new("RGB", (300, 400), (90, 120, 160 + number)).save(picture, "JPEG")
    store.add(draft)
    for role in ROLES:
        assert store.put_photo(Photo(draft.id, role, picture.getvalue(), 300, 400, now, now + 9e6))
    waiting = draft.submitted(now, lapses_at=now + 9e6)
    assert store.submit(waiting, [])
    return waiting


def known(number: int, name: str) -> Participant:
    """The same person in the register; the last of them has another number and another name there."""
    code, odd = f"00000008{number:02d}", name == NAMES[-1]
    phone = PhoneNumber("+84987654321" if odd else f"+849812300{number:02d}")
    card = f"0010900000{number:02d}"
    return Participant(code, "Bùi Văn Út" if odd else name, BirthDate(1990), card, phone)


def console(provider: Provider) -> str:
    return f"http://officers.localhost:{provider.port}"


def log_in(page: Page, provider: Provider, which: int = 0) -> None:
    """Log in as a made-up officer; a code that was used is waited out by its own clock."""
    officer = OFFICERS[which]
    page.goto(console(provider))
    for ahead in (0, 30, -30):
        page.get_by_label("Tên đăng nhập").fill(officer["login"])
        page.get_by_label("Mật khẩu").fill(officer["password"])
        page.get_by_label("Mã từ ứng dụng xác thực").fill(
            pyotp.TOTP(officer["totp_secret"]).at(int(time.time()) + ahead)
        )
        page.get_by_role("button", name="ĐĂNG NHẬP", exact=True).click()
        if not page.get_by_label("Mã từ ứng dụng xác thực").is_visible():
            return
    pytest.fail("the login was not accepted")


@pytest.fixture
def officer(chromium: Browser, provider: Provider) -> Iterator[Page]:
    with profile(chromium) as context:
        page = context.new_page()
        page.emulate_media(reduced_motion="reduce")
        yield page


def look(page: Page, name: str) -> None:
    """Pictures in three widths and two languages, and no barrier in any."""
    address = page.url
    for language in ("vi", "en"):
        page.goto(address + ("&" if "?" in address else "?") + f"lang={language}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("scrollTo(0, 0)")
            keep_picture(page, f"officer-{name}-{width}-{language}")
            assert_it_fits(page, width)
            assert barriers(page) == [], (name, width, language)
    page.goto(address + ("&" if "?" in address else "?") + "lang=vi")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_invitation_and_the_door_look_right(officer: Page, provider: Provider) -> None:
    added = provider.command("officers", "add", "hoa.le", "--name", "Lê Thị Hoa", *OWN, "--reason", "test", "--json")
    officer.goto(json.loads(added)["link"])
    look(officer, "invitation")
    secret = officer.locator(".secret code").inner_text().replace(" ", "")
    officer.get_by_label("Mật khẩu mới", exact=True).fill(PASSWORD)
    officer.get_by_label("Nhập lại mật khẩu mới").fill(PASSWORD)
    officer.get_by_label("Mã từ ứng dụng xác thực").fill(pyotp.TOTP(secret).now())
    officer.get_by_role("button", name="Hoàn tất").click()

    expect(officer.locator("p.status")).to_contain_text("Đã đặt mật khẩu")
    look(officer, "login")


def test_a_decision_is_one_key_and_one_page(officer: Page, provider: Provider) -> None:
    """A hundred an hour: Alt+1 approves and the next request is there; a rejection is three presses."""
    log_in(officer, provider)
    look(officer, "queue")
    officer.get_by_role("link", name=NAMES[0]).click()
    look(officer, "dossier")
    loads: list[str] = []

    def note(request: Request) -> None:
        if request.is_navigation_request() and request.method == "GET":
            loads.append(request.url)

    officer.on("request", note)
    officer.keyboard.press("Alt+1")
    expect(officer.locator("table.compare")).to_contain_text(NAMES[1])
    assert len(loads) == 1
    officer.keyboard.press("Alt+2")
    expect(officer.get_by_label("Lý do (khi không chấp nhận")).to_be_focused()
    officer.keyboard.press("ArrowDown")
    officer.keyboard.press("Alt+2")
    expect(officer.locator("table.compare")).to_contain_text(NAMES[2])
    assert len(loads) == 2
    expect(officer.get_by_role("status")).to_contain_text("Đã từ chối hồ sơ")


def test_two_officers_approve_together(officer: Page, provider: Provider, chromium: Browser) -> None:
    log_in(officer, provider)
    for box in officer.get_by_role("checkbox").all()[:2]:
        box.check()
    officer.get_by_label("Lý do").fill("cả xã, đã đối chiếu")
    officer.get_by_role("button", name="Đề xuất").click()
    look(officer, "proposals")
    with profile(chromium) as context:
        other = context.new_page()
        log_in(other, provider, 1)
        other.get_by_role("link", name="Chờ người thứ hai").click()
        other.get_by_role("link", name="Phê duyệt cùng lúc").first.click()
        look(other, "proposal")
        other.get_by_role("button", name="Xác nhận").click()
        expect(other.locator("main")).to_contain_text("Đã phê duyệt")
        keep_picture(other, "officer-proposal-done-1280-vi")
        other.get_by_role("link", name="Yêu cầu về dữ liệu").click()
        look(other, "data")
        other.get_by_role("link", name="Yêu cầu xóa dữ liệu").click()
        look(other, "data-case")
        other.get_by_role("link", name="Liên kết tranh chấp").click()
        look(other, "links")


SIZES = ((1280, 800), (1280, 600), (1024, 700), (768, 900), (320, 640))


def test_m2_the_decision_covers_no_difference_and_no_warning(officer: Page, provider: Provider) -> None:
    """M2 of the walk: wherever the page stands, nothing of the comparison lies beneath the panel."""
    log_in(officer, provider, 2)
    officer.get_by_role("link", name=NAMES[-1]).click()
    expect(officer.locator(".is-differs")).to_have_count(2)
    for width, height in SIZES:
        officer.set_viewport_size({"width": width, "height": height})
        for share in (0, 0.25, 0.5, 0.75, 1):
            officer.evaluate("share => scrollTo(0, share * (document.body.scrollHeight - innerHeight))", share)
            keep_picture(officer, f"officer-decide-{width}x{height}-{int(share * 100)}", whole=False)
            assert officer.evaluate(COVERED) == [], (width, height, share)
    approving_is_not_the_default(officer, provider)


COVERED = """() => {
  const panel = document.querySelector(".decide").getBoundingClientRect();
  const all = document.querySelectorAll(".compare tr, .case :is(.warning, .alert, .marks), .case + .card:not(.decide)");
  return [...all].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.bottom > panel.top + 1 && box.top < panel.bottom - 1 && box.right > panel.left && box.left < panel.right;
  }).map((each) => each.textContent.trim());
}"""


def approving_is_not_the_default(officer: Page, provider: Provider) -> None:
    """Neither by its colour nor by its place, not by Enter, not by one key; the panel says what differs."""
    address, panel = officer.url, officer.locator(".decide")
    expect(panel.locator("#beware")).to_contain_text("Họ và tên")
    approve = panel.get_by_role("button", name="Phê duyệt")
    expect(approve).to_have_class("secondary")
    assert panel.locator("button").all_inner_texts()[-1] == approve.inner_text()
    officer.keyboard.press("Alt+1")
    look(officer, "dossier-beware")
    officer.goto(address)
    panel.get_by_label("Ghi thêm cho người dân").press("Enter")
    expect(officer.get_by_role("alert")).to_contain_text("Hãy chọn lý do")

    officer.goto(console(provider))
    officer.get_by_role("link", name=NAMES[4]).click()
    expect(panel.get_by_role("button").first).to_have_class("primary")
    expect(panel.locator("#beware")).to_have_count(0)


def test_without_script_the_console_works_and_hides_its_shortcuts(provider: Provider, chromium: Browser) -> None:
    with profile(chromium, script=False) as context:
        page = context.new_page()
        log_in(page, provider, 1)
        page.locator("table.queue a").first.click()
        expect(page.locator("kbd").first).to_be_hidden()
        page.get_by_role("button", name="Không chấp nhận").click()
        expect(page.get_by_role("alert")).to_contain_text("Hãy chọn lý do")
