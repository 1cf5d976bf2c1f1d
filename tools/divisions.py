"""Writes `idp/registration/divisions.csv`: provinces and communes of today, the provinces of before, and days.

    .venv/bin/python tools/divisions.py

What holds since 1 July 2025 is read out of the package `vietnam-provinces` (codes and names of the state, only facts;
docs/decisions/0003), what held before is the table below. `into` of a province of before is the code of the one that it
became a part of; seven codes went on under the other province's name, so that a code says nothing without a day.
"""

import csv
import json
import sys
from pathlib import Path

import vietnam_provinces

FILE = Path(__file__).resolve().parent.parent / "idp" / "desk" / "divisions.csv"
SINCE, UNTIL = "2025-07-01", "2025-06-30"
CITIES = ("01", "31", "48", "79", "92")

BEFORE = """
01 Hà Nội,02 Hà Giang,04 Cao Bằng,06 Bắc Kạn,08 Tuyên Quang,10 Lào Cai,11 Điện Biên,12 Lai Châu,14 Sơn La,15 Yên Bái,
17 Hòa Bình,19 Thái Nguyên,20 Lạng Sơn,22 Quảng Ninh,24 Bắc Giang,25 Phú Thọ,26 Vĩnh Phúc,27 Bắc Ninh,30 Hải Dương,
31 Hải Phòng,33 Hưng Yên,34 Thái Bình,35 Hà Nam,36 Nam Định,37 Ninh Bình,38 Thanh Hóa,40 Nghệ An,42 Hà Tĩnh,
44 Quảng Bình,45 Quảng Trị,46 Thừa Thiên Huế,48 Đà Nẵng,49 Quảng Nam,51 Quảng Ngãi,52 Bình Định,54 Phú Yên,
56 Khánh Hòa,58 Ninh Thuận,60 Bình Thuận,62 Kon Tum,64 Gia Lai,66 Đắk Lắk,67 Đắk Nông,68 Lâm Đồng,70 Bình Phước,
72 Tây Ninh,74 Bình Dương,75 Đồng Nai,77 Bà Rịa - Vũng Tàu,79 Hồ Chí Minh,80 Long An,82 Tiền Giang,83 Bến Tre,
84 Trà Vinh,86 Vĩnh Long,87 Đồng Tháp,89 An Giang,91 Kiên Giang,92 Cần Thơ,93 Hậu Giang,94 Sóc Trăng,95 Bạc Liêu,
96 Cà Mau
"""

FORMED = """
01=01 04=04 08=08+02 11=11 12=12 14=14 15=15+10 19=19+06 20=20 22=22 24=24+27 25=25+26+17 31=31+30 33=33+34
37=37+35+36 38=38 40=40 42=42 44=44+45 46=46 48=48+49 51=51+62 52=52+64 56=56+58 66=66+54 68=68+67+60 75=75+70
79=79+74+77 80=80+72 82=82+87 86=86+83+84 91=91+89 92=92+93+94 96=96+95
"""


def rows() -> list[tuple[str, ...]]:
    """All lines: kind, code, name, into (a commune's province, or what a province of before became), from, to."""
    today = json.loads(vietnam_provinces.NESTED_DIVISIONS_JSON_PATH.read_text(encoding="utf-8"))
    into = {old: new for line in FORMED.split() for new, olds in [line.split("=")] for old in olds.split("+")}
    lines = [("province", code, name, into[code], "", UNTIL) for code, name in before()]
    for province in sorted(today, key=lambda p: p["code"]):
        code = f"{province['code']:02}"
        bare = province["name"].removeprefix("Thành phố ").removeprefix("Tỉnh ")
        rank = "Tỉnh" if province["division_type"] == "tỉnh" else "Thành phố"
        lines.append(("province", code, f"{rank} {bare}", "", SINCE, ""))
        for ward in sorted(province["wards"], key=lambda w: w["code"]):
            lines.append(("commune", f"{ward['code']:05}", ward["name"], code, SINCE, ""))
    return lines


def before() -> list[tuple[str, str]]:
    """The 63 provinces until 30 June 2025, with their rank."""
    named = [entry.strip().partition(" ") for entry in BEFORE.replace("\n", "").split(",")]
    return [(code, f"{'Thành phố' if code in CITIES else 'Tỉnh'} {name}") for code, _, name in named]


def main() -> int:
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "code", "name", "into", "valid_from", "valid_to"))
        writer.writerows(rows())
    print(f"{FILE.name}: {len(rows())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
