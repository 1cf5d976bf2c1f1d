"""Refused links in officers' hands: shown masked, decided once, and forced only by two; and ending a link."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from config.cli.context import opened_stores
from config.container import Container
from config.stores import Stores
from federation.linking import Dispute, Subject
from idp.accounts.account import Account
from idp.officers.officers import Own
from idp.ports import Event
from idp.store import tables as t
from tests.contracts.test_people import account
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator

HOA, AN = f"{11:032x}", f"{12:032x}"
FACTS = {"name": "Nguyễn Thị Bí Mật", "birth_date": "1990-05-17", "citizen_number": "000890123456"}
AGREED = {"number": "equal", "name": "DIFFERENT", "birth_date": "exact", "phone": "absent"}
TWO = ("--by", "lan.nguyen", "--approved-by", "minh.tran")
WHY = ("--reason", "desk 12")


@pytest.fixture
def base(operator: Operator) -> Iterator[Stores]:
    """Two accounts with proven numbers, beside the operator's commands."""
    opened = opened_stores()
    for number in (11, 12):
        opened.people.add(account(number, f"+8438123450{number - 10}", phone_verified_at=time.time()))
    roster = Container(opened).officers.roster
    for number, login in enumerate(("lan.nguyen", "minh.tran")):
        own = Own(f"990000000{number}", f"99900000000{number}")
        roster.grant(roster.add(login, login, "test", own), "*", "links", "test")
    yield opened
    opened.close()


def refused(base: Stores, about: str | None = HOA, subject: str = "s-1", **more: Any) -> str:
    """A link that was refused, as a journey leaves it; its id."""
    digests = Container(base).federation.digester
    who = Subject("vneid", digests.of("vneid", subject), digests.of("citizen", FACTS["citizen_number"]))
    dispute = Dispute(more.pop("id", f"dispute-{subject}"), who, "identity", about, AGREED, FACTS, **more)
    event = Event("link.refused", about, facts={"upstream": "vneid", "why": "identity"})
    base.links.dispute(dispute, event, base.clock())
    return dispute.id


def linked(operator: Operator, account_id: str) -> list[str]:
    return [each["upstream"] for each in operator.json("links", "list", "--account", account_id)]


def test_what_waits_is_listed_and_shown_masked(operator: Operator, base: Stores) -> None:
    assert operator.json("links", "list") == []
    name = refused(base)
    refused(base, about=None, subject="s-2")
    refused(base)

    listed = operator.json("links", "list")
    assert [(each["id"], each["account"], each["times"]) for each in listed] == [
        (name, HOA, 2),
        ("dispute-s-2", None, 1),
    ]
    shown = operator.json("links", "show", name)
    assert shown["upstream_says"] == {
        "name": "Nguyễn T. B. M.",
        "birth_year": "1990",
        "citizen_number": "********3456",
    }
    assert shown["agreement"] == AGREED
    assert (shown["linked_now_to"], shown["about"]["id"]) == (None, HOA)
    assert operator.json("links", "show", "dispute-s-2")["about"] is None
    for words in ("list",), ("show", name), ("show", name, "--json"):
        assert not any(fact in operator.does("links", *words) for fact in FACTS.values())
    assert operator.run("links", "show", "nobody").output == "idp: there is no such refused link\n"


