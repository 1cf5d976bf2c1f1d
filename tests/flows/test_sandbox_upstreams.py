"""The simulated VNeID and national portal: every step of their protocols, and every fault of their panels."""

import base64
import hashlib
import json
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from tests.support.browser import Browser, Page
from tests.support.upstreams import CLIENTS, PASSCODE, PASSWORD, SimulatedUpstreams, query, raw_query, simulated

HOA = "000890123456"
TECH = "TECH-0001"
NOBODY = "*"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(world: SimulatedUpstreams) -> None:
    for upstream in CLIENTS:
        world.wish(upstream, reset=True)
    world.wish("vneid", settings={"code_seconds": 60})


def vneid_code(world: SimulatedUpstreams, back: Page, mode: str = "ecb") -> dict[str, str]:
    """The form with which the provider redeems what the browser brought."""
    raw = raw_query(back)
    client_id, secret = CLIENTS["vneid"]
    form = {"grant_type": "authorization_code", "redirect_uri": world.callback("vneid"), "client_id": client_id}
    code = world.unseal(raw["code"], raw["encrypt_key"], mode).decode() if "encrypt_key" in raw else raw["code"]
    return form | {"client_secret": secret, "code": code, "encrypt_key": raw.get("encrypt_key", "")}


def opened(world: SimulatedUpstreams, page: Page, mode: str = "ecb") -> dict[str, Any]:
    assert page.status == 200, page.text
    sealed = json.loads(page.text)
    assert set(sealed) == {"data", "key"}
    found: dict[str, Any] = json.loads(world.unseal(sealed["data"], sealed["key"], mode))
    return found


def vneid_profile(world: SimulatedUpstreams, login: str, mode: str = "ecb") -> dict[str, Any]:
    form = vneid_code(world, world.come_back("vneid", login), mode)
    tokens = opened(world, world.ask("vneid", "POST", "/token", form), mode)
    assert set(tokens) == {"access_token", "expires_in", "token_type", "scope"}
    bearer = f"Bearer {tokens['access_token']}"
    return opened(world, world.ask("vneid", "GET", "/userinfo", Authorization=bearer), mode)


def dvcqg_form(world: SimulatedUpstreams, back: Page, **more: str) -> dict[str, str]:
    client_id, secret = CLIENTS["dvcqg"]
    form = {"grant_type": "authorization_code", "redirect_uri": world.callback("dvcqg"), "client_id": client_id}
    return form | {"client_secret": secret, "code": query(back).get("code", "")} | more


def dvcqg_tokens(world: SimulatedUpstreams, login: str, **more: str) -> dict[str, Any]:
    page = world.ask("dvcqg", "POST", "/oauth2/token", dvcqg_form(world, world.come_back("dvcqg", login, **more)))
    assert page.status == 200, page.text
    found: dict[str, Any] = json.loads(page.text)
    return found


def dvcqg_profile(world: SimulatedUpstreams, tokens: dict[str, Any], method: str = "GET") -> dict[str, Any]:
    page = world.ask("dvcqg", method, "/oauth2/userinfo", Authorization=f"Bearer {tokens['access_token']}")
    assert page.status == 200, page.text
    found: dict[str, Any] = json.loads(page.text)
    return found


