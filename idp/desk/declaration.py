"""`Declaration`: form 01 of one person or organisation, from the first draft to the decision of an agency.

One form serves three requests: to register, to amend what is registered, to stop. Every transition gives a new value
with the next `version`; stores replace exactly the version that was read.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Protocol

from idp.accounts.account import Kind
from idp.messages.message import Language, Message

Request = Literal["register", "amend", "stop"]
State = Literal["draft", "submitted", "returned", "approved", "rejected", "superseded", "cancelled", "lapsed"]
PaperKind = Literal["cccd", "cmnd", "passport"]
Role = Literal["portrait", "front", "back"]
Channel = Literal["web", "app", "desk"]

ROLES: tuple[Role, ...] = ("portrait", "front", "back")
OPEN: tuple[State, ...] = ("submitted", "returned")
"""What an agency has not decided yet."""

REASONS = (
    "identity_mismatch",
    "paper_unreadable",
    "photo_mismatch",
    "code_unknown",
    "phone_mismatch",
    "duplicate",
    "wrong_agency",
    "incomplete",
    "under_age",
    "other",
)
"""Why an agency does not accept a declaration, or wants it corrected."""

KEPT = 3653 * 86_400.0
"""Ten years after its end a declaration goes, as the law on electronic transactions has it."""

FORM_VERSION = "01/2026"
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class WrongState(Exception):
    """The declaration is not in a state for this; `state` is the one it is in."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Form:
    """What form 01 says, each field in its canonical writing; empty is what was not given.

    `code` is the BHXH code, or an organisation's unit or tax code; `birth_date` is `yyyy`, `yyyy-mm` or `yyyy-mm-dd`;
    `phone` is E.164; `province`, `commune` and `agency` are codes; `starts_on` is a day.
    """

    name: str = ""
    code: str = ""
    paper_kind: PaperKind = "cccd"
    paper_number: str = ""
    birth_date: str = ""
    province: str = ""
    commune: str = ""
    street: str = ""
    contact_person: str = ""
    email: str = ""
    phone: str = ""
    starts_on: str = ""
    transact_at: Literal["portal", "ivan"] = "portal"
    ivan: str = ""
    agency: str = ""
    submission: Literal["post", "desk"] = "desk"
    agrees: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the form as it was filled in, in hex: what was signed can be shown to be what was decided."""
        canonical = json.dumps([FORM_VERSION, asdict(self)], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def citizen_number(self) -> str:
        """The number of the identity card, when that is the paper."""
        return self.paper_number if self.paper_kind == "cccd" else ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration. Times are seconds since the epoch, UTC.

    `reference` is what the person is given, `secret_digest` that of the secret by which whoever began a draft goes on
    with it. `account_id` names the account that is to change, or that was opened; `account_since` its `secured_at` when
    the change was asked for: a later credential event makes the request void. `expires_at` is when a draft goes, an
    undecided request lapses, or one that has ended is deleted.
    """

    id: str
    reference: str
    kind: Kind
    request: Request
    secret_digest: str
    created_at: float
    form: Form = field(default_factory=Form)
    state: State = "draft"
    version: int = 1
    account_id: str | None = None
    account_since: float | None = None
    email_verified_at: float | None = None
    channel: Channel = "web"
    network: str = ""
    language: Language = "vi"
    submitted_at: float | None = None
    form_digest: str | None = None
    decided_at: float | None = None
    decided_by: str | None = None
    seconded_by: str | None = None
    reason: str | None = None
    note: str | None = None
    expires_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def shown_reference(self) -> str:
        """`7KF3-9QTA-2M`: groups that can be read out."""
        return shown_reference(self.reference)

    def filled(self, form: Form) -> "Declaration":
        """A draft, or one given back for correction, with other contents. Raises `WrongState`."""
        if self.state not in ("draft", "returned"):
            raise WrongState(self.state)
        same_email = form.email == self.form.email
        return self._next(form=form, email_verified_at=self.email_verified_at if same_email else None)

    def submitted(self, now: float, *, lapses_at: float, proved_at: float | None = None) -> "Declaration":
        """Handed to the agency; `proved_at` is when the address of the form was proved for it. Raises `WrongState`."""
        if self.state not in ("draft", "returned"):
            raise WrongState(self.state)
        proved = proved_at or self.email_verified_at
        signed: dict[str, object] = {"form_digest": self.form.digest, "email_verified_at": proved, "reason": None}
        return self._next(state="submitted", submitted_at=now, expires_at=lapses_at, **signed)

    def cancelled(self, now: float) -> "Declaration":
        """Taken back by whoever made it. Raises `WrongState`."""
        if not self.is_open:
            raise WrongState(self.state)
        return self._next(state="cancelled", decided_at=now, expires_at=now + KEPT)

    def held_by(self, secret_digest: str) -> "Declaration":
        """Given back for correction and opened anew: the secret of before opens it no more. Raises `WrongState`."""
        if self.state != "returned":
            raise WrongState(self.state)
        return self._next(secret_digest=secret_digest)

    def returned(self, now: float, by: str, reason: str, note: str) -> "Declaration":
        """Given back for correction. Raises `WrongState`."""
        if self.state != "submitted":
            raise WrongState(self.state)
        return self._next(state="returned", decided_at=now, decided_by=by, reason=reason, note=note or None)

    def decided(
        self, state: State, now: float, by: str, reason: str = "", note: str = "", *, seconded_by: str | None = None
    ) -> "Declaration":
        """Approved or rejected. Raises `WrongState`: what is given back for correction can only be rejected."""
        if not self.is_open or (state == "approved" and self.state != "submitted"):
            raise WrongState(self.state)
        decision = {"decided_at": now, "decided_by": by, "seconded_by": seconded_by, "reason": reason or None}
        return self._next(state=state, note=note or None, expires_at=now + KEPT, **decision)

    def _next(self, **changes: object) -> "Declaration":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of a declaration, as it was re-encoded. `expires_at` is when it goes: by policy after the decision."""

    declaration_id: str
    role: Role
    jpeg: bytes = field(repr=False)
    width: int
    height: int
    created_at: float
    expires_at: float


def new_id() -> str:
    """22 characters from the operating system."""
    return secrets.token_hex(11)


def new_reference() -> str:
    """Ten letters and digits that nobody mistakes for others (49 bits); it opens nothing without the phone number."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def shown_reference(reference: str) -> str:
    """In groups."""
    return "-".join((reference[:4], reference[4:8], reference[8:]))