def test_a_link_that_is_forced_names_two_and_is_told(operator: Operator, base: Stores) -> None:
    name = refused(base)

    operator.does("links", "resolve", name, "link", *TWO, *WHY)

    assert linked(operator, HOA) == ["vneid"]
    assert operator.json("links", "list") == []
    decided = operator.json("links", "list", "--all")
    assert [(each["id"], each["resolution"]) for each in decided] == [(name, "linked")]
    shown = operator.json("links", "show", name)
    assert shown["linked_now_to"] == HOA
    assert set(shown["upstream_says"].values()) == {None}, "what told who came is gone"
    added, done = operator.json("audit", "tail")[-2:]
    assert (added["name"], added["facts"], added["reason"]) == ("link.added", "how=officer upstream=vneid", "desk 12")
    assert (done["name"], done["reason"]) == ("link.decided", "desk 12")
    assert done["facts"] == "approved_by=minh.tran by=lan.nguyen resolution=linked upstream=vneid why=identity"
    told = [each for each in operator.json("messages", "list") if each["template"] == "notice"]
    assert [each["to"] for each in told] == ["*** *** *01"]
    after = base.people.find(HOA)
    assert after
    assert after.secured_at > 0, "whatever was open has ended"
    with base.database.autocommit.connect() as connection:
        assert connection.execute(select(t.undo.c.event)).scalars().all() == ["link_added"]


@pytest.mark.parametrize(
    "named",
    [
        (),
        ("--by", "lan.nguyen"),
        ("--approved-by", "minh.tran"),
        ("--by", "lan.nguyen", "--approved-by", "lan.nguyen"),
        ("--by", "lan.nguyen", "--approved-by", "LAN.NGUYEN"),
        ("--by", "lan.nguyen", "--approved-by", " lan.nguyen"),
        ("--by", "lan.nguyen", "--approved-by", ""),
        ("--by", "lan.nguyen", "--approved-by", "u0012345678"),
        ("--by", "lan.nguyen", "--approved-by", "x" * 40),
        ("--by", "lan@bhxh", "--approved-by", "minh.tran"),
    ],
    ids=" ".join,
)
def test_nobody_forces_a_link_alone(operator: Operator, base: Stores, named: tuple[str, ...]) -> None:
    name = refused(base)
    done = operator.run("links", "resolve", name, "link", *named, *WHY)

    assert done.exit_code == 1
    assert done.output.startswith("idp: --by and --approved-by: ")
    assert linked(operator, HOA) == []
    assert len(operator.json("links", "list")) == 1


@pytest.mark.parametrize("how", ["unknown", "disabled", "without the right", "the person"])
def test_a_link_is_forced_by_officers_who_may_and_are_not_the_person(
    operator: Operator, base: Stores, how: str
) -> None:
    """2.3.5, 4.2 A8: names are looked up."""
    roster = Container(base).officers.roster
    minh = roster.find("minh.tran")
    named = "minh.tran"
    if how == "unknown":
        named = "nobody"
    elif how == "disabled":
        roster.disable(minh, "test")
    elif how == "without the right":
        roster.revoke(minh, "*", "links", "test")
    else:
        own = roster.add("an.le", "Lê An", "test", Own("9900000009", FACTS["citizen_number"]))
        roster.grant(own, "*", "links", "test")
        named = "an.le"
    done = operator.run("links", "resolve", refused(base), "link", "--by", "lan.nguyen", "--approved-by", named, *WHY)

    assert done.exit_code == 1
    assert done.output.startswith(f"idp: --by and --approved-by: {named} is ")
    assert linked(operator, HOA) == []


def test_a_refusal_stays_one(operator: Operator, base: Stores) -> None:
    name = refused(base)
    assert operator.json("links", "resolve", name, "refuse", *WHY) == {"id": name, "resolution": "refused"}

    assert linked(operator, HOA) == []
    assert operator.json("audit", "tail")[-1]["facts"] == "resolution=refused upstream=vneid why=identity"
    for decision in (("refuse",), ("link", *TWO)):
        again = operator.run("links", "resolve", name, *decision, *WHY)
        assert (again.exit_code, again.output[:28]) == (1, "idp: it was decided already,")
    assert linked(operator, HOA) == []


