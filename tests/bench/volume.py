"""What `python -m tests.bench.capacity --measure` measures: bytes of rows and records, and what an operation costs.

The provider runs on a PostgreSQL and a Redis of its own. The same operations are measured beside 1,000 accounts,
sessions and refresh families and beside the full number, in one run; all people are made up, and rows are copies of
real ones with ids and digests of their own. Nothing here asserts on time, and nothing says a rate: the visitors share
the cores with the server.
"""

import os
import platform
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.bench import gauge, loading
from tests.bench.journeys import Visitor, of_provider, parameter
from tests.bench.load import START, Answer, Crowd, Journey, MakeJourney
from tests.bench.qr import begun, polls
from tests.bench.servers import Installation, Served, Size
from tests.support import servers

SMALL = 1_000
CONNECTIONS = 4
OPERATIONS = ("discovery", "password login", "captcha picture", "code flow", "refresh", "userinfo", "QR poll")
QR, POLLING = "QR poll", 0.5
"""The operation whose records live for two minutes only, and the seconds of its windows."""
COPIES = 50_000
"""Copies of a record of Redis over which its bytes are averaged."""

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    # What was loaded is vacuumed once; a vacuum within a window would be counted as its operation's.
    "autovacuum": "off",
}
KINDS = {"a": "attempt", "c": "used captcha", "k": "code", "q": "QR login"}
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Bench:
    """What runs: the provider, and connections to its stores that cost it nothing between windows."""

    served: Served
    sql: psycopg.Connection[Any]
    memory: redis.Redis

    def counts(self) -> Counter[str]:
        """What has been used so far: CPU in seconds, 8 KiB buffers, bytes of WAL, full pages in it, Redis commands."""
        buffers, pages = _row(
            self.sql, "SELECT sum(shared_blks_hit + shared_blks_read), sum(wal_fpi) FROM pg_stat_statements"
        )
        (wal,) = _row(self.sql, "SELECT pg_current_wal_insert_lsn() - '0/0'")
        return Counter(
            server_seconds=gauge.cpu_seconds(self.served.pid),
            redis_seconds=gauge.cpu_seconds(os.getpid(), program="redis-server"),
            buffers=float(buffers),
            wal_bytes=float(wal),
            wal_full_pages=float(pages),
            redis_commands=self.memory.info("stats")["total_commands_processed"],
        )  # type: ignore[arg-type]

    def backends(self) -> dict[int, float]:
        """CPU seconds of each process of PostgreSQL. Connections are closed now and then: one that ends is left out."""
        return gauge.cpu_by_process(os.getpid(), "postgres")

    def rows(self, accounts: int) -> Counter[str]:
        """Rows of each table that grows; counted while they are few, as all would be read otherwise."""
        if accounts > SMALL:
            return Counter()
        return Counter({table: _row(self.sql, f'SELECT count(*) FROM "{table}"')[0] for table in loading.GROWING})


