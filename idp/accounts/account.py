"""`Account` and `Identifier`: a person or an organisation, and the dated names it is known by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from idp.accounts.masking import masked_number

Kind = Literal["individual", "organisation"]
Status = Literal["active", "disabled"]
IdentifierKind = Literal["bhxh", "cccd", "cmnd", "passport", "unit", "tax"]

LOGIN_KINDS: Mapping[Kind, tuple[IdentifierKind, ...]] = {
    "individual": ("bhxh", "cccd"),
    "organisation": ("unit", "tax"),
}
"""Which identifiers open which tab. A 10-digit text is a BHXH code or a tax code: the tab decides, we do not guess."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """One name of an account and the period in which it is valid; `valid_to` None means that it is still valid."""

    kind: IdentifierKind
    value: str
    valid_from: float
    valid_to: float | None = None

    @property
    def masked(self) -> str:
        return masked_number(self.value, least=3)


@dataclass(frozen=True, slots=True)
class Account:
    """A person or an organisation. `id` is 32 hex digits, random, and never shown where `sub` is pairwise.

    `phone_verified_at` is the time of the last correct code to the number, accurate to a day; `phone_source` and
    `email_source` say who set them: "desk", "operator", "undo", else "". `trust` decides what they may be used for.
    `secured_at` is the time of the last credential event (password, recovery, contact): older proofs, codes, links and
    pending changes are invalid. `vouched_at` is the time of the last one backed by a desk or a strong electronic
    identity. `address` is the whole line as displayed; `street` and the codes of commune and province are its parts,
    where a desk registered it that way. A temporary password does not work after `password_good_until`, nor a second
    time after `password_spent_at`.
    """

    id: str
    kind: Kind
    name: str
    status: Status = "active"
    birth_date: str | None = None
    phone: str | None = None
    phone_verified_at: float | None = None
    email: str | None = None
    email_verified_at: float | None = None
    address: str | None = None
    street: str | None = None
    commune: str | None = None
    province: str | None = None
    password_hash: str | None = None
    password_changed_at: float | None = None
    password_temporary: bool = False
    password_good_until: float | None = None
    password_spent_at: float | None = None
    phone_changed_at: float | None = None
    phone_source: str = ""
    email_changed_at: float | None = None
    email_source: str = ""
    vouched_at: float | None = None
    secured_at: float = 0.0
    updated_at: float = 0.0
    identifiers: tuple[Identifier, ...] = ()
    more_claims: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    @property
    def has_own_password(self) -> bool:
        """Whether the person has set a password; a temporary one does not count."""
        return self.password_hash is not None and not self.password_temporary

    def identifier(self, kind: IdentifierKind) -> str | None:
        """The currently valid value of that kind, if any."""
        return next((i.value for i in self.identifiers if i.kind == kind and i.valid_to is None), None)