def claims(world: SimulatedUpstreams, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(json.loads(world.ask("dvcqg", "GET", "/oauth2/jwks").text))
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


# VNeID


def test_vneid_asks_for_number_and_password_and_says_that_it_is_played(world: SimulatedUpstreams) -> None:
    page = world.begin("vneid")

    text = page.document.text
    assert "Đăng nhập VNeID" in text
    assert "Trường hợp không đăng nhập được, vui lòng xem" in text
    assert "Hoặc quét mã QR bằng ứng dụng VNeID để đăng nhập." in text
    assert "mô phỏng" in text
    assert 'src="data:image/svg' in page.text
    wrong = page.fill("number", HOA).fill("password", "x").press("Đăng nhập")
    assert (wrong.name, "không đúng" in wrong.document.text) == ("vneid-login", True)


def test_vneid_wants_an_agreement_before_it_tells_anything(world: SimulatedUpstreams) -> None:
    consent = world.begin("vneid").fill("number", HOA).fill("password", PASSWORD).press("vneid-submit")

    assert consent.name == "vneid-consent"
    assert not consent.find("agree")[1].ticked
    again = consent.press("Xác nhận chia sẻ")
    assert (again.name, again.status) == ("vneid-consent", 200)
    back = again.press("Huỷ")
    assert back.status == 302
    assert (query(back)["error"], query(back)["state"]) == ("access_denied", "s t+a/te")


def test_vneid_seals_everything_and_its_code_holds_a_plus(world: SimulatedUpstreams) -> None:
    back = world.come_back("vneid", HOA)

    raw = raw_query(back)
    assert "+" in raw["code"]
    assert unquote(raw["state"]) == "s t+a/te"
    assert "+" in vneid_code(world, back)["code"]
    assert vneid_profile(world, HOA) == {
        "citizenPid": HOA,
        "fullName": "NGUYỄN THỊ HÒA",
        "birthDate": "17/05/1990",
        "accountType": "1",
        "accountLevel": "2",
    }


def test_vneid_can_be_told_to_use_cbc(world: SimulatedUpstreams) -> None:
    world.wish("vneid", settings={"cipher": "cbc"})

    assert vneid_profile(world, HOA, "cbc")["citizenPid"] == HOA


def test_vneid_takes_a_code_once_and_for_a_few_seconds(world: SimulatedUpstreams) -> None:
    form = vneid_code(world, world.come_back("vneid", HOA))
    assert [world.ask("vneid", "POST", "/token", form).status for _ in range(2)] == [200, 400]

    world.wish("vneid", settings={"code_seconds": 0})
    late = world.ask("vneid", "POST", "/token", vneid_code(world, world.come_back("vneid", HOA)))
    assert (late.status, json.loads(late.text)) == (400, {"error": "invalid_grant"})


def test_vneid_answers_as_it_does_to_what_is_not_right(world: SimulatedUpstreams) -> None:
    form = vneid_code(world, world.come_back("vneid", HOA))
    as_json = Browser().send(
        "POST", world.url("vneid") + "/token", json.dumps(form).encode(), {"Content-Type": "application/json"}
    )
    assert as_json.status == 415
    assert world.ask("vneid", "POST", "/token", form | {"client_secret": "x"}).status == 401
    assert world.ask("vneid", "POST", "/token", form | {"client_id": "x"}).status == 401
    assert world.ask("vneid", "POST", "/token", form | {"encrypt_key": ""}).status == 400
    assert world.ask("vneid", "GET", "/userinfo", Authorization="Bearer x").status == 401
    assert world.ask("vneid", "POST", "/userinfo", {}).status == 405
    for wrong in ({"client_id": "x"}, {"redirect_uri": "https://evil.example/"}, {"response_type": "token"}):
        assert (world.begin("vneid", **wrong).status, world.begin("vneid", **wrong).location) == (400, None)


def test_the_phone_confirms_and_gives_its_passcode_before_the_browser_goes_on(world: SimulatedUpstreams) -> None:
    page = world.begin("vneid")
    phone = page.follow("điện thoại")
    assert phone.name == "vneid-phone-confirm"
    asked = phone.fill("number", HOA).press("Xác nhận")
    assert asked.name == "vneid-phone-passcode"
    assert page.follow("Tôi đã xác nhận trên điện thoại").name == "vneid-login"
    wrong = asked.fill("passcode", "000000").press("phone-passcode")
    assert wrong.name == "vneid-phone-wrong"
    assert wrong.fill("passcode", PASSCODE).press("phone-passcode").name == "vneid-phone-done"

    consent = page.follow("Tôi đã xác nhận trên điện thoại")

    assert consent.name == "vneid-consent"
    back = consent.tick("agree").press("vneid-share")
    assert world.ask("vneid", "POST", "/token", vneid_code(world, back)).status == 200
    assert page.follow("điện thoại").name == "vneid-sorry"


@pytest.mark.parametrize(
    "presses", [["phone-refuse"], ["phone-confirm"] + ["wrong"] * 5], ids=["refused", "five wrong passcodes"]
)
def test_a_phone_that_refuses_leads_the_browser_back(world: SimulatedUpstreams, presses: list[str]) -> None:
    page = world.begin("vneid")
    phone = page.follow("điện thoại").fill("number", HOA)
    for each in presses:
        phone = phone.fill("passcode", "999999").press("phone-passcode") if each == "wrong" else phone.press(each)
    assert phone.name == "vneid-phone-refused"

    back = page.follow("Tôi đã xác nhận trên điện thoại")

    assert query(back)["error"] == "access_denied"


# The national portal


def test_dvcqg_logs_in_and_answers_like_a_wso2_server(world: SimulatedUpstreams) -> None:
    page = world.begin("dvcqg", nonce="n-1", acr_values="LoA2")
    assert page.url.startswith(world.url("dvcqg") + "/authenticationendpoint/login.do?sessionDataKey=")
    wrong = page.fill("username", HOA).fill("password", "x").press("dvcqg-submit")
    assert (wrong.name, "authFailure=true" in wrong.url) == ("dvcqg-login", True)
    back = wrong.fill("username", HOA).fill("password", PASSWORD).press("dvcqg-submit")
    assert query(back)["state"] == "s t+a/te"

    tokens = json.loads(world.ask("dvcqg", "POST", "/oauth2/token", dvcqg_form(world, back)).text)

    told = claims(world, tokens["id_token"])
    assert (told["iss"], told["aud"]) == (world.url("dvcqg") + "/oauth2/token", [CLIENTS["dvcqg"][0]])
    assert (told["sub"], told["nonce"], told["acr"]) == (HOA, "n-1", "LoA2")
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert told["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")


def test_dvcqg_tells_a_phone_number_unless_vneid_brought_the_person(world: SimulatedUpstreams) -> None:
    own = dvcqg_profile(world, dvcqg_tokens(world, HOA))
    page = world.begin("dvcqg").fill("username", HOA).fill("password", PASSWORD).press("dvcqg-vneid")
    tokens = json.loads(world.ask("dvcqg", "POST", "/oauth2/token", dvcqg_form(world, page)).text)
    brought = dvcqg_profile(world, tokens, "POST")

    assert (own["TechID"], own["LoaiTaiKhoan"], own["SoDienThoai"]) == (TECH, "1", "0981234567")
    assert (own["HoVaTen"], own["NgayThangNamSinh"], own["MaBHXH"]) == ("NGUYỄN THỊ HOÀ", "17/05/1990", "")
    assert (brought["TechID"], brought["LoaiTaiKhoan"], brought["IAL"]) == (TECH, 1, 2)
    assert (brought["NgayThangNamSinh"], "SoDienThoai" in brought) == ("19900517", False)
    assert {"TonGiao", "NhomMau", "Cha", "Me"} <= set(own) & set(brought)


def test_dvcqg_wants_credentials_in_the_body_and_takes_a_code_once(world: SimulatedUpstreams) -> None:
    form = dvcqg_form(world, world.come_back("dvcqg", HOA))
    client_id, secret = CLIENTS["dvcqg"]
    basic = "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    bare = {name: value for name, value in form.items() if not name.startswith("client_")}

    assert world.ask("dvcqg", "POST", "/oauth2/token", bare, Authorization=basic).status == 401
    assert [world.ask("dvcqg", "POST", "/oauth2/token", form).status for _ in range(2)] == [200, 400]


def test_dvcqg_refreshes_introspects_and_revokes(world: SimulatedUpstreams) -> None:
    tokens = dvcqg_tokens(world, HOA)
    client_id, secret = CLIENTS["dvcqg"]
    who = {"client_id": client_id, "client_secret": secret}
    again = world.ask(
        "dvcqg",
        "POST",
        "/oauth2/token",
        who | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
    )
    token = {"token": json.loads(again.text)["access_token"], "state": "0"}

    assert json.loads(world.ask("dvcqg", "POST", "/oauth2/introspect", who | token).text)["active"] is True
    assert world.ask("dvcqg", "POST", "/oauth2/revoke", who | token).status == 200
    assert json.loads(world.ask("dvcqg", "POST", "/oauth2/introspect", who | token).text) == {"active": False}


def test_dvcqg_checks_pkce_when_it_was_begun_with(world: SimulatedUpstreams) -> None:
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    for given, status in ((verifier, 200), ("w" * 43, 400)):
        back = world.come_back("dvcqg", HOA, code_challenge=challenge, code_challenge_method="S256")
        form = dvcqg_form(world, back, code_verifier=given)
        assert world.ask("dvcqg", "POST", "/oauth2/token", form).status == status


def test_dvcqg_remembers_the_browser_until_it_logs_out(world: SimulatedUpstreams) -> None:
    back = world.come_back("dvcqg", HOA)
    browser = back.browser
    tokens = json.loads(world.ask("dvcqg", "POST", "/oauth2/token", dvcqg_form(world, back)).text)
    assert "code" in query(world.open("dvcqg", browser, "/oauth2/authorize"))
    assert world.open("dvcqg", browser, "/oauth2/authorize", prompt="login").name == "dvcqg-login"

    home = f"http://localhost:{world.first_port}/"
    wish = f"id_token_hint={tokens['id_token']}&post_logout_redirect_uri={home}&state=x"
    left = browser.open(f"{world.url('dvcqg')}/oidc/logout?{wish}")

    assert left.location == f"{home}?state=x"
    assert world.open("dvcqg", browser, "/oauth2/authorize").name == "dvcqg-login"
    silent = world.open("dvcqg", browser, "/oauth2/authorize", prompt="none")
    assert query(silent)["error"] == "login_required"
    stranger = browser.open(f"{world.url('dvcqg')}/oidc/logout?id_token_hint=x&post_logout_redirect_uri={home}")
    assert stranger.name == "dvcqg-out"


def test_dvcqg_leads_back_who_gives_up(world: SimulatedUpstreams) -> None:
    assert query(world.begin("dvcqg").press("dvcqg-cancel"))["error"] == "access_denied"


def test_dvcqg_publishes_its_metadata_where_wso2_does(world: SimulatedUpstreams) -> None:
    found = json.loads(world.ask("dvcqg", "GET", "/oauth2/token/.well-known/openid-configuration").text)

    assert found["issuer"] == world.url("dvcqg") + "/oauth2/token"
    assert found["jwks_uri"] == world.url("dvcqg") + "/oauth2/jwks"


# Faults of any answer


def answer_of(world: SimulatedUpstreams, upstream: str) -> Page:
    if upstream == "vneid":
        return world.ask("vneid", "POST", "/token", vneid_code(world, world.come_back("vneid", HOA)))
    return world.ask("dvcqg", "POST", "/oauth2/token", dvcqg_form(world, world.come_back("dvcqg", HOA)))


@pytest.mark.parametrize("upstream", list(CLIENTS))
@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [("html", 200, "text/html"), ("unauthorised", 401, "text/html"), ("outage", 503, "text/html")],
)
def test_an_answer_is_spoiled_for_that_person_only(
    world: SimulatedUpstreams, upstream: str, fault: str, status: int, content_type: str
) -> None:
    other = next(each["login"] for each in world.wish(upstream)["people"] if each["login"] != HOA)
    assert world.wish(upstream, person=HOA, faults=[fault])["on"] == {HOA: [fault]}

    spoiled = answer_of(world, upstream)
    assert (spoiled.status, spoiled.headers["Content-Type"].partition(";")[0]) == (status, content_type)
    world.wish(upstream, person=HOA, faults=[])
    world.wish(upstream, person=other, faults=[fault])
    assert answer_of(world, upstream).status == 200


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_while_all_of_it_is_out_of_order_only_the_panel_answers(world: SimulatedUpstreams, upstream: str) -> None:
    world.wish(upstream, person="*", faults=["outage"])

    assert world.begin(upstream).status == 503
    assert world.ask(upstream, "GET", "/faults").status == 200
    world.wish(upstream, reset=True)
    assert world.begin(upstream).status == 200


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_a_redirect_leads_to_an_internal_address_that_counts_who_comes(
    world: SimulatedUpstreams, upstream: str
) -> None:
    world.wish(upstream, person=HOA, faults=["redirect"])

    page = answer_of(world, upstream)

    assert (page.status, (page.location or "").startswith("http://127.0.0.1:")) == (302, True)
    assert world.wish(upstream)["trapped"] == 0
    assert world.ask(upstream, "GET", "/faults/trap").status == 200
    assert world.wish(upstream)["trapped"] == 1


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_an_answer_is_ten_megabytes(world: SimulatedUpstreams, upstream: str) -> None:
    world.wish(upstream, person=HOA, faults=["large"])

    page = answer_of(world, upstream)

    assert (page.status, len(page.body)) == (200, 10 * 1024 * 1024)


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_an_answer_is_a_bomb_that_is_small_on_the_wire(world: SimulatedUpstreams, upstream: str) -> None:
    world.wish(upstream, person="*", faults=["bomb"])
    path = "/userinfo" if upstream == "vneid" else "/oauth2/userinfo"

    raw = raw_answer(world, upstream, path)

    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert len(body) < 64 * 1024
    assert len(zlib.decompress(body, 31)) == 48 * 1024 * 1024


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_an_answer_drips(world: SimulatedUpstreams, upstream: str) -> None:
    world.wish(upstream, person=HOA, faults=["slow"], settings={"drip_seconds": 0.002})
    began = time.monotonic()

    page = answer_of(world, upstream)

    assert page.status == 200
    assert time.monotonic() - began > 0.002 * 120


