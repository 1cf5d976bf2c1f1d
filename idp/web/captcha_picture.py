"""Draws a captcha answer as a PNG of fixed size, cheaply enough that a flood starves no other request (security X-04).

Noise and smoothing come from the `captcha` package. The letters are drawn here: a single-band mask from a glyph that is
rendered once costs a third of the package's four-band transforms.
"""

from functools import lru_cache
from io import BytesIO
from random import SystemRandom

from captcha.image import DEFAULT_FONTS, ImageCaptcha
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 220, 72
_Colour = tuple[int, int, int] | tuple[int, int, int, int]
_PAPER = (246, 248, 251)
_LARGEST, _SMALLEST = 54, 44
_random = SystemRandom()


def draw(answer: str) -> bytes:
    """A PNG of `answer`, different every time."""
    ink = (_random.randint(15, 95), _random.randint(15, 95), _random.randint(15, 95))
    image = _letters.generate_image(answer, bg_color=_PAPER, fg_color=ink)
    out = BytesIO()
    # The fastest level: the picture is sent once, and saving a kilobyte would cost half the time budget.
    image.save(out, format="png", compress_level=1)
    return out.getvalue()


class _Letters(ImageCaptcha):
    """The package's picture, with each letter placed, rotated and slanted separately."""

    def create_captcha_image(self, chars: str, color: _Colour, background: _Colour) -> Image.Image:
        image = Image.new("RGB", (WIDTH, HEIGHT), background)
        cell = (WIDTH - 12) / max(len(chars), 1)
        for place, character in enumerate(chars):
            mask = _slanted(_turned(character, cell))
            left = 6 + round(place * cell + (cell - mask.width) / 2 + _random.uniform(-0.08, 0.08) * cell)
            top = round((HEIGHT - mask.height) / 2 + _random.uniform(-6, 6))
            image.paste(color, (left, top), mask)
        return image


def _turned(character: str, cell: float) -> Image.Image:
    size = min(_random.choice((_SMALLEST, 49, _LARGEST)), round(cell * 1.3))
    return _glyph(character, size).rotate(_random.uniform(-26, 26), Image.Resampling.BILINEAR, expand=True)


def _slanted(mask: Image.Image) -> Image.Image:
    width, height = mask.size
    across, down = width * 0.16, height * 0.14
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    moved = [place + _random.uniform(-reach, reach) for x, y in corners for place, reach in ((x, across), (y, down))]
    return mask.transform(mask.size, Image.Transform.QUAD, moved, Image.Resampling.BILINEAR)


@lru_cache(maxsize=256)
def _glyph(character: str, size: int) -> Image.Image:
    """The character as an opacity mask with a margin, so that slanting does not cut it off."""
    font = _font(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character))
    glyph = Image.new("L", (right - left + 6, bottom - top + 6))
    ImageDraw.Draw(glyph).text((3 - left, 3 - top), character, font=font, fill=255)
    return glyph


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(DEFAULT_FONTS[0], size)


_letters = _Letters(WIDTH, HEIGHT)
