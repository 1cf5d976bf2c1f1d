"""How codes are drawn: always dark on white, with the quiet zone, whatever the page's colours are."""

import io
import re
from functools import cached_property

import qrcode
import segno
from PIL import Image

from qr_login.picture import WORD_LENGTH, version_for

MASK, QUIET = 2, 4
"""Any mask is readable; searching the best takes five times as long."""

PNG_SIDE = 240
ZERO = ord("0")
_RUN = re.compile("1+")


class Drawing:
    """Draws the payloads of one `Pictures` in a fraction of a millisecond, in the smallest version that holds its link.

    Codes of one version, mask and length are linear: flipping a bit of the text always flips the same modules,
    including those of its error correction. segno draws one code per bit, once; every later code is an XOR of those.
    """

    def __init__(self, link: str) -> None:
        self._link = f"{link}#"
        self._version = version_for(link)
        self.side = 17 + 4 * self._version
        """Modules of one side, without the quiet zone."""

    def warm(self) -> None:
        """Draw what every later picture needs, before a person waits for it."""
        _ = self._flips

    def svg(self, payload: str) -> str:
        """Inline SVG, dark on white with its quiet zone, whatever the page's colours are."""
        side = self.side
        modules, edged = f"{self.modules(payload):0{side * side}b}", side + 2 * QUIET
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {edged} {edged}" shape-rendering="crispEdges">'
            f'<path fill="#fff" d="M0 0h{edged}v{edged}H0z"/><path stroke="#000" d="{_lines(modules, side)}"/></svg>'
        )

    def modules(self, payload: str) -> int:
        """The code's modules, row by row, as the bits of one number. Raises `ValueError` for text of another form."""
        text = payload.encode("ascii")
        if len(text) != len(self._zero) or not payload.startswith(self._link):
            raise ValueError("not a payload of this link")
        modules, flips = self._flips
        begun = len(self._link)
        for at, byte in enumerate(text[begun:]):
            modules ^= flips[at][byte ^ ZERO]
        return modules

    @property
    def _zero(self) -> bytes:
        return self._link.encode() + bytes([ZERO]) * WORD_LENGTH

    @cached_property
    def _flips(self) -> tuple[int, list[list[int]]]:
        """The code of `_zero`, and the modules flipped by each change of a character after the link.

        One code is drawn per bit, which takes half a second, once per process, and longer for larger versions; all
        others are combinations of these.
        """
        zero, version = self._zero, self._version
        base = _drawn(zero, version)
        places = range(len(self._link), len(self._link) + WORD_LENGTH)
        return base, [_together([_drawn(_flipped(zero, at, bit), version) ^ base for bit in range(7)]) for at in places]


def _together(bits: list[int]) -> list[int]:
    """The XOR of each of the 128 combinations of seven changes."""
    combined = [0]
    for bit in bits:
        combined += [each ^ bit for each in combined]
    return combined


def _flipped(text: bytes, at: int, bit: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1 :]


def _drawn(text: bytes, version: int) -> int:
    code = segno.make(text, version=version, mask=MASK, error="m", mode="byte", boost_error=False, micro=False)
    return int("".join("1" if module else "0" for row in code.matrix for module in row), 2)


def _lines(modules: str, side: int) -> str:
    """An SVG path with a line for each run of dark modules."""
    runs = ((y, run) for y in range(side) for run in _RUN.finditer(modules, y * side, (y + 1) * side))
    return "".join(f"M{run.start() - y * side + QUIET} {y + QUIET}.5h{run.end() - run.start()}" for y, run in runs)


def with_emblem(link: str, emblem: Image.Image) -> bytes:
    """A PNG of 240 pixels with the emblem in the middle, for a fixed link; level H corrects the covered modules."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_H, border=QUIET)
    code.add_data(link)
    picture = code.make_image().get_image().convert("RGB").resize((PNG_SIDE, PNG_SIDE), Image.Resampling.NEAREST)
    small = emblem.convert("RGBA").resize((PNG_SIDE // 6, PNG_SIDE // 6))
    corner = (PNG_SIDE - small.width) // 2
    picture.paste(small, (corner, corner), small)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
