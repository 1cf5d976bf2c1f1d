"""Every path is held to docs/channels.md: what each channel may do in each state, asked of the rules on both stores."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from federation.connector import UpstreamIdentity
from federation.matching import DAY, Candidate, Evidence, LinkPolicy, Propose, match
from idp.accounts.account import Account
from idp.accounts.birth_date import BirthDate
from idp.accounts.devices import DeviceHolder, DeviceRefused, EnrolmentRequest
from idp.accounts.notices import NOWHERE
from idp.accounts.phone import PhoneNumber
from idp.accounts.recovery import RecoveryForm
from idp.messages.message import Message
from idp.oidc import claims
from idp.registration.decisions import activation_digest
from idp.registration.profile import way_to
from idp.store import tables as t
from tests.attacks.test_password_guessing import fail
from tests.flows.test_passwords_life import change, follow, log_in
from tests.support.app import App, Visitor
from tests.support.desk import declared

PAGE = Path(__file__).parents[2] / "docs" / "channels.md"
CODE, BORN = "0000000777", "1990-05-17"
TO = {"sms": "+84981234567", "email": "nga@example.com"}
HOUR, YEAR = 3600.0, 365 * DAY
STATES: dict[str, dict[str, Any]] = {
    "unproved": {},
    "vouched": {"source": "desk"},
    "proved": {"verified_at": -10 * DAY, "changed_at": -40 * DAY},
    "unused": {"verified_at": -YEAR - 1, "changed_at": -2 * YEAR},
    "changed": {"verified_at": -HOUR, "changed_at": -HOUR},
    "restored": {"source": "undo", "changed_at": -HOUR},
    "rested": {"source": "undo", "changed_at": -4 * DAY},
}
"""How a channel comes to stand so: seconds from now, and who put it there."""


def cells() -> dict[tuple[str, str, str], bool]:
    """(channel, state, purpose) and whether the page allows it."""
    found: dict[tuple[str, str, str], bool] = {}
    channel, states = "", list[str]()
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            channel = {"## The phone number": "sms", "## The e-mail address": "email"}.get(line, "")
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if channel and line.startswith("| |"):
            states = row[1:]
        if channel and (named := re.match(r"`(\w+)`", row[0])):
            found |= {(channel, state, named[1]): cell == "yes" for state, cell in zip(states, row[1:], strict=True)}
    return found


CELLS = cells()


def somebody(app: App, channel: str, state: str) -> Account:
    """A person with this channel alone, which stands so."""
    app.person(CODE, birth_date=BORN)
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account is not None
    name = {"sms": "phone", "email": "email"}[channel]
    moments = {k: app.clock() + v if isinstance(v, float) else v for k, v in STATES[state].items()}
    values = {name: TO[channel]} | {f"{name}_{key}": value for key, value in moments.items()}
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).where(t.account.c.id == account.id).values(**values))
    return replace(account, **values)


def sent(app: App, channel: str, purpose: str) -> bool:
    """Whether a code for this went to the channel."""
    told: list[Message] = app.told(channel)  # type: ignore[arg-type]
    return any(m.template == "otp" and m.to == TO[channel] and m.facts["purpose"] == purpose for m in told)


def signed_in(app: App) -> Visitor:
    visitor = app.visitor()
    assert log_in(visitor, CODE).headers["Location"].startswith("https://portal.example.test/callback?code=")
    return visitor


def login(app: App, account: Account, channel: str) -> bool:
    if channel == "email":
        for number in range(17):
            fail(app.visitor(f"203.0.{number}.66"), CODE, times=3)
    log_in(app.visitor("198.51.100.9"), CODE, acr_values="urn:bhxh:acr:2" if channel == "sms" else None)
    return sent(app, channel, "login")


def step_up(app: App, account: Account, channel: str) -> bool:
    visitor = signed_in(app)
    follow(visitor, visitor.get("/account/details"))
    return sent(app, channel, "step_up")


def password(app: App, account: Account, channel: str) -> bool:
    visitor = signed_in(app)
    change(visitor, follow(visitor, visitor.get("/account/password")))
    return sent(app, channel, "password")


def device(app: App, account: Account, channel: str) -> bool:
    holder = DeviceHolder(account, "portal", "k" * 43, "g" * 22, None, "192.0.2.7", "192.0.2.0/24", NOWHERE)
    with pytest.raises(DeviceRefused):
        app.provider.accounts.devices.enrol(holder, EnrolmentRequest("máy của tôi", "739218"))
    return sent(app, channel, "device")


def profile(app: App, account: Account, channel: str) -> bool:
    return way_to(account, app.clock()) == (channel, TO[channel])


def contact(app: App, account: Account, channel: str) -> bool:
    visitor = signed_in(app)
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(t.session).values(otp_at=app.clock()))
    follow(visitor, visitor.get("/account/email"))
    return sent(app, channel, "contact")


def activation(app: App, account: Account, channel: str) -> bool:
    """By the link of an approval, and the reference on the paper where no address is proved."""
    declaration, token = declared(app), "A" * 22
    now = app.clock()
    row = {"digest": activation_digest(token), "account_id": account.id, "declaration_id": declaration.id}
    with app.base.database.transaction.begin() as connection:
        connection.execute(insert(t.activation).values(**row, created_at=now, expires_at=now + HOUR))
    visitor = app.visitor()
    begun = visitor.get(f"/a/{token}")
    ticket = begun.headers["Location"].partition("ticket=")[2]
    visitor.post("/activate", data={"ticket": ticket, "reference": declaration.formatted_reference})
    return sent(app, channel, "activation")


def recovery(app: App, account: Account, channel: str) -> bool:
    fact = BORN if channel == "sms" else TO["email"]
    typed = RecoveryForm("individual", CODE, fact, "browser", "192.0.2.7")
    (app.provider.accounts.recoveries.by_code if channel == "sms" else app.provider.accounts.recoveries.by_mail)(typed)
    told = app.told(channel)  # type: ignore[arg-type]
    return any(m.to == TO[channel] and m.template in ("otp", "recovery_link") for m in told)


def hotline(app: App, account: Account, channel: str) -> bool:
    app.provider.accounts.recoveries.by_hotline(TO["sms"], CODE)
    return any(m.to == TO[channel] for m in app.told(channel))  # type: ignore[arg-type]


def notices(app: App, account: Account, channel: str) -> list[Message]:
    told = app.provider.accounts.notices.of("password_changed", account, NOWHERE)
    return [m for m in told.messages if m.to == TO[channel]]


def notice(app: App, account: Account, channel: str) -> bool:
    return bool(notices(app, account, channel))


def disavow(app: App, account: Account, channel: str) -> bool:
    return any(m.facts["undo_url"] for m in notices(app, account, channel))


def claim(app: App, account: Account, channel: str) -> bool:
    scopes = ["phone", "email"]
    told = claims.let_out(account, app.clock(), scopes=scopes, asked=(), allowed=scopes)
    return told[{"sms": "phone_number_verified", "email": "email_verified"}[channel]] is True


def matching(app: App, account: Account, channel: str) -> bool:
    """With the upstream's word for the same number: a code to ours, or the password first."""
    number = PhoneNumber(TO["sms"])
    told, born = number if account.phone else None, BirthDate(1990, 5, 17)
    who = UpstreamIdentity("dvcqg", "sub", name=account.name, birth_date=born, phone=told, ial=2)
    found = match(who, Evidence(by_phone=(Candidate(account),)), LinkPolicy(phone_required=True), app.clock())
    return isinstance(found, Propose)


