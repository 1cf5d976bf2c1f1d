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

from qr_login.drawing import MASK, PNG_SIDE, QUIET, VERSION, Drawing, with_emblem
from qr_login.picture import MOST_BYTES, Pictures
from tests.support import chromium as headless

LINK = "https://id.baohiemxahoi.gov.vn/q"
SIDE = 160


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing(LINK)


def a_payload() -> str:
    pictures = Pictures(secrets.token_bytes(32), LINK)
    return pictures.payload(pictures.ticket_of("q_" + secrets.token_urlsafe(32)), "portal", secrets.randbelow(61))


def by_segno(payload: str, mask: int | None = MASK) -> segno.QRCode:
    return segno.make(payload, version=VERSION, mask=mask, error="m", mode="byte", boost_error=False, micro=False)


def read_by_zxing(picture: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def read_by_opencv(picture: Image.Image) -> str:
    return cv2.QRCodeDetector().detectAndDecode(numpy.array(picture.convert("RGB")))[0]


def test_the_payload_of_the_longest_link_fills_the_code_exactly() -> None:
    assert len(a_payload()) == MOST_BYTES
    with pytest.raises(segno.encoder.DataOverflowError):
        by_segno(a_payload() + "x")


def test_the_quick_drawing_is_module_by_module_what_segno_draws(drawing: Drawing) -> None:
    for _ in range(50):
        payload = a_payload()
        bits = "".join("1" if module else "0" for row in by_segno(payload).matrix for module in row)
        assert drawing.modules(payload) == int(bits, 2)


@pytest.mark.parametrize("other", ["", LINK, "https://id.evil/q#v1", "đ" * MOST_BYTES])
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


def test_drawing_costs_a_part_of_what_looking_for_a_mask_costs(
    drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = a_payload()
    drawing.svg(payload)

    ours = min(timeit.repeat(lambda: drawing.svg(payload), number=1, repeat=200))
    fixed = min(timeit.repeat(lambda: by_segno(payload), number=1, repeat=50))
    search = min(timeit.repeat(lambda: by_segno(payload, None), number=1, repeat=50))

    with capsys.disabled():
        print(f"\nQR: {ours * 1e3:.2f} ms, segno {fixed / ours:.1f} times, with mask search {search / ours:.1f} times")
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
