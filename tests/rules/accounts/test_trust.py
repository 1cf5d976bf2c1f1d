"""The table of channels and proofs is the only place that decides who may speak for a person."""

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from idp.accounts import trust
from idp.accounts.account import Account
from tools.channels import PAGE, PURPOSES, page

PROJECT = Path(__file__).parents[3]
STATE = {
    "phone_verified_at",
    "phone_changed_at",
    "phone_source",
    "email_verified_at",
    "email_changed_at",
    "email_source",
}
NOW, HOUR, DAY = 1_790_000_000.0, 3600.0, 86_400.0

READERS = {
    "idp/accounts/trust.py": "the table",
}
"""Modules that may look at how a channel of an account stands, and why."""


def looks(path: Path) -> list[str]:
    """Every place in a module that reads how a channel of an account stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path.relative_to(PROJECT)}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in STATE and is_account(node.value)
    ]


def is_account(node: ast.expr) -> bool:
    """Forms and columns have fields of the same names: an account is called one."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("account", "after", "holder", "person", "owner")


def test_no_path_decides_by_itself_how_a_channel_stands() -> None:
    """H-1, H-2, M-1: each was a rule that one path held and its sibling forgot."""
    modules = [path for room in ("config", "federation", "idp", "qr_login") for path in (PROJECT / room).rglob("*.py")]
    found = {str(path.relative_to(PROJECT)): looks(path) for path in modules}

    assert {name: places for name, places in found.items() if places and name not in READERS} == {}
    assert found["idp/accounts/trust.py"]


def test_no_page_decides_by_itself_how_a_channel_stands() -> None:
    pages = list((PROJECT / "idp/templates").rglob("*.html"))

    assert [
        path.name for path in pages for name in STATE if f"account.{name}" in path.read_text(encoding="utf-8")
    ] == []


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tools/channels.py"
    # A registration has no account yet.
    assert set(PURPOSES) == set(get_args(trust.Purpose)) - {"registration"}


@pytest.mark.parametrize("cell", [*trust.TABLE, *trust.POWERS], ids=str)
def test_a_row_taken_out_of_the_table_is_missed_by_the_page(cell: object) -> None:
    """`tests/flows/test_channels.py` holds every path to the page."""
    name = "TABLE" if isinstance(cell, tuple) else "POWERS"
    code = f"from idp.accounts import trust; rows = dict(trust.{name}); rows.pop({cell!r}); trust.{name} = rows\n"
    code += "from tools.channels import PAGE, page\ntry:\n    same = page() == PAGE.read_text()\n"
    code += "except KeyError:\n    same = False\nassert not same"

    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True).returncode == 0


def phone(**more: object) -> trust.Contact:
    return trust.contacts(Account("", "individual", "", phone="+84981234567", **more), NOW)[0]  # type: ignore[arg-type]


def email(**more: object) -> trust.Contact:
    return trust.contacts(Account("", "individual", "", email="nga@example.com", **more), NOW)[0]  # type: ignore[arg-type]


def test_how_a_number_stands() -> None:
    assert phone().state == "unproved"
    assert phone(phone_source="desk").state == "vouched"
    assert phone(phone_verified_at=NOW - trust.YEAR).state == "proved"
    assert phone(phone_verified_at=NOW - trust.YEAR - 1).state == "unused"
    assert phone(phone_verified_at=NOW, phone_changed_at=NOW - trust.REST + 1).state == "changed"
    assert phone(phone_verified_at=NOW, phone_changed_at=NOW - trust.REST).state == "proved"
    assert phone(phone_source="undo", phone_changed_at=NOW - trust.REST + 1).state == "restored"
    assert phone(phone_source="undo", phone_changed_at=NOW - trust.REST).state == "rested"


def test_an_address_does_not_go_to_another_owner_by_itself() -> None:
    assert email(email_verified_at=NOW - 3 * trust.YEAR).state == "proved"
    assert email(email_verified_at=NOW, email_changed_at=NOW - HOUR).state == "changed"
    assert email(email_source="undo", email_changed_at=NOW - HOUR).state == "restored"


def test_the_state_of_a_channel_is_all_that_an_account_keeps_of_it() -> None:
    """A new column about a channel has to be added to the rule above."""
    kept = {field.name for field in fields(Account) if field.name.startswith(("phone_", "email_"))}

    assert kept == STATE


def test_an_electronic_identity_recovers_by_a_dated_fresh_and_firm_login_alone() -> None:
    fresh = {"ial": 2, "brief": False, "firm": True, "auth_time": NOW - 10, "dated": True, "now": NOW}

    assert trust.eid_proof(**fresh) == "eid_fresh"  # type: ignore[arg-type]
    for change, said in (
        ({"dated": False}, "eid_undated"),
        ({"auth_time": NOW - trust.FRESH - 1}, "eid_old"),
        ({"auth_time": NOW + 60}, "eid_old"),
        ({"ial": 1}, "eid_weak"),
        ({"brief": True}, "eid_weak"),
        ({"firm": False}, "eid_weak"),
    ):
        assert trust.eid_proof(**fresh | change) == said  # type: ignore[arg-type]


def test_who_says_not_me_never_outranks_a_desk_or_a_strong_identity() -> None:
    """H-2"""
    own = trust.disavowal("profile_changed", {"phone": "+84981234567"}, NOW, None)
    by_desk = trust.disavowal("profile_changed", {"phone": "+84981234567", "vouched_by": "desk"}, NOW, NOW)
    older = trust.disavowal("new_device", {}, NOW - DAY, NOW - HOUR)
    newer = trust.disavowal("new_device", {}, NOW, NOW - HOUR)

    assert (own, by_desk, older, newer) == ("disavow", "disavow_outranked", "disavow_outranked", "disavow")
    assert trust.POWERS["disavow_outranked"] == {"end_sessions", "open_case"}