def read_reference(typed: str) -> str:
    """A reference as somebody typed it; empty when it can be none."""
    read = "".join(c for c in typed[:40].upper() if c.isalnum() and c.isascii())
    return read if len(read) == 10 else ""


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which declarations to list, oldest first: in these agencies (None: everywhere), after that (time, id)."""

    agencies: Sequence[str] | None
    states: Sequence[State] = ("submitted",)
    request: Request | None = None
    text: str = ""
    after: tuple[float, str] | None = None
    limit: int = 25


class DeclarationStore(Protocol):
    """Keeps declarations and their sealed pictures."""

    def add(self, declaration: Declaration) -> None:
        """Write a new one."""
        ...

    def find(self, declaration_id: str) -> Declaration | None:
        """The declaration."""
        ...

    def find_by_secret(self, digest: str) -> Declaration | None:
        """That of whoever shows the secret."""
        ...

    def find_by_reference(self, reference: str) -> Declaration | None:
        """That with this reference."""
        ...

    def replace(self, new: Declaration) -> bool:
        """Put `new` in the place of the version before it; False when that is not the stored one any more."""
        ...

    def submit(
        self,
        new: Declaration,
        supersedes: Sequence[Declaration],
        messages: Sequence[Message] = (),
        *,
        daily: str = "",
        told_daily: Sequence[Message] = (),
    ) -> bool:
        """The same, and in one transaction those it supersedes end, its pictures stay until it lapses, the trail is
        written and the messages are accepted; `told_daily` once a day under the name `daily`.
        """
        ...

    def open_for(self, kind: Kind, code: str, citizen_number: str = "") -> list[Declaration]:
        """What is open about this code or citizen number, oldest first."""
        ...

    def of_account(self, account_id: str) -> list[Declaration]:
        """What was declared about an account, newest first."""
        ...

    def queue(self, queue: QueueFilter) -> list[Declaration]:
        """A page of the queue."""
        ...

    def put_photo(self, photo: Photo) -> bool:
        """Keep a picture in the place of the one before; False when the declaration takes none in its state."""
        ...

    def forget(self, declaration: Declaration) -> None:
        """Delete a draft and its pictures; whatever was handed in stays."""
        ...

    def photo(self, declaration_id: str, role: Role) -> bytes | None:
        """A picture, unsealed."""
        ...

    def photos(self, declaration_id: str) -> list[Role]:
        """Which pictures there are."""
        ...
