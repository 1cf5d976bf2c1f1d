"""The linking table of design.md, path (c): every row, and what no row may ever do."""

import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.connector import UpstreamIdentity
from federation.linking import Digester
from federation.matching import (
    DAY,
    Candidate,
    Evidence,
    Known,
    LinkPolicy,
    Match,
    MatchRefused,
    New,
    Propose,
    ProveFirst,
    Unresolved,
    match,
    may_link,
)
from idp.accounts.account import Account, Identifier
from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Participant
from idp.accounts.phone import PhoneNumber

NOW = 1_790_000_000.0
NUMBER, OTHER_NUMBER = "000890123456", "000890999999"
PHONE, OTHER_PHONE = PhoneNumber("+84981234567"), PhoneNumber("+84912345678")
BORN = BirthDate(1990, 5, 17)
VNEID = LinkPolicy(least_ial=2, opens_accounts=True)
DVCQG = LinkPolicy(least_ial=2, phone_required=True)

HOA = UpstreamIdentity("vneid", "sub", citizen_number=NUMBER, name="NGUYỄN THỊ HÒA", birth_date=BORN, ial=2)
WITH_PHONE = replace(HOA, upstream="dvcqg", phone=PHONE)
ACCOUNT = Account(
    id="a" * 32,
    kind="individual",
    name="Nguyễn Thị Hoà",
    birth_date="1990-05-17",
    phone=PHONE.e164,
    phone_verified_at=NOW - 10 * DAY,
    identifiers=(Identifier("bhxh", "0012345678", 0.0), Identifier("cccd", NUMBER, 0.0)),
)
UNNUMBERED = replace(ACCOUNT, id="b" * 32, identifiers=(Identifier("bhxh", "0012345679", 0.0),))
PERSON = Participant("0012345670", "Nguyễn Thị Hoà", BORN, NUMBER)
TYPED = replace(PERSON, citizen_number=None)


def by_number(account: Account = ACCOUNT, *, linked: bool = False) -> Evidence:
    return Evidence(by_number=(Candidate(account, linked),))


def by_phone(account: Account = UNNUMBERED, *, linked: bool = False) -> Evidence:
    return Evidence(by_phone=(Candidate(account, linked),))


def typed(account: Account = UNNUMBERED) -> Evidence:
    return Evidence(typed=(Candidate(account),))


