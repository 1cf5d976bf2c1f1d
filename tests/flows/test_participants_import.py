"""The participant register in an operator's hands: files as offices save them, told by line, read again at will."""

import json
import os
import pty
import signal
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator
from tests.support.provider import IDP
from tests.support.waiting import until

HEADER = "bhxh_code,name,birth_date,citizen_number,phone"
HOA = "0012345678,Nguyễn Thị Hoà,17/05/1990,000890123456,0981 234 567"
AN = "0033333333,Trần Văn Ấn,1978,,"
WHY = ("--reason", "register of November")


def saved(*lines: str, end: str = "\n", encoding: str = "utf-8") -> str:
    Path("register.csv").write_bytes((end.join((HEADER, *lines)) + end).encode(encoding))
    return "register.csv"


def imported(operator: Operator, file: str, *words: str, typed: Any = None) -> tuple[dict[str, int], str]:
    """The summary, and what was said on standard error."""
    done = operator.run("participants", "import", file, *words, *WHY, "--json", typed=typed)
    assert done.stdout, done.output
    assert done.exit_code == (json.loads(done.stdout)["rejected"] > 0), done.output
    return json.loads(done.stdout), done.stderr


def counts(read: int, written: int, unchanged: int = 0, rejected: int = 0) -> dict[str, int]:
    return {"read": read, "written": written, "unchanged": unchanged, "rejected": rejected}


def test_a_register_is_read_shown_masked_and_counted(operator: Operator) -> None:
    assert imported(operator, saved(HOA, AN)) == (counts(2, 2), "")

    assert operator.json("participants", "count") == {"participants": 2}
    assert operator.does("participants", "count") == "2\n"
    shown = operator.json("participants", "show", "0012345678")
    assert shown | {"updated": None} == {
        "bhxh_code": "******5678",
        "name": "Nguyễn T. H.",
        "birth_year": 1990,
        "citizen_number": "********3456",
        "phone": "*** *** *67",
        "updated": None,
    }
    assert operator.json("participants", "show", "0033333333")["phone"] is None
    assert "******3333" in operator.does("participants", "show", "0033333333")
    assert operator.run("participants", "show", "0012345679").output == "idp: the register has no such code\n"
    assert operator.run("participants", "show", "nonsense").exit_code == 1


def test_reading_the_same_again_changes_nothing_and_a_newer_one_updates(operator: Operator) -> None:
    imported(operator, saved(HOA, AN))

    assert imported(operator, saved(AN, HOA))[0] == counts(2, 0, unchanged=2)
    assert imported(operator, saved(HOA.replace("4 567", "4 568"), AN))[0] == counts(2, 1, unchanged=1)
    assert operator.json("participants", "show", "0012345678")["phone"] == "*** *** *68"


def test_every_import_is_in_the_audit_trail_with_its_counts(operator: Operator) -> None:
    imported(operator, saved(HOA, AN, "x,,,,"))

    newest = operator.json("audit", "tail")[-1]
    assert (newest["name"], newest["reason"]) == ("participants.imported", "register of November")
    assert newest["facts"] == "read=3 rejected=1 unchanged=0 written=2"


BAD = {
    "12345678,An,,,": "bhxh_code has not ten digits",
    "000890123456,An,,,": "bhxh_code has not ten digits",
    ",An,,,": "bhxh_code has not ten digits",
    "0000000001,,,,": "name is empty",
    "0000000001,???,,,": "name is empty",
    f"0000000001,{'A' * 201},,,": "name is longer than 200 characters",
    "0000000001,An\u200b,,,": "name holds characters that cannot be shown",
    "0000000001,An\x00,,,": "name holds characters that cannot be shown",
    "0000000001,An,30/02/1990,,": "birth_date: no such day",
    "0000000001,An,hôm qua,,": "birth_date: not a date",
    "0000000001,An,01/01/2999,,": "birth_date: out of range",
    "0000000001,An,,12345,": "citizen_number has not twelve digits",
    "0000000001,An,,0000000001,": "citizen_number has not twelve digits",
    "0000000001,An,,,024 3789 9999": "phone is no Vietnamese mobile number",
    "0000000001,An": "2 columns instead of 5",
    "0000000001,An,,,,": "6 columns instead of 5",
    '0000000001,"An,,,': "a quote or the end of the line is in the wrong place",
    '0000000001,"An"h,,,': "a quote or the end of the line is in the wrong place",
    "0000000001,A\rn,,,": "a quote or the end of the line is in the wrong place",
    f"0000000001,{'A' * 9000},,,": "longer than 8192 bytes",
    f"0000000001,{'A' * 100_000},,,": "longer than 8192 bytes",
}


