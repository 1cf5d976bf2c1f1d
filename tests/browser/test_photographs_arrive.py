"""C1: a phone's photographs reach form 01 by every way there is: both servers, directly and behind the shipped nginx.

Chromium hands in three of 2.5 to 6 MB, with script and without; beside it raw HTTP and the API for apps. `make soak`
registers 50 people in each of the eight ways (`SOAK_REGISTRATIONS` sets another number), `make test` one.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, Page, Route, expect

from idp.registration.declaration import ROLES
from idp.store.agencies import SqlAgencies
from tests.browser.test_portal_in_chromium import on_page
from tests.support.chromium import keep_picture, profile
from tests.support.desk import AGENCIES
from tests.support.inbox import code_in, received
from tests.support.installation import installed, laid
from tests.support.live import CHEAP_HASH
from tests.support.photographs import TURNED_LEFT, filled, photograph
from tests.support.ports import free_port
from tests.support.provider import Provider
from tests.support.proxies import Proxy
from tests.support.waiting import until

FULL = int(os.environ.get("SOAK_REGISTRATIONS", "50"))
MEGABYTE = 1024 * 1024
OPEN = {
    "IDP_BUDGETS__PER_ADDRESS_HOUR": "100000",
    "IDP_BUDGETS__PER_PREFIX_HOUR": "100000",
    "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "100000",
    "IDP_LIMITS__ATTEMPTS_IN_TOTAL": "100000",
    # Each person comes from a network of their own, as the proxy tells.
    "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]',
}


@dataclass(frozen=True)
class Way:
    """A running provider and the address at which people reach it."""

    provider: Provider
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@pytest.fixture(scope="module", params=["directly", "behind nginx"])
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    home, port = tmp_path_factory.mktemp("photographs"), free_port()
    with contextlib.ExitStack() as stack:
        settings = CHEAP_HASH | OPEN
        if request.param == "behind nginx":
            settings |= {"IDP_ISSUER": f"http://localhost:{port}"}
        ready = stack.enter_context(installed(home, request, settings=settings))
        base = laid(ready)
        SqlAgencies(base.database, base.clock).put(AGENCIES)
        base.close()
        stack.enter_context(ready.serving())
        if request.param == "behind nginx":
            stack.enter_context(Proxy([ready.port], port=port).nginx(home / "nginx"))
        yield Way(ready, ready.issuer)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a phone made: upright or lying, 12 to 48 megapixels."""
    folder = tmp_path_factory.mktemp("photographs")
    made = {
        "portrait": photograph(2600, 12, orientation=TURNED_LEFT),
        "front": photograph(6000, 48),
        "back": photograph(4000, 24),
    }
    for role, file in made.items():
        assert 2.4 * MEGABYTE < len(file) <= 6 * MEGABYTE
        (folder / f"{role}.jpg").write_bytes(file)
    return {role: folder / f"{role}.jpg" for role in ROLES}


def register(screen: Page, way: Way, files: dict[str, Path], number: int, *, script: bool) -> None:
    """From the first page to the form that is to be signed."""
    email = f"nguoi{number}@example.com"
    screen.goto(f"{way.url}/register")
    screen.locator("[name=kind][value=individual]").check()
    screen.locator("#register-next").click()
    on_page(screen, "register-form")
    texts = {
        "name": "Trần Thị Nga", "code": f"000000{number:04}", "birth_date": "17/05/1990", "street": "12 Đường Thử",
        "paper_number": f"00119000{number:04}", "email": email, "phone": "0981 234 567",
    }  # fmt: skip
    for role, file in files.items():
        screen.locator(f"#{role}").set_input_files(file)
    for name, text in texts.items():
        screen.locator(f"#{name}").fill(text)
    choices = (("province", "79", "commune", "25747", "places"), ("region", "079", "agency", "07906", "regions"))
    for first, value, second, found, button in choices:
        screen.locator(f"#{first}").select_option(value)
        if not script:
            screen.locator(f"#{button}").click()
        expect(screen.locator(f"#{second} option[value='{found}']")).to_have_count(1)
        screen.locator(f"#{second}").select_option(found)
    screen.locator("#agrees").check()
    if script:
        for role in files:
            expect(screen.locator(f"#{role}-status")).to_have_text("Đã nhận ảnh.", timeout=60_000)
    screen.locator("#register-save").click(timeout=60_000)
    on_page(screen, "code")
    screen.locator("#code").fill(code_sent(way.provider, email))
    screen.locator("#code-submit").click()
    on_page(screen, "register-done")


def code_sent(provider: Provider, email: str) -> str:
    found: list[str] = []

    def arrived() -> bool:
        letters = [m for m in received(provider.home / "data" / "inbox") if m["to"] == email]
        found[:] = [code_in(letter) for letter in letters]
        return bool(found)

    until(arrived)
    return found[-1]


def registered(chromium: Browser, way: Way, files: dict[str, Path], people: int, *, script: bool) -> int:
    """How many of so many people come to the end."""
    done = 0
    for number in range(people):
        with profile(chromium, script=script) as context:
            context.set_default_timeout(60_000)
            context.set_extra_http_headers({"X-Forwarded-For": f"198.51.{number % 250}.{2 if script else 3}"})
            register(context.new_page(), way, files, number + 1 + 500 * script, script=script)
            done += 1
    return done


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_c1_a_person_registers_with_three_photographs(
    chromium: Browser, way: Way, files: dict[str, Path], script: bool
) -> None:
    assert registered(chromium, way, files, 1, script=script) == 1