A, B = ACCOUNT.id, UNNUMBERED.id
YEAR = replace(ACCOUNT, birth_date="1990")
ROWS: list[tuple[str, UpstreamIdentity, Evidence, LinkPolicy, Match]] = [
    ("linked, the same number", HOA, Evidence(linked=ACCOUNT), VNEID, Known(A)),
    ("linked, its phone changed", replace(HOA, phone=OTHER_PHONE), Evidence(linked=ACCOUNT), VNEID, Known(A, True)),
    (
        "linked, another number now",
        HOA,
        Evidence(linked=ACCOUNT, same_person=False),
        VNEID,
        MatchRefused("recycled", A),
    ),
    (
        "H-4: linked, and none of its facts came",
        HOA,
        Evidence(linked=ACCOUNT, unnamed=True),
        VNEID,
        MatchRefused("unnamed", A),
    ),
    (
        "L-12: linked, an organisation now",
        replace(HOA, kind="organisation"),
        Evidence(linked=ACCOUNT),
        VNEID,
        MatchRefused("recycled", A),
    ),
    ("linked, closed", HOA, Evidence(linked=replace(ACCOUNT, status="disabled")), VNEID, MatchRefused("closed", A)),
    ("number, name and day agree", HOA, by_number(), VNEID, Propose(A)),
    ("and the phone too, where it must", WITH_PHONE, by_number(), DVCQG, Propose(A)),
    (
        "number agrees, phone differs where it must not",
        replace(WITH_PHONE, phone=OTHER_PHONE),
        by_number(),
        DVCQG,
        MatchRefused("phone_differs", A),
    ),
    ("number agrees, phone differs where it may", replace(HOA, phone=OTHER_PHONE), by_number(), VNEID, Propose(A)),
    ("number agrees, no phone there", replace(WITH_PHONE, phone=None), by_number(), DVCQG, Propose(A)),
    ("number agrees, name differs", replace(HOA, name="TRẦN VĂN ẤN"), by_number(), VNEID, MatchRefused("identity", A)),
    ("number agrees, y for i", replace(HOA, name="NGUYỄN THY HÒA"), by_number(), VNEID, MatchRefused("identity", A)),
    (
        "number agrees, day differs",
        replace(HOA, birth_date=BirthDate(1990, 5, 18)),
        by_number(),
        VNEID,
        MatchRefused("identity", A),
    ),
    ("number agrees, year only", HOA, by_number(YEAR), VNEID, ProveFirst(A)),
    (
        "number agrees, account closed",
        HOA,
        by_number(replace(ACCOUNT, status="disabled")),
        VNEID,
        MatchRefused("closed", A),
    ),
    ("number agrees, another subject has it", HOA, by_number(linked=True), VNEID, MatchRefused("conflict", A)),
    ("a number that is not proved points at nobody", replace(HOA, ial=1), by_number(), VNEID, Unresolved()),
    ("no number here, name, day and phone agree", WITH_PHONE, by_phone(), DVCQG, Propose(B, otp=True)),
    ("the same, but our number is old", WITH_PHONE, by_phone(), replace(DVCQG, phone_fresh=9 * DAY), ProveFirst(B)),
    (
        "the same, but somebody else has our number too",
        WITH_PHONE,
        Evidence(by_phone=(Candidate(UNNUMBERED), Candidate(replace(ACCOUNT, id="c" * 32, name="Lê Văn Kia")))),
        DVCQG,
        ProveFirst(B),
    ),
    (
        "the same, but our number was changed lately",
        WITH_PHONE,
        by_phone(replace(UNNUMBERED, phone_changed_at=NOW - 29 * DAY)),
        DVCQG,
        ProveFirst(B),
    ),
    (
        "the same, but nobody proved our number",
        WITH_PHONE,
        by_phone(replace(UNNUMBERED, phone_verified_at=None)),
        DVCQG,
        ProveFirst(B),
    ),
    ("no number here, no phone there, code typed", replace(WITH_PHONE, phone=None), typed(), DVCQG, ProveFirst(B)),
    (
        "no number here, phone differs, code typed",
        replace(WITH_PHONE, phone=OTHER_PHONE),
        typed(),
        DVCQG,
        MatchRefused("phone_differs", B),
    ),
    ("somebody else's code typed", replace(WITH_PHONE, name="TRẦN VĂN ẤN"), typed(), DVCQG, Unresolved()),
    (
        "the code of an account with another number",
        WITH_PHONE,
        typed(by_number(replace(ACCOUNT, identifiers=(Identifier("cccd", OTHER_NUMBER, 0.0),))).by_number[0].account),
        DVCQG,
        Unresolved(),
    ),
    (
        "phone agrees, year only",
        replace(WITH_PHONE, birth_date=BirthDate(1990)),
        by_phone(),
        DVCQG,
        ProveFirst(B),
    ),
    (
        "phone agrees, nothing else is told",
        UpstreamIdentity("dvcqg", "s", phone=PHONE),
        by_phone(),
        DVCQG,
        ProveFirst(B),
    ),
    ("phone agrees, somebody else: recycled", replace(WITH_PHONE, name="LÒ VĂN MỚI"), by_phone(), DVCQG, Unresolved()),
    (
        "two accounts fit",
        WITH_PHONE,
        replace(by_phone(), by_number=by_number().by_number),
        DVCQG,
        MatchRefused("conflict"),
    ),
    ("its account has another subject", WITH_PHONE, by_phone(linked=True), DVCQG, MatchRefused("conflict", B)),
    ("nobody, the register knows them", HOA, Evidence(participant=PERSON), VNEID, New(PERSON)),
    (
        "nobody, the register knows the year",
        HOA,
        Evidence(participant=replace(PERSON, birth_date=BirthDate(1990))),
        VNEID,
        New(replace(PERSON, birth_date=BirthDate(1990))),
    ),
    ("nobody knows them", HOA, Evidence(), VNEID, New()),
    ("a child", replace(HOA, birth_date=BirthDate(2010, 9, 23)), Evidence(), VNEID, MatchRefused("under_age")),
    ("perhaps a child", replace(HOA, birth_date=BirthDate(2010)), Evidence(), VNEID, MatchRefused("under_age")),
    ("sixteen today", replace(HOA, birth_date=BirthDate(2010, 9, 21)), Evidence(), VNEID, New()),
    (
        "a child that the register knows",
        replace(HOA, birth_date=BirthDate(2015)),
        Evidence(),
        VNEID,
        MatchRefused("under_age"),
    ),
    ("nobody, the typed code is theirs in the register", HOA, Evidence(typed_participant=TYPED), VNEID, New(TYPED)),
    ("the typed code is another's", HOA, Evidence(typed_participant=replace(TYPED, name="Lê Văn Kia")), VNEID, New()),
    (
        "the typed code is of a year only",
        HOA,
        Evidence(typed_participant=replace(TYPED, birth_date=BirthDate(1990))),
        VNEID,
        New(),
    ),
    (
        "the typed code is another number's",
        HOA,
        Evidence(typed_participant=replace(TYPED, citizen_number=OTHER_NUMBER)),
        VNEID,
        New(),
    ),
    ("nobody, not proved", replace(HOA, ial=1), Evidence(), VNEID, Unresolved()),
    ("nobody, by an upstream that opens none", WITH_PHONE, Evidence(participant=PERSON), DVCQG, Unresolved()),
    (
        "the register tells of another",
        HOA,
        Evidence(participant=replace(PERSON, name="Lê Văn Kia")),
        VNEID,
        MatchRefused("identity"),
    ),
    (
        "the register's code is somebody's who does not fit",
        HOA,
        Evidence(
            participant=replace(PERSON, bhxh_code="0012345679"),
            by_code=(Candidate(replace(UNNUMBERED, name="Lê Văn Kia")),),
        ),
        VNEID,
        MatchRefused("identity"),
    ),
    (
        "the register's code is an account without number",
        HOA,
        Evidence(participant=replace(PERSON, bhxh_code="0012345679"), by_code=(Candidate(UNNUMBERED),)),
        VNEID,
        ProveFirst(B),
    ),
]