DRIVERS: dict[str, Callable[[App, Account, str], bool]] = {
    "login": login, "step_up": step_up, "password": password, "device": device, "profile": profile, "contact": contact,
    "recovery": recovery, "hotline": hotline, "notice": notice, "disavow": disavow, "claim": claim,
    "matching": matching, "activation": activation,
}  # fmt: skip
"""How each purpose is asked for."""

WITH = {"link": "matching"}
"""Purposes that another one's driver shows: a link by code is what matching proposes."""


@pytest.mark.parametrize(("channel", "state", "purpose"), [cell for cell in CELLS if cell[2] in DRIVERS], ids=str)
def test_a_channel_does_what_the_page_says_and_nothing_else(
    everywhere: App, channel: str, state: str, purpose: str
) -> None:
    account = somebody(everywhere, channel, state)

    assert DRIVERS[purpose](everywhere, account, channel) is CELLS[channel, state, purpose]


def test_every_purpose_of_the_page_is_driven() -> None:
    assert {purpose for _, _, purpose in CELLS} == set(DRIVERS) | set(WITH)
    assert len(CELLS) == 14 * (7 + 6)


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_link_by_code_stands_where_matching_does(channel: str) -> None:
    states = {state for kind, state, _ in CELLS if kind == channel}

    assert all(CELLS[channel, state, "link"] == CELLS[channel, state, "matching"] for state in states)
