"""From a hash of another system to one of ours: imported, compared at the login, replaced; on both databases."""

import hashlib
import json
import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from config.cli.accounts_import import add_batch, read_lines
from idp.accounts.account import Account
from idp.accounts.legacy_hashes import LegacyScheme, read_legacy_hash
from idp.store import tables as t
from tests.flows.test_accounts_import import counts, imported, saved
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.app import App, attempt_of

DOCUMENT = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
[PASSWORD] = re.findall(r"password of every example is `(.+?)`", DOCUMENT)
EXAMPLES = dict(re.findall(r"^\| (.+?) \| `(\S+?)` \|", DOCUMENT.partition("| format |")[2], re.MULTILINE))
CODE = "0012345678"


def identity_v2(password: str) -> str:
    """ASP.NET Identity, version 2, as documented: 0, salt of 16 bytes, 32 bytes of PBKDF2-HMAC-SHA1, 1,000 times."""
    salt = bytes(range(16))
    return b64encode(b"\0" + salt + hashlib.pbkdf2_hmac("sha1", password.encode(), salt, 1000, 32)).decode()


def open_with(app: App, written: str) -> Account:
    """Import one person with this hash."""
    person = {"name": "Trần Văn Ấn", "identifiers": {"bhxh": CODE}, "password_hash": written}
    lines = list(read_lines(BytesIO(json.dumps(person).encode()), app.clock()))
    numbers = counts(0, 0)
    add_batch(app.base, app.provider.accounts.passwords, lines, numbers)
    assert numbers == counts(1, 1), lines
    return account_of(app)


def account_of(app: App) -> Account:
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    return account


def renewals(app: App) -> list[dict[str, object]]:
    with app.base.database.autocommit.connect() as connection:
        written = select(t.audit.c.facts).where(t.audit.c.name == "password.renewed")
        return [json.loads(facts) for facts in connection.execute(written).scalars()]


def location(app: App, password: str) -> str:
    visitor = app.visitor()
    return visitor.log_in(visitor.authorize(), CODE, password).headers.get("Location", "")


def test_the_first_login_replaces_the_wrapped_hash_and_later_ones_find_ours(everywhere: App) -> None:
    app, password = everywhere, "mật khẩu của hệ thống cũ"
    wrapped = open_with(app, identity_v2(password)).password_hash or ""

    assert wrapped.startswith("wrapped$pbkdf2-sha1$1000$32$")
    assert "code=" not in location(app, password + "x")
    assert account_of(app).password_hash == wrapped
    assert "code=" in location(app, password)
    renewed = account_of(app)
    assert (renewed.password_hash or "").startswith("$argon2id$")
    assert not renewed.password_temporary
    assert "code=" in location(app, password)
    assert account_of(app) == renewed
    assert renewals(app) == [{"algorithm": "pbkdf2-sha1", "weak": False}]


@pytest.mark.parametrize("password", ["1234567", "password1", CODE, "trần văn ấn"])
def test_a_password_that_would_not_be_allowed_today_is_changed_at_that_login(everywhere: App, password: str) -> None:
    """P-02: it lets its owner in once more, and no further than to the page that changes it."""
    app = everywhere
    open_with(app, "sha1$$" + hashlib.sha1(password.encode()).hexdigest())

    assert "/password" in location(app, password)
    assert account_of(app).password_temporary
    assert renewals(app) == [{"algorithm": "sha1", "weak": True}]
    assert "/password" in location(app, password)


def test_a_password_changed_meanwhile_is_not_replaced(app: App) -> None:
    """The race of a login with the person's own change: whoever was first stays."""
    account = open_with(app, identity_v2("mật khẩu của hệ thống cũ"))
    wrapped, passwords, people = account.password_hash or "", app.provider.accounts.passwords, app.base.people
    chosen = passwords.hash("mật khẩu vừa đổi xong")
    people.set_password(account.id, chosen, app.clock())

    app.provider.login.logins._renew(account, wrapped, passwords.hash("1234567"), "1234567")

    assert account_of(app).password_hash == chosen
    assert not account_of(app).password_temporary
    assert renewals(app) == []


def test_a_closed_account_is_not_renewed(app: App) -> None:
    account = open_with(app, identity_v2("mật khẩu của hệ thống cũ"))
    app.base.people.set_status(account.id, "disabled", app.clock())

    assert "code=" not in location(app, "mật khẩu của hệ thống cũ")
    assert account_of(app).password_hash == account.password_hash
    assert renewals(app) == []


def test_a_temporary_password_of_another_system_works_once(app: App) -> None:
    """It is renewed and used up by the same login."""
    account = open_with(app, identity_v2("mật khẩu của hệ thống cũ"))
    until = {"password_temporary": True, "password_good_until": app.clock() + 60}
    with app.base.database.transaction.begin() as connection:
        connection.execute(t.account.update().where(t.account.c.id == account.id).values(**until))

    assert "/password" in location(app, "mật khẩu của hệ thống cũ")
    assert location(app, "mật khẩu của hệ thống cũ") == ""
    spent = account_of(app)
    assert spent.password_spent_at == app.clock()
    assert spent.password_temporary


