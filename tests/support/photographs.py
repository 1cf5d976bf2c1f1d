"""Photographs with the entropy, size and EXIF of a phone's: noise, edges and gradients, never flat colours.

The bytes depend on the seed alone.
"""

from bisect import bisect
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

MEGAPIXELS = {12: (4000, 3000), 24: (5656, 4242), 48: (8000, 6000)}
"""Sizes of today's phones."""

GRAIN = {12: 14.0, 24: 10.0, 48: 8.0}
"""Strength of the noise, 0 to 255: smaller sensor cells are noisier, but a phone smooths what is large."""

QUALITIES = range(1, 98)
UPRIGHT, TURNED_LEFT = 1, 6


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Điện thoại", "Mẫu 12", orientation
    exif.get_ifd(0x8825)[2] = (21.0, 1.0, 42.0)
    return exif.tobytes()


def scene(size: tuple[int, int], grain: float, seed: int = 1) -> Image.Image:
    """Soft shapes, hard edges, and the grain of a small sensor: `grain` is its strength, 0 to 255."""
    chance = np.random.default_rng(seed)
    width, height = size
    shapes = Image.fromarray(chance.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    picture = np.asarray(shapes).astype(np.int16)
    picture[height // 3 : height // 2, width // 4 : width // 2] += 60
    for line in range(0, height, max(height // 40, 1)):
        picture[line : line + 3] -= 50
    # One tile of noise is enough: an encoder looks at squares of a few points.
    tile = (chance.standard_normal((1024, 1024, 1)) * grain).astype(np.int16)
    repeats = (-(-height // 1024), -(-width // 1024), 1)
    picture += np.tile(tile, repeats)[:height, :width]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


@lru_cache(maxsize=16)
def photograph(
    kilobytes: int, megapixels: int = 12, *, kind: str = "JPEG", orientation: int = UPRIGHT, seed: int = 1
) -> bytes:
    """The best file of at most so many kilobytes: a phone's JPEG, or a WEBP."""
    picture = scene(MEGAPIXELS[megapixels], GRAIN[megapixels], seed)
    width, height = picture.size
    middle = picture.crop((width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 5 // 8))

    def file(quality: int, of: Image.Image = picture) -> bytes:
        out = BytesIO()
        of.save(out, kind, quality=quality, exif=_exif(orientation))
        return out.getvalue()

    # What the middle, a sixteenth, says of the quality is soon known and nearly right.
    quality = bisect(QUALITIES, kilobytes * 64, key=lambda quality: len(file(quality, middle))) or 1
    best = file(quality)
    while len(best) > kilobytes * 1024:
        quality -= 1
        assert quality in QUALITIES, f"no {kind} of {megapixels} megapixels is as small as {kilobytes} KB"
        best = file(quality)
    while quality + 1 in QUALITIES and len(better := file(quality + 1)) <= kilobytes * 1024:
        quality, best = quality + 1, better
    return best


def filled(file: bytes, size: int) -> bytes:
    """The same JPEG with a comment of noise behind its head, `size` bytes in all: a file of an exact length."""
    chance = np.random.default_rng(len(file))
    rest, pieces = size - len(file), b""
    while rest > 4:
        length = min(rest - 4, 65_000)
        pieces += b"\xff\xfe" + (length + 2).to_bytes(2) + chance.bytes(length)
        rest -= length + 4
    return file[:2] + pieces + file[2:]