def measured(scale: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Every figure, as the simulation reads it. `seconds` is the length of a window."""
    with _bench() as bench:
        found: dict[str, Any] = {"scale": scale, **_machine(bench)}
        loading.load(bench.sql, 1, SMALL)
        small = _operations(bench, SMALL, seconds, rounds)
        found["rows_left"] = small.pop("rows_left")
        print(f"measured at {SMALL:,}; loading {scale:,}", flush=True)
        found["seconds_to_load"] = loading.load(bench.sql, SMALL + 1, scale)
        found["tables"] = {table: _bytes(bench.sql, table) for table in loading.TABLES}
        print(found, flush=True)
        large = _operations(bench, scale, seconds, rounds)
        found["idle"] = _idle(bench, 10.0)
        found["operations"] = {name: {"small": small[name], "large": large[name]} for name in OPERATIONS}
        found["exchanged"] = {name: _exchanged(bench, make) for name, make in _journeys(bench, SMALL).items()}
        found["redis_bytes"] = _records(bench)
        found["server_mib"] = round(gauge.memory_mib(bench.served.pid))
        found["load_at_the_end"] = round(os.getloadavg()[1], 1)
        return found


@contextmanager
def _bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idp-bench-")))
        url, memory = stack.enter_context(_postgresql()), stack.enter_context(servers.redis_server())
        installation = Installation(home, {"IDP_STORE__DATABASE_URL": url, "IDP_STORE__REDIS_URL": memory})
        installation.prepare()
        served = stack.enter_context(installation.served("gthread", Size()))
        sql = stack.enter_context(psycopg.connect(url, autocommit=True))
        bench = Bench(served, sql, stack.enter_context(redis.Redis.from_url(memory)))
        Crowd(served.address, of_provider(served.host)["refresh"], connections=2).leave()
        yield bench


@contextmanager
def _postgresql() -> Iterator[str]:
    """A cluster that makes durable what it commits, and counts what each statement touches."""
    with servers.cluster(durable=True) as made:
        with made.running(), psycopg.connect(made.url, autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")  # type: ignore[arg-type]
        with made.running():
            with psycopg.connect(made.url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
            yield made.url


def _machine(bench: Bench) -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "postgresql": str(_row(bench.sql, "SHOW server_version")[0]).split()[0],
        "redis": bench.memory.info("server")["redis_version"],
        "python": platform.python_version(),
        "load_at_the_beginning": round(os.getloadavg()[1], 1),
    }


def _journeys(bench: Bench, accounts: int) -> dict[str, MakeJourney]:
    """The operations, by people who are spread over all accounts."""
    host, apart = bench.served.host, accounts // (CONNECTIONS + 1)
    makes = of_provider(host) | {
        "password login": partial(_logins, host, accounts),
        QR: partial(polls, host),
    }
    spread = ("code flow", "refresh", "userinfo")
    return {name: partial(_apart, makes[name], apart if name in spread else 1) for name in OPERATIONS}


def _apart(make: MakeJourney, apart: int, number: int) -> Journey:
    return make(number * apart)


def _logins(host: str, accounts: int, number: int) -> Journey:
    """Logins by password, each of another account far from the last."""
    for turn in count(number * (accounts // (CONNECTIONS + 1))):
        yield START
        yield from Visitor(host, turn * 7_919 % accounts).log_in("openid profile")


def _operations(bench: Bench, accounts: int, seconds: float, rounds: int) -> dict[str, Any]:
    """The costs of each operation, of all its windows together, and `rows_left` of each."""
    makes = _journeys(bench, accounts)
    spent: dict[str, Counter[str]] = {name: Counter() for name in makes}
    left: dict[str, Counter[str]] = {name: Counter() for name in makes}
    with ExitStack() as stack:
        crowds = {name: stack.enter_context(_crowd(bench, make)) for name, make in makes.items() if name != QR}
        for _ in range(rounds):
            for name, crowd in crowds.items():
                _measure(bench, crowd, seconds, accounts, spent[name], left[name])
            # Their pictures are young, and nobody asks twice: else polls would be told to wait, or that it is over.
            with _crowd(bench, makes[QR]) as crowd:
                _measure(bench, crowd, POLLING, accounts, spent[QR], left[QR])
    costs: dict[str, Any] = {name: _per_operation(each) for name, each in spent.items()}
    costs["rows_left"] = {
        name: {table: round(n / spent[name]["operations"], 2) for table, n in tables.items() if n > 0}
        for name, tables in left.items()
    }
    return costs


@contextmanager
def _crowd(bench: Bench, make: MakeJourney) -> Iterator[Crowd]:
    crowd = Crowd(bench.served.address, make, connections=CONNECTIONS)
    try:
        yield crowd
    finally:
        crowd.leave()


def _measure(
    bench: Bench, crowd: Crowd, seconds: float, accounts: int, spent: Counter[str], left: Counter[str]
) -> None:
    """One window: add what it has used to `spent`, and the rows that it has left to `left`."""
    # The first change of a page after a checkpoint puts the whole page into the WAL: the dearest case.
    bench.sql.execute("CHECKPOINT")
    rows, backends, before = bench.rows(accounts), bench.backends(), bench.counts()
    spent["operations"] += len(crowd.window(seconds).seconds)
    used = bench.counts()
    spent["postgresql_seconds"] += _grown(backends, bench.backends())
    come = bench.rows(accounts)
    spent.update({each: used[each] - before[each] for each in used})
    left.update({each: come[each] - rows[each] for each in come})


def _grown(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def _per_operation(spent: Counter[str]) -> dict[str, float]:
    """CPU in milliseconds, the rest as it was counted, for one operation."""
    times = spent["operations"]
    found = {name.replace("_seconds", "_ms"): n * (1000 if "_seconds" in name else 1) for name, n in spent.items()}
    return {name: times if name == "operations" else round(n / times, 3) for name, n in found.items()}


def _idle(bench: Bench, seconds: float) -> dict[str, float]:
    """Milliseconds of CPU a second, and buffers a second, that two workers use while nobody asks for anything."""
    before, backends = bench.counts(), bench.backends()
    time.sleep(seconds)
    after, postgresql = bench.counts(), _grown(backends, bench.backends())
    return {
        "server_ms": round((after["server_seconds"] - before["server_seconds"]) * 1000 / seconds, 1),
        "postgresql_ms": round(postgresql * 1000 / seconds, 1),
        "buffers": round((after["buffers"] - before["buffers"]) / seconds),
    }


def _bytes(sql: psycopg.Connection[Any], table: str) -> dict[str, float]:
    rows = _row(sql, f'SELECT count(*) FROM "{table}"')[0]
    heap, indexes, total = _row(
        sql, f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}'), pg_total_relation_size('{table}')"
    )
    return {"rows": rows, "heap": round(heap / rows), "indexes": round(indexes / rows), "total": round(total / rows)}


def _exchanged(bench: Bench, make: MakeJourney) -> dict[str, int]:
    """Bytes of HTTP in and out of the provider for one operation, without TLS."""
    return drive(bench.served.address, make(CONNECTIONS))[1]


def _records(bench: Bench) -> dict[str, int]:
    """Bytes of each kind of record in Redis, with its share of both hash tables, and of what is left of a spent one."""
    host, address = bench.served.host, bench.served.address
    visitor = Visitor(host, 3)
    target = drive(address, visitor.authorize("openid profile"))[0]
    drive(address, visitor.visit(visitor.get(target), 200))
    drive(address, begun(host, 4))
    assert parameter(target, "attempt")
    drive(address, Visitor(host, 5).log_in("openid profile"))
    examples: dict[str, bytes] = {}
    for key in bench.memory.scan_iter(count=1000):
        kind = key.split(b":")[2].decode()
        name = "spent record" if bench.memory.get(key) == b"spent" else KINDS.get(kind, kind)
        examples.setdefault(name, key)
    return {name: _of_copies(bench.memory, key) for name, key in sorted(examples.items())}


def _of_copies(memory: redis.Redis, key: bytes) -> int:
    """Bytes of one record, from copies in a database of its own that is thrown away."""
    value = memory.dump(key)
    assert value, key
    with redis.Redis(port=memory.connection_pool.connection_kwargs["port"], db=15) as own:
        before = int(own.info("memory")["used_memory"])
        for start in range(0, COPIES, 5_000):
            with own.pipeline(transaction=False) as pipe:
                for number in range(start, start + 5_000):
                    pipe.restore(key[:-8] + b"%08d" % number, 3_600_000, value)
                pipe.execute()
        used = int(own.info("memory")["used_memory"]) - before
        own.flushdb()
    return round(used / COPIES)


def drive(address: tuple[str, int], steps: Any) -> tuple[Any, dict[str, int]]:
    """Go through a visitor's steps alone: what they give, and the bytes of them, or of the first whole operation."""
    said, begins = Counter[str](), 0
    with socket.create_connection(address, timeout=30) as connection, connection.makefile("rb") as file:
        try:
            step = next(steps)
            while True:
                if step is START:
                    begins += 1
                    if begins == 2:
                        return None, dict(said)
                    said.clear()
                    step = next(steps)
                    continue
                connection.sendall(step)
                answer = _read(file)
                said.update({"in": len(step), "out": len(answer.head) + 4 + len(answer.body)})
                step = steps.send(answer)
        except StopIteration as done:
            return done.value, dict(said)


def _read(file: Any) -> Answer:
    head = b"".join(iter(file.readline, b"\r\n"))
    length = _LENGTH.search(b"\r\n" + head)
    return Answer(head, file.read(int(length[1])) if length else b"")


def _row(sql: psycopg.Connection[Any], statement: str) -> Any:
    return sql.execute(statement).fetchone()  # type: ignore[arg-type]
