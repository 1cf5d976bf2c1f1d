"""Gathers for the linking table what we know about whoever came: their link, and the accounts that a fact points at."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from federation.connector import UpstreamIdentity
from federation.linking import Link, Subject
from federation.matching import Candidate, Evidence, LinkPolicy, compare, is_proven
from idp.accounts import identifiers
from idp.accounts.account import Account, IdentifierKind
from idp.accounts.participants import Participant


class Accounts(Protocol):
    """The part of `People` that is asked here."""

    def find(self, account_id: str) -> Account | None: ...

    def find_by_identifier(self, kind: IdentifierKind, value: str) -> Account | None: ...

    def holding_phone(self, e164: str, *, limit: int = 3) -> list[Account]: ...


class Register(Protocol):
    """The part of `Participants` that is asked here."""

    def find(self, bhxh_code: str) -> Participant | None: ...

    def find_by_citizen_number(self, number: str) -> Participant | None: ...


class LinkReader(Protocol):
    """The part of `Links` that is asked here."""

    def find(self, subject: Subject) -> Link | None: ...

    def linked(self, upstream: str, account_ids: Iterable[str]) -> set[str]: ...


class EvidenceCollector:
    """Asks the stores, and decides nothing."""

    def __init__(self, links: LinkReader, people: Accounts, register: Register) -> None:
        self._links = links
        self._people = people
        self._register = register

    def link(self, subject: Subject) -> Link | None:
        """The link of this subject that holds."""
        return self._links.find(subject)

    def of(self, identity: UpstreamIdentity, subject: Subject, link: Link | None, policy: LinkPolicy) -> Evidence:
        """Everything that the table asks for. A number that proves nothing is not looked up in the register."""
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
        """A link that was made without a number is held against the account's own; an organisation's by its tax code.

        A number that is the subject itself tells nothing of whom it names now.
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
        """What a BHXH code that the person typed points at; a text of no possible shape is asked for all the same."""
        read = identifiers.read("individual", code)
        value = read[1] if read and read[0] == "bhxh" else "-"
        return Evidence(
            typed=self._candidates(identity, self._holding("bhxh", value)),
            by_phone=self._candidates(identity, self._holding_phone(identity)),
            typed_participant=self._register.find(value),
        )

    def is_named(self, identity: UpstreamIdentity, other_than: str) -> bool:
        """Whether the citizen number is that of another account."""
        return any(account.id != other_than for account in self._holding("cccd", identity.citizen_number))

    def is_linked(self, upstream: str, account_id: str) -> bool:
        """Whether this account has a link to the upstream."""
        return bool(self._links.linked(upstream, [account_id]))

    def account(self, account_id: str) -> Account | None:
        return self._people.find(account_id)

    def participant(self, identity: UpstreamIdentity, policy: LinkPolicy) -> Participant | None:
        """The register's entry of a proven person."""
        number = identity.citizen_number if is_proven(identity, policy) else None
        return self._register.find_by_citizen_number(number) if number else None

    def _holding_phone(self, identity: UpstreamIdentity) -> list[Account]:
        return self._people.holding_phone(identity.phone.e164) if identity.phone else []

    def _holding(self, kind: IdentifierKind, value: str | None) -> list[Account]:
        found = self._people.find_by_identifier(kind, value) if value else None
        return [found] if found else []

    def _candidates(self, identity: UpstreamIdentity, accounts: Sequence[Account]) -> tuple[Candidate, ...]:
        # Asked for nobody too, so that a typed code takes the same time whether somebody has it or not.
        linked = self._links.linked(identity.upstream, [account.id for account in accounts])
        return tuple(Candidate(account, account.id in linked) for account in accounts)
