"""A relay: an attacker opens the login page and shows a victim its picture, copied or live, near or far.

What the attacker sees at each step and where it fails is told in docs/qr-security.md; the tables there are those that
come out here, so the document says what was found.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.support.app import App, Visitor, answer_of, attempt_of
from tests.support.phones import PASSCODE, Phone, enrolled_phone, with_app
from tests.support.qr import Waiting, read, shown

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "qr-security.md"
DELAYS = (0, 1, 3, 5, 7, 10, 30)
NEAR, FAR = "192.0.2.200", "203.0.113.5"
RELAYS = 20


@pytest.fixture
def victim(app: App) -> Phone:
    """A person's phone at 192.0.2.8."""
    with_app(app)
    return enrolled_phone(app)


def attacker(app: App, address: str = FAR, **more: object) -> Waiting:
    """A browser that wants to get in as somebody else, at the page with the picture."""
    visitor = app.visitor(address)
    return shown(visitor, attempt_of(visitor.authorize(scope="openid offline_access")), **more)


def later(victim: Phone) -> None:
    """A minute on, so that no limit of a minute is met; the app stays signed in."""
    victim.visitor.app.clock.move(60)
    victim.renew()


def outcome(answer: TestResponse) -> str:
    return "scanned" if answer.status_code == 200 else str((answer.json or {})["code"])


def scanned(victim: Phone, picture: str) -> str:
    return outcome(victim.call("/phone/qr/scan", {"picture": picture}))


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


class TestCopied:
    """A picture that was copied, and is scanned later."""

    def usual(self, victim: Phone, delay: int) -> str:
        app = victim.visitor.app
        picture = read((attacker(app).poll().json or {})["pictures"][0])
        app.clock.move(delay)
        return scanned(victim, picture)

    def slow(self, victim: Phone, delay: int) -> str:
        app = victim.visitor.app
        picture = read((attacker(app, slow=1).poll().json or {})["pictures"][0])
        app.clock.move(delay)
        return scanned(victim, picture)

    def whole_poll(self, victim: Phone, delay: int) -> str:
        """All that one poll handed out, those ahead too: the best of them."""
        app = victim.visitor.app
        pictures = [read(modules) for modules in (attacker(app).poll().json or {})["pictures"]]
        app.clock.move(delay)
        found = [scanned(victim, picture) for picture in pictures]
        return "scanned" if "scanned" in found else found[0]

    def live(self, victim: Phone, delay: int) -> str:
        """For forty seconds each picture is passed on; the victim scans what the attacker saw `delay` ago."""
        app = victim.visitor.app
        page = attacker(app)
        for _ in range(10):
            picture = read(page.told()["pictures"][0])
        app.clock.move(delay)
        return scanned(victim, picture)

    def test_how_long_it_lives(self, victim: Phone) -> None:
        """L-01, M-01, acceptance 2"""
        ways: list[Callable[[Phone, int], str]] = [self.usual, self.slow, self.whole_poll, self.live]
        rows: list[tuple[object, ...]] = []
        for delay in DELAYS:
            found = []
            for way in ways:
                found.append(way(victim, delay))
                later(victim)
            rows.append((f"{delay} s", *found))
        head = ("scanned after", "one picture", "one at the slow pace", "all of one poll", "live, passed on that late")

        found = table(head, rows)
        assert found in DOCUMENT.read_text(), found


