"""The application beside an upstream that lies in three protocols, and the account of the person it speaks of."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from federation.connector import Departure
from tests.support.app import App, Visitor, attempt_of, running_app
from tests.support.brokered import keep_all
from tests.support.clock import FrozenClock
from tests.support.liar import CLIENT_ID, CLIENT_SECRET, NUMBER, OURS, Change, Liar, Lie, pem

CODE, TAX_CODE = "0012345678", "0312345673"
PHONE = "+84912000067"


@dataclass
class LiedTo:
    """The application and the liar."""

    app: App
    liar: Liar

    def lie(self, **changes: Change) -> None:
        """What the upstream says from now on; without words the truth."""
        self.liar.lie = Lie(changes)

    def via(self, kind: str, visitor: Visitor | None = None, begun: TestResponse | None = None) -> TestResponse:
        """Leave for the liar in an attempt, and come back; what the callback answers."""
        visitor = visitor or self.app.visitor()
        attempt = attempt_of(begun or visitor.authorize())
        return self.back(visitor, kind, visitor.get(f"/via/{kind}", query_string={"attempt": attempt}))

    def back(self, visitor: Visitor, kind: str, away: TestResponse) -> TestResponse:
        """As if the person had agreed there."""
        assert away.status_code == 303, away.text
        query = self.liar.came_back(Departure(away.headers["Location"])).query
        return visitor.get(f"/via/{kind}/callback?{query}")

    def linked(self, kind: str) -> None:
        """Link the person's account by what the liar truly says, and let the link rest."""
        visitor = self.app.visitor()
        page = visitor.get(self.via(kind, visitor).headers["Location"])
        pressed = press(visitor, page, "link-confirm" if 'name="link-confirm"' in page.text else "link-password")
        if "/login" in pressed.headers["Location"]:
            step = visitor.log_in(pressed, CODE)
            pressed = press(visitor, visitor.get(step.headers["Location"]), "link-make")
        step = visitor.get(pressed.headers["Location"])
        if "/link/keep" in step.headers["Location"]:
            keep_all(visitor, visitor.get(step.headers["Location"]))
        self.app.told("sms")


def press(visitor: Visitor, page: TestResponse, button: str, **fields: str) -> TestResponse:
    """Press a button of a page."""
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    assert action, page.text
    assert f'name="{button}"' in page.text, page.text
    return visitor.post(action[1], data=hidden | fields | {button: "1"})


@contextmanager
def lied_to(home: Path, database_url: str, upstreams: Mapping[str, dict[str, Any]] | None = None) -> Iterator[LiedTo]:
    """The application with the liar as `oidc`, `vneid` and `dvcqg`; `upstreams` says what differs."""
    key = home / "vneid.pem"
    key.write_bytes(pem(OURS))
    with Liar(FrozenClock()).listening() as liar:
        known = [
            _configured(liar.url, kind, key) | (upstreams or {}).get(kind, {}) for kind in ("oidc", "vneid", "dvcqg")
        ]
        with running_app(home, database_url, upstreams=known) as app:
            liar.clock = app.clock
            app.client()
            identifiers = {"bhxh": CODE, "cccd": NUMBER}
            person = app.person(identifiers=identifiers, name="Nguyễn Văn Thử", birth_date="1990-05-17", phone=PHONE)
            app.base.people.verify_phone(person, PHONE, app.clock())
            yield LiedTo(app, liar)


def _configured(url: str, kind: str, key: Path) -> dict[str, Any]:
    base = f"{url}/{kind}"
    usual = {
        "id": kind,
        "kind": kind,
        "label": kind,
        "client_id": CLIENT_ID,
        "client_secret": f"{CLIENT_SECRET}-{kind}",
    }
    places = {f"{name}_endpoint": f"{base}/{name.replace('authorization', 'authorize')}" for name in ENDPOINTS}
    levels = {"ial": {"1": 1, "2": 2}}
    match kind:
        case "oidc":
            claims = {"citizen_number": "citizen", "tax_code": "tax"}
            return usual | levels | {"issuer": base, "claims": claims}
        case "vneid":
            return usual | levels | places | {"private_key_file": key}
    both = {"audience": ["individual", "organisation"], "phone_verified": "by_agreement"}
    return usual | levels | places | both | {"issuer": base, "jwks_uri": f"{base}/jwks"}


ENDPOINTS = ("authorization", "token", "userinfo")
