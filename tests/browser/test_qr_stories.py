"""Logins by QR code in two Chromium windows, a computer's screen and the sandbox's phone, with every ending.

The screen is photographed and the photograph given to the phone; `make pictures` leaves pictures of both windows
in `build/screenshots`. Nothing but the public API lies between them.
"""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, TimeoutError, expect

from tests.browser.test_pages_look_right import SMALL_TARGETS, barriers
from tests.browser.test_portal_in_chromium import on_page
from tests.support.chromium import launched
from tests.support.handset import (
    Handset,
    Screen,
    codes,
    film,
    handset,
    inbox,
    next_code,
    read,
    screen_window,
)
from tests.support.inbox import received
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.waiting import until

OWNER = "0012345678"
STRANGER = "0088888888"
FORGETFUL = "0012345679"
LATE = "0022222222"
NEAT = "0066666666"
FILMING = "0011111111"
MOVING = "0044444444"
WRONG = "246802"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("qr"), free_ports()) as running:
        yield running


@pytest.fixture(scope="module")
def phone(chromium: Browser, sandbox: Sandbox) -> Iterator[Handset]:
    """The owner's phone, enrolled."""
    with handset(chromium, sandbox) as owned:
        owned.enrol(OWNER)
        yield owned


@pytest.fixture(scope="module", autouse=True)
def old_phone(chromium: Browser, sandbox: Sandbox) -> Iterator[Handset]:
    """A phone that another takes the place of, enrolled well before: a number gets one code a minute."""
    with handset(chromium, sandbox) as first:
        first.enrol(MOVING, "Nokia cũ")
        yield first


@pytest.fixture
def computer(chromium: Browser, sandbox: Sandbox) -> Iterator[Screen]:
    with screen_window(chromium, sandbox) as screen:
        screen.wait_for_a_phone()
        yield screen


def looks(phone: Handset, name: str) -> None:
    """Photographed at both widths, and nothing on it keeps anybody out."""
    phone.picture(f"phone-{name}")
    assert barriers(phone.page) == [], name
    assert phone.page.evaluate(SMALL_TARGETS) == [], name


def speak(phone: Handset, language: str) -> None:
    """Switch to that language if it is another one."""
    if phone.page.locator("html").get_attribute("lang") != language:
        phone.press("language")
    expect(phone.page.locator("html")).to_have_attribute("lang", language)


def in_both(phone: Handset, name: str) -> None:
    """Looks at it in English too."""
    looks(phone, f"{name}-vi")
    speak(phone, "en")
    looks(phone, f"{name}-en")
    speak(phone, "vi")


def test_a_phone_lets_a_browser_in(phone: Handset, computer: Screen) -> None:
    """K-03, acceptance 1: the picture, its reading, the card, the number, the passcode, the portal."""
    in_both(phone, "home")
    computer.picture("qr-story-picture")
    shot = computer.shot()
    assert read(shot).startswith(f"{computer.sandbox.url(0)}/q#v1.")
    phone.show(shot)
    phone.on("phone-card")
    phone.says("Cổng Dịch vụ (thử nghiệm)", "localhost", "Chrome, Linux", "127.0.0.0/24", "Cùng mạng")
    computer.said("Đã quét, đang chờ xác nhận trên thiết bị Galaxy A15.")
    computer.picture("qr-story-scanned")
    in_both(phone, "card")
    refuse, confirm = (phone.page.locator(f"#{each}").bounding_box() for each in ("deny", "confirm"))
    assert refuse
    assert confirm
    assert (refuse["width"], refuse["height"]) == (confirm["width"], confirm["height"])
    assert refuse["x"] < confirm["x"]
    number = computer.number
    phone.press("confirm")
    in_both(phone, "number")
    phone.type_number(number)
    in_both(phone, "passcode")
    phone.type_passcode()

    phone.ends("done")
    on_page(computer.page, "portal-person")
    in_both(phone, "done")
    computer.picture("qr-story-done")


