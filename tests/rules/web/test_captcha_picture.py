"""The captcha picture: a real PNG, never the same twice, legible, and cheap (security X-01, X-03, X-04)."""

import statistics
import time
from io import BytesIO

from PIL import Image

from idp.login.captcha import ALPHABET, LONGEST, SHORTEST, new_answer
from idp.web import captcha_picture


def picture(answer: str) -> Image.Image:
    return Image.open(BytesIO(captcha_picture.draw(answer)))


def inked(image: Image.Image) -> int:
    return sum(1 for shade in image.convert("L").tobytes() if shade < 150)


def test_every_length_is_drawn_in_the_size_the_page_reserves() -> None:
    for length in range(SHORTEST, LONGEST + 1):
        image = picture(new_answer(length))
        assert (image.format, image.size) == ("PNG", (captcha_picture.WIDTH, captcha_picture.HEIGHT))


def test_the_same_answer_never_gives_the_same_picture() -> None:
    assert len({captcha_picture.draw("K7M4P") for _ in range(50)}) == 50


def test_a_character_is_turned_and_slanted_differently_each_time() -> None:
    turned = [captcha_picture._turned("K", 60) for _ in range(30)]
    assert len({mask.size for mask in turned}) > 10
    assert len({captcha_picture._slanted(turned[0]).tobytes() for _ in range(30)}) == 30


def test_every_character_leaves_enough_ink_to_be_read() -> None:
    noise = max(inked(picture(" " * 5)) for _ in range(20))
    for character in ALPHABET:
        assert min(inked(picture(character * 5)) for _ in range(5)) > 2 * noise, character


def test_the_picture_carries_nothing_beside_its_pixels() -> None:
    assert picture("K7M4P").info == {}
    assert b"K7M4P" not in captcha_picture.draw("K7M4P")


def test_x04_a_picture_costs_at_most_five_milliseconds_of_processor_time() -> None:
    captcha_picture.draw("23456")
    costs = []
    for _ in range(60):
        answer, before = new_answer(), time.process_time()
        captcha_picture.draw(answer)
        costs.append(time.process_time() - before)
    assert statistics.median(costs) <= 0.005


def test_x04_fonts_and_glyphs_are_loaded_once() -> None:
    for _ in range(400):
        captcha_picture.draw(new_answer())
    glyphs, fonts = captcha_picture._glyph.cache_info().misses, captcha_picture._font.cache_info().misses
    for _ in range(20):
        captcha_picture.draw(new_answer())
    assert captcha_picture._glyph.cache_info().misses - glyphs <= 2
    assert captcha_picture._font.cache_info().misses == fonts
