"""The linking table: which account may a person from an upstream open? Pure, and the only place that decides.

A phone number alone never opens or links anything, and neither does what a person typed at the upstream. Facts agree
only when both sides have them; a missing value is no agreement. The order of candidates does not matter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from federation.connector import UpstreamIdentity
from idp.accounts import names, trust
from idp.accounts.account import Account
from idp.accounts.birth_date import BirthDate, NotABirthDate, Sameness
from idp.accounts.participants import Participant
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.dates import local_day

Reason = Literal["recycled", "unnamed", "identity", "phone_differs", "conflict", "closed", "under_age"]
QUEUED: tuple[Reason, ...] = ("recycled", "identity", "conflict")
"""Refusals that an officer has to review."""

DAY = 86_400.0
OF_AGE = 16
"""Age in years from which a person can open an account alone; for younger ones a parent or guardian comes."""


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """What an upstream may do. `least_ial` is the level from which its citizen number identifies a person.

    Our number counts for `phone_fresh` seconds after it was proved, and only `phone_settled` seconds after its last
    change (security.md U-03).
    """

    least_ial: int = 2
    phone_required: bool = False
    opens_accounts: bool = False
    phone_fresh: float = 180 * DAY
    phone_settled: float = 30 * DAY


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that could be the person's. `linked_to_another`: to another subject of the same upstream."""

    account: Account
    linked_to_another: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What we know: the account that this subject is linked to, and the accounts that one of its facts matches.

    `same_person` says whether number, name and birth date are still those of the day of the link, as far as both sides
    know them, and `unnamed` that none of them came this time. `typed` is the account of the BHXH code that the person
    typed here, `typed_participant` its entry in the register.
    """

    linked: Account | None = None
    same_person: bool = True
    unnamed: bool = False
    by_number: tuple[Candidate, ...] = ()
    by_phone: tuple[Candidate, ...] = ()
    by_code: tuple[Candidate, ...] = ()
    by_tax_code: tuple[Candidate, ...] = ()
    typed: tuple[Candidate, ...] = ()
    participant: Participant | None = None
    typed_participant: Participant | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The subject is linked to this account. A number that changed there is reported, not adopted."""

    account_id: str
    phone_differs: bool = False


@dataclass(frozen=True, slots=True)
class Propose:
    """The page shows the masked account, and "Xác nhận" links it; with `otp` after a code to *our* number."""

    account_id: str
    otp: bool = False


@dataclass(frozen=True, slots=True)
class ProveFirst:
    """The person first logs in with the password of this account; which account it is, is not disclosed."""

    account_id: str


@dataclass(frozen=True, slots=True)
class New:
    """A proved person without an account gets one, with the BHXH code when the register knows them."""

    participant: Participant | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """No account was found, and this upstream opens none: the person may type their code, or log in and link."""


@dataclass(frozen=True, slots=True)
class MatchRefused:
    """No link, for this reason; `account_id` is the account concerned, for the queue only."""

    reason: Reason
    account_id: str | None = None


Match = Known | Propose | ProveFirst | New | Unresolved | MatchRefused


@dataclass(frozen=True, slots=True)
class Facts:
    """How an identity and an account compare, as stored for a link: words, no personal data."""

    number: Literal["equal", "different", "absent"]
    name: str
    birth_date: Sameness | Literal["absent"]
    phone: Literal["equal", "different", "absent"]

    @property
    def is_same_person(self) -> bool:
        """Whether name and full birth date agree."""
        return self._name_agrees and self.birth_date == "exact"

    @property
    def may_be_same_person(self) -> bool:
        """Whether nothing contradicts: the name agrees and the birth date does not differ."""
        return self._name_agrees and self.birth_date != "different"

    @property
    def _name_agrees(self) -> bool:
        return self.name not in ("DIFFERENT", "ABSENT")