class TestOtherEndings:
    def test_refused_on_the_phone(self, phone: Handset, computer: Screen) -> None:
        phone.scan(computer)
        phone.press("deny")

        phone.ends("denied")
        computer.said("Lần đăng nhập này đã bị từ chối trên điện thoại.")
        looks(phone, "denied")
        computer.picture("qr-story-denied")
        computer.asks_for_another()

    def test_not_asked_for_by_this_person(self, phone: Handset, computer: Screen) -> None:
        """L-08"""
        phone.scan(computer)
        phone.press("not-me")

        phone.ends("blocked")
        phone.says("127.0.0.0/24")
        computer.said("Chủ điện thoại báo rằng đây không phải là họ")
        in_both(phone, "blocked")
        computer.picture("qr-story-not-me")
        # With "not me" the attempt is over too: what it had proved or would have leads nowhere.
        computer.page.get_by_role("link", name="Tải lại").click()
        on_page(computer.page, "error")

    def test_disowned_when_the_browser_is_in_already(self, phone: Handset, computer: Screen) -> None:
        """L-08"""
        number = computer.number
        phone.scan(computer)
        phone.press("confirm")
        phone.type_number(number)
        phone.type_passcode()
        phone.ends("done")
        on_page(computer.page, "portal-person")

        phone.press("not-me")
        phone.ends("blocked")

        computer.page.goto(computer.sandbox.url(0) + "/account")
        on_page(computer.page, "login")

    def test_nobody_answers_for_two_minutes(self, chromium: Browser, sandbox: Sandbox, computer: Screen) -> None:
        """Both windows count for themselves: it is their clocks that are moved, and nobody tells them better."""
        with handset(chromium, sandbox) as late:
            late.enrol(LATE)
            computer.context.clock.install()
            late.context.clock.install()
            late.scan(computer)
            computer.said("Đã quét")
            computer.context.set_offline(True)
            for window in (computer, late):
                window.context.clock.fast_forward(121_000)

            late.ends("expired")
            computer.said("Mã này đã hết hạn.")
            looks(late, "expired")
            computer.picture("qr-story-expired")
            computer.context.set_offline(False)
            computer.asks_for_another()

    def test_a_wrong_number_three_times(self, phone: Handset, computer: Screen) -> None:
        wrong = f"{(int(computer.number) + 1) % 100:02}"
        phone.scan(computer)
        phone.press("confirm")
        phone.type_number("7")
        phone.says("Số trên màn hình có 2 chữ số.")
        for left in ("Còn 2 lần thử", "Còn 1 lần thử"):
            phone.type_number(wrong)
            phone.type_passcode()
            phone.on("phone-number")
            phone.says("Số không đúng", left)
            computer.said("không đúng. Hãy nhập lại số đang hiện ở đây.")
        looks(phone, "wrong-number")
        computer.picture("qr-story-wrong-number-once")
        phone.type_number(wrong)
        phone.type_passcode()

        phone.ends("wrong_number")
        phone.says("Số đã sai ba lần, nên mã này đã bị hủy.")
        computer.said("Số nhập trên điện thoại đã sai ba lần")
        looks(phone, "wrong-number-thrice")
        computer.picture("qr-story-wrong-number")
        computer.asks_for_another()

    def test_one_wrong_passcode_is_told_and_forgiven(self, phone: Handset, computer: Screen) -> None:
        number = computer.number
        phone.scan(computer)
        phone.press("confirm")
        phone.type_number(number)
        phone.type_passcode(WRONG)
        phone.says("Mật khẩu ứng dụng không đúng", "Còn 4 lần thử.")
        in_both(phone, "wrong-passcode")
        phone.type_passcode()

        phone.ends("done")
        on_page(computer.page, "portal-person")

    def test_five_wrong_passcodes_take_the_phone_out_and_the_inbox_tells(
        self, chromium: Browser, sandbox: Sandbox, computer: Screen
    ) -> None:
        with handset(chromium, sandbox) as forgetful:
            forgetful.enrol(FORGETFUL)
            number = computer.number
            forgetful.scan(computer)
            forgetful.press("confirm")
            forgetful.type_number(number)
            for left in (4, 3, 2, 1):
                forgetful.type_passcode(WRONG)
                forgetful.says(f"Còn {left} lần thử.")
            forgetful.type_passcode(WRONG)

            forgetful.on("phone-ended")
            forgetful.says("đã bị nhập sai 5 lần")
            looks(forgetful, "ended-passcode")
            computer.said("Mật khẩu ứng dụng đã bị nhập sai quá nhiều lần")
            computer.picture("qr-story-wrong-passcode")
            computer.asks_for_another()
            until(lambda: "Điện thoại đăng ký đã bị gỡ" in mails(sandbox))
            forgetful.press("anew")
            forgetful.on("phone-welcome")


