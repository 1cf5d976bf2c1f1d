"""A picture is judged by what it is and made anew; whatever else a file carries ends here."""

import struct
import zlib
from io import BytesIO
from threading import Thread
from typing import Any

import pytest
from PIL import Image, ImageDraw

from idp.errors import Busy
from idp.registration.photos import LARGEST, BadPhoto, PhotoProcessor
from tests.support.photographs import MEGAPIXELS, TURNED_LEFT, filled, photograph, scene

ROOM = PhotoProcessor()


def drawn(size: tuple[int, int] = (640, 480), kind: str = "JPEG", mode: str = "RGB", **more: Any) -> bytes:
    image = Image.new(mode, size, "steelblue" if mode == "RGB" else None)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1] // 4), fill="white")
    out = BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def why(file: bytes) -> str:
    with pytest.raises(BadPhoto) as refused:
        ROOM.develop("portrait", file)
    return refused.value.why


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return head + b"\0\0\0\nIDAT"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_a_jpeg(kind: str) -> None:
    made = ROOM.develop("portrait", drawn(kind=kind))

    with Image.open(BytesIO(made.jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", (made.width, made.height))
        assert image.size == (640, 480)


def test_a_large_picture_becomes_smaller() -> None:
    made = ROOM.develop("front", drawn((4000, 3000)))

    assert (made.width, made.height) == (1600, 1200)


def test_what_was_turned_stands_upright_and_says_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Máy ảnh bí mật"
    exif.get_ifd(0x8825)[2] = (10.0, 46.0, 0.0)
    made = ROOM.develop("portrait", drawn((640, 480), exif=exif.tobytes(), comment=b"secret comment"))

    with Image.open(BytesIO(made.jpeg)) as image:
        assert image.size == (480, 640)
        corner = image.getpixel((470, 5))
        assert isinstance(corner, tuple)
        assert min(corner) > 230
        assert dict(image.getexif()) == {}
    assert b"secret" not in made.jpeg
    assert "bí mật".encode() not in made.jpeg


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"%PDF-1.7 ", b"PK\x03\x04" + b"\0" * 30], ids=["html", "pdf", "zip"]
)
def test_what_hangs_on_a_picture_is_cut_off(tail: bytes) -> None:
    assert tail not in ROOM.develop("portrait", drawn() + tail).jpeg


@pytest.mark.parametrize(
    "file",
    [
        b"\0" * 100, b"%PDF-1.7\n%", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 50,
        drawn(kind="GIF"), drawn(kind="BMP"), drawn(kind="TIFF"), b"\xff\xd8\xff", "một tấm ảnh".encode(),
    ],
)  # fmt: skip
def test_what_is_no_picture_of_ours_is_refused(file: bytes) -> None:
    assert why(file) == "not_a_picture"


def test_too_large_too_many_and_too_small() -> None:
    assert why(drawn() + b"\0" * LARGEST) == "too_large"
    assert why(png_header(8000, 5000)) == "too_many_pixels"
    assert why(b"") == "empty"
    assert why(png_header(60_000, 60_000)) == "too_many_pixels"
    assert why(drawn((299, 900))) == "too_small"
    ROOM.develop("front", drawn((250, 400)))


def test_a_bomb_is_judged_by_its_header() -> None:
    """A few bytes that would unpack to gigabytes."""
    bomb = png_header(30_000, 30_000) + zlib.compress(b"\0" * 10_000)

    assert why(bomb) == "too_many_pixels"


