"""Officers for tests: an installation with a console, agencies, people who decide, and declarations that wait."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyotp
from werkzeug.test import Client as HttpClient
from werkzeug.test import TestResponse

from config.container import Container
from idp.accounts.references import new_id, new_reference
from idp.officers.agencies import Agency
from idp.officers.officers import Officer, Own, Roster
from idp.registration.declaration import Declaration, Form, Photo, Role
from tests.support.app import App, running_app

CONSOLE = "https://officers.example.test"
PASSWORD = "một câu dài mà chỉ cán bộ nhớ"
AGENCIES = (
    Agency("00100", "BHXH tỉnh Thử", "province"),
    Agency("00101", "BHXH cơ sở Một", "base", parent="00100"),
    Agency("00102", "BHXH cơ sở Hai", "base", parent="00100"),
    Agency("00200", "BHXH tỉnh Khác", "province"),
)


@dataclass
class Desk:
    """The desk of an installation under test."""

    app: App
    roster: Roster
    secrets: dict[str, str] = field(default_factory=dict)
    _made: int = 500

    def officer(self, login: str = "lan.nguyen", *rights: tuple[str, str], **own: Any) -> Officer:
        """An officer with password and authenticator, with these rights (agency, right)."""
        self._made += 1
        known = {"bhxh_code": f"99{self._made:08d}", "citizen_number": f"999{self._made:09d}"}
        officer = self.roster.add(
            login, f"Cán bộ {login}", "test", Own(**(own if own.get("foreigner") else known | own))
        )
        for agency, right in rights or (("00101", "decide"),):
            officer = self.roster.grant(officer, agency, right, "test")  # type: ignore[arg-type]
        logins = Container(self.app.base).officers.officer_logins
        token = self.roster.invite(officer, "test")
        self.secrets[login] = logins.secret_for(token)
        logins.enrol(token, PASSWORD, self.code(login))
        self.app.clock.move(30)
        return self.app.base.officers.find(officer.id) or officer

    def code(self, login: str = "lan.nguyen") -> str:
        """What the officer's authenticator shows now."""
        return pyotp.TOTP(self.secrets[login]).at(int(self.app.clock()))

    def declaration(
        self, agency: str = "00101", pictures: Mapping[Role, bytes] = MappingProxyType({}), **more: Any
    ) -> Declaration:
        """A declaration that waits for a decision; `more` are fields of the form or of the declaration."""
        self._made += 1
        names = Form.__dataclass_fields__
        form = Form(
            **{
                "name": "Trần Thị Thử",
                "code": f"00{self._made:08d}",
                "paper_number": f"000{self._made:09d}",
                "birth_date": "1980",
                "phone": f"+84981{self._made:06d}",
                "agency": agency,
                "agrees": True,
                **{n: v for n, v in more.items() if n in names},
            }
        )
        now = self.app.clock()
        made = Declaration(new_id(), new_reference(), "individual", "register", new_id(), now, form=form)
        made = replace(made, **{n: v for n, v in more.items() if n not in names})
        store, waiting = self.app.provider.stores.declarations, made.submitted(now, lapses_at=now + 90 * 86_400)
        store.add(made)
        for role, jpeg in pictures.items():
            assert store.put_photo(Photo(made.id, role, jpeg, 3, 4, now, now + 86_400))
        assert store.submit(waiting, [])
        self.app.clock.move(1)
        return waiting

    def stored(self, declaration: Declaration) -> Declaration:
        """The declaration as it is now."""
        found = self.app.provider.stores.declarations.find(declaration.id)
        assert found
        return found

    def browser(self, login: str | None = None, address: str = "192.0.2.9") -> "OfficerBrowser":
        """A browser at the console, logged in when an officer is named."""
        browser = OfficerBrowser(self, HttpClient(self.app.wsgi), address)
        if login:
            answer = browser.log_in(login)
            assert answer.status_code == 303, answer.text
        return browser


@dataclass
class OfficerBrowser:
    """An officer's browser."""

    desk: Desk
    http: HttpClient
    address: str = "192.0.2.9"
    base_url: str = CONSOLE

    def log_in(self, login: str, password: str = PASSWORD, code: str | None = None) -> TestResponse:
        """Fill the login form."""
        self.desk.app.clock.move(30)
        fields = {"login": login, "password": password, "code": self.desk.code(login) if code is None else code}
        return self.send("POST", "/login", data=fields)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.send("GET", path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, *, csrf: str | None = None) -> TestResponse:
        """Post a form with the anti-forgery value that the console's pages carry."""
        return self.send("POST", path, data={"csrf": self.csrf() if csrf is None else csrf} | (data or {}))

    def csrf(self) -> str:
        """The anti-forgery value of this session."""
        page = self.get("/", follow_redirects=True)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        return found[1] if found else ""

    def decide(self, declaration: Declaration, action: str, **more: Any) -> TestResponse:
        """Send the decision form of a request."""
        fields = {"action": action, "version": declaration.version} | more
        return self.post(f"/requests/{declaration.id}", fields)

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        environ = {"REMOTE_ADDR": self.address}
        return self.http.open(path, method=method, base_url=self.base_url, environ_overrides=environ, **more)


def desk_of(app: App) -> Desk:
    """The desk of a running installation, with made-up agencies."""
    app.provider.stores.agencies.put(AGENCIES)
    return Desk(app, app.provider.officers.roster)


@contextmanager
def running_desk(home: Path, database_url: str, redis_url: str = "", **officers: Any) -> Iterator[Desk]:
    """An installation with a console; `officers` are settings of that section."""
    with running_app(home, database_url, redis_url, officers={"url": CONSOLE, **officers}) as app:
        yield desk_of(app)
