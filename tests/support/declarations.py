"""Form 01 filled in by a visitor, with drawn pictures."""

import re
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from tests.support.app import App, Visitor
from tests.support.desk import open_agencies

FIELDS = {
    "name": "Trần Thị Nga", "code": "0000000777", "paper_kind": "cccd", "paper_number": "001190000777",
    "birth_date": "17/05/1990", "province": "79", "commune": "25747", "street": "12 Đường Thử",
    "email": "nga@example.com", "phone": "0981 234 567", "starts_on": "22/11/2030", "transact_at": "portal", "ivan": "",
    "region": "079", "agency": "07906", "submission": "desk", "agrees": "1",
}  # fmt: skip
ROLES = ("portrait", "front", "back")


def drawn(size: tuple[int, int] = (640, 480), kind: str = "JPEG", colour: str = "steelblue") -> bytes:
    """A picture."""
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill="white")
    out = BytesIO()
    image.save(out, kind)
    return out.getvalue()


def hidden(page: TestResponse, name: str = "csrf") -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text[:2000]
    return found[1]


class Registrant:
    """A visitor who registers."""

    def __init__(self, app: App, visitor: Visitor | None = None) -> None:
        self.app = app
        self.visitor = visitor or app.visitor()
        if not len(app.provider.stores.agencies.tree()):
            open_agencies(app)

    def begin(self, kind: str = "individual") -> TestResponse:
        """Choose and see the form."""
        answer = self.visitor.post("/register", data={"kind": kind, "request": "register", "next": "1"})
        assert answer.headers.get("Location") == "/register/form", answer.text
        return self.visitor.get("/register/form")

    def fill(self, *, pictures: Any = ROLES, button: str = "save", **changes: str) -> TestResponse:
        """Send the form; `pictures` are roles, or files by role."""
        page = self.visitor.get("/register/form")
        files = pictures if isinstance(pictures, dict) else {role: drawn() for role in pictures}
        day = self.app.provider.registration.declarations.today
        fields = FIELDS | {"starts_on": day.strftime("%d/%m/%Y")} | changes
        data: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        data |= {role: (BytesIO(file), f"{role}.jpg") for role, file in files.items()}
        more = {"csrf": hidden(page), "seen": "", button: "1"} | {
            n: changes[n] for n in ("seen", "csrf") if n in changes
        }
        return self.visitor.post("/register/form", data=data | more, content_type="multipart/form-data")

    def prove(self, code: str | None = None) -> TestResponse:
        """Enter the code of the mail."""
        page = self.visitor.get("/register/email")
        typed = code or self.app.code_sent("email")
        return self.visitor.post("/register/email", data={"csrf": hidden(page), "code": typed, "code-submit": "1"})

    def register(self, **changes: str) -> str:
        """All of it; returns the reference as it is shown."""
        self.begin()
        sent = self.fill(**changes)
        assert sent.headers.get("Location") == "/register/email", sent.text
        proved = self.prove()
        assert proved.headers.get("Location") == "/register/done", proved.text
        return self.reference()

    def reference(self) -> str:
        page = self.visitor.get("/register/done")
        found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}", page.text)
        assert found, page.text
        return found[0]

    def look(self, reference: str, phone: str = "0981234567", **more: str) -> TestResponse:
        """Ask how a declaration stands."""
        return self.visitor.post("/register/status", data={"reference": reference, "phone": phone} | more)
