"""`QrLogin`: one browser that waits for one phone, from the picture to the single delivery.

    PENDING -> SCANNED -> CONFIRMED -> CONSUMED        and from the two in the middle -> DENIED

A login is a frozen value and a transition a pure function from one value to the next; `logins.py` stores each step by
one compare-and-swap, so that the loser of a race is told the result. The login belongs to one attempt, and so to one
client, scope and redirect; to the browser with the secret; and from the scan on to one device and its account. The
caller has verified the passcode and the owner of the device.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from idp.errors import UserError
from qr_login.picture import FAST, SLOW, Pace

LIFE = 120.0
"""Seconds from the first picture to the delivery."""

WRONG_NUMBERS = 3
"""The number has two digits; the third wrong one ends the login."""

SKEW = 5.0
"""Seconds by which the clocks of two of our machines may differ before a login counts as made in the future."""


class State(StrEnum):
    """The state of a login. Expiry is not a state: it depends on the clock."""

    PENDING = "pending"
    SCANNED = "scanned"
    CONFIRMED = "confirmed"
    CONSUMED = "consumed"
    DENIED = "denied"


Why = Literal[
    "unreadable",
    "unknown",
    "forged",
    "stale",
    "expired",
    "already_scanned",
    "not_scanned",
    "other_device",
    "wrong_number",
    "other_network",
    "blocked",
    "denied",
    "confirmed",
    "consumed",
]
Denial = Literal["", "denied", "not_me", "wrong_number", "wrong_passcode", "other_network", "clock"]


@dataclass(frozen=True, slots=True)
class AskingBrowser:
    """What the phone shows about the browser that asks, in words; none of it decides anything here."""

    browser: str
    system: str
    place: str
    network: str


@dataclass(frozen=True, slots=True)
class QrLogin:
    """One login by QR code. The store finds it by the digest of its ticket; browser and phone hold the secrets.

    `floor` is the earliest step that is still accepted. `intruded` means that a second device scanned a valid picture
    after the first. `denied_by` is the reason of a denial, `device_name` is what the page calls the device. `near`
    means that browser and phone are in the same network, which alone allows nothing; `browser` is the digest that the
    attempt stores of its browser.
    """

    attempt: str
    client_id: str
    asker: AskingBrowser
    number: str
    created_at: float
    slow: bool = False
    state: State = State.PENDING
    floor: int = 0
    device_id: str = ""
    account_id: str = ""
    confirmed_at: float = 0.0
    wrong_numbers: int = 0
    intruded: bool = False
    denied_by: Denial = ""
    device_name: str = ""
    near: bool = False
    browser: str = ""

    @property
    def pace(self) -> Pace:
        return SLOW if self.slow else FAST

    @property
    def expires_at(self) -> float:
        return self.created_at + LIFE


class QrRefused(UserError):
    """A phone is refused; `why` selects the sentence. `after` is the login's new value because of it, if any."""

    kind = "qr_login"
    status = 409

    def __init__(self, why: Why, after: QrLogin | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after = after


def scanned(login: QrLogin, step: int, device_id: str, account_id: str, now: float, newest: float) -> QrLogin:
    """The login after `device_id` scanned the genuine picture of `step`; `newest` is the latest time ever seen."""
    _refuse_if_over(login, now)
    least = max(login.floor, login.pace.at(newest - login.created_at) - login.pace.back)
    if not least <= step <= login.pace.at(now - login.created_at):
        raise QrRefused("stale", replace(login, floor=least) if least > login.floor else None)
    if login.state is not State.PENDING:
        other = login.device_id != device_id and not login.intruded
        raise QrRefused("already_scanned", replace(login, intruded=True) if other else None)
    return replace(login, state=State.SCANNED, floor=step, device_id=device_id, account_id=account_id)


def looked_at(login: QrLogin, device_id: str, account_id: str, now: float) -> QrLogin:
    """The live login, for the device that scanned it."""
    _refuse_others(login, device_id, account_id)
    _refuse_if_over(login, now)
    return login


def of_device(login: QrLogin, device_id: str, account_id: str) -> QrLogin:
    """The login, live or ended, for the device that scanned it."""
    _refuse_others(login, device_id, account_id)
    return login


def confirmed(login: QrLogin, device_id: str, account_id: str, number: str, now: float) -> QrLogin:
    """The login after the person typed `number` and proved the passcode."""
    looked_at(login, device_id, account_id, now)
    if login.state is State.CONFIRMED:
        raise QrRefused("confirmed")
    if number != login.number:
        counted = replace(login, wrong_numbers=login.wrong_numbers + 1)
        over = counted.wrong_numbers >= WRONG_NUMBERS
        raise QrRefused("wrong_number", _ended(counted, "wrong_number") if over else counted)
    return replace(login, state=State.CONFIRMED, confirmed_at=now)


def denied(login: QrLogin, device_id: str, account_id: str, now: float, why: Denial = "denied") -> QrLogin:
    """The login after its device denied it; a confirmation that was not yet delivered becomes void."""
    return _ended(looked_at(login, device_id, account_id, now), why)


def delivered(login: QrLogin, now: float) -> QrLogin:
    """The login after its browser took the confirmation. Raises `QrRefused` if there is none."""
    _refuse_if_over(login, now)
    if login.state is not State.CONFIRMED:
        raise QrRefused("not_scanned" if login.state is State.PENDING else "already_scanned")
    return replace(login, state=State.CONSUMED)


def _ended(login: QrLogin, why: Denial) -> QrLogin:
    return replace(login, state=State.DENIED, denied_by=why)


def _refuse_if_over(login: QrLogin, now: float) -> None:
    """Refuse every transition after a terminal state or after expiry.

    A login made in the future is ended permanently: the clock went back, and would reach its time again.
    """
    if login.state is State.CONSUMED:
        raise QrRefused("consumed")
    if login.state is State.DENIED:
        raise QrRefused("denied")
    if now < login.created_at - SKEW:
        raise QrRefused("expired", _ended(login, "clock"))
    if now >= login.expires_at:
        raise QrRefused("expired")


def _refuse_others(login: QrLogin, device_id: str, account_id: str) -> None:
    if login.state is State.PENDING or not login.device_id:
        raise QrRefused("not_scanned")
    if (login.device_id, login.account_id) != (device_id, account_id):
        raise QrRefused("other_device")