class TestSecondPhones:
    def test_two_phones_scan_one_picture(self, chromium: Browser, phone: Handset, computer: Screen) -> None:
        """K-06: the first goes on, the second is refused, and all three are told."""
        with handset(chromium, computer.sandbox) as second:
            second.enrol(STRANGER, "Pixel 9")
            computer.asks_for_another() if computer.page.locator("#qr-new").is_visible() else None
            number, shot = computer.number, computer.shot()
            phone.show(shot)
            phone.on("phone-card")
            second.show(shot)

            second.on("phone-scanner")
            second.says("Mã này đã được một điện thoại quét.")
            phone.says("Một điện thoại khác cũng vừa quét mã này")
            computer.said("Một điện thoại khác cũng vừa quét mã này và đã bị từ chối.")
            looks(phone, "intruded")
            in_both(second, "already-scanned")
            computer.picture("qr-story-intruded")
            phone.press("confirm")
            phone.type_number(number)
            phone.type_passcode()
            phone.ends("done")
            on_page(computer.page, "portal-person")


class TestPicturesThatAreNotTheOne:
    def test_an_old_screenshot(self, phone: Handset, computer: Screen) -> None:
        """Acceptance 2: it changed thrice since."""
        shot = computer.shot()
        computer.changes(4)
        phone.show(shot)

        phone.on("phone-scanner")
        phone.says("Mã này đã cũ: có thể là ảnh chụp.")
        in_both(phone, "stale")
        phone.show(computer.shot())
        phone.on("phone-card")

    @pytest.mark.parametrize(
        "text",
        [
            "https://id.example/q#v1.abcdefghijklmnopqrstuv.03.abcdefghijklmnopqrstuv",
            "{provider}/q.example#v1.abcdefghijklmnopqrstuv.03.abcdefghijklmnopqrstuv",
            "{provider}@id.example/q#v1.a.0.a",
            "v1.abcdefghijklmnopqrstuv.03.abcdefghijklmnopqrstuv",
            "0912345678",
        ],
    )
    def test_a_code_of_somebody_else_is_not_sent_anywhere(self, phone: Handset, text: str) -> None:
        """L-05"""
        phone.open_scanner()
        asked: list[str] = []
        phone.page.on("request", lambda request: asked.append(request.url))
        phone.page.locator("#link").fill(text.replace("{provider}", phone.sandbox.url(0)))
        phone.press("link-submit")

        phone.says("Đây không phải mã đăng nhập của BHXH.")
        assert asked == []

    def test_a_link_can_be_typed_and_a_forged_one_is_named(self, phone: Handset, computer: Screen) -> None:
        link = read(computer.shot())
        phone.open_scanner()
        phone.page.locator("#link").fill(link[:-1] + ("A" if link[-1] != "A" else "Q"))
        phone.press("link-submit")
        phone.says("Mã này không phải do BHXH tạo ra.")
        looks(phone, "forged")
        phone.page.locator("#link").fill(read(computer.shot()))
        phone.press("link-submit")

        phone.on("phone-card")

    def test_files_without_a_code(self, phone: Handset) -> None:
        phone.show(phone.page.screenshot())
        phone.says("Không thấy mã QR nào trong ảnh này.")
        phone.show(b"no picture")
        phone.says("Không mở được tệp này như một ảnh.")
        looks(phone, "no-code")