def test_broken_and_truncated_files_are_refused() -> None:
    whole = drawn((1200, 900), quality=95)

    assert why(whole[: len(whole) // 2]) == "broken"
    assert why(png_header(640, 480)) in ("broken", "not_a_picture")
    noise = Image.effect_noise((800, 600), 80).convert("RGB")
    out = BytesIO()
    noise.save(out, "PNG")
    assert why(out.getvalue()[:100_000]) == "broken"


def test_moving_pictures_are_refused() -> None:
    frames = [Image.new("RGB", (640, 480), colour) for colour in ("red", "green")]
    for kind in ("PNG", "WEBP"):
        out = BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        assert why(out.getvalue()) == "moving"


def test_the_second_picture_of_a_phone_is_left_out() -> None:
    frames = [Image.new("RGB", (640, 480), colour) for colour in ("red", "green")]
    out = BytesIO()
    frames[0].save(out, "MPO", save_all=True, append_images=frames[1:])

    assert ROOM.develop("portrait", out.getvalue()).width == 640


def test_what_shows_through_becomes_white() -> None:
    clear = Image.new("RGBA", (640, 480), (0, 0, 0, 0))
    out = BytesIO()
    clear.save(out, "PNG")

    with Image.open(BytesIO(ROOM.develop("portrait", out.getvalue()).jpeg)) as image:
        assert image.getpixel((100, 100)) == (255, 255, 255)


def test_two_are_made_at_once_and_a_third_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is kept busy says so."""
    room = PhotoProcessor()
    monkeypatch.setattr("idp.registration.photos.PATIENCE", 0.05)
    for _ in range(2):
        room._places.acquire()

    with pytest.raises(Busy):
        room.develop("portrait", drawn())
    room._places.release()
    worker = Thread(target=room.develop, args=("portrait", drawn()))
    worker.start()
    worker.join(10)
    assert not worker.is_alive()


@pytest.mark.parametrize(
    ("kilobytes", "megapixels"), [(200, 12), (2500, 12), (6000, 12), (8000, 24), (8000, 48)], ids=lambda n: str(n)
)
def test_c1_a_photograph_of_a_phone_is_kept(kilobytes: int, megapixels: int) -> None:
    file = photograph(kilobytes, megapixels, orientation=TURNED_LEFT)
    made = ROOM.develop("portrait", file)

    assert len(file) > kilobytes * 900
    assert (made.width, made.height) == (1200, 1600)
    assert len(made.jpeg) < 1_500_000


def test_a_photograph_of_just_eight_megabytes_is_kept_and_one_byte_more_is_not() -> None:
    file = photograph(2500)

    assert ROOM.develop("front", filled(file, LARGEST)).width == 1600
    assert why(filled(file, LARGEST + 1)) == "too_large"


def test_a_hundred_megapixels_are_refused_before_they_are_unpacked() -> None:
    head = drawn((64, 64))
    at = head.index(b"\xff\xc0") + 5

    assert why(head[:at] + struct.pack(">HH", 10_000, 10_000) + head[at + 4 :]) == "too_many_pixels"
    assert MEGAPIXELS[48][0] * MEGAPIXELS[48][1] == 48_000_000


@pytest.mark.parametrize("mode", ["L", "CMYK", "I;16"])
def test_the_light_of_a_picture_stays_whatever_its_colours_are_written_as(mode: str) -> None:
    plain = scene((800, 600), 10).convert("L")
    levels = Image.frombytes("I;16", plain.size, b"".join(bytes((v, v)) for v in plain.tobytes()))
    out = BytesIO()
    (levels if mode == "I;16" else plain.convert(mode)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    made = ROOM.develop("front", out.getvalue())

    with Image.open(BytesIO(made.jpeg)) as image:
        assert abs(mean(image.convert("L")) - mean(plain)) < 3


def mean(image: Image.Image) -> float:
    counts = image.histogram()
    return sum(level * count for level, count in enumerate(counts)) / sum(counts)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"avif"])
def test_what_iphones_write_by_themselves_has_a_sentence_of_its_own(brand: bytes) -> None:
    assert why(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + b"\0" * 2000) == "heic"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_photograph_that_broke_off_is_broken(part: float) -> None:
    file = photograph(2500)

    assert why(file[: int(len(file) * part)]) == "broken"
