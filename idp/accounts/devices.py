"""`Devices`: the one phone per app with which a person confirms; it is enrolled, proved by its own passcode, and ended.

A device is a key that never leaves the phone, known by its thumbprint, and belongs to one account in one app. Another
phone replaces it only after a code to the registered number, in the transaction that ends the first. Ended devices stay
on record: the key never works again, and the phone is told why. Failed passcodes are counted before they are checked.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.notices import About, Notice, Notices, Scene
from idp.accounts.one_time import CodeRequest, OneTimeCodes
from idp.accounts.passwords import Passwords
from idp.errors import Busy, UserError
from idp.ports import Clock, Event

MOST_WRONG = 5
CODE_COUNTS = 300.0
"""Seconds during which a code entered at the login also counts for the enrolment."""

TELLS_WHY = 259_200.0
"""Seconds after its end during which a device may report that this was not its owner: as long as the notice's link."""

Ended = Literal["replaced", "unenrolled", "passcode", "secured", "operator"]
DeviceBinding = Literal["free", "mine", "other", "ended"]
"""Who holds the place in the app, as seen from one key: nobody, this key, another phone, or this key did once."""

Why = Literal[
    "no_device",
    "ended",
    "other_device",
    "code_needed",
    "code_wrong",
    "code_exhausted",
    "no_phone",
    "name",
    "passcode_form",
    "passcode_weak",
    "passcode_wrong",
    "outdated",
]


@dataclass(frozen=True, slots=True)
class Device:
    """One enrolled phone. `jkt` is the thumbprint of its key; `successor` the name of the phone that replaced it."""

    id: str
    account_id: str
    client_id: str
    jkt: str
    name: str
    network: str
    passcode_hash: str
    enrolled_at: float
    last_seen_at: float
    wrong_passcodes: int = 0
    ended_at: float | None = None
    ended_why: Ended | None = None
    successor: str = ""