def test_every_line_of_the_document_is_imported_and_its_password_opens(operator: Operator, app: App) -> None:
    rows = DOCUMENT.partition("| format |")[2].partition("- A salt")[0]
    people = [
        {"name": "Người Thử", "identifiers": {"bhxh": f"00{number:08d}"}, "password_hash": written}
        for number, written in enumerate(EXAMPLES.values(), 100)
    ]

    assert len(EXAMPLES) == rows.count("\n| ") - 1
    assert imported(operator, saved(*people)) == (counts(len(people), len(people)), "")
    passwords = app.provider.accounts.passwords
    for written in EXAMPLES.values():
        assert passwords.verify(passwords.wrap(read_legacy_hash(written)), PASSWORD), written


def test_the_file_of_the_document_is_imported(operator: Operator) -> None:
    [block] = re.findall(r"```json\n(.+?)```", DOCUMENT, re.DOTALL)
    lines = block.strip().splitlines()

    assert imported(operator, saved(*lines)) == (counts(2, 2), "")
    assert imported(operator, saved(*lines)) == (counts(2, 0, known=2), "")


def test_known_people_cost_an_import_no_hash(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    account = open_with(app, identity_v2("mật khẩu của hệ thống cũ"))
    passwords = app.provider.accounts.passwords
    monkeypatch.setattr(passwords, "wrap", lambda legacy: pytest.fail("hashed in vain"))
    person = {"name": "Trần Văn Ấn", "identifiers": {"bhxh": CODE}, "password_hash": identity_v2("khác hẳn cái cũ")}
    numbers = counts(0, 0)
    add_batch(app.base, passwords, list(read_lines(BytesIO(json.dumps(person).encode()), 0.0)), numbers)

    assert numbers == counts(1, 0, known=1)
    assert account_of(app) == account


def test_a_hash_that_is_too_dear_or_unknown_is_told_by_its_line(operator: Operator) -> None:
    base = {"name": "Người Thử", "identifiers": {"bhxh": CODE}}
    dear = "$2b$14$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba"
    given = [dear, "5ab33038ba12f13355802d91ea0f5623", 5, ["x"]]

    summary, complaints = imported(operator, saved(*(base | {"password_hash": each} for each in given)))

    assert summary == counts(4, 0, refused=4)
    assert "line 1: password_hash is too dear to check (bcrypt has to have a cost of 4 to 12)" in complaints
    assert "line 2: password_hash is in no known format" in complaints
    assert complaints.count("password_hash is a text") == 2
    assert "abcdefghij" not in complaints
    assert "5ab3" not in complaints


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3))


@settings(max_examples=300, deadline=None)
@given(JSON | st.text(alphabet="$={}pbkdf2_sha256./AQa\ud800", max_size=60))
def test_whatever_stands_in_the_place_of_a_hash_is_a_line_and_no_error(value: object) -> None:
    person = {"name": "Người Thử", "identifiers": {"bhxh": CODE}, "password_hash": value}

    [line] = read_lines(BytesIO(json.dumps(person).encode()), 0.0)

    assert (line.account is None) == (line.complaint.startswith("password_hash is "))
    assert value is None or line.account is None or line.legacy


class Counted:
    """How often an old digest was computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        digest = LegacyScheme.digest

        def counting(scheme: LegacyScheme, password: str) -> bytes:
            self.times += 1
            return digest(scheme, password)

        monkeypatch.setattr(LegacyScheme, "digest", counting)


def test_an_unknown_code_is_judged_by_the_hash_of_a_stand_in_and_opens_nothing(
    everywhere: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N-10: a hash that takes longer tells nobody that its account exists, for a code of nobody may take as long."""
    app, password, unknown = everywhere, "mật khẩu của hệ thống cũ", "0098765432"
    account = open_with(app, identity_v2(password))
    monkeypatch.setattr(app.provider.accounts.passwords, "stand_in", lambda identifier: account.id)
    done = Counted(monkeypatch)
    visitor = app.visitor()

    answers = [visitor.try_to_log_in(attempt_of(visitor.authorize()), unknown, each) for each in ("wrong", password)]

    assert done.times == 2
    assert [answer.status_code for answer in answers] == [200, 200]
    assert account_of(app).password_hash == account.password_hash
    assert renewals(app) == []


def test_a_stand_in_is_always_the_same_and_known_only_with_the_pepper(app: App) -> None:
    from idp.accounts.passwords import HashCost, Passwords

    passwords = app.provider.accounts.passwords
    other = Passwords(b"another", HashCost(8, 1), at_once=1, waiting=1)

    assert passwords.stand_in("bhxh:0098765432") == passwords.stand_in("bhxh:0098765432")
    assert re.fullmatch("[0-9a-f]{32}", passwords.stand_in("bhxh:0098765432"))
    assert len({each.stand_in(f"bhxh:{code}") for each in (passwords, other) for code in ("1", "2")}) == 4
