"""`python -m tests.bench.capacity`: how many machines, connections and bytes a number of people needs.

Pure arithmetic on what `--measure` has measured (`capacity.json` beside this file, with date and machine): no figure
below is typed in, but for those of `ESTIMATES`, which say so. `--json` prints the plan as JSON, `--measured` the
measured figures as tables; docs/capacity.md is this command's output for the size of BHXH, and what follows from it.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).with_suffix(".json")
DAYS_A_MONTH = 365.25 / 12
GIB, GB = 2**30, 10**9
HASH_MIB = 19
"""Memory of one Argon2id hash, `login.hash_memory`."""

ESTIMATES = {
    "identifiers of an account": 2.0,
    "days that rows of sessions stay": 1.5,
    "bytes of a used attempt": 250.0,
    "bytes of a count of tries": 250.0,
    "seconds between two polls of a browser": 4.0,
    "documents that a portal fetches a minute": 4.0,
    "pictures of a QR login that are alive": 2.0,
    "share of logins that are begun and left": 0.5,
    "bloat of tables": 1.2,
    "Redis for fragments and replicas": 2.0,
    "days of WAL kept": 7.0,
    "full backups kept": 2.0,
    "connections for operators and backups": 20.0,
}
"""What was not measured, by what it is a number of."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of an installation. The defaults are the size of BHXH."""

    accounts: int = 40_000_000
    peak_logins: float = 500.0
    """Logins by password a second, in the busiest minutes."""
    daily_logins: int = 270_000
    sessions: int | None = None
    """Rows of `session`, those ended less than a day ago among them; None: what `daily_logins` leave."""
    audit_rows: int | None = None
    """None: what `daily_logins` leave in `audit_months`."""
    audit_months: int = 24
    families: int | None = None
    """Refresh families that are alive; None: one for each session."""
    portals: int = 60
    code_flows: float = 2.0
    """Code flows for each login: portals that a person opens."""
    refreshes: float = 2.0
    """Refreshes for each login."""
    userinfos: float = 2.0
    """Requests of userinfo for each login."""
    waiting_browsers: int = 5_000
    """Browsers in front of a QR code at the same time."""
    cores: int = 8
    """Cores of each provider machine; one worker runs on each."""
    target: float = 0.6
    """Share of the cores that the peak may use."""
    pool: int = 16
    """`store.pool_size`: connections to PostgreSQL of each worker."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the plan."""

    what: str
    number: float
    unit: str

    @property
    def shown(self) -> str:
        whole = isinstance(self.number, int) or self.number >= 20
        return f"{self.number:,.0f} {self.unit}" if whole else f"{self.number:,.1f} {self.unit}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a demand needs, from the figures of one measurement."""

    demand: Demand
    figures: Mapping[str, Any]

    def peak_rates(self) -> dict[str, float]:
        """Operations a second at the peak. Each login shows a captcha; each code flow counts its own `/authorize`."""
        logins = self.demand.peak_logins
        return {
            "password login": logins,
            "captcha picture": logins,
            "code flow": logins * self.demand.code_flows,
            "refresh": logins * self.demand.refreshes,
            "userinfo": logins * self.demand.userinfos,
            "QR poll": self.demand.waiting_browsers / ESTIMATES["seconds between two polls of a browser"],
            "discovery": self.demand.portals * ESTIMATES["documents that a portal fetches a minute"] / 60,
        }

    def cost(self, operation: str, what: str) -> float:
        """What one operation costs at the dearer of both sizes: milliseconds of CPU, buffers, or bytes of WAL, which
        are counted from a checkpoint on, with whole pages. `what` is its name in the file.
        """
        return max(float(each[what]) for each in self.figures["operations"][operation].values())

    def used_cores(self, part: str) -> float:
        """Cores of `part` (server, postgresql, redis) busy at the peak: operations a second x milliseconds / 1000."""
        return sum(rate * self.cost(name, f"{part}_ms") for name, rate in self.peak_rates().items()) / 1000

    @property
    def machines(self) -> int:
        """Provider machines: busy cores / (cores x target), and one more, so that one may be missing at the peak."""
        return max(1, ceil(self.used_cores("server") / (self.demand.cores * self.demand.target))) + 1

    @property
    def workers(self) -> int:
        """Worker processes on all machines: one for each core."""
        return self.machines * self.demand.cores

    @property
    def postgresql_cores(self) -> int:
        """Cores of the primary: busy ones / target, at least 2."""
        return max(2, ceil(self.used_cores("postgresql") / self.demand.target))

    @property
    def redis_cores(self) -> float:
        """Share of the one core that Redis computes on: below `target`, one server is enough."""
        return self.used_cores("redis")

    @property
    def connections(self) -> int:
        """Connections at most: (workers + the first process of each machine) x pool, the housekeeper's among them."""
        return (self.workers + self.machines) * self.demand.pool

    @property
    def max_connections(self) -> int:
        """`max_connections`: those, and what operators and backups use, rounded up to whole fifties."""
        return ceil((self.connections + ESTIMATES["connections for operators and backups"]) / 50) * 50

    @property
    def sessions(self) -> float:
        """Rows of `session`: as asked, or logins a day x days that a row stays (12 hours, and a day after it)."""
        asked = self.demand.sessions
        return self.demand.daily_logins * ESTIMATES["days that rows of sessions stay"] if asked is None else asked

    @property
    def audit_rows(self) -> float:
        """Rows of `audit`: as asked, or logins a day x records of a login x days of the months kept."""
        if self.demand.audit_rows is not None:
            return self.demand.audit_rows
        each = float(self.figures["rows_left"]["password login"]["audit"])
        return self.demand.daily_logins * each * self.demand.audit_months * DAYS_A_MONTH

    def table_bytes(self) -> dict[str, float]:
        """Bytes of each table with its indexes: rows x measured bytes per row x bloat between two vacuums."""
        bloat, left = ESTIMATES["bloat of tables"], self.figures["rows_left"]["password login"]
        families = self.sessions if self.demand.families is None else self.demand.families
        rows = {
            "account": self.demand.accounts,
            "identifier": self.demand.accounts * ESTIMATES["identifiers of an account"],
            "session": self.sessions,
            "refresh_family": families,
            "audit": self.audit_rows,
        }
        found = {name: count * self.figures["tables"][name]["total"] * bloat for name, count in rows.items()}
        used = self.demand.daily_logins * bloat
        found["revocation"] = used * left["revocation"] * ESTIMATES["bytes of a used attempt"]
        found["throttle"] = used * left["throttle"] * ESTIMATES["bytes of a count of tries"]
        return found

    @property
    def disk(self) -> float:
        """Bytes of all tables and indexes."""
        return sum(self.table_bytes().values())

    @property
    def hot(self) -> float:
        """Bytes that logins touch, and that belong into memory: indexes of all tables but `audit`, and the sessions."""
        tables = self.figures["tables"]
        accounts = self.demand.accounts * tables["account"]["indexes"]
        accounts += self.demand.accounts * ESTIMATES["identifiers of an account"] * tables["identifier"]["indexes"]
        found = self.table_bytes()
        return accounts + found["session"] + found["refresh_family"] + found["revocation"] + found["throttle"]

    @property
    def wal_a_day(self) -> float:
        """Bytes of WAL a day at most: operations of a day x bytes of one."""
        d = self.demand
        daily = {"password login": 1.0, "code flow": d.code_flows, "refresh": d.refreshes, "userinfo": d.userinfos}
        return d.daily_logins * sum(times * self.cost(name, "wal_bytes") for name, times in daily.items())

    @property
    def backups(self) -> float:
        """Bytes of backups, uncompressed: full copies kept x disk + days of WAL kept x WAL a day."""
        return ESTIMATES["full backups kept"] * self.disk + ESTIMATES["days of WAL kept"] * self.wal_a_day

    def records(self) -> dict[str, float]:
        """Records in Redis after half an hour of the peak: logins a second x seconds that a record stays."""
        d, stays = self.demand, 1_800
        begun = d.peak_logins * stays
        return {
            "attempt": begun * ESTIMATES["share of logins that are begun and left"],
            "spent record": begun + d.peak_logins * d.code_flows * 61,
            "used captcha": begun,
            "code": d.peak_logins * d.code_flows * 61,
            "QR login": d.waiting_browsers * ESTIMATES["pictures of a QR login that are alive"],
        }

    @property
    def redis_memory(self) -> float:
        """`maxmemory` in bytes: records x bytes of each x 2, for fragments and replicas; at least 256 MiB."""
        used = sum(count * self.figures["redis_bytes"][name] for name, count in self.records().items())
        return max(2**28, used * ESTIMATES["Redis for fragments and replicas"])

    @property
    def network(self) -> float:
        """Megabits a second out of the provider at the peak, without TLS and style sheets: rates x bytes x 8 / 10^6."""
        rates = self.peak_rates()
        return sum(rate * self.figures["exchanged"][name]["out"] for name, rate in rates.items()) * 8 / 1e6

    def rows(self) -> Iterator[Row]:
        """The plan, line by line."""
        yield Row("provider, busy at the peak", self.used_cores("server"), "cores")
        yield Row(f"provider machines of {self.demand.cores} cores, one of them spare", self.machines, "machines")
        yield Row("workers", self.workers, "processes")
        yield Row("memory of a provider machine", self._machine_memory / GIB, "GiB")
        yield Row("PostgreSQL, busy at the peak", self.used_cores("postgresql"), "cores")
        yield Row("PostgreSQL, to have", self.postgresql_cores, "cores")
        yield Row("Redis, busy at the peak", self.redis_cores, "cores")
        yield Row("connections to PostgreSQL at most", self.connections, "connections")
        yield Row("`max_connections`", self.max_connections, "connections")
        yield Row("network out of the provider at the peak", self.network, "Mbit/s")
        yield Row("rows of `session`", self.sessions, "rows")
        yield Row("rows of `audit`", self.audit_rows, "rows")
        for name, size in self.table_bytes().items():
            yield Row(f"`{name}`, with indexes", size / GB, "GB")
        yield Row("disk of all tables", self.disk / GB, "GB")
        yield Row("what should be in memory", self.hot / GB, "GB")
        yield Row("WAL a day at most", self.wal_a_day / GB, "GB")
        yield Row("backups, uncompressed", self.backups / GB, "GB")
        yield Row("Redis `maxmemory`", self.redis_memory / GIB, "GiB")

    @property
    def _machine_memory(self) -> float:
        """Bytes for the provider on one machine: those of two workers and the first process for each two cores, and a
        hash at work in each worker.
        """
        return (self.demand.cores / 2 * float(self.figures["server_mib"]) + self.demand.cores * HASH_MIB) * 2**20


