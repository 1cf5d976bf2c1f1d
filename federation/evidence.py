"""Collects what the linking table needs about an arriving person: their link, and the accounts that a fact matches."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from federation.connector import UpstreamIdentity
from federation.linking import Link, Subject
from federation.matching import Candidate, Evidence, LinkPolicy, compare, is_proven
from idp.accounts import identifiers
from idp.accounts.account import Account, IdentifierKind
from idp.accounts.participants import Participant


class Accounts(Protocol):
    """The part of `People` used here."""

    def find(self, account_id: str) -> Account | None: ...

    def find_by_identifier(self, kind: IdentifierKind, value: str) -> Account | None: ...

    def holding_phone(self, e164: str, *, limit: int = 3) -> list[Account]: ...


class Register(Protocol):
    """The part of `Participants` used here."""

    def find(self, bhxh_code: str) -> Participant | None: ...

    def find_by_citizen_number(self, number: str) -> Participant | None: ...


class LinkReader(Protocol):
    """The part of `Links` used here."""

    def find(self, subject: Subject) -> Link | None: ...

    def linked(self, upstream: str, account_ids: Iterable[str]) -> set[str]: ...


class EvidenceCollector:
    """Reads the stores, and decides nothing."""

    def __init__(self, links: LinkReader, people: Accounts, register: Register) -> None:
        self._links = links
        self._people = people
        self._register = register

    def link(self, subject: Subject) -> Link | None:
        """The active link of this subject."""
        return self._links.find(subject)

    def of(self, identity: UpstreamIdentity, subject: Subject, link: Link | None, policy: LinkPolicy) -> Evidence:
        """Everything that the table needs. A number that proves nothing is not looked up in the register."""
        if link is not None:
            return self._of_link(identity, subject, link)
        participant = self.participant(identity, policy)
        codes = dict.fromkeys(code for code in (identity.bhxh_code, participant and participant.bhxh_code) if code)
        return Evidence(
            by_number=self._candidates(identity, self._holding("cccd", identity.citizen_number)),
            by_code=self._candidates(identity, [a for code in codes for a in self._holding("bhxh", code)]),
            by_phone=self._candidates(identity, self._holding_phone(identity)),
            by_tax_code=self._candidates(identity, self._holding("tax", identity.tax_code)),
            participant=participant,
        )

    def _of_link(self, identity: UpstreamIdentity, subject: Subject, link: Link) -> Evidence:
        """A link made without a number is compared with the account's own number; an organisation's by its tax code.

        A number that is itself the subject does not tell to whom it belongs now.
        """
        account, same = self._people.find(link.account_id), link.subject.is_still(subject)
        if account is not None and account.kind == "organisation":
            tax_code = account.identifier("tax")
            same, unnamed = same and identity.tax_code in (None, tax_code), identity.tax_code is None
            return Evidence(linked=account, same_person=same, unnamed=unnamed)
        if link.subject.citizen_digest is None and account is not None:
            same = same and compare(identity, account).number != "different"
        by_number = identity.citizen_number != identity.subject
        return Evidence(linked=account, same_person=same, unnamed=link.subject.is_unnamed(subject, by_number=by_number))

    def typed(self, identity: UpstreamIdentity, code: str) -> Evidence:
        """What a BHXH code typed by the person matches; an invalid one is looked up all the same."""
        read = identifiers.read("individual", code)
        value = read[1] if read and read[0] == "bhxh" else "-"
        return Evidence(
            typed=self._candidates(identity, self._holding("bhxh", value)),
            by_phone=self._candidates(identity, self._holding_phone(identity)),
            typed_participant=self._register.find(value),
        )

    def is_named(self, identity: UpstreamIdentity, other_than: str) -> bool:
        """Whether another account has the citizen number."""
        return any(account.id != other_than for account in self._holding("cccd", identity.citizen_number))

    def is_linked(self, upstream: str, account_id: str) -> bool:
        """Whether this account has a link to the upstream."""
        return bool(self._links.linked(upstream, [account_id]))

    def account(self, account_id: str) -> Account | None:
        return self._people.find(account_id)

    def participant(self, identity: UpstreamIdentity, policy: LinkPolicy) -> Participant | None:
        """The register's entry of a proved person."""
        number = identity.citizen_number if is_proven(identity, policy) else None
        return self._register.find_by_citizen_number(number) if number else None

    def _holding_phone(self, identity: UpstreamIdentity) -> list[Account]:
        return self._people.holding_phone(identity.phone.e164) if identity.phone else []

    def _holding(self, kind: IdentifierKind, value: str | None) -> list[Account]:
        account = self._people.find_by_identifier(kind, value) if value else None
        return [account] if account else []

    def _candidates(self, identity: UpstreamIdentity, accounts: Sequence[Account]) -> tuple[Candidate, ...]:
        # Also looked up for an unknown code, so that a typed code takes the same time whether or not it exists.
        linked = self._links.linked(identity.upstream, [account.id for account in accounts])
        return tuple(Candidate(account, account.id in linked) for account in accounts)
