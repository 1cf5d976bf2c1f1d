"""The arithmetic of `tests.bench.capacity`: its units, what grows with what, and the document that shows it."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from idp.store.tables import metadata
from tests.bench import loading
from tests.bench.capacity import ESTIMATES, GB, Demand, Plan, arguments, figures, said

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs/capacity.md").read_text(encoding="utf-8")
RUNS = re.findall(
    r"^```console\n\$ python -m tests\.bench\.capacity(.*)\n```\n\n((?:\|.*\n|\n(?=\|))+)", DOCUMENT, re.M
)
NOTHING = Demand(0, 0.0, 0, 0, 0, 24, 0, 0, 0.0, 0.0, 0.0, 0)
GROWING = [
    each.name for each in fields(Demand) if each.name not in ("cores", "target", "sessions", "audit_rows", "families")
]
MILLIONS = "account|identifier|session|refresh_family|audit"


def flat(**costs: float) -> dict[str, Any]:
    """Figures in which everything costs nothing but a login by password, of which each cost is 1 or as given."""
    kept = figures()
    names = ("server_ms", "postgresql_ms", "redis_ms", "buffers", "wal_bytes")
    free, login = dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0) | costs
    operations = {
        name: dict.fromkeys(("small", "large"), login if name == "password login" else free)
        for name in kept["operations"]
    }
    return kept | {
        "operations": operations,
        "tables": {name: {"indexes": 10, "total": 100} for name in kept["tables"]},
        "redis_bytes": dict.fromkeys(kept["redis_bytes"], 1000),
        "exchanged": {name: {"in": 0, "out": 1000 if name == "password login" else 0} for name in kept["exchanged"]},
    }


def numbers(plan: Plan) -> dict[str, float]:
    return {row.what: row.number for row in plan.rows()}


def test_nothing_takes_the_least_there_is() -> None:
    plan = Plan(NOTHING, figures())

    assert (plan.machines, plan.postgresql_cores) == (2, 2)
    assert (plan.disk, plan.wal_a_day, plan.network, plan.backups) == (0, 0, 0, 0)
    assert plan.redis_memory == 2**28
    assert plan.max_connections % 50 == 0


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("start", [Demand(), Demand(sessions=1, audit_rows=1, families=1)], ids=["derived", "given"])
def test_twice_as_much_never_needs_less(start: Demand, name: str) -> None:
    once = numbers(Plan(start, figures()))
    twice = numbers(Plan(replace(start, **{name: 2 * getattr(start, name)}), figures()))

    assert [what for what in once if twice[what] < once[what]] == []
    # Months decide nothing where the rows were counted.
    assert twice != once or name == "audit_months"


@pytest.mark.parametrize("name", ["sessions", "audit_rows", "families"])
def test_more_rows_take_more_disk(name: str) -> None:
    few, many = (Plan(replace(Demand(), **{name: count}), figures()) for count in (1_000_000, 2_000_000))

    assert few.disk < many.disk
    assert few.machines == many.machines


def test_milliseconds_become_cores() -> None:
    plan = Plan(replace(NOTHING, peak_logins=100.0, cores=4, target=0.5), flat(server_ms=40.0, postgresql_ms=15.0))

    assert plan.used_cores("server") == pytest.approx(4.0)
    assert plan.machines == 2 + 1
    assert plan.workers == 12
    assert plan.postgresql_cores == 3
    assert plan.connections == (12 + 3) * 16


def test_half_the_target_takes_twice_the_machines() -> None:
    some, more = (Plan(replace(Demand(), target=target), flat(server_ms=96.0)) for target in (0.5, 0.25))

    assert (some.machines, more.machines) == (13, 25)


def test_rows_become_bytes() -> None:
    plan = Plan(replace(NOTHING, accounts=1000, sessions=10, audit_rows=100, families=1), flat())
    bloat = ESTIMATES["bloat of tables"]

    assert plan.table_bytes()["account"] == pytest.approx(1000 * 100 * bloat)
    assert plan.table_bytes()["identifier"] == pytest.approx(2000 * 100 * bloat)
    assert plan.disk == pytest.approx((1000 + 2000 + 10 + 100 + 1) * 100 * bloat)


def test_a_day_and_a_peak_become_bytes_and_bits() -> None:
    plan = Plan(replace(NOTHING, peak_logins=1000.0, daily_logins=2000), flat(wal_bytes=50_000.0))

    assert plan.wal_a_day == pytest.approx(0.1 * GB)
    assert plan.network == pytest.approx(8.0)
    assert plan.redis_memory == pytest.approx(2 * 1000 * (0.5 * 1_800_000 + 2 * 1_800_000))


def test_what_was_left_out_follows_from_the_logins_of_a_day() -> None:
    plan = Plan(replace(NOTHING, daily_logins=1000, sessions=None, audit_rows=None, audit_months=12), figures())

    assert plan.sessions == 1500
    assert plan.audit_rows == pytest.approx(365_250)


def test_the_figures_that_are_kept_are_those_of_a_whole_measurement() -> None:
    kept = figures()

    assert kept["scale"] == 1_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", kept["date"])
    assert kept["cores"] >= 1
    assert kept["postgresql"]
    assert all(t["rows"] >= 1_000_000 and t["total"] > 0 for t in kept["tables"].values())
    for sizes in kept["operations"].values():
        assert sizes["small"]["operations"] > 0 < sizes["large"]["operations"]
        assert sizes["small"]["server_ms"] > 0 < sizes["large"]["server_ms"]
        assert min(*sizes["small"].values(), *sizes["large"].values()) >= 0


def test_what_is_loaded_are_columns_of_ours() -> None:
    assert set(loading.GROWING) <= set(metadata.tables)
    for table, own in loading.OWN.items():
        assert set(own) <= set(metadata.tables[table].columns.keys())


def test_json_says_what_the_table_says() -> None:
    plan = Plan(Demand(), figures())

    assert json.loads(said(arguments(["--json"]))) == {
        row.what: {"number": row.number, "unit": row.unit} for row in plan.rows()
    }


def test_the_document_shows_the_plan_and_the_figures() -> None:
    assert len(RUNS) == 3
    assert "--measured" in RUNS[-1][0]


@pytest.mark.parametrize(("words", "shown"), RUNS)
def test_the_document_shows_what_the_command_prints(words: str, shown: str) -> None:
    command = [sys.executable, "-m", "tests.bench.capacity", *shlex.split(words)]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout

    assert shown == printed


def test_the_document_sets_the_connections_of_the_plan() -> None:
    assert f"\nmax_connections = {Plan(Demand(), figures()).max_connections} " in DOCUMENT


def test_no_migration_reads_or_writes_every_row_of_a_large_table() -> None:
    """docs/capacity.md says that an upgrade takes no longer with 40 million accounts."""
    for file in sorted((PROJECT / "config/migrations/versions").glob("[0-9]*.py"))[1:]:
        code = file.read_text(encoding="utf-8")
        assert not re.search(rf'create_index\(\s*\S+,\s*"({MILLIONS})"', code), file.name
        assert not re.search(rf'batch_alter_table\("({MILLIONS})"', code), file.name
        assert not re.search(rf'alter_column\(\s*"({MILLIONS})"', code), file.name
        assert not re.search(rf'(UPDATE|DELETE FROM|sa\.table\()\W*"?({MILLIONS})\b', code), file.name
        for added in re.findall(rf'add_column\(\s*"(?:{MILLIONS})",.*', code):
            assert "nullable=False" not in added or "server_default=" in added, file.name


def test_every_metric_that_the_document_names_exists() -> None:
    code = (PROJECT / "idp/http/metrics.py").read_text(encoding="utf-8")

    assert [name for name in re.findall(r"`(idp_[a-z_]+)`", DOCUMENT) if f'"{name}"' not in code] == []