class TestTheApp:
    @pytest.mark.parametrize("spoiled", ["another portal", "the card of before"])
    def test_it_does_not_believe_a_card_that_was_changed_on_the_way(
        self, phone: Handset, computer: Screen, spoiled: str
    ) -> None:
        """K-03: it shows nothing of it, and the login ends."""
        cards: list[str] = []

        def spoil(route: Route) -> None:
            answer = route.fetch()
            told = answer.json()
            cards.append(told["card"])
            told["card"] = cards[0] if spoiled == "the card of before" else renamed(cards[-1])
            route.fulfill(response=answer, json=told)

        phone.page.route("**/phone/qr/scan", spoil)
        if spoiled == "the card of before":
            phone.scan(computer)
            phone.press("deny")
            phone.ends("denied")
            computer.asks_for_another()
        phone.show(computer.shot())

        phone.says("Câu trả lời không do máy chủ BHXH ký")
        computer.said("Lần đăng nhập này đã bị từ chối trên điện thoại.")
        looks(phone, "spoiled-card")
        phone.page.unroute("**/phone/qr/scan")

    def test_it_believes_only_statements_of_the_provider_for_this_app_and_now(self, phone: Handset) -> None:
        """K-03"""
        told = phone.page.evaluate(STATEMENTS)

        assert told.pop("as it should be") == "believed"
        assert "believed" not in told.values(), told
        assert len(told) == 9

    def test_its_key_cannot_be_read(self, phone: Handset) -> None:
        kept = """async () => {
          const { load } = await import("/app/store.js");
          const { pair } = await load("key");
          const tried = await crypto.subtle.exportKey("jwk", pair.privateKey).then(() => "read", (error) => error.name);
          return [pair.privateKey.extractable, tried];
        }"""

        assert phone.page.evaluate(kept) == [False, "InvalidAccessError"]

    def test_a_lost_network_is_said_in_both_windows_and_both_get_over_it(
        self, phone: Handset, computer: Screen
    ) -> None:
        number = computer.number
        phone.scan(computer)
        phone.press("confirm")
        phone.type_number(number)
        phone.on("phone-passcode-page")
        phone.context.set_offline(True)
        computer.context.set_offline(True)
        phone.type_passcode()

        phone.says("Điện thoại không liên lạc được với máy chủ BHXH.")
        computer.said("Mất kết nối mạng. Trang này vẫn đang thử lại.")
        in_both(phone, "lost")
        computer.picture("qr-story-lost")
        phone.context.set_offline(False)
        computer.context.set_offline(False)
        phone.press("retry")
        phone.ends("done")
        on_page(computer.page, "portal-person")

    def test_without_an_answer_at_the_start_it_offers_to_try_again(self, phone: Handset) -> None:
        phone.page.route("**/phone/device", lambda route: route.fulfill(status=502))
        phone.open()
        phone.on("phone-lost")
        in_both(phone, "lost-start")
        phone.page.unroute("**/phone/device")
        phone.press("retry")

        phone.on("phone-home")

    def test_a_token_that_is_over_is_renewed_and_else_the_person_logs_in(self, phone: Handset) -> None:
        spoil = """async (names) => {
          const { keep, load } = await import("/app/store.js");
          const tokens = await load("tokens");
          await keep("tokens", { ...tokens, ...Object.fromEntries(names.map((name) => [name, "over"])) });
          return tokens;
        }"""
        phone.page.evaluate(spoil, ["access_token"])
        phone.open()
        phone.on("phone-home")
        kept = phone.page.evaluate(spoil, ["access_token", "refresh_token"])
        phone.open()
        phone.on("phone-welcome")
        phone.says("Phiên của ứng dụng đã hết.")
        looks(phone, "logged-out")
        phone.page.evaluate('async (kept) => (await import("/app/store.js")).keep("tokens", kept)', kept)
        phone.open()
        phone.on("phone-home")

    def test_without_a_camera_it_says_what_else_there_is(self, phone: Handset) -> None:
        phone.open()
        phone.press("scan")
        phone.press("camera-on")

        phone.says("Không dùng được camera.")
        in_both(phone, "scanner")

    def test_who_stops_the_login_is_told_and_can_begin_again(self, chromium: Browser, sandbox: Sandbox) -> None:
        with handset(chromium, sandbox, language="en-GB") as phone:
            phone.open()
            phone.on("phone-welcome")
            in_both(phone, "welcome")
            speak(phone, "en")
            phone.press("log-in")
            phone.press("login-cancel")

            phone.on("phone-welcome")
            phone.says("You stopped the login.")
            phone.page.goto(f"{sandbox.url(5)}/?code=c&state=s&iss={sandbox.url(0)}")
            phone.says("This answer belongs to no login of this phone.")
            assert phone.page.url == f"{sandbox.url(5)}/"

    def test_its_own_pages(self, chromium: Browser, sandbox: Sandbox) -> None:
        """Enrolment seen page by page; another passcode; taken out."""
        with handset(chromium, sandbox) as phone:
            before = len(codes(sandbox))
            phone.log_in_as(NEAT)
            phone.agree()
            phone.on("phone-enrol")
            assert phone.page.locator("#name").input_value() == "Galaxy A15"
            in_both(phone, "enrol")
            phone.page.locator("#passcode").fill("123456")
            phone.page.locator("#again").fill("123457")
            phone.press("enrol-submit")
            phone.says("Hai lần nhập không giống nhau.")
            phone.page.locator("#again").fill("123456")
            phone.press("enrol-submit")
            phone.says("quá dễ đoán")
            looks(phone, "enrol-weak")
            phone.fill_enrolment("Galaxy A15")
            phone.on("phone-code")
            in_both(phone, "code")
            phone.page.locator("#code-typed").fill("000000")
            phone.press("code-submit")
            phone.says("Mã xác thực không đúng.")
            phone.page.locator("#code-typed").fill(next_code(sandbox, before))
            phone.press("code-submit")
            phone.on("phone-home")
            phone.press("change")
            for field, text in (("old", "135790"), ("new", WRONG), ("again", WRONG)):
                phone.page.locator(f"#{field}").fill(text)
            in_both(phone, "change")
            phone.press("change-submit")
            phone.says("Đã đổi mật khẩu ứng dụng.")
            phone.press("remove")
            in_both(phone, "remove")
            phone.press("remove-submit")
            phone.on("phone-ended")
            phone.says("Điện thoại này đã được gỡ.")


