"""`Passkey` and related types: holder, relying party, the purpose of a challenge, and the port that keeps them."""

from dataclasses import dataclass
from typing import Literal, Protocol
from unicodedata import normalize

from idp.accounts.notices import Notice
from idp.ephemeral_records import digest

HolderKind = Literal["account", "officer"]
Why = Literal["removed", "cloned", "secured"]
LONGEST_NAME = 64


class PasskeyRefused(Exception):
    """An answer was not accepted. The reason is only for logs: people see one sentence for all of them."""

    def __init__(self, reason: str, holder: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.holder = holder


class TooManyPasskeys(Exception):
    """The holder already has the maximum number."""


class BadName(Exception):
    """The name is too long or cannot be displayed."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whose passkeys these are: the host, the one origin that may request them, and a name for the person's device."""

    rp_id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class PasskeyHolder:
    """Who a passkey is added for. `name` and `shown` are the labels that the person's device shows for it."""

    kind: HolderKind
    id: str
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey; an ended one stays on record with the reason. `network` is where it was added.

    `sign_count` is the highest that was seen, 0 when the device does not count.
    """

    id: str
    holder_kind: HolderKind
    holder: str
    credential_id: str
    public_key: bytes
    sign_count: int
    aaguid: str
    backed_up: bool
    name: str
    network: str
    created_at: float
    last_used_at: float | None = None
    ended_at: float | None = None
    ended_why: Why | None = None

    @property
    def digest(self) -> str:
        return credential_digest(self.credential_id)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What one challenge is valid for: this browser, within this attempt or session, for this person if known."""

    purpose: Literal["add", "login", "step_up"]
    browser: str
    within: str
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A passkey with a correct answer, and the count that came with the answer."""

    passkey: Passkey
    sign_count: int


class PasskeyStore(Protocol):
    """Keeps passkeys."""

    def of_credential(self, digest: str) -> Passkey | None:
        """The passkey of this credential, even if it has ended."""
        ...

    def of_holder(self, kind: HolderKind, holder: str) -> list[Passkey]:
        """The active ones, oldest first."""
        ...

    def add(self, passkey: Passkey, most: int, notice: Notice, secured_at: float) -> bool:
        """Keep a new one. False when the credential is known, there are `most`, or `secured_at` is no longer current.

        `secured_at` is the date of the holder's last credential event.
        """
        ...

    def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        """Record a use. False when it has ended meanwhile, or its count is no longer the one in `passkey`."""
        ...

    def end(self, passkey: Passkey, why: Why, now: float, notice: Notice) -> bool:
        """End it; exactly one caller gets True."""
        ...


def credential_digest(credential_id: str) -> str:
    """The lookup key of a credential id, which may be a kilobyte long."""
    return digest("passkey", credential_id)


def checked_name(name: str) -> str:
    """The name a person gives a passkey. Raises `BadName`."""
    tidy = " ".join(normalize("NFC", name).split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise BadName
    return tidy