def figures() -> dict[str, Any]:
    """The figures that are kept."""
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return found


def plan_table(plan: Plan) -> str:
    """Markdown."""
    return _table(["what", "how much"], [[row.what, row.shown] for row in plan.rows()])


COSTS = {
    "provider, ms": ("server_ms", ".2f"),
    "PostgreSQL, ms": ("postgresql_ms", ".2f"),
    "Redis, ms": ("redis_ms", ".2f"),
    "buffers": ("buffers", ",.0f"),
    "WAL, bytes": ("wal_bytes", ",.0f"),
}


def measured_tables(found: Mapping[str, Any]) -> str:
    """Markdown: bytes of a row, cost of an operation at both sizes, bytes of a record, and what is an estimate."""
    rows = [[f"`{name}`", *(f"{t[each]:,}" for each in SIZES)] for name, t in found["tables"].items()]
    costs = [
        [name, *(f"{each['small'][what]:{form}} / {each['large'][what]:{form}}" for what, form in COSTS.values())]
        for name, each in found["operations"].items()
    ]
    records = [[name, f"{size:,}"] for name, size in found["redis_bytes"].items()]
    sizes = f"operation, at 1,000 / {found['scale']:,}"
    tables = (
        _table(["table", *SIZES.values()], rows),
        _table([sizes, *COSTS], costs),
        _table(["record in Redis", "bytes"], records),
        _table(["estimate, not measured", "number"], [[name, f"{number:g}"] for name, number in ESTIMATES.items()]),
    )
    return "\n\n".join(tables)