def test_bad_lines_are_told_by_number_and_reason_and_good_ones_are_kept(operator: Operator) -> None:
    summary, told = imported(operator, saved(HOA, *BAD, AN))

    assert summary == counts(len(BAD) + 2, 2, rejected=len(BAD))
    assert told.splitlines() == [f"idp: line {number}: {why}" for number, why in enumerate(BAD.values(), 3)]
    assert operator.json("participants", "count") == {"participants": 2}


def test_bytes_that_are_no_utf_8_spoil_only_their_line(operator: Operator) -> None:
    lines = [HEADER.encode(), HOA.encode(), b"0000000001,Nguy\xe1\xbb,,,", b"\xff\xfe\xfa", AN.encode()]
    Path("register.csv").write_bytes(b"\n".join(lines))

    summary, told = imported(operator, "register.csv")

    assert summary == counts(4, 2, rejected=2)
    assert told.splitlines() == ["idp: line 3: not UTF-8", "idp: line 4: not UTF-8"]


def test_nothing_of_a_person_is_repeated(operator: Operator) -> None:
    """Whatever is wrong with a line, and also when the header is missing and line 1 is a person."""
    secrets = ("Bí Mật", "0099999999", "000899999999", "0909999999", "31/12/1999")
    name, code, number, phone, birth_date = secrets
    values = [code, name, birth_date, number, phone]
    spoiled = [",".join([*values[:at], values[at] + "x9" * 3, *values[at + 1 :]]) for at in (0, 2, 3, 4)]
    spoiled += [",".join(values) + ",", '"' + ",".join(values), ",".join(values).replace(name, "")]
    for words in (), ("--rejects", "bad.csv"):
        summary, told = imported(operator, saved(*spoiled), *words)
        assert summary == counts(len(spoiled), 0, rejected=len(spoiled))
        rejects = Path("bad.csv").read_text() if words else ""
        assert not any(secret in told + rejects for secret in secrets)
    Path("register.csv").write_text(",".join(values) + "\n")
    refused = operator.run("participants", "import", "register.csv", *WHY)
    assert refused.exit_code == 1
    assert not any(secret in refused.output for secret in secrets)


def test_a_file_of_rejects_has_every_line_and_writes_over_nothing(operator: Operator) -> None:
    lines = [f"{number},An,,," for number in range(120)]

    assert imported(operator, saved(HOA, *lines), "--rejects", "bad.csv")[1] == (
        "idp: 120 lines were refused; the file of rejects says why\n"
    )
    kept = Path("bad.csv").read_text().splitlines()
    assert kept[:2] == ["line,reason", "3,bhxh_code has not ten digits"]
    assert len(kept) == 121
    register = Path("register.csv").read_bytes()
    for precious in ("bad.csv", "register.csv"):
        refused = operator.run("participants", "import", "register.csv", "--rejects", precious, *WHY)
        assert refused.exit_code == 2
        assert "File exists" in refused.output
    assert Path("register.csv").read_bytes() == register


def test_the_terminal_is_not_flooded(operator: Operator) -> None:
    told = imported(operator, saved(*(f"{number},An,,," for number in range(120))))[1].splitlines()

    assert len(told) == 51
    assert told[-1] == "idp: and 70 lines more; --rejects keeps them all"


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_of_every_office_program_are_read(operator: Operator, end: str, encoding: str) -> None:
    quoted = '"0000000002","Đặng, Văn Quý","","",""'

    summary, _ = imported(operator, saved(HOA, "", quoted, end=end, encoding=encoding))

    assert summary == counts(2, 2)
    assert operator.json("participants", "show", "0000000002")["name"] == "Đặng, V. Q."