def compare(identity: UpstreamIdentity, account: Account) -> Facts:
    """Compare the facts of both sides, one by one."""
    ours = _birth_date(account)
    theirs = identity.birth_date
    number, phone = account.identifier("cccd"), _phone(account)
    return Facts(
        number=_same(identity.citizen_number, number),
        name=names.agreement(identity.name, account.name).name if identity.name else "ABSENT",
        birth_date=theirs.same_as(ours) if theirs and ours else "absent",
        phone=_same(identity.phone, phone),
    )


def match(identity: UpstreamIdentity, evidence: Evidence, policy: LinkPolicy, now: float) -> Match:
    """The matching row of the table. Raises nothing and reads no store."""
    if evidence.linked is not None:
        return _linked(identity, evidence.linked, evidence)
    if identity.kind == "organisation":
        return _organisation(evidence)
    possible = _possible(identity, evidence, policy)
    if len({candidate.account.id for candidate in possible}) > 1:
        return MatchRefused("conflict")
    if not possible:
        return _nobody(identity, evidence, policy, now)
    candidate = possible[0]
    if candidate.linked_to_another:
        return MatchRefused("conflict", candidate.account.id)
    if not candidate.account.is_active:
        return MatchRefused("closed", candidate.account.id)
    return _one(identity, candidate.account, policy, now, shared=len(evidence.by_phone) > 1)


def may_link(identity: UpstreamIdentity, account: Account, *, linked_to_another: bool) -> MatchRefused | None:
    """Whether a person who proved `account` with its own password may link it: None when nothing contradicts."""
    if linked_to_another:
        return MatchRefused("conflict", account.id)
    if identity.kind != account.kind:
        return MatchRefused("identity", account.id)
    if account.kind == "organisation":
        same = identity.tax_code is not None and identity.tax_code == account.identifier("tax")
        return None if same else MatchRefused("identity", account.id)
    facts = compare(identity, account)
    agrees = facts.may_be_same_person and facts.number != "different"
    return None if agrees else MatchRefused("identity", account.id)


def _linked(identity: UpstreamIdentity, account: Account, evidence: Evidence) -> Match:
    """The rows for a linked subject: the facts that the link was made with, including the kind, must still match."""
    if not evidence.same_person or identity.kind != account.kind:
        return MatchRefused("recycled", account.id)
    if evidence.unnamed:
        return MatchRefused("unnamed", account.id)
    if not account.is_active:
        return MatchRefused("closed", account.id)
    return Known(account.id, phone_differs=compare(identity, account).phone == "different")


def _organisation(evidence: Evidence) -> Match:
    """An organisation is identified by its tax code, and always proves itself first with its own password."""
    candidates = evidence.by_tax_code
    if len({candidate.account.id for candidate in candidates}) > 1 or any(c.linked_to_another for c in candidates):
        return MatchRefused("conflict")
    return ProveFirst(candidates[0].account.id) if candidates and candidates[0].account.is_active else Unresolved()


def _possible(identity: UpstreamIdentity, evidence: Evidence, policy: LinkPolicy) -> list[Candidate]:
    """Every account that could be the person's.

    A proved citizen number counts by itself. A phone number or a code only points to an account: it counts when name
    and birth date do not contradict, and when the account has no other citizen number.
    """
    numbered = evidence.by_number if is_proven(identity, policy) else ()
    hinted = (*evidence.by_phone, *evidence.by_code, *evidence.typed)
    agreeing = _unique(hinted, lambda account: _is_hint_good(identity, account))
    return _unique((*numbered, *agreeing), lambda account: account.kind == "individual")


def _is_hint_good(identity: UpstreamIdentity, account: Account) -> bool:
    facts = compare(identity, account)
    if facts.number == "different" or (account.identifier("cccd") and facts.number == "absent"):
        return False
    if facts.name == "ABSENT" and facts.birth_date == "absent":
        return facts.phone == "equal"
    # A name alone would reveal who else has it.
    return facts.may_be_same_person and facts.birth_date != "absent"


