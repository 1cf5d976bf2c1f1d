"""Uploaded pictures: checked by their content and re-encoded; nothing of the original file is kept.

Whatever a file contains besides its picture (place, camera, a second format, a script) is dropped: it is decoded,
turned upright, scaled down and written as a new JPEG.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from threading import BoundedSemaphore

from PIL import Image, ImageOps

from idp.errors import Busy
from idp.registration.declaration import Role

LARGEST = 8 * 1024 * 1024
MOST_PIXELS = {"JPEG": 50_000_000, "MPO": 50_000_000, "PNG": 24_000_000, "WEBP": 24_000_000}
"""A phone's picture of 48 megapixels is a JPEG, which is scaled down while decoding; the other formats are not."""

LONGEST_SIDE = 1600
QUALITY = 85
SMALLEST: dict[Role, tuple[int, int]] = {"portrait": (300, 300), "front": (400, 250), "back": (400, 250)}
"""Minimum longer and shorter side, so that a face can be recognised and a card can be read."""

AT_ONCE, PATIENCE = 2, 10.0
_FORMATS = ("JPEG", "PNG", "WEBP")
_STILL = ("JPEG", "MPO")
"""A phone's JPEG may contain a second picture for brighter screens; the first one is used."""

MOST_SCANS, MOST_SEGMENTS = 32, 2000
"""Cameras and editors write up to about a dozen; each is a pass over all pixels, for forty bytes of file."""

_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_HEIC = re.compile(rb"....ftyp(hei|hev|mif1|msf1|avif)", re.DOTALL)
"""The start of the files that iPhones write by default (ISO/IEC 23008-12): we have no decoder for them."""

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA


class BadPhoto(ValueError):
    """Not an acceptable picture.

    `why` is empty, not_a_picture, heic, too_large, too_many_pixels, too_small, moving or broken.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Picture:
    """A re-encoded picture."""

    jpeg: bytes
    width: int
    height: int


class PhotoProcessor:
    """Re-encodes pictures, two at a time: decoding takes memory."""

    def __init__(self) -> None:
        self._places = BoundedSemaphore(AT_ONCE)

    def develop(self, role: Role, file: bytes) -> Picture:
        """The picture in `file`. Raises `BadPhoto`, `Busy`."""
        if len(file) > LARGEST:
            raise BadPhoto("too_large")
        if not file:
            raise BadPhoto("empty")
        if not self._places.acquire(timeout=PATIENCE):
            raise Busy("pictures wait", retry_after=5)
        try:
            return _developed(role, file)
        finally:
            self._places.release()


def _developed(role: Role, file: bytes) -> Picture:
    try:
        # Reads only the header: size and format are checked before anything is decoded.
        image = Image.open(BytesIO(file), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise BadPhoto("too_many_pixels") from None
    except Exception:
        # Pillow's decoders raise exceptions of every kind for what they cannot read.
        raise BadPhoto("heic" if _HEIC.match(file) else "not_a_picture") from None
    with image:
        _judge(role, image)
        if image.format in _STILL and _has_many_scans(file):
            raise BadPhoto("broken")
        try:
            return _made_anew(image)
        except Exception:
            raise BadPhoto("broken") from None


def _judge(role: Role, image: Image.Image) -> None:
    longer, shorter = max(image.size), min(image.size)
    least = SMALLEST[role]
    if longer * shorter > MOST_PIXELS[image.format or ""]:
        raise BadPhoto("too_many_pixels")
    if longer < least[0] or shorter < least[1]:
        raise BadPhoto("too_small")
    if image.format not in _STILL and getattr(image, "n_frames", 1) > 1:
        raise BadPhoto("moving")


def _has_many_scans(jpeg: bytes) -> bool:
    """Whether the first picture of a JPEG has more scans than any honest one; its segments are skipped."""
    at = scans = 0
    for _ in range(MOST_SEGMENTS):
        marker = _MARKER.search(jpeg, at)
        if marker is None or marker[1][0] == _END or scans > MOST_SCANS:
            return scans > MOST_SCANS
        at, kind = marker.end(), marker[1][0]
        scans += kind == _SCAN
        at += int.from_bytes(jpeg[at : at + 2]) if kind != _START else 0
    return True


def _made_anew(image: Image.Image) -> Picture:
    if image.format in _STILL:
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    image.load()
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        # Pillow clips 16-bit grey at 255 instead of scaling it.
        upright = upright.point(lambda level: level * (1 / 256)).convert("L")
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    # A new canvas: no profile, comment or thumbnail of the old file is copied.
    canvas = Image.new("RGB", upright.size, "white")
    canvas.paste(upright.convert("RGB"))
    out = BytesIO()
    canvas.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Picture(out.getvalue(), *canvas.size)