def test_columns_may_stand_in_any_order_and_names_in_any_form(operator: Operator) -> None:
    name = unicodedata.normalize("NFD", "  Trần  Văn Ấn ")
    Path("register.csv").write_text(
        f"Name, phone,citizen_number,BHXH_CODE,birth_date\n{name},01681234567,,0033333333,\n"
    )

    assert imported(operator, "register.csv")[0] == counts(1, 1)
    shown = operator.json("participants", "show", "0033333333")
    assert (shown["name"], shown["phone"]) == ("Trần V. Ấ.", "*** *** *67")


def test_standard_input_is_a_file_too(operator: Operator) -> None:
    assert imported(operator, "-", typed=f"{HEADER}\n{HOA}\n")[0] == counts(1, 1)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("bhxh_code,name,birth_date,citizen_number", "missing columns: phone"),
        (f"{HEADER},gender,religion", "unknown columns: gender, religion"),
        ("bhxh_code,ho_ten,birth_date,citizen_number,phone", "unknown columns: ho_ten; missing columns: name"),
        (f"{HEADER},0981234567", "unknown columns: (not a name)"),
        (f"{HEADER},name", "names a column twice"),
        (HEADER.replace(",", ";"), "with commas between them"),
        ("", "must name the columns"),
        ('"bhxh_code', "in the wrong place"),
        (HEADER + " " * 9000, "longer than 8192 bytes"),
    ],
)
def test_a_header_that_does_not_fit_is_told_and_nothing_is_read(
    operator: Operator, header: str, complaint: str
) -> None:
    Path("register.csv").write_text(f"{header}\n{HOA}\n")
    done = operator.run("participants", "import", "register.csv", *WHY)

    assert done.exit_code == 1
    assert done.output.startswith("idp: line 1")
    assert complaint in done.output
    assert operator.json("participants", "count") == {"participants": 0}


@pytest.mark.parametrize("content", [b"", "\ufeff".encode("utf-16"), HEADER.encode("utf-16"), bytes(range(256)) * 100])
def test_a_file_that_is_no_csv_is_refused(operator: Operator, content: bytes) -> None:
    Path("register.csv").write_bytes(content)
    done = operator.run("participants", "import", "register.csv", *WHY)

    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("file", ["no-such.csv", "."])
def test_a_file_that_cannot_be_opened_is_named(operator: Operator, file: str) -> None:
    done = operator.run("participants", "import", file, *WHY)

    assert done.exit_code == 2
    assert "Traceback" not in done.output


def started(*words: str, **more: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([IDP, "participants", "import", *words, *WHY], env=dict(os.environ), **more)


def test_whoever_watches_a_terminal_sees_how_far_it_is(operator: Operator) -> None:
    saved(*(f"{number:010d},Trần Văn Ấn,,," for number in range(5000)))
    ours, theirs = pty.openpty()
    with started("register.csv", stderr=theirs, stdout=subprocess.PIPE) as process:
        os.close(theirs)
        assert process.stdout
        assert b"5000 written" in process.stdout.read()
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert "Importing" in shown
    assert "100%" in shown


def test_an_interrupted_import_is_told_and_can_be_run_again(operator: Operator) -> None:
    lines = [f"{number:010d},Trần Văn Ấn,,," for number in range(6000)]
    with started("-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(("\n".join([HEADER, *lines[:5000]])).encode())
        process.stdin.flush()
        until(lambda: operator.json("participants", "count") == {"participants": 4000})
        process.send_signal(signal.SIGINT)
        # While its input is still open: at its end the rest would be written too.
        process.wait(timeout=60)
    assert process.returncode == 1
    assert operator.json("audit", "tail")[-1]["facts"] == "read=4000 rejected=0 unchanged=0 written=4000"

    assert imported(operator, saved(*lines))[0] == counts(6000, 2000, unchanged=4000)
