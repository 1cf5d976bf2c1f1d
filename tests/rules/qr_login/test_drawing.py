"""What is drawn can be read by readers that are not ours, and is drawn fast."""

import io
import secrets
import timeit

import cv2
import numpy
import pytest
import segno
import zxingcpp
from PIL import Image, ImageDraw
from playwright.sync_api import Browser as Chromium

from qr_login.drawing import MASK, PNG_SIDE, QUIET, Drawing, with_emblem
from qr_login.picture import CAPACITY, LONGEST_LINK, WORD_LENGTH, Pictures, version_for
from tests.support import chromium as headless
from tests.support.qr import drawn

LINK = "https://id.baohiemxahoi.gov.vn/q"
VERSION, SIDE = 5, 160
LINKS = {version: LINK.ljust(most - 1 - WORD_LENGTH, "q") for version, most in CAPACITY.items()}
"""The longest link of each version."""


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing(LINK)


def a_payload(link: str = LINK) -> str:
    pictures = Pictures(secrets.token_bytes(32), link)
    return pictures.payload(pictures.ticket_of("q_" + secrets.token_urlsafe(32)), "portal", secrets.randbelow(61))


def by_segno(payload: str, mask: int | None = MASK, version: int = VERSION) -> segno.QRCode:
    return segno.make(payload, version=version, mask=mask, error="m", mode="byte", boost_error=False, micro=False)


def read_by_zxing(picture: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def read_by_opencv(picture: Image.Image) -> str:
    return cv2.QRCodeDetector().detectAndDecode(numpy.array(picture.convert("RGB")))[0]


@pytest.mark.parametrize("version", CAPACITY)
def test_the_payload_of_the_longest_link_fills_the_code_exactly(version: int) -> None:
    payload = a_payload(LINKS[version])
    assert len(payload) == CAPACITY[version]
    assert version_for(LINKS[version]) == version
    with pytest.raises(segno.encoder.DataOverflowError):
        by_segno(payload + "x", version=version)


def test_a_link_that_no_version_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="128 characters"):
        Pictures(secrets.token_bytes(32), "https://id.test/".ljust(LONGEST_LINK + 1, "q"))


@pytest.mark.parametrize("version", CAPACITY)
def test_a_longer_link_is_drawn_read_and_recognized(version: int) -> None:
    """By zxing; OpenCV's own reader finds hardly any code of versions 7 and 8."""
    pictures, drawing = Pictures(bytes(32), LINKS[version]), Drawing(LINKS[version])
    for step in range(3):
        payload = pictures.payload(pictures.ticket_of("q_a secret"), "portal", step)
        matrix = by_segno(payload, version=version).matrix
        assert drawing.modules(payload) == int("".join("1" if each else "0" for row in matrix for each in row), 2)
        picture = drawn(f"{drawing.modules(payload):x}")
        assert read_by_zxing(picture) == [payload]
        scanned = pictures.read(payload)
        assert scanned
        assert pictures.is_genuine(scanned, "portal")


def test_the_quick_drawing_is_module_by_module_what_segno_draws(drawing: Drawing) -> None:
    for _ in range(50):
        payload = a_payload()
        bits = "".join("1" if module else "0" for row in by_segno(payload).matrix for module in row)
        assert drawing.modules(payload) == int(bits, 2)


@pytest.mark.parametrize("other", ["", LINK, "https://id.evil/q#v1", "đ" * CAPACITY[VERSION]])
def test_nothing_else_is_drawn(drawing: Drawing, other: str) -> None:
    with pytest.raises(ValueError, match=r"payload|ascii"):
        drawing.modules(other)


def test_it_is_dark_on_white_with_its_quiet_zone(drawing: Drawing) -> None:
    svg = drawing.svg(a_payload())

    side = 17 + 4 * VERSION + 2 * QUIET
    assert f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path stroke="#000" d="M{QUIET} {QUIET}.5h7' in svg
    assert "style" not in svg
    assert "currentColor" not in svg


def test_other_readers_read_it_at_160_pixels_on_a_dark_page(drawing: Drawing, chromium: Chromium) -> None:
    """Drawn by a real browser, on a page whose colours are dark.

    zxing reads every picture. OpenCV's own reader misses about one in twenty at this size; a phone that
    looks on sees the next one two seconds later, so of three in a row it has to read one.
    """
    with headless.profile(chromium) as context:
        page = context.new_page()
        for _ in range(6):
            read = []
            for payload in (a_payload(), a_payload(), a_payload()):
                sized = drawing.svg(payload).replace("<svg ", f'<svg width="{SIDE}" height="{SIDE}" ')
                page.set_content(f'<body style="margin:40px;background:#111;color-scheme:dark">{sized}')
                shot = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": 240, "height": 240})))
                assert read_by_zxing(shot) == [payload]
                read.append(read_by_opencv(shot) == payload)
            assert any(read)


@pytest.mark.parametrize("version", [min(CAPACITY), max(CAPACITY)])
def test_drawing_costs_a_part_of_what_looking_for_a_mask_costs(
    version: int, capsys: pytest.CaptureFixture[str]
) -> None:
    payload, drawing = a_payload(LINKS[version]), Drawing(LINKS[version])
    drawing.svg(payload)

    ours = min(timeit.repeat(lambda: drawing.svg(payload), number=1, repeat=200))
    fixed = min(timeit.repeat(lambda: by_segno(payload, version=version), number=1, repeat=50))
    search = min(timeit.repeat(lambda: by_segno(payload, None, version), number=1, repeat=50))

    with capsys.disabled():
        print(f"\nQR version {version}: {ours * 1e3:.2f} ms, ", end="")
        print(f"segno {fixed / ours:.1f} times, with mask search {search / ours:.1f} times")
    assert ours < search / 5
    assert ours < fixed


def test_the_picture_with_the_emblem_is_read_too() -> None:
    emblem = Image.new("RGBA", (88, 96), (0, 0, 0, 0))
    ImageDraw.Draw(emblem).ellipse((0, 4, 88, 92), fill="#123c7c")
    link = "https://id.baohiemxahoi.gov.vn/device?user_code=BCDF-GHJK"

    picture = Image.open(io.BytesIO(with_emblem(link, emblem)))

    assert picture.size == (PNG_SIDE, PNG_SIDE)
    assert picture.getpixel((PNG_SIDE // 2, PNG_SIDE // 2)) == (0x12, 0x3C, 0x7C)
    assert picture.getpixel((2, 2)) == (255, 255, 255)
    assert read_by_zxing(picture) == [link]
    assert read_by_opencv(picture) == link


def test_no_script_and_no_outside_is_in_a_drawing(drawing: Drawing) -> None:
    assert all(word not in drawing.svg(a_payload()) for word in ("script", "href", "url("))