class DeviceRefused(UserError):
    """The app is refused; `why` names the sentence, `device` the phone it concerns."""

    kind = "device"
    status = 409

    def __init__(self, why: Why, *, device: Device | None = None, left: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.device = device
        self.left = left


@dataclass(frozen=True, slots=True)
class DeviceHolder:
    """The caller: the account of a live token, the app, the key that signed the request, and how fresh it is.

    `otp_at` is when a code or passkey was last given at login; `address` is charged for messages; `network` is its
    prefix.
    """

    account: Account
    client_id: str
    jkt: str
    grant_id: str
    otp_at: float | None
    address: str
    network: str
    scene: Scene


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """What the app wants to enrol. `replace` says that the person agreed to end the other phone."""

    name: str
    passcode: str
    replace: bool = False
    code: str = ""


class DeviceStore(Protocol):
    """Where devices are kept, durably."""

    def of_key(self, jkt: str) -> Device | None:
        """The device with this key, ended or not."""
        ...

    def present(self, account_id: str, client_id: str) -> Device | None:
        """The active device."""
        ...

    def of_account(self, account_id: str) -> list[Device]:
        """The active devices in all apps, newest first."""
        ...

    def enrol(self, device: Device, replaced: str | None, notice: Notice, secured_at: float) -> bool:
        """Write the device and end `replaced`, in one transaction with trail and notices.

        False when another event of the account, or another phone, came first.
        """
        ...

    def charge(self, device_id: str, most: int) -> int | None:
        """Count a passcode before it is checked; returns the failures including it, None when none is left."""
        ...

    def give_back(self, device_id: str) -> None:
        """Take back one count for which nothing was checked."""
        ...

    def forgive(self, device_id: str, now: float) -> None:
        """A correct passcode resets the failures."""
        ...

    def set_passcode(self, device_id: str, passcode_hash: str, event: Event) -> bool:
        """Set another passcode; False when the device has ended meanwhile."""
        ...

    def end(self, device_id: str, why: Ended, now: float, notice: Notice | None, successor: str = "") -> bool:
        """End the device; exactly one caller gets True."""
        ...


class Devices:
    """Enrols, proves and ends devices."""

    def __init__(
        self, store: DeviceStore, passcodes: Passwords, codes: OneTimeCodes, notices: Notices, clock: Clock
    ) -> None:
        self._store = store
        self._passcodes = passcodes
        self._codes = codes
        self._notices = notices
        self._clock = clock

    def of_key(self, jkt: str) -> Device | None:
        """The device with this key, ended or not."""
        return self._store.of_key(jkt) if jkt else None

    def present(self, account_id: str, client_id: str) -> Device | None:
        """The person's device in the app."""
        return self._store.present(account_id, client_id)

    def binding(self, account_id: str, client_id: str, jkt: str) -> DeviceBinding:
        """Who holds the place in the app, as seen from the key `jkt`."""
        present = self._store.present(account_id, client_id)
        if present is not None:
            return "mine" if present.jkt == jkt else "other"
        own = self.of_key(jkt)
        return "ended" if own else "free"

    def enrol(self, holder: DeviceHolder, wish: EnrolmentRequest) -> Device:
        """Make the phone the person's device. Raises `DeviceRefused`, `OverBudget`, `Busy`.

        `other_device` names the current phone, until the person agrees; `code_needed` says that a code was sent.
        """
        name = checked_name(wish.name)
        checked_passcode(wish.passcode, holder.account)
        own = self.of_key(holder.jkt)
        if own is not None:
            raise DeviceRefused("ended" if own.ended_at is not None else "outdated", device=own)
        present = self._store.present(holder.account.id, holder.client_id)
        if present is not None and not wish.replace:
            raise DeviceRefused("other_device", device=present)
        # A code entered a moment ago says nothing about the other phone.
        self._demand_code(holder if present is None else replace(holder, otp_at=None), wish.code)
        now = self._clock()
        device = Device(
            id=secrets.token_urlsafe(16),
            account_id=holder.account.id,
            client_id=holder.client_id,
            jkt=holder.jkt,
            name=name,
            network=holder.network,
            passcode_hash=self._passcodes.hash(wish.passcode),
            enrolled_at=now,
            last_seen_at=now,
        )
        notice = self._notice("device_enrolled", holder.account, replace(holder.scene, browser=name))
        if not self._store.enrol(device, present.id if present else None, notice, holder.account.secured_at):
            raise DeviceRefused("outdated")
        return device

    def prove(self, device: Device, passcode: str, account: Account) -> None:
        """Check the passcode that was typed. Raises `DeviceRefused`: `passcode_wrong` with the tries left, or `ended`.

        The fifth failure ends the device and notifies the owner.
        """
        if not is_passcode(passcode):
            raise DeviceRefused("passcode_form")
        count = self._store.charge(device.id, MOST_WRONG)
        if count is None:
            # The process that counted the fifth failure may have stopped before it ended the device.
            self._end(device, "passcode", account)
            raise DeviceRefused("ended", device=self.of_key(device.jkt) or device)
        try:
            right = self._passcodes.verify(device.passcode_hash, passcode)
        except Busy:
            # Nothing was checked: a busy hour must not cost anyone a device.
            self._store.give_back(device.id)
            raise
        if right:
            self._store.forgive(device.id, self._clock())
            return
        if count < MOST_WRONG:
            raise DeviceRefused("passcode_wrong", left=MOST_WRONG - count)
        self._end(device, "passcode", account)
        raise DeviceRefused("ended", device=self.of_key(device.jkt) or device)

    def change_passcode(self, device: Device, old: str, new: str, account: Account) -> None:
        """Set another passcode, given the old one. Raises `DeviceRefused`, `Busy`."""
        checked_passcode(new, account)
        self.prove(device, old, account)
        event = Event("device.passcode", account.id, device.client_id)
        if not self._store.set_passcode(device.id, self._passcodes.hash(new), event):
            raise DeviceRefused("ended", device=self.of_key(device.jkt) or device)

    def of_account(self, account_id: str) -> list[Device]:
        """The person's devices in all apps."""
        return self._store.of_account(account_id)

    def unenrol(self, device: Device, account: Account) -> None:
        """Remove the person's phone; doing it twice has no further effect."""
        self._end(device, "unenrolled", account)

    def make_way(self, device_id: str) -> bool:
        """End a phone that was replaced, after the code; exactly one caller gets True."""
        return self._store.end(device_id, "replaced", self._clock(), None)

    def disowned(self, jkt: str) -> Device | None:
        """The replaced device whose owner may still say that it was not them."""
        own = self.of_key(jkt)
        recent = own is not None and own.ended_at is not None and self._clock() < own.ended_at + TELLS_WHY
        return own if own is not None and recent and own.ended_why == "replaced" else None

    def next_code(self, holder: DeviceHolder) -> float | None:
        """When another code may be requested; None when none was sent."""
        number = trust.number(holder.account, "device", self._clock())
        return self._codes.next_send(_ask(holder, number)) if number else None

    def _end(self, device: Device, why: Ended, account: Account) -> None:
        scene = Scene(browser=device.name)
        notice = self._notice("device_locked" if why == "passcode" else "device_removed", account, scene)
        self._store.end(device.id, why, self._clock(), notice)

    def _notice(self, about: About, account: Account, scene: Scene) -> Notice:
        return self._notices.of(about, account, scene)

    def _demand_code(self, holder: DeviceHolder, typed: str) -> None:
        """Require a code to the registered number, unless one was just entered at the login. Raises `DeviceRefused`."""
        now = self._clock()
        if holder.otp_at is not None and now < holder.otp_at + CODE_COUNTS:
            return
        number = trust.number(holder.account, "device", now)
        if number is None:
            raise DeviceRefused("no_phone")
        ask = _ask(holder, number)
        if not typed:
            if self._codes.is_exhausted(ask):
                raise DeviceRefused("code_exhausted")
            until = self._codes.next_send(ask)
            if until is None or until <= now:
                self._codes.send(ask, holder.address, language=holder.scene.language, trusted=True)
            raise DeviceRefused("code_needed")
        verdict = self._codes.check(ask, typed)
        if verdict != "right":
            raise DeviceRefused("code_exhausted" if verdict == "exhausted" else "code_wrong")


def _ask(holder: DeviceHolder, number: str) -> CodeRequest:
    """The code of an enrolment, bound to app, key, login and number."""
    bound_to = f"{holder.client_id} {holder.jkt} {holder.grant_id}"
    return CodeRequest("device", bound_to, holder.account.id, "sms", number, holder.account.id)


_PASSCODE = re.compile(r"[0-9]{6}", re.ASCII)


def is_passcode(text: str) -> bool:
    """Six ASCII digits."""
    return _PASSCODE.fullmatch(text) is not None


def checked_passcode(passcode: str, account: Account) -> str:
    """Return `passcode` if it may be set. Raises `DeviceRefused`: not six digits, or easy to guess."""
    if not is_passcode(passcode):
        raise DeviceRefused("passcode_form")
    if passcode in _obvious(account) or passcode in "0123456789012345" or passcode in "9876543210987654":
        raise DeviceRefused("passcode_weak")
    if len(set(passcode)) < 3 or passcode[:3] == passcode[3:]:
        raise DeviceRefused("passcode_weak")
    return passcode


def _obvious(account: Account) -> set[str]:
    """Six digits that appear in the person's papers: beginnings and ends of numbers, and the birth date."""
    numbers = [account.phone or "", *(identifier.value for identifier in account.identifiers)]
    year, month, day = ((account.birth_date or "") + "--").split("-")[:3]
    dates = {day + month + year[2:], year[2:] + month + day, day + month + year, month + day + year[2:]}
    return {part for number in numbers for part in (number[-6:], number[:6])} | dates


def checked_name(name: str) -> str:
    """A device's name in NFC, 1 to 64 printable characters. Raises `DeviceRefused`."""
    normal = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(normal) <= 64 or not normal.isprintable():
        raise DeviceRefused("name")
    return normal