SIZES = {"rows": "rows", "heap": "bytes of a row", "indexes": "of its indexes", "total": "together"}


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capacity", description=__doc__)
    for each in fields(Demand):
        kind = float if "float" in str(each.type) else int
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=each.default)
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser.add_argument("--measured", action="store_true", help="print the measured figures instead of a plan")
    parser.add_argument("--measure", action="store_true", help="measure again, and write the figures")
    parser.add_argument("--scale", type=int, default=1_000_000, help="accounts, sessions and families to load")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window of --measure")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each operation")
    parser.add_argument("--output", type=Path, default=FIGURES, help="where --measure writes")
    return parser.parse_args(words)


def said(asked: argparse.Namespace) -> str:
    """What the command prints."""
    if asked.measured:
        return measured_tables(figures())
    plan = Plan(Demand(**{each.name: getattr(asked, each.name) for each in fields(Demand)}), figures())
    if asked.json:
        return json.dumps({row.what: {"number": row.number, "unit": row.unit} for row in plan.rows()}, indent=2)
    return plan_table(plan)


def main() -> None:
    asked = arguments()
    if asked.measure:
        # Only who measures needs the servers and the provider.
        from tests.bench.volume import measured

        found = measured(asked.scale, asked.seconds, asked.rounds)
        asked.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    else:
        print(said(asked))


if __name__ == "__main__":
    main()
