"""Many accounts at once: a person a line, hashes taken over, known ones left as they are, bad lines told."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from config.cli.accounts_import import read_lines
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.app import App

HASH = "$argon2id$v=19$m=19456,t=2,p=1$70xRsHtZa500pcETKdtlew$ZI/DH37RlAlpyt1ThsQSh3ZU9ya+6bm4VhOgssewzBY"
HOA = {"name": "Nguyễn Thị Hoà", "identifiers": {"bhxh": "0012345678", "cccd": "000890123456"}, "password_hash": HASH}
WHY = ("--reason", "accounts of the portal before")


def saved(*lines: Any) -> str:
    written = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    Path("people.jsonl").write_text("\n".join(written) + "\n", encoding="utf-8")
    return "people.jsonl"


def imported(operator: Operator, file: str) -> tuple[dict[str, int], str]:
    done = operator.run("accounts", "import", file, *WHY, "--json")
    assert done.stdout, done.output
    assert done.exit_code == (json.loads(done.stdout)["refused"] > 0), done.output
    return json.loads(done.stdout), done.stderr


def counts(read: int, added: int, known: int = 0, refused: int = 0) -> dict[str, int]:
    return {"read": read, "added": added, "known": known, "refused": refused}


def test_accounts_are_opened_and_reading_the_file_again_changes_nothing(operator: Operator) -> None:
    other = {"name": "Trần Văn Ấn", "identifiers": {"bhxh": "0033333333"}}

    assert imported(operator, saved(HOA, other, "")) == (counts(2, 2), "")
    assert imported(operator, saved(HOA, other)) == (counts(2, 0, known=2), "")

    assert operator.json("accounts", "show", "0012345678")["name"].startswith("Nguyễn")


def test_of_two_with_the_same_number_the_first_stays(operator: Operator) -> None:
    twin = HOA | {"identifiers": {"bhxh": "0012345679", "cccd": "000890123456"}}

    assert imported(operator, saved(HOA, twin))[0] == counts(2, 1, known=1)


def test_bad_lines_are_told_by_number_without_quoting_anybody(operator: Operator) -> None:
    file = saved(
        HOA,
        "{",
        "[]",
        HOA | {"password_hash": "$2b$12$abc"},
        HOA | {"password": "Matkhau#2026"},
        HOA | {"name": ""},
        "x" * 20_000,
        "[" * 9_000,
        {"name": "Trần Văn Ấn", "identifiers": {"bhxh": "12"}},
    )

    summary, complaints = imported(operator, file)

    assert summary == counts(9, 1, refused=8)
    for number, why in ((2, "not JSON"), (4, "password_hash"), (5, "not a password"), (6, "name"), (7, "longer than")):
        assert f"line {number}: " in complaints
        assert why in complaints
    assert "Hoà" not in complaints
    assert "Matkhau" not in complaints


def test_a_hash_that_was_taken_over_opens_the_account(app: App) -> None:

    hashed = app.provider.accounts.passwords.hash("mật khẩu dài để thử")
    line = json.dumps(HOA | {"password_hash": hashed}, ensure_ascii=False).encode()
    app.base.people.add_many([found.account for found in read_lines(BytesIO(line), app.clock()) if found.account])
    app.client()
    visitor = app.visitor()

    assert (
        visitor.log_in(visitor.authorize(), "0012345678")
        .headers["Location"]
        .startswith("https://portal.example.test/callback?code=")
    )