@pytest.mark.soak
@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_c1_fifty_of_fifty_register(chromium: Browser, way: Way, files: dict[str, Path], script: bool) -> None:
    assert registered(chromium, way, files, FULL, script=script) == FULL


def begun(pool: urllib3.PoolManager, way: Way) -> tuple[str, dict[str, str]]:
    """A draft of the API, and the headers that open it."""
    asked = pool.request(
        "POST", f"{way.url}/api/registrations", body=json.dumps({"kind": "individual"}),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert asked.status == 201, asked.data
    return f"{way.url}/api/registrations", {"Authorization": f"Bearer {json.loads(asked.data)['secret']}"}


def test_c1_the_api_takes_a_photograph_of_just_eight_megabytes_and_no_more(way: Way) -> None:
    with urllib3.PoolManager() as pool:
        root, mine = begun(pool, way)
        just = filled(photograph(2600), 8 * MEGABYTE)
        answers = [
            pool.request("POST", f"{root}/draft/front", body=file, headers=mine | {"Content-Type": "image/jpeg"})
            for file in (just, filled(just, 8 * MEGABYTE + 5), photograph(2600)[:MEGABYTE])
        ]

    assert [answer.status for answer in answers] == [200, 400, 400]
    assert [json.loads(answer.data).get("why") for answer in answers] == [None, "too_large", "broken"]


def test_c1_raw_http_hands_in_three_photographs_in_one_form(way: Way, files: dict[str, Path]) -> None:
    with urllib3.PoolManager() as pool:
        start = pool.request(
            "POST", f"{way.url}/register", fields={"kind": "individual", "request": "register", "next": "1"},
            encode_multipart=False, redirect=False, headers={"Origin": way.url},
        )  # fmt: skip
        cookies = "; ".join(value.partition(";")[0] for value in start.headers.getlist("Set-Cookie"))
        page = pool.request("GET", f"{way.url}/register/form", headers={"Cookie": cookies}).data.decode()
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        fields: dict[str, object] = {"csrf": csrf, "seen": "", "save": "1", "name": "Trần Thị Nga"}
        fields |= {role: (f"{role}.jpg", file.read_bytes(), "image/jpeg") for role, file in files.items()}
        sent = pool.request(
            "POST", f"{way.url}/register/form", fields=fields, headers={"Cookie": cookies, "Origin": way.url}
        )  # fmt: skip

    shown = sent.data.decode()
    assert sent.status == 200
    assert all(f'src="/register/photo/{role}"' in shown for role in ROLES)


ONE_WAY = pytest.mark.parametrize("way", ["directly"], indirect=True)


@pytest.fixture
def screen_at_form(chromium: Browser, way: Way) -> Iterator[Page]:
    with profile(chromium) as context:
        screen = context.new_page()
        screen.goto(f"{way.url}/register")
        screen.locator("[name=kind][value=individual]").check()
        screen.locator("#register-next").click()
        on_page(screen, "register-form")
        yield screen


@ONE_WAY
def test_a_picture_is_judged_as_soon_as_it_is_chosen(screen_at_form: Page, files: dict[str, Path]) -> None:
    """With script: its own sentence beside the field, nothing lost, and a good one is shown upright and small."""
    screen = screen_at_form
    screen.locator("#front").set_input_files(
        {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic" + b"\0" * 5000}
    )
    expect(screen.locator("#front-problem")).to_contain_text("HEIC")
    expect(screen.locator("#front")).to_have_attribute("aria-invalid", "")
    screen.locator("#portrait").set_input_files(files["portrait"])
    expect(screen.locator("#portrait-status")).to_have_text("Đã nhận ảnh.")
    shown = screen.locator(".picture:has(#portrait) .kept-photo img")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalHeight > image.naturalWidth")
    screen.locator("#front").set_input_files(files["front"])
    expect(screen.locator("#front-status")).to_have_text("Đã nhận ảnh.")
    expect(screen.locator("#front-problem")).to_have_count(0)
    for width in (320, 768, 1280):
        screen.set_viewport_size({"width": width, "height": 900})
        keep_picture(screen, f"photographs-kept-{width}")
    screen.reload()
    expect(screen.locator(".kept-photo:not([hidden]) img")).to_have_count(2)


@ONE_WAY
def test_c1_what_was_chosen_before_the_script_came_is_kept_too(
    chromium: Browser, way: Way, files: dict[str, Path]
) -> None:
    """On a slow line the form can be filled in before its script is there."""
    with profile(chromium) as context:
        screen, held = context.new_page(), list[Route]()
        screen.route("**/register.js*", lambda route: held.append(route))
        screen.goto(f"{way.url}/register", wait_until="commit")
        screen.locator("[name=kind][value=individual]").check()
        held.clear()
        screen.locator("#register-next").click(no_wait_after=True)
        screen.locator("#portrait").set_input_files(files["portrait"], no_wait_after=True)
        screen.locator("#province").select_option("79", no_wait_after=True)
        for script in held:
            script.continue_()

        expect(screen.locator("#portrait-status")).to_have_text("Đã nhận ảnh.")
        expect(screen.locator("#commune option[value='25747']")).to_have_count(1)


@ONE_WAY
def test_a_picture_that_does_not_arrive_is_asked_for_again(screen_at_form: Page, files: dict[str, Path]) -> None:
    screen = screen_at_form
    screen.route("**/register/photo/*", lambda route: route.abort())
    screen.locator("#portrait").set_input_files(files["portrait"])

    expect(screen.locator("#portrait-problem")).to_contain_text("Chưa gửi được ảnh")