def test_officers_may_name_another_account_whose_own_link_then_ends(operator: Operator, base: Stores) -> None:
    first, second = refused(base), refused(base, about=None, subject="s-2")
    operator.does("links", "resolve", first, "link", *TWO, *WHY)

    unnamed = operator.run("links", "resolve", second, "link", *TWO, *WHY)
    assert unnamed.output == "idp: nobody's account is concerned: name one with --account\n"
    operator.does("links", "resolve", second, "link", "--account", HOA, *TWO, *WHY)

    assert linked(operator, HOA) == ["vneid"]
    assert operator.json("links", "show", first)["linked_now_to"] is None
    assert operator.json("links", "show", second)["linked_now_to"] == HOA


def test_whoever_comes_belongs_to_one_account(operator: Operator, base: Stores) -> None:
    operator.does("links", "resolve", refused(base), "link", *TWO, *WHY)
    again = refused(base, id="dispute-again")

    operator.does("links", "resolve", again, "link", "--account", AN, *TWO, *WHY)

    assert (linked(operator, HOA), linked(operator, AN)) == ([], ["vneid"])
    events = [(each["name"], each["reason"]) for each in operator.json("audit", "tail")[-3:]]
    assert events == [("link.removed", "desk 12"), ("link.added", "desk 12"), ("link.decided", "desk 12")]
    told = [each["to"] for each in operator.json("messages", "list") if each["template"] == "notice"]
    assert sorted(told) == ["*** *** *01", "*** *** *01", "*** *** *02"], "whoever loses the link is told too"


def test_a_closed_account_is_linked_with_nobody(operator: Operator, base: Stores) -> None:
    name = refused(base)
    operator.does("accounts", "disable", HOA, *WHY)

    done = operator.run("links", "resolve", name, "link", *TWO, *WHY)

    assert (done.exit_code, done.output) == (1, "idp: the account is disabled\n")
    assert len(operator.json("links", "list")) == 1


def test_options_of_a_link_do_not_go_with_a_refusal(operator: Operator, base: Stores) -> None:
    done = operator.run("links", "resolve", refused(base), "refuse", *TWO, *WHY)

    assert (done.exit_code, done.output) == (1, "idp: --account, --by and --approved-by are for a link\n")


def test_an_id_may_begin_with_a_hyphen(operator: Operator, base: Stores) -> None:
    name = refused(base, id="-Jd8sXb0Qm5r1Zt7uVw3A")

    assert operator.json("links", "show", name)["id"] == name
    operator.does("links", "resolve", name, "refuse", *WHY)


def test_an_officer_ends_a_link(operator: Operator, base: Stores) -> None:
    operator.does("links", "resolve", refused(base), "link", *TWO, *WHY)

    assert "any more" in operator.does("links", "remove", HOA, "vneid", *WHY)

    assert linked(operator, HOA) == []
    assert operator.json("audit", "tail")[-1]["name"] == "link.removed"
    assert len([each for each in operator.json("messages", "list") if each["template"] == "notice"]) == 2
    for words in ((HOA, "vneid"), (HOA, "dvcqg"), (AN, "vneid")):
        assert operator.run("links", "remove", *words, *WHY).output == "idp: the account has no such link\n"
    assert operator.run("links", "remove", "nobody", "vneid", *WHY).exit_code == 1


def test_an_account_that_changes_at_this_moment_is_not_linked(operator: Operator, base: Stores) -> None:
    """The decision stood on the account as it was."""
    from federation.linking import LinkConflict
    from federation.officers import LinkOfficers, TwoPersonRule

    store = base.links
    dispute, seen = store.find_dispute(refused(base)), base.people.find(HOA)
    assert dispute
    assert isinstance(seen, Account)
    operator.does("accounts", "set-phone", HOA, "0981234567", *WHY)

    for known in (seen, replace(seen, secured_at=1.0)):
        with pytest.raises(LinkConflict):
            LinkOfficers(store, Container(base).accounts.notices, base.clock).link(
                dispute, known, TwoPersonRule("lan", "minh"), "desk 12"
            )
    assert linked(operator, HOA) == []
    assert len(operator.json("links", "list")) == 1
