"""A browser that waits for a phone; and of the phone what the engine knows: the picture it reads, and its device."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy
import zxingcpp
from PIL import Image
from sqlalchemy import insert
from werkzeug.test import TestResponse

from config.stores import Stores
from idp.store import tables
from idp.store.database import Database
from idp.store.devices import SqlTickets
from qr_login.drawing import QUIET
from qr_login.flow import QrLogin
from qr_login.logins import QrLogins
from qr_login.picture import Pictures
from tests.support.app import App, Visitor, attempt_of

DEVICE = "device-1"


def enrolled(app: App, account_id: str, device: str = DEVICE) -> str:
    """Write down a device of this account; returns its id."""
    enroll(app.base.database, account_id, app.clock(), device)
    return device


def enroll(database: Database, account_id: str, now: float, device: str = DEVICE) -> None:
    """The same in stores without an application."""
    row = {
        "id": device,
        "account_id": account_id,
        "client_id": "app",
        "jkt": f"key of {device}",
        "name": "Galaxy A15",
        "network": "192.0.2.0/24",
        "passcode_hash": "",
        "wrong_passcodes": 0,
        "enrolled_at": now,
        "last_seen_at": now,
    }
    with database.transaction.begin() as connection:
        connection.execute(insert(tables.enrolled_device), row)


def engine(base: Stores) -> QrLogins:
    """The engine on the same stores and secrets as a provider that serves elsewhere."""
    tickets = SqlTickets(base.database)

    def claim(ticket: str, login: QrLogin) -> bool:
        return tickets.end(ticket, "denied", login.device_id, base.clock())

    return QrLogins(base.ephemeral, Pictures(base.secrets.get("qr"), base.settings.qr_link), base.clock, claim)


def drawn(modules: str) -> Image.Image:
    """The modules of a poll as a picture."""
    # The first module of every code is dark, so the length of the number tells the side.
    side = math.isqrt(4 * len(modules))
    dark = numpy.array([bit == "1" for bit in f"{int(modules, 16):0{side * side}b}"]).reshape(side, side)
    edged = numpy.pad(dark, QUIET)
    picture = Image.fromarray(numpy.where(edged, 0, 255).astype("uint8"))
    return picture.resize((edged.shape[0] * 4,) * 2, Image.Resampling.NEAREST)


def read(modules: str) -> str:
    """What a reader that is not ours reads in the modules of a poll."""
    return str(zxingcpp.read_barcodes(drawn(modules))[0].text)


@dataclass
class Waiting:
    """A browser on the page."""

    visitor: Visitor
    attempt: str
    page: TestResponse

    def poll(self, **more: Any) -> TestResponse:
        return self.visitor.post("/login/qr/poll", data={"attempt": self.attempt}, **more)

    def told(self) -> dict[str, Any]:
        """What it is told when it waits for as long as it was asked to."""
        self.visitor.app.clock.move(4)
        return dict(self.poll().json or {})

    def scan(self, device: str = DEVICE, owner: str = "", network: str = "192.0.2.0/24") -> str:
        """Scan what it shows now, by default from the browser's own network; returns the ticket."""
        picture = read(self.told()["pictures"][0])
        return str(logins(self.visitor.app).scan(picture, device, owner, "Galaxy A15", network)[0])

    @property
    def number(self) -> str:
        found = re.search(r'id="qr-number">(\d\d)<', self.page.text)
        assert found, self.page.text
        return found[1]


def waiting(visitor: Visitor, **more: Any) -> Waiting:
    """Go from the portal to the page with the picture."""
    attempt = attempt_of(visitor.authorize())
    return shown(visitor, attempt, **more)


def shown(visitor: Visitor, attempt: str, **more: Any) -> Waiting:
    begun = visitor.get("/login/qr", query_string={"attempt": attempt} | more)
    assert begun.status_code == 303, begun.text
    page = visitor.get(begun.headers["Location"])
    assert page.status_code == 200, page.text
    return Waiting(visitor, attempt, page)


def logins(app: App) -> Any:
    """The engine, as the phone's API uses it."""
    assert app.provider.qr_login.is_on
    return app.provider.qr_login.logins
