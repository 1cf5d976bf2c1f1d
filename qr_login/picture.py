"""The picture: `v1.<ticket>.<step>.<mac>` behind a link of our host, valid for seconds.

Everything is derived from the browser's secret and one server key: the ticket from the secret, and from the ticket the
key of its pictures. So neither is stored, and no page ever holds a key. The payload is behind `#`: a browser that opens
the link instead of the app sends none of it to a server, and phones pass the whole link to the app. Steps count from
the ticket's creation: they are short and reveal nothing about the server's clock.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

CAPACITY = {5: 84, 6: 106, 7: 122, 8: 152, 9: 180}
"""Bytes that fit into a code of each version at level M (ISO/IEC 18004, table 7); apps may send 200 characters."""

TICKET_LENGTH = 22
WORD_LENGTH = len("v1.") + TICKET_LENGTH + len(".00.") + 22
LONGEST_LINK = max(CAPACITY.values()) - 1 - WORD_LENGTH
_WORD = re.compile(r"v1\.([A-Za-z0-9_-]{22})\.([0-9]{2})\.([A-Za-z0-9_-]{22})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """A picture is shown for `step` seconds and accepted for `back` steps more."""

    step: int
    back: int

    def at(self, seconds: float) -> int:
        return int(seconds // self.step)


FAST, SLOW = Pace(step=2, back=2), Pace(step=5, back=1)
"""6 s at most; and 10 s for people who need more time, or have no script."""


@dataclass(frozen=True, slots=True)
class PictureRead:
    """The content of a scanned picture; none of it is verified yet."""

    ticket: str
    step: int
    mac: str


def version_for(link: str) -> int:
    """The smallest version whose code holds every payload behind `link`. Raises `ValueError`."""
    needed = len(link) + 1 + WORD_LENGTH
    for version, most in CAPACITY.items():
        if needed <= most:
            return version
    raise ValueError(f"the link of a QR code may have {LONGEST_LINK} characters: {link}")


class Pictures:
    """Makes and reads payloads under `key`; `link` is the address before them, up to and without `#`."""

    def __init__(self, key: bytes, link: str) -> None:
        version_for(link)
        self._key = key
        self._link = link

    def ticket_of(self, secret: str) -> str:
        """The ticket that belongs to a browser's secret: 128 bits that reveal nothing about it."""
        return _short(self._keyed("qr ticket", secret))

    def payload(self, ticket: str, client_id: str, step: int) -> str:
        return f"{self._link}#v1.{ticket}.{step:02}.{self._mac(ticket, client_id, step)}"

    def payloads(self, ticket: str, client_id: str, pace: Pace, age: float, seconds: float) -> tuple[str, ...]:
        """The payloads to show one after the other in the next `seconds`, the current one first."""
        first, last = pace.at(age), pace.at(age + seconds)
        return tuple(self.payload(ticket, client_id, step) for step in range(first, last + 1))

    def read(self, scanned: str) -> PictureRead | None:
        """The content of the picture; None when it is not a picture of ours."""
        link, mark, word = scanned[:200].rpartition("#")
        matched = _WORD.fullmatch(word)
        if matched is None or (mark and link != self._link):
            return None
        return PictureRead(matched[1], int(matched[2]), matched[3])

    def is_genuine(self, read: PictureRead, client_id: str) -> bool:
        """Whether we made this picture, for this client; takes the same time for every wrong one."""
        return hmac.compare_digest(read.mac, self._mac(read.ticket, client_id, read.step))

    def _mac(self, ticket: str, client_id: str, step: int) -> str:
        content = "\0".join(("v1", ticket, str(step), client_id))
        return _short(hmac.digest(self._keyed("qr picture", ticket), content.encode(), sha256))

    def _keyed(self, purpose: str, content: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{content}".encode(), sha256)


def is_ticket(text: str) -> bool:
    """Whether it looks like a ticket; the store is not asked for anything else."""
    return len(text) == TICKET_LENGTH and text.isascii()


def _short(digest: bytes) -> str:
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