def test_a_camera_reads_the_screen(chromium: Browser, sandbox: Sandbox, computer: Screen, tmp_path: Path) -> None:
    """The picture on the screen is filmed, and the app looks through the camera."""
    seen = tmp_path / "seen.y4m"
    film(computer.page.screenshot(), seen)
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    file = f"--use-file-for-fake-video-capture={seen}"
    with (
        launched(chromium.browser_type, "MAP * 127.0.0.1", *camera, file) as another,
        handset(another, sandbox) as phone,
    ):
        phone.enrol(FILMING)
        phone.press("scan")
        film(computer.shot(), seen)
        phone.press("camera-on")

        phone.on("phone-card")
        computer.said("Đã quét")
        assert phone.page.locator("video").count() == 0


def test_a_phone_in_another_network_is_warned(chromium: Browser, tmp_path: Path) -> None:
    """L-03: in words, before anything can be confirmed."""
    ports = free_ports()
    with (
        started(tmp_path, ports, SANDBOX_PHONE_ADDRESS="127.0.9.9") as far_away,
        handset(chromium, far_away) as phone,
        screen_window(chromium, far_away) as computer,
    ):
        phone.enrol(OWNER)
        computer.wait_for_a_phone()
        number = computer.number
        phone.scan(computer)
        phone.says("Khác mạng với điện thoại này.", "127.0.0.0/24")
        in_both(phone, "card-far")
        phone.press("confirm")
        phone.type_number(number)
        phone.type_passcode()

        phone.ends("done")
        on_page(computer.page, "portal-person")
        assert computer.page.locator("#refresh").count() == 0