def raw_answer(world: SimulatedUpstreams, upstream: str, path: str) -> bytes:
    """The bytes of an answer: nothing is decompressed."""
    port = int(world.url(upstream).rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        found = b""
        while piece := wire.recv(65_536):
            found += piece
    return found


# What VNeID says wrongly


def test_vneid_seals_for_somebody_else(world: SimulatedUpstreams) -> None:
    world.wish("vneid", person=HOA, faults=["wrong_key"])
    raw = raw_query(world.come_back("vneid", HOA))

    try:
        code = world.unseal(raw["code"], raw["encrypt_key"])
    except ValueError:
        code = b""
    assert b"+" not in code or not code.isascii()


def test_vneid_leaves_its_code_open(world: SimulatedUpstreams) -> None:
    world.wish("vneid", person=HOA, faults=["no_envelope"])
    back = world.come_back("vneid", HOA)

    assert set(raw_query(back)) == {"code", "state"}
    assert "+" in raw_query(back)["code"]
    assert world.ask("vneid", "POST", "/token", vneid_code(world, back)).status == 200


def test_vneid_sends_the_code_of_an_earlier_login_again(world: SimulatedUpstreams) -> None:
    world.wish("vneid", person=HOA, faults=["replayed"])
    first = vneid_code(world, world.come_back("vneid", HOA))
    world.ask("vneid", "POST", "/token", first)

    again = vneid_code(world, world.come_back("vneid", HOA))

    assert again == first
    assert world.ask("vneid", "POST", "/token", again).status == 400


@pytest.mark.parametrize(
    ("fault", "claim", "value"),
    [
        ("foreign", "citizenPid", "000985222223"),
        ("changed_number", "citizenPid", "000890123457"),
        ("bad_number", "citizenPid", "000890123"),
        ("duplicate_phone", "phoneNumber", "0911000555"),
    ],
)
def test_vneid_tells_something_else_of_the_person(
    world: SimulatedUpstreams, fault: str, claim: str, value: str
) -> None:
    world.wish("vneid", person=HOA, faults=[fault])

    assert vneid_profile(world, HOA)[claim] == value


# What the national portal says wrongly


@pytest.mark.parametrize(
    ("fault", "claim", "good"),
    [("wrong_issuer", "iss", None), ("wrong_audience", "aud", [CLIENTS["dvcqg"][0]]), ("wrong_nonce", "nonce", "n-2")],
)
def test_dvcqg_says_something_else_in_its_id_token(
    world: SimulatedUpstreams, fault: str, claim: str, good: object
) -> None:
    good = good or world.url("dvcqg") + "/oauth2/token"
    assert claims(world, dvcqg_tokens(world, HOA, nonce="n-2")["id_token"])[claim] == good
    world.wish("dvcqg", person=HOA, faults=[fault])

    assert claims(world, dvcqg_tokens(world, HOA, nonce="n-2")["id_token"])[claim] != good


def test_dvcqg_signs_with_a_key_that_it_does_not_publish(world: SimulatedUpstreams) -> None:
    world.wish("dvcqg", person=HOA, faults=["wrong_key"])
    token = dvcqg_tokens(world, HOA)["id_token"]

    with pytest.raises(BadSignatureError):
        claims(world, token)


def test_dvcqg_rotates_its_key_and_publishes_the_new_one(world: SimulatedUpstreams) -> None:
    def kids() -> list[str]:
        return [key["kid"] for key in json.loads(world.ask("dvcqg", "GET", "/oauth2/jwks").text)["keys"]]

    before = kids()
    world.wish("dvcqg", person=HOA, faults=["rotated_keys"])
    token = dvcqg_tokens(world, HOA)["id_token"]

    assert claims(world, token)["sub"] == HOA
    header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    assert (len(before), header["kid"] in before, header["kid"] in kids()) == (1, False, True)


def test_dvcqg_sends_the_id_token_of_an_earlier_login_again(world: SimulatedUpstreams) -> None:
    earlier = dvcqg_tokens(world, HOA, nonce="n-3")["id_token"]
    world.wish("dvcqg", person=HOA, faults=["replayed"])

    assert dvcqg_tokens(world, HOA, nonce="n-4")["id_token"] == earlier


def test_dvcqg_can_leave_the_id_token_out(world: SimulatedUpstreams) -> None:
    world.wish("dvcqg", settings={"id_token": "no"})

    assert "id_token" not in dvcqg_tokens(world, HOA)


@pytest.mark.parametrize(
    ("fault", "claim", "value"),
    [
        ("foreign", "TechID", "TECH-0002"),
        ("changed_number", "SoDinhDanh", "000890123457"),
        ("duplicate_phone", "SoDienThoai", "0911000555"),
    ],
)
def test_dvcqg_tells_something_else_of_the_person(
    world: SimulatedUpstreams, fault: str, claim: str, value: str
) -> None:
    world.wish("dvcqg", person=HOA, faults=[fault])

    assert dvcqg_profile(world, dvcqg_tokens(world, HOA))[claim] == value


# The panel


@pytest.mark.parametrize("upstream", list(CLIENTS))
def test_the_panel_is_a_page_that_switches_and_resets(world: SimulatedUpstreams, upstream: str) -> None:
    browser = Browser(world.url(upstream))
    page = browser.open(world.url(upstream) + "/faults").fill("person", HOA).press("Xem")
    changed = page.tick("fault-html").press("Đổi")

    assert (changed.name, world.wish(upstream)["on"]) == ("faults", {HOA: ["html"]})
    assert changed.find("fault-html")[1].ticked
    changed.press("Đặt lại tất cả")
    assert world.wish(upstream)["on"] == {}


@pytest.mark.parametrize("upstream", list(CLIENTS))
@pytest.mark.parametrize(
    "wish",
    [
        {"person": "nobody", "faults": []},
        {"person": "*", "faults": ["no such fault"]},
        {"person": "*", "faults": "html"},
        {"settings": {"cipher": "rot13"}},
        {"settings": {"code_seconds": "1e9"}},
        {"settings": {"code_seconds": "nan"}},
        {"settings": []},
        [],
    ],
)
def test_the_panel_refuses_what_it_does_not_know(world: SimulatedUpstreams, upstream: str, wish: object) -> None:
    before = world.wish(upstream)
    page = Browser().send(
        "POST", world.url(upstream) + "/faults", json.dumps(wish).encode(), {"Content-Type": "application/json"}
    )

    assert page.status == 400
    assert world.wish(upstream) == before


def test_vneid_keeps_a_session_and_asks_again_only_when_it_is_told_to(world: SimulatedUpstreams) -> None:
    """H-3: as it is with the real one, whoever sits down at the screen is the person of before."""
    browser = Browser(world.url("vneid"))
    first = world.open("vneid", browser, "/auth").fill("number", HOA).fill("password", PASSWORD).press("vneid-submit")
    first.tick("agree").press("vneid-share")

    assert world.open("vneid", browser, "/auth").has("vneid-share")
    assert world.open("vneid", browser, "/auth", prompt="login").has("vneid-submit")
    assert world.open("vneid", browser, "/auth").press("vneid-another").has("vneid-submit")