def _one(identity: UpstreamIdentity, account: Account, policy: LinkPolicy, now: float, *, shared: bool) -> Match:
    """The rows for exactly one account; `shared` says that another account has the same number."""
    facts = compare(identity, account)
    if facts.number == "equal" and is_proven(identity, policy):
        return _by_number(facts, account, policy)
    if not facts.is_same_person or facts.phone == "absent" or account.identifier("cccd"):
        return ProveFirst(account.id)
    if facts.phone == "different":
        return MatchRefused("phone_differs", account.id)
    is_good = _is_phone_good(account, policy, now) and not shared
    return Propose(account.id, otp=True) if is_good else ProveFirst(account.id)


def _by_number(facts: Facts, account: Account, policy: LinkPolicy) -> Match:
    if not facts.may_be_same_person:
        return MatchRefused("identity", account.id)
    if not facts.is_same_person:
        return ProveFirst(account.id)
    if policy.phone_required and facts.phone == "different":
        return MatchRefused("phone_differs", account.id)
    return Propose(account.id)


def _nobody(identity: UpstreamIdentity, evidence: Evidence, policy: LinkPolicy, now: float) -> Match:
    """The rows without an account: a new one if the upstream may open it and has proved the person."""
    if not policy.opens_accounts or not is_proven(identity, policy) or not identity.name or not identity.birth_date:
        return Unresolved()
    if identity.birth_date.may_be_under(OF_AGE, local_day(now)):
        return MatchRefused("under_age")
    known = evidence.participant or _typed_participant(identity, evidence)
    if known is None:
        return New()
    agrees = names.agreement(identity.name, known.name) > names.NameAgreement.DIFFERENT
    other_day = known.birth_date is not None and identity.birth_date.same_as(known.birth_date) == "different"
    taken = any(candidate.account.identifier("bhxh") == known.bhxh_code for candidate in evidence.by_code)
    # The register names another person, or the code is already taken: an officer decides whose it is.
    return MatchRefused("identity") if not agrees or other_day or taken else New(known)


def _typed_participant(identity: UpstreamIdentity, evidence: Evidence) -> Participant | None:
    """The register's entry of the typed code, if it is this person's: name and full birth date, no other number."""
    known = evidence.typed_participant
    if known is None or known.birth_date is None or identity.birth_date is None or not identity.name:
        return None
    same_name = names.agreement(identity.name, known.name) > names.NameAgreement.DIFFERENT
    same_day = identity.birth_date.same_as(known.birth_date) == "exact"
    same_number = _same(identity.citizen_number, known.citizen_number) != "different"
    free = not evidence.typed
    return known if same_name and same_day and same_number and free else None


def is_proven(identity: UpstreamIdentity, policy: LinkPolicy) -> bool:
    """Whether the citizen number identifies the person: the upstream gave it at the required level."""
    return identity.citizen_number is not None and identity.ial >= policy.least_ial


def _is_phone_good(account: Account, policy: LinkPolicy, now: float) -> bool:
    """Whether our number was proved recently and has not changed recently."""
    return trust.is_evidence(account, now, proved_within=policy.phone_fresh, unchanged_for=policy.phone_settled)


def _birth_date(account: Account) -> BirthDate | None:
    try:
        # Stored values were checked when they were written.
        return BirthDate.parse(account.birth_date or "", today=datetime.now(UTC).date())
    except NotABirthDate:
        return None


def _phone(account: Account) -> PhoneNumber | None:
    """Our number in its current form: an old record may still hold the eleven digits used until 2018."""
    try:
        return PhoneNumber.parse(account.phone) if account.phone else None
    except NotAMobileNumber:
        return None


def _same(theirs: object, ours: object) -> Literal["equal", "different", "absent"]:
    if theirs is None or ours is None:
        return "absent"
    return "equal" if theirs == ours else "different"


def _unique(candidates: Iterable[Candidate], counts: Callable[[Account], bool]) -> list[Candidate]:
    by_id = {candidate.account.id: candidate for candidate in candidates if counts(candidate.account)}
    return list(by_id.values())