@pytest.mark.parametrize(("row", "identity", "evidence", "policy", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_every_row(
    row: str, identity: UpstreamIdentity, evidence: Evidence, policy: LinkPolicy, expected: Match
) -> None:
    """U-03, U-04, U-09"""
    assert match(identity, evidence, policy, NOW) == expected


def test_a_subject_is_recycled_when_number_name_or_birth_date_became_others() -> None:
    """U-09: also at an upstream whose subject is the citizen number itself."""
    digester = Digester(b"a key of thirty-two bytes, made up")
    linked = digester.subject(HOA)

    assert linked.is_still(digester.subject(replace(HOA, name="Nguyễn Thị Hoà")))
    assert linked.is_still(digester.subject(replace(HOA, name=None, citizen_number=None)))
    assert linked.is_still(digester.subject(replace(HOA, birth_date=BirthDate(1990))))
    assert not linked.is_still(digester.subject(replace(HOA, name="Lê Văn Kia")))
    assert not linked.is_still(digester.subject(replace(HOA, birth_date=BirthDate(1990, 5, 18))))
    assert not linked.is_still(digester.subject(replace(HOA, citizen_number=OTHER_NUMBER)))


def test_an_organisation_is_known_by_its_tax_code_and_proves_itself() -> None:
    company = Account("c" * 32, "organisation", "Sen Vàng", identifiers=(Identifier("tax", "0312345673", 0.0),))
    came = UpstreamIdentity("dvcqg", "s", kind="organisation", tax_code="0312345673")

    assert match(came, Evidence(by_tax_code=(Candidate(company),)), DVCQG, NOW) == ProveFirst(company.id)
    assert match(came, Evidence(), DVCQG, NOW) == Unresolved()
    assert may_link(came, company, linked_to_another=False) is None
    assert may_link(replace(came, tax_code="0700000012"), company, linked_to_another=False) is not None
    assert may_link(HOA, company, linked_to_another=False) is not None


def test_the_own_password_links_unless_something_contradicts() -> None:
    assert may_link(HOA, ACCOUNT, linked_to_another=False) is None
    assert may_link(replace(HOA, phone=OTHER_PHONE), ACCOUNT, linked_to_another=False) is None
    assert may_link(HOA, UNNUMBERED, linked_to_another=False) is None
    for lie in (
        {"name": "LÊ VĂN KIA"},
        {"name": None},
        {"birth_date": BirthDate(1991)},
        {"citizen_number": OTHER_NUMBER},
    ):
        assert may_link(replace(HOA, **lie), ACCOUNT, linked_to_another=False) == MatchRefused("identity", A)  # type: ignore[arg-type]
    assert may_link(HOA, ACCOUNT, linked_to_another=True) == MatchRefused("conflict", A)


NAMES = st.sampled_from(["Nguyễn Thị Hoà", "NGUYỄN THỊ HÒA", "Lê Văn Kia", "Hoa"])
DAYS = st.sampled_from(["1990-05-17", "1990", "1991-01-01", None])
PHONES = st.sampled_from([PHONE.e164, OTHER_PHONE.e164, None])
NUMBERS = st.sampled_from([NUMBER, OTHER_NUMBER, None])


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    number = draw(NUMBERS)
    held = (Identifier("cccd", number, 0.0),) if number else ()
    verified = draw(st.sampled_from([None, NOW - DAY, NOW - 400 * DAY]))
    place = draw(st.integers(0, 5))
    status = draw(st.sampled_from(["active", "disabled"]))
    return Account(
        f"{place:032x}", "individual", draw(NAMES), status, draw(DAYS), draw(PHONES), verified, identifiers=held
    )


@st.composite
def identities(draw: st.DrawFn) -> UpstreamIdentity:
    day, phone = draw(DAYS), draw(PHONES)
    return UpstreamIdentity(
        "up",
        "s",
        citizen_number=draw(NUMBERS),
        name=draw(st.one_of(st.none(), NAMES)),
        birth_date=BirthDate.parse(day, today=date(2026, 1, 1)) if day else None,
        phone=PhoneNumber(phone) if phone else None,
        ial=draw(st.integers(0, 2)),
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[UpstreamIdentity, list[Candidate], LinkPolicy]:
    found = draw(st.lists(accounts(), max_size=4, unique_by=lambda account: account.id))
    candidates = [Candidate(account, draw(st.booleans())) for account in found]
    policy = LinkPolicy(draw(st.integers(1, 2)), draw(st.booleans()), draw(st.booleans()))
    return draw(identities()), candidates, policy


def evidence_of(identity: UpstreamIdentity, candidates: list[Candidate]) -> Evidence:
    """What the stores would say: who has that number, who has that phone, whose code was typed."""
    number, phone = identity.citizen_number, identity.phone
    return Evidence(
        by_number=tuple(c for c in candidates if number and c.account.identifier("cccd") == number),
        by_phone=tuple(c for c in candidates if phone and c.account.phone == phone.e164),
        typed=tuple(candidates[:1]),
    )


@given(situations())
def test_no_row_ever_links_on_a_phone_alone(situation: tuple[UpstreamIdentity, list[Candidate], LinkPolicy]) -> None:
    """U-04, Q-05: what is proposed agrees in name and full birth date, and in number or a fresh phone."""
    identity, candidates, policy = situation
    found = match(identity, evidence_of(identity, candidates), policy, NOW)
    if not isinstance(found, Propose):
        return
    account = next(c.account for c in candidates if c.account.id == found.account_id)
    assert identity.name
    assert str(identity.birth_date) == account.birth_date
    assert len(account.birth_date or "") == 10
    proven = identity.ial >= policy.least_ial and identity.citizen_number == account.identifier("cccd") is not None
    assert proven or (found.otp and identity.phone is not None and identity.phone.e164 == account.phone)
    assert account.is_active


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    situation: tuple[UpstreamIdentity, list[Candidate], LinkPolicy], chance: random.Random
) -> None:
    identity, candidates, policy = situation
    evidence = evidence_of(identity, candidates)
    shuffled = {name: list(getattr(evidence, name)) for name in ("by_number", "by_phone", "by_code", "typed")}
    for each in shuffled.values():
        chance.shuffle(each)
    other = replace(evidence, **{name: tuple(each) for name, each in shuffled.items()})

    assert match(identity, other, policy, NOW) == match(identity, evidence, policy, NOW)


@given(situations())
def test_an_account_with_another_link_is_never_proposed(
    situation: tuple[UpstreamIdentity, list[Candidate], LinkPolicy],
) -> None:
    """U-06"""
    identity, candidates, policy = situation
    found = match(identity, evidence_of(identity, candidates), policy, NOW)
    linked = {c.account.id for c in candidates if c.linked_to_another}

    assert not (isinstance(found, Propose | ProveFirst) and found.account_id in linked)


@given(situations())
def test_what_is_not_verified_is_never_used(situation: tuple[UpstreamIdentity, list[Candidate], LinkPolicy]) -> None:
    """T-05: without a verified phone the phone of our accounts decides nothing."""
    identity, candidates, policy = situation
    silent = replace(identity, phone=None)
    elsewhere = [replace(c, account=replace(c.account, phone="+84399999999")) for c in candidates]

    first = match(silent, evidence_of(silent, candidates), policy, NOW)
    assert match(silent, evidence_of(silent, elsewhere), policy, NOW) == first
