"""`idp officers` and `idp registrations`: the rules of the console, typed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from config.cli.context import opened_stores
from config.stores import Stores
from idp.accounts.participants import Participant
from idp.accounts.references import new_id, new_reference
from idp.registration.declaration import Declaration, Form
from idp.store.agencies import SqlAgencies
from idp.store.participants import SqlParticipants
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.officers import AGENCIES
from tests.support.sandbox import PROJECT

WHY = ("--reason", "desk 12")
LAN = ("--by", "lan.nguyen")


@pytest.fixture
def base(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """Two officers of one agency, by the commands that open a desk."""
    monkeypatch.setenv("IDP_OFFICERS__URL", "http://officers.localhost:8000")
    opened = opened_stores()
    SqlAgencies(opened.database, opened.clock).put(AGENCIES)
    for number, login in enumerate(("lan.nguyen", "minh.tran")):
        own = ("--bhxh-code", f"990000000{number}", "--citizen-number", f"00108000000{number}")
        operator.does("officers", "add", login, "--name", "Cán bộ", *own, *WHY)
        operator.does("officers", "grant", login, "--agency", "00100", "--right", "decide", *WHY)
    yield opened
    opened.close()


def declared(base: Stores, number: int = 1, agency: str = "00101") -> Declaration:
    """A declaration that waits."""
    form = Form("Trần Thị Bí Mật", f"00000007{number:02d}", phone=f"+849812345{number:02d}", agency=agency)
    draft = Declaration(new_id(), new_reference(), "individual", "register", new_id(), base.clock(), form=form)
    waiting = replace(draft, form=form).submitted(base.clock(), lapses_at=base.clock() + 86_400)
    base.declarations.add(waiting)
    return waiting


def test_an_officer_is_opened_invited_disabled_and_reset(operator: Operator, base: Stores) -> None:
    own = ("--bhxh-code", "0000000123", "--citizen-number", "000190000123")
    added = operator.json("officers", "add", "an.le", "--name", "Lê An", *own, *WHY)

    assert added["link"].startswith("http://officers.localhost:8000/invitation/")
    assert (
        operator.run("officers", "add", "an.le", "--name", "x", *own, *WHY).output == "idp: the login name is taken\n"
    )
    assert "no long numbers" in operator.run("officers", "add", "0000000123", "--name", "x", *own, *WHY).output
    assert (
        "no such agency" in operator.run("officers", "grant", "an.le", "--agency", "x", "--right", "data", *WHY).output
    )
    granted = operator.json("officers", "grant", "an.le", "--agency", "*", "--right", "data", *WHY)
    assert granted["rights"] == "data@*"
    assert operator.json("officers", "revoke", "an.le", "--agency", "*", "--right", "data", *WHY)["rights"] == ""
    assert operator.json("officers", "disable", "an.le", *WHY)["status"] == "disabled"
    assert operator.run("officers", "invite", "an.le", *WHY).output == "idp: the officer is disabled\n"
    operator.does("officers", "enable", "an.le", *WHY)
    assert operator.json("officers", "reset", "an.le", *WHY)["link"] != added["link"]
    assert [each["login"] for each in operator.json("officers", "list")] == ["an.le", "lan.nguyen", "minh.tran"]


def test_an_officer_s_other_number_is_read_from_the_register(operator: Operator, base: Stores) -> None:
    """Nobody decides about oneself by the number that nobody told the roster."""
    SqlParticipants(base.database).put([Participant("0000000123", "Lê An", citizen_number="000190000123")])
    operator.does("officers", "add", "an.le", "--name", "Lê An", "--bhxh-code", "0000000123", *WHY)
    operator.does("officers", "disable", "an.le", *WHY)
    operator.does("officers", "add", "ba.le", "--name", "Lê Ba", "--citizen-number", "000190000123", *WHY)
    for login in ("an.le", "ba.le"):
        officer = base.officers.find_by_login(login)
        assert officer
        assert (officer.bhxh_code, officer.citizen_number) == ("0000000123", "000190000123")


def test_a_declaration_is_listed_shown_masked_and_approved(operator: Operator, base: Stores) -> None:
    asked = declared(base)
    listed = operator.json("registrations", "list", "--agency", "00100")
    shown = operator.does("registrations", "show", asked.formatted_reference)
    done = operator.json("registrations", "approve", asked.formatted_reference, *LAN, *WHY)

    assert [each["reference"] for each in listed] == [asked.formatted_reference]
    assert "Bí Mật" not in shown
    assert "0000000701" not in shown
    assert done == {asked.formatted_reference: "approved"}
    assert base.people.find_by_identifier("bhxh", "0000000701")
    again = operator.run("registrations", "approve", asked.reference.lower(), *LAN, *WHY)
    assert (again.exit_code, "meanwhile" in again.output) == (1, True)


def test_many_take_two_officers(operator: Operator, base: Stores) -> None:
    """2.3.5"""
    references = [declared(base, number).reference for number in (1, 2)]

    alone = operator.run("registrations", "approve", *references, *LAN, *WHY)
    same = operator.run("registrations", "approve", *references, *LAN, "--approved-by", "lan.nguyen", *WHY)
    assert (alone.exit_code, same.exit_code) == (1, 1)
    assert base.people.find_by_identifier("bhxh", "0000000701") is None
    done = operator.json("registrations", "approve", *references, *LAN, "--approved-by", "minh.tran", *WHY)
    assert set(done.values()) == {"approved"}


def test_rejecting_and_giving_back_name_a_reason(operator: Operator, base: Stores) -> None:
    first, second = declared(base, 1), declared(base, 2)
    code = ("--reason-code", "incomplete")

    assert operator.run("registrations", "reject", first.reference, *LAN, *WHY).exit_code == 2
    assert operator.json("registrations", "reject", first.reference, *code, *LAN, *WHY)
    assert operator.json("registrations", "return", second.reference, *code, *LAN, *WHY)
    states = [base.declarations.find(each.id) for each in (first, second)]
    assert [each.state for each in states if each] == ["rejected", "returned"]
    assert operator.run("registrations", "resend", first.reference, *LAN, *WHY).exit_code == 1


@pytest.mark.parametrize("why", ["agency", "unknown officer", "unknown reference"])
def test_what_the_rules_refuse_is_one_line(operator: Operator, base: Stores, why: str) -> None:
    asked = declared(base, agency="00200")
    by = "nobody" if why == "unknown officer" else "lan.nguyen"
    reference = "x" if why == "unknown reference" else asked.reference
    done = operator.run("registrations", "approve", reference, "--by", by, *WHY)

    assert done.exit_code == 1
    assert done.output.startswith("idp: ")
    assert done.output.count("\n") == 1


def test_officers_of_a_file_are_for_development_only(
    operator: Operator, base: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(PROJECT / "sandbox" / "officers.json")
    operator.does("officers", "load", file, *WHY)
    monkeypatch.setenv("IDP_ENVIRONMENT", "production")

    assert operator.run("officers", "load", file, *WHY).exit_code != 0
