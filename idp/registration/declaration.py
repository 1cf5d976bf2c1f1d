"""`Declaration`: form 01 of one person or organisation, from the first draft to the decision of an agency.

One form serves three requests: to register, to amend what is registered, to stop. Every transition returns a new value
with the next `version`; stores replace exactly the version that was read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Protocol

from idp.accounts.account import Kind
from idp.accounts.references import KEPT, format_reference
from idp.messages.message import Message
from idp.sentences import Language

Request = Literal["register", "amend", "stop"]
State = Literal["draft", "submitted", "returned", "approved", "rejected", "superseded", "cancelled", "lapsed"]
PaperKind = Literal["cccd", "cmnd", "passport"]
Role = Literal["portrait", "front", "back"]
Channel = Literal["web", "app", "desk"]

ROLES: tuple[Role, ...] = ("portrait", "front", "back")
OPEN: tuple[State, ...] = ("submitted", "returned")
"""States that an agency has not decided yet."""

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
"""Why an agency rejects a declaration, or wants it corrected."""

FORM_VERSION = "01/2026"


class WrongState(Exception):
    """The declaration's state does not allow this; `state` is the current one."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Form:
    """The contents of form 01, each field in its canonical form; empty if it was not given.

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
        """SHA-256 of the form as it was filled in, in hex: proves that what was signed is what was decided."""
        canonical = json.dumps([FORM_VERSION, asdict(self)], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def citizen_number(self) -> str:
        """The number of the identity card, if that is the identity paper."""
        return self.paper_number if self.paper_kind == "cccd" else ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration. Times are seconds since the epoch, UTC.

    `reference` is given to the person, `secret_digest` is the digest of the secret with which a draft is continued.
    `account_id` names the account to change, or the one that was opened; `account_since` is its `secured_at` when the
    change was requested: a later credential event makes the request void. `expires_at` is when a draft is deleted, an
    undecided request lapses, or an ended one is deleted.
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
    def formatted_reference(self) -> str:
        """`7KF3-9QTA-2M`: in groups, to be read out."""
        return format_reference(self.reference)

    @property
    def numbers(self) -> frozenset[str]:
        """Numbers that identify the person or organisation; a citizen number may replace the code."""
        return frozenset((self.form.code, self.form.paper_number))

    def filled(self, form: Form) -> "Declaration":
        """A draft, or a declaration returned for correction, with new contents. Raises `WrongState`."""
        if self.state not in ("draft", "returned"):
            raise WrongState(self.state)
        same_email = form.email == self.form.email
        return self._next(form=form, email_verified_at=self.email_verified_at if same_email else None)

    def submitted(self, now: float, *, lapses_at: float, proved_at: float | None = None) -> "Declaration":
        """Submitted to the agency; `proved_at` is when the form's address was verified for it. Raises `WrongState`."""
        if self.state not in ("draft", "returned"):
            raise WrongState(self.state)
        proved = proved_at or self.email_verified_at
        signed: dict[str, object] = {"form_digest": self.form.digest, "email_verified_at": proved, "reason": None}
        return self._next(state="submitted", submitted_at=now, expires_at=lapses_at, **signed)

    def cancelled(self, now: float) -> "Declaration":
        """Withdrawn by the person who made it. Raises `WrongState`."""
        if not self.is_open:
            raise WrongState(self.state)
        return self._next(state="cancelled", decided_at=now, expires_at=now + KEPT)

    def held_by(self, secret_digest: str) -> "Declaration":
        """Returned for correction and reopened: the previous secret no longer opens it. Raises `WrongState`."""
        if self.state != "returned":
            raise WrongState(self.state)
        return self._next(secret_digest=secret_digest)

    def returned(self, now: float, by: str, reason: str, note: str) -> "Declaration":
        """Returned for correction. Raises `WrongState`."""
        if self.state != "submitted":
            raise WrongState(self.state)
        return self._next(state="returned", decided_at=now, decided_by=by, reason=reason, note=note or None)

    def decided(
        self, state: State, now: float, by: str, reason: str = "", note: str = "", *, seconded_by: str | None = None
    ) -> "Declaration":
        """Approved or rejected. Raises `WrongState`: a declaration returned for correction can only be rejected."""
        if not self.is_open or (state == "approved" and self.state != "submitted"):
            raise WrongState(self.state)
        decision = {"decided_at": now, "decided_by": by, "seconded_by": seconded_by, "reason": reason or None}
        return self._next(state=state, note=note or None, expires_at=now + KEPT, **decision)

    def _next(self, **changes: object) -> "Declaration":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of a declaration, as re-encoded. `expires_at` is when it is deleted: by policy after the decision."""

    declaration_id: str
    role: Role
    jpeg: bytes = field(repr=False)
    width: int
    height: int
    created_at: float
    expires_at: float


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
    """Stores declarations and their sealed pictures."""

    def add(self, declaration: Declaration) -> None:
        """Store a new declaration."""
        ...

    def find(self, declaration_id: str) -> Declaration | None:
        """The declaration."""
        ...

    def find_by_secret(self, digest: str) -> Declaration | None:
        """The declaration with this secret."""
        ...

    def find_by_reference(self, reference: str) -> Declaration | None:
        """The declaration with this reference."""
        ...

    def replace(self, new: Declaration) -> bool:
        """Replace the previous version with `new`; False when the stored version has changed."""
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
        """The same, and in one transaction: superseded ones end, its pictures stay until it lapses, the audit event is
        written and the messages are accepted; `told_daily` once a day under the name `daily`.
        """
        ...

    def open_for(self, kind: Kind, code: str, citizen_number: str = "") -> list[Declaration]:
        """Open declarations about this code or citizen number, oldest first."""
        ...

    def of_account(self, account_id: str) -> list[Declaration]:
        """Declarations about an account, newest first."""
        ...

    def queue(self, queue: QueueFilter) -> list[Declaration]:
        """A page of the queue."""
        ...

    def put_photo(self, photo: Photo) -> bool:
        """Store a picture in place of the previous one; False when the declaration's state does not allow it."""
        ...

    def forget(self, declaration: Declaration) -> None:
        """Delete a draft and its pictures; submitted declarations stay."""
        ...

    def photo(self, declaration_id: str, role: Role) -> bytes | None:
        """A picture, decrypted."""
        ...

    def photos(self, declaration_id: str) -> list[Role]:
        """The roles of the stored pictures."""
        ...