class TestTakeover:
    def test_a_second_phone_takes_the_place_of_the_first(
        self, chromium: Browser, sandbox: Sandbox, old_phone: Handset, computer: Screen
    ) -> None:
        """P-10, acceptance 6: warned, proved by a code, and the first phone learns why and may object."""
        first = old_phone
        with handset(chromium, sandbox) as second:
            before = len(codes(sandbox))
            second.log_in_as(MOVING)
            on_page(second.page, "take-over")
            second.says("Nokia cũ", "127.0.0.0/24")
            second.picture("phone-take-over")
            second.press("device-take")
            on_page(second.page, "code")
            code = code_for(second, before)
            first.scan(computer)
            first.press("confirm")
            first.type_number(computer.number)
            second.page.locator("#code").fill(code)
            second.press("code-submit")
            second.agree()
            second.fill_enrolment("Máy mới")
            second.on("phone-home")

            # The first phone asks how its login stands while the person types, and is told.
            first.on("phone-ended")
            first.says("thay thế điện thoại này")
            computer.picture("qr-story-replaced")
            in_both(first, "ended-replaced")
            first.press("disown")
            first.says("Đã thoát mọi phiên và điện thoại kia.")
            looks(first, "disowned")
            second.page.reload()
            second.on("phone-ended")
            looks(second, "ended-secured")


def code_for(phone: Handset, before: int) -> str:
    """The code for the provider's page; one number gets one a minute, so it may have to be asked for again."""
    again = phone.page.locator("#code-again")

    def sent() -> bool:
        if len(codes(phone.sandbox)) == before and again.is_enabled():
            # The page's own script may hold the button back between the look and the press.
            with contextlib.suppress(TimeoutError):
                again.click(timeout=500)
        return len(codes(phone.sandbox)) > before

    until(sent, patience=90)
    return codes(phone.sandbox)[-1]


STATEMENTS = """async () => {
  const { base64url, verified } = await import("/app/keys.js");
  const kind = { name: "ECDSA", namedCurve: "P-256" };
  const made = () => crypto.subtle.generateKey(kind, true, ["sign", "verify"]);
  const [ours, theirs] = [await made(), await made()];
  const keys = [{ ...(await crypto.subtle.exportKey("jwk", ours.publicKey)), kid: "1" }];
  const now = Date.now() / 1000;
  const part = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));
  const judged = async ({ header = {}, claims = {}, key = ours, end = "" }) => {
    const head = part({ alg: "ES256", typ: "qr-card+jwt", kid: "1", ...header });
    const body = part({ iss: "https://id.example", aud: "app", exp: now + 60, ...claims });
    const input = new TextEncoder().encode(`${head}.${body}`);
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, input);
    const text = `${head}.${body}.${base64url(signature)}${end}`;
    const meant = { type: "qr-card+jwt", issuer: "https://id.example", audience: "app" };
    return verified(text, keys, meant).then(() => "believed", (error) => error.message);
  };
  return {
    "as it should be": await judged({}),
    "another key": await judged({ key: theirs }),
    "an unknown key": await judged({ header: { kid: "2" } }),
    "no algorithm": await judged({ header: { alg: "none" } }),
    "an ID token": await judged({ header: { typ: "JWT" } }),
    "another issuer": await judged({ claims: { iss: "https://id.example.net" } }),
    "another app": await judged({ claims: { aud: "other" } }),
    "two apps": await judged({ claims: { aud: ["app", "other"] } }),
    "over": await judged({ claims: { exp: now - 1 } }),
    "one part more": await judged({ end: ".a" }),
  };
}"""


def renamed(card: str) -> str:
    """The card with the name of another portal, and the signature of before."""
    head, body, signature = card.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    spoiled = json.dumps(claims | {"portal": "Cổng khác"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(spoiled).rstrip(b'=').decode()}.{signature}"


def mails(sandbox: Sandbox) -> str:
    return "".join(message["body"] for message in received(inbox(sandbox)) if message["channel"] == "email")