class TestLive:
    """A relay that passes the picture on at once, in the network of the victim and in another."""

    def begun(self, victim: Phone, address: str, portal: str = "portal") -> tuple[Waiting, TestResponse]:
        app = victim.visitor.app
        visitor: Visitor = app.visitor(address)
        page = shown(visitor, attempt_of(visitor.authorize(portal, scope="openid offline_access")))
        return page, victim.scan(page)

    def sees(self, page: Waiting) -> str:
        told = page.told()
        return f"{told['state']}, {told['device']}" if "device" in told else str(told["say"])

    def strict(self, victim: Phone, address: str) -> str:
        victim.visitor.app.client("near", qr_login="near")
        page, answer = self.begun(victim, address, "near")
        return f"{outcome(answer)}; sees {self.sees(page)}"

    def wrong(self, victim: Phone, address: str) -> str:
        page, answer = self.begun(victim, address)
        number = f"{(int(page.number) + 1) % 100:02}"
        codes = [outcome(victim.confirm(answer.json["ticket"], number)) for _ in range(4)]
        return f"{', '.join(codes)}; sees {self.sees(page)}"

    def without(self, victim: Phone, address: str) -> str:
        page, answer = self.begun(victim, address)
        body = {"ticket": answer.json["ticket"], "passcode": PASSCODE}
        return f"{outcome(victim.call('/phone/qr/confirm', body))}; sees {self.sees(page)}"

    def no_passcode(self, victim: Phone, address: str) -> str:
        page, answer = self.begun(victim, address)
        told = outcome(victim.confirm(answer.json["ticket"], page.number, "246802"))
        return f"{told}; sees {self.sees(page)}"

    def refuses(self, victim: Phone, address: str) -> str:
        page, answer = self.begun(victim, address)
        victim.call("/phone/qr/not-me", {"ticket": answer.json["ticket"]})
        anew = attempt_of(page.visitor.authorize())
        again = page.visitor.get("/login/qr", query_string={"attempt": anew})
        assert "why=blocked" in again.headers["Location"]
        return f"sees {self.sees(page)}; no other picture"

    def everything(self, victim: Phone, address: str) -> list[str]:
        """The victim types the number that the attacker shows, and the passcode: the attacker is in."""
        app = victim.visitor.app
        page, answer = self.begun(victim, address)
        assert victim.confirm(answer.json["ticket"], page.number).status_code == 200
        app.told("sms")
        portal = page.visitor
        tokens = portal.redeem(answer_of(portal.get(page.told()["next"]))["code"]).json or {}
        told = [message.facts["event"] for message in app.told("sms") if message.template == "notice"]
        claims = portal.introspect(tokens["access_token"])
        (session,) = [one for one in self.sessions(victim) if one.authentication.through == "qr"]
        hours = round((session.expires_at - session.created_at) / 3600)
        level = claims["acr"].rpartition(":")[2]
        got = f"level {level}, {hours} h, {'a' if 'refresh_token' in tokens else 'no'} refresh token"
        listed = victim.call("/phone/qr/not-me", {"ticket": answer.json["ticket"]}).json["sessions"]
        assert portal.get("/account").status_code == 303
        out = portal.introspect(tokens["access_token"]) == {"active": False}
        return [
            got,
            ", ".join(told) or "nothing",
            f"session ended, its tokens {'too' if out else 'not'}; {len(listed)} left",
        ]

    def sessions(self, victim: Phone) -> list[object]:
        account = victim.visitor.app.base.people.find_by_identifier("bhxh", "0000000001")
        return victim.visitor.app.provider.login.sessions.of_account(account.id)  # type: ignore[union-attr, return-value]

    def simulated(self, victim: Phone, address: str) -> list[str]:
        """What comes of each step, in the order of the document."""
        page, answer = self.begun(victim, address)
        card = victim.card(answer.json["card"])
        found = [outcome(answer), self.sees(page), "the same" if card["same_network"] else "another"]
        steps = [self.strict, self.without, self.wrong, self.no_passcode, self.refuses]
        for step in steps:
            later(victim)
            found.append(step(victim, address))
        later(victim)
        return [*found, *self.everything(victim, address)]

    def test_what_the_attacker_sees_at_each_step_and_where_it_fails(self, victim: Phone) -> None:
        """L-01, L-03, L-04, L-08, O-09"""
        names = [
            "the scan",
            "the attacker's page sees",
            "the phone says of the networks",
            "a portal with `qr_login = near`",
            "the victim types no number",
            "wrong numbers, four times",
            "the right number, a wrong passcode",
            "“không phải tôi” before the end",
            "**number of the attacker's screen, and passcode**: the attacker gets",
            "the owner is told",
            "“không phải tôi” after that",
        ]
        near, far = self.simulated(victim, NEAR), self.simulated(victim, FAR)
        head = ("step", "attacker in the same network", "in another")

        found = table(head, list(zip(names, near, far, strict=True)))
        assert found in DOCUMENT.read_text(), found

    @pytest.mark.parametrize("address", [NEAR, FAR])
    def test_twenty_relays_with_a_wrong_number_or_none_let_nobody_in(self, victim: Phone, address: str) -> None:
        """L-04, 4.3: a victim who never looks at the attacker's screen types what comes to mind, or nothing."""
        approvals = 0
        for relay in range(RELAYS):
            later(victim)
            page, answer = self.begun(victim, address)
            body = {"ticket": answer.json["ticket"], "passcode": PASSCODE}
            for turn in range(1, 4):
                wrong = {"number": f"{(int(page.number) + turn) % 100:02}"} if relay % 2 else {}
                approvals += victim.call("/phone/qr/confirm", body | wrong).status_code == 200
            approvals += page.told()["state"] == "delivered"

        assert approvals == 0
        assert victim.call("/phone/device/passcode", {"old": "246802", "new": "864209"}).json["left"] == 4


def test_a_picture_photographed_over_a_shoulder_is_the_first_phones_alone(victim: Phone) -> None:
    """K-06: the second is refused, both are told, and neither gets in as the other."""
    app = victim.visitor.app
    app.person("0000000002", phone="0901234599", phone_verified=True)
    thief = enrolled_phone(app, "0000000002", address="198.51.100.9")
    page = attacker(app, NEAR)
    picture = {"picture": read(page.told()["pictures"][0])}
    ticket = victim.call("/phone/qr/scan", picture).json["ticket"]

    assert outcome(thief.call("/phone/qr/scan", picture)) == "already_scanned"
    assert outcome(thief.confirm(ticket, page.number)) == "scanned_by_other"
    assert victim.call("/phone/qr/look", {"ticket": ticket}).json["intruded"] is True
    assert page.told()["say"] == "intruded"
