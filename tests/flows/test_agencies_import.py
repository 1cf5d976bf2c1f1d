"""The list of agencies in an operator's hands."""

import json
from pathlib import Path

from config.cli.agencies_file import COLUMNS
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator

HEADER = ",".join(COLUMNS)
CENTRE = "00100,BHXH Việt Nam (thử),central,,,,,,"
CITY = "079,BHXH Thành phố Thử,province,00100,2025-07-01,,,1 Đường Thử,0280000"
OFFICE = '07906,"BHXH cơ sở Bình Thử",base,079,01/07/2025,,,"12, Đường Thử",02800001'
GONE = "07921,BHXH huyện Cũ,district_legacy,079,,2025-09-30,07906,,"
SANDBOX = Path(__file__).parents[2] / "sandbox" / "agencies.csv"


def imported(operator: Operator, *lines: str, encoding: str = "utf-8") -> tuple[dict[str, int], list[str]]:
    Path("agencies.csv").write_bytes("\n".join((HEADER, *lines)).encode(encoding))
    done = operator.run("agencies", "import", "agencies.csv", "--reason", "merger", "--json")
    assert done.stdout, done.output
    assert done.exit_code == (json.loads(done.stdout)["rejected"] > 0), done.output
    return json.loads(done.stdout), done.stderr.splitlines()


def codes(operator: Operator, *words: str) -> list[str]:
    return [row["code"] for row in operator.json("agencies", "list", *words)]


def test_agencies_are_read_and_listed_by_day(operator: Operator) -> None:
    counts, said = imported(operator, OFFICE, CITY, CENTRE, GONE, encoding="utf-8-sig")

    assert (counts, said) == ({"read": 4, "written": 4, "rejected": 0}, [])
    assert codes(operator) == ["00100", "079", "07906"]
    assert codes(operator, "--at", "2025-06-30") == ["00100", "07921"]
    assert "BHXH cơ sở Bình Thử" in operator.does("agencies", "list")


def test_a_second_file_brings_up_to_date_and_deletes_nothing(operator: Operator) -> None:
    imported(operator, CENTRE, CITY, OFFICE)
    imported(operator, "07906,BHXH cơ sở Khác,base,079,,,,,")

    assert codes(operator) == ["00100", "079", "07906"]
    assert "BHXH cơ sở Khác" in operator.does("agencies", "list")


def test_bad_lines_are_told_by_number_and_good_ones_are_kept(operator: Operator) -> None:
    counts, said = imported(
        operator, CENTRE, "0 79,x,base,,,,,,", "078,,base,,,,,,", "077,x,village,,,,,,", "076,x,base,,soon,,,,",
        "075,x,base,,2025-07-02,2025-07-01,,,", "074,x,base,074,,,,,", "073,x,base,555,,,,,", "072,x", CENTRE,
        "071,a\u0007b,base,,,,,,", CITY,
    )  # fmt: skip

    assert counts == {"read": 12, "written": 2, "rejected": 10}
    assert [line.split(":")[1].strip() for line in said] == [f"line {n}" for n in range(3, 13)]
    assert codes(operator) == ["00100", "079"]


def test_circles_and_what_hangs_on_them_are_refused(operator: Operator) -> None:
    counts, said = imported(
        operator, "01,a,base,02,,,,,", "02,b,base,01,,,,,", "03,c,base,01,,,,,", "04,d,base,,,2025-01-01,05,,",
        "05,e,base,,,2025-01-01,04,,", CENTRE,
    )  # fmt: skip

    assert counts == {"read": 6, "written": 1, "rejected": 5}
    assert sum("circle" in line for line in said) >= 4


def test_a_file_that_is_none_is_refused_whole(operator: Operator) -> None:
    for content in (b"", b"code,name\n1,x\n", b"\xff\xfe\x00", (HEADER + '\n"x').encode()):
        Path("bad.csv").write_bytes(content)
        done = operator.run("agencies", "import", "bad.csv", "--reason", "x")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("idp: ")


def test_the_sandbox_s_list_is_good(operator: Operator) -> None:
    done = operator.run("agencies", "import", str(SANDBOX), "--reason", "sandbox", "--json")

    assert json.loads(done.stdout) == {"read": 29, "written": 29, "rejected": 0}
    assert {row["kind"] for row in operator.json("agencies", "list", "--at", "2025-08-01")} == {
        "central", "province", "district_legacy", "base", "defence", "police",
    }  # fmt: skip
