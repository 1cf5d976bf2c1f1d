"""Register and accounts are imported line by line: memory does not grow with the file, reading again changes nothing.

`make soak` reads a million participants and a million accounts into both databases, `make test` a hundredth;
`SOAK_SEED` repeats a run. The accounts share one hash that was computed before.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from idp.store.database import Database
from idp.store.participants import SqlParticipants
from idp.store.people import SqlPeople
from tests.support.plans import plan_of
from tests.support.provider import IDP

SEED = int(os.environ.get("SOAK_SEED", "20261122"))
GROWTH = 16 * 1024
"""KiB by which a long import may be larger than one of a single batch: what allocators keep."""
HASH = "$argon2id$v=19$m=19456,t=2,p=1$70xRsHtZa500pcETKdtlew$ZI/DH37RlAlpyt1ThsQSh3ZU9ya+6bm4VhOgssewzBY"
FAMILY, GIVEN = ("Nguyễn", "Trần", "Lê", "Đặng", "Phạm"), ("Hoà", "Quý", "Ấn", "Thuý", "Mão", "Bình")


@dataclass(frozen=True)
class Run:
    """An import that ended: its summary, its largest memory in KiB, its seconds."""

    summary: dict[str, int]
    memory: int
    seconds: float


def lines(number: int, bad_every: int) -> Iterator[str]:
    chance = random.Random(SEED)
    yield "bhxh_code,name,birth_date,citizen_number,phone"
    for n in range(number):
        name = f"{chance.choice(FAMILY)} Thị {chance.choice(GIVEN)}"
        code = f"00{n:08d}" if n % bad_every else f"{n:09d}"
        yield f"{code},{name},{n % 28 + 1:02d}/{n % 12 + 1:02d}/{1940 + n % 70},0008{n:08d},098{n % 10**7:07d}"


def people(number: int, bad_every: int) -> Iterator[str]:
    """Accounts with both identifiers, a number and an address; every so often one without a name."""
    chance = random.Random(SEED)
    for n in range(number):
        name = f"{chance.choice(FAMILY)} Thị {chance.choice(GIVEN)}" if n % bad_every else ""
        identifiers = {"bhxh": f"00{n:08d}", "cccd": f"0008{n:08d}"}
        yield json.dumps(
            {"name": name, "identifiers": identifiers, "phone": f"098{n % 10**7:07d}", "password_hash": HASH},
            ensure_ascii=False,
        )


def run(home: Path, url: str, number: int, *, what: str = "participants", bad_every: int = 1000) -> Run:
    file = home / f"{what}-{number}.txt"
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in (lines if what == "participants" else people)(number, bad_every))
    environment = dict(os.environ) | {"IDP_DATA_DIR": str(home), "IDP_STORE__DATABASE_URL": url}
    command = [IDP, what, "import", str(file), "--json", "--reason", "soak"]
    began = time.monotonic()
    with subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as done:
        assert done.stdout
        told = done.stdout.read()
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
    return Run(json.loads(told), usage.ru_maxrss, time.monotonic() - began)


@pytest.mark.parametrize(
    "number", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)], ids=["a hundredth", "all"]
)
def test_a_register_of_any_length_is_imported_in_the_same_memory(
    database: Database, database_url: str, tmp_path: Path, number: int
) -> None:
    bad = number // 1000
    one_batch = run(tmp_path, database_url, 2000)
    first, second = (run(tmp_path, database_url, number) for _ in range(2))

    assert first.summary == {"read": number, "written": number - bad - 1998, "unchanged": 1998, "rejected": bad}
    assert second.summary == {"read": number, "written": 0, "unchanged": number - bad, "rejected": bad}
    assert SqlParticipants(database).count() == number - bad
    assert first.memory < one_batch.memory + GROWTH
    for name, each in (("first", first), ("second", second)):
        print(
            f"\n{name} import of {number} rows on {database.dialect}: {each.seconds:.1f} s,"
            f" {number / each.seconds:.0f} rows/s, at most {each.memory // 1024} MiB"
            f" (a single batch: {one_batch.memory // 1024} MiB)",
            file=sys.stderr,
        )


@pytest.mark.parametrize(
    "number", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)], ids=["a hundredth", "all"]
)
def test_accounts_of_any_number_are_imported_in_the_same_memory_and_found_by_index(
    database: Database, database_url: str, tmp_path: Path, number: int
) -> None:
    bad = number // 1000
    one_batch = run(tmp_path, database_url, 2000, what="accounts")
    first = run(tmp_path, database_url, number, what="accounts")
    assert first.summary == {"read": number, "added": number - bad - 1998, "known": 1998, "refused": bad}
    assert first.memory < one_batch.memory + GROWTH

    held = SqlPeople(database)
    finds = {
        "code": lambda: held.find_by_identifier("bhxh", f"00{number - 1:08d}"),
        "card": lambda: held.find_by_identifier("cccd", f"0008{number - 1:08d}"),
        "phone": lambda: held.holding_phone(f"+8498{(number - 1) % 10**7:07d}"),
    }
    for name, find in finds.items():
        assert find(), name
        plan = plan_of(database, find)
        assert not re.search(r"SCAN (account|identifier)\b|Seq Scan on (account|identifier)\b", plan), plan
        took = min(_timed(find) for _ in range(20))
        print(f"\nby {name} among {number} on {database.dialect}: {took * 1000:.2f} ms", file=sys.stderr)
    rate = number / first.seconds
    print(
        f"import of {number} accounts: {first.seconds:.0f} s, {rate:.0f}/s, {first.memory // 1024} MiB", file=sys.stderr
    )


def _timed(find: Callable[[], object]) -> float:
    began = time.perf_counter()
    find()
    return time.perf_counter() - began
