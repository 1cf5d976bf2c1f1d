"""One installation's QR logins, with a clock that moves when told."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from qr_login.flow import AskingBrowser, QrLogin
from qr_login.logins import QrLogins
from qr_login.picture import Pictures
from tests.support.clock import FrozenClock
from tests.support.memory import InMemory

LINK = "https://id.test/q"
ASKER = AskingBrowser("Firefox", "Windows", "Hà Nội", "203.0.113.0/24")


@dataclass
class Scene:
    """A browser's secret and its picture, at hand."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    store: Any = field(default_factory=InMemory)
    pictures: Pictures = field(default_factory=lambda: Pictures(b"k" * 32, LINK))
    claimed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.logins = self.worker()

    def worker(self) -> QrLogins:
        """Another process on the same store and clock."""
        return QrLogins(self.store, self.pictures, self.clock, self.claim)

    def claim(self, ticket_digest: str, _: QrLogin) -> bool:
        """As a unique insert: once, whatever the short-lived store forgot."""
        new = ticket_digest not in self.claimed
        self.claimed.add(ticket_digest)
        return new

    def start(self, attempt: str = "a_1", *, slow: bool = False) -> tuple[str, QrLogin]:
        return self.logins.start(attempt, "portal", ASKER, slow=slow)

    def picture(self, secret: str, login: QrLogin) -> str:
        """What the screen shows now."""
        step = login.pace.at(self.clock() - login.created_at)
        return self.pictures.payload(self.pictures.ticket_of(secret), login.client_id, step)

    def scanned(self, device: str = "phone") -> tuple[str, str, QrLogin]:
        secret, login = self.start()
        ticket, after = self.logins.scan(self.picture(secret, login), device, f"owner of {device}")
        return secret, ticket, after


@pytest.fixture
def scene() -> Scene:
    return Scene()
