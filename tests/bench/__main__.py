"""`python -m tests.bench`: measure every operation on both pairs of stores.

Each round measures the bare yardstick and then every operation, so that a ratio compares neighbours in time; medians
are shown. `--code DIR` measures another checkout beside this one, window by window: so a change is judged.
`--peer` does the same with npm's oidc-provider, and shows ratios, and latencies at the same share of the own rate;
`--peer-stores redis postgresql` has it once in Redis' memory, and once with what lasts in PostgreSQL.
"""

import argparse
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

from tests.bench import gauge
from tests.bench.journeys import fixed, of_peer, of_provider
from tests.bench.load import Crowd, MakeJourney
from tests.bench.servers import PROJECT, Served, Size, bare, installations, peer
from tests.bench.table import SHARE, Line, Window, ratios, table

STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL and Redis"}
SERVERS = {"gthread": "gunicorn", "gevent": "gunicorn gevent"}
PEERS = {"redis": "npm oidc-provider on Redis", "postgresql": "npm oidc-provider on PostgreSQL and Redis"}
OPERATIONS = tuple(of_provider(""))
PACKAGES = ("gunicorn", "gevent", "authlib", "cryptography", "sqlalchemy", "psycopg", "redis", "flask")


@dataclass
class Subject:
    """One running server and the visitors of each operation, ready to go."""

    heading: str
    served: Served
    crowds: dict[str, Crowd] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, operation: str, crowd: Crowd) -> None:
        self.crowds[operation] = crowd
        self.lines[operation] = Line(self.heading, operation)

    def measure_paced(self, operation: str, seconds: float) -> None:
        """Latencies at a share of the operation's own rate."""
        line = self.lines[operation]
        line.paced = list(self.crowds[operation].window(seconds, SHARE * line.rate).seconds)

    def measure(self, operation: str, seconds: float, bare_rate: float = 1.0) -> float:
        """One window; gives its rate."""
        us, began = os.getpid(), time.perf_counter()
        cpu, stores = gauge.cpu_seconds(self.served.pid), _stores_cpu(us)
        tally = self.crowds[operation].window(seconds)
        window = Window(
            time.perf_counter() - began,
            tally.seconds,
            gauge.cpu_seconds(self.served.pid) - cpu,
            _stores_cpu(us) - stores,
            tally.own_cpu,
            bare_rate,
        )
        line = self.lines[operation]
        line.windows.append(window)
        line.memory = max(line.memory, gauge.memory_mib(self.served.pid))
        return window.rate


def _stores_cpu(root: int) -> float:
    return gauge.cpu_seconds(root, program="postgres") + gauge.cpu_seconds(root, program="redis-server")


@contextmanager
def crowds(subject: Subject, journeys: dict[str, MakeJourney], connections: int) -> Iterator[Subject]:
    """The visitors of all `journeys`, prepared (most have to log in first)."""
    with ExitStack() as stack:
        for operation, make in journeys.items():
            crowd = Crowd(subject.served.address, make, connections=connections)
            stack.callback(crowd.leave)
            subject.add(operation, crowd)
        yield subject


@contextmanager
def subjects(asked: argparse.Namespace, stores: str, server: str) -> Iterator[list[Subject]]:
    """A running provider for each checkout that is compared."""
    with ExitStack() as stack:
        found = []
        for code in [PROJECT, *asked.code]:
            installation = stack.enter_context(installations(stores, code))
            served = stack.enter_context(installation.served(server, Size(asked.workers, asked.threads)))
            heading = f"{SERVERS[server]}, {STORES[stores]}" + (f", {code.name}" if asked.code else "")
            journeys = {name: make for name, make in of_provider(served.host).items() if name in asked.operations}
            found.append(stack.enter_context(crowds(Subject(heading, served), journeys, asked.connections)))
        for kept in asked.peer_stores if asked.peer else ():
            served = stack.enter_context(peer(Size(asked.workers, asked.threads), asked.alg, kept))
            journeys = {name: make for name, make in of_peer(served.host).items() if name in asked.operations}
            found.append(stack.enter_context(crowds(Subject(PEERS[kept], served), journeys, asked.connections)))
        yield found


def _compared(asked: argparse.Namespace, running: list[Subject]) -> Iterator[str]:
    """The table of what has been measured; with a peer, latencies at a share of the rates, and ratios."""
    yield table(line for subject in running for line in subject.lines.values())
    yield "\n".join(
        f"{subject.heading}: {subject.served.start_cpu:.1f} CPU s to the first answer; most memory "
        f"{max(line.memory for line in subject.lines.values()):.0f} MiB (PSS)."
        for subject in running
    )
    ours = [subject for subject in running if subject.heading not in PEERS.values()]
    if peers := running[len(ours) :]:
        for operation in peers[0].crowds:
            for subject in running:
                subject.measure_paced(operation, 2 * asked.seconds)
        load = f"load of the machine {' '.join(f'{one:.1f}' for one in os.getloadavg())}"
        for subject, other in product(ours, peers):
            yield f"**{subject.heading}, by {other.heading}** ({load}, ours and the visitors' in it)"
            yield ratios(subject.lines.values(), other.lines.values())


def measured(asked: argparse.Namespace) -> Iterator[str]:
    """The tables of each pair of stores and server, and the yardstick's own."""
    with bare(Size(asked.workers, asked.threads)) as served:
        yardstick = Subject("the yardstick: bare gunicorn gthread", served)
        with crowds(yardstick, {"fixed JSON": partial(fixed, "/", served.host)}, asked.connections):
            for stores in asked.stores:
                for server in asked.servers:
                    with subjects(asked, stores, server) as running:
                        for _ in range(asked.rounds):
                            rate = yardstick.measure("fixed JSON", asked.seconds)
                            for operation in running[0].crowds:
                                for subject in running:
                                    if operation in subject.crowds:
                                        subject.measure(operation, asked.seconds, rate)
                        yield from _compared(asked, running)
        line = yardstick.lines["fixed JSON"]
        usual = sorted(window.rate for window in line.windows)[len(line.windows) // 2]
        line.windows = [Window(w.seconds, w.latencies, w.cpu, w.store_cpu, w.own_cpu, usual) for w in line.windows]
        yield table([line])


def about(asked: argparse.Namespace) -> str:
    """Where and with what it was measured; no name of the machine."""
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"{len(os.sched_getaffinity(0))} cores, {asked.workers} workers of {asked.threads} threads, "
        f"{asked.connections} connections, medians of {asked.rounds} windows of {asked.seconds:g} s. "
        f"Python {platform.python_version()}, {packages}."
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=["gthread"])
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--code", nargs="+", type=Path, default=[], help="further checkouts to measure")
    parser.add_argument("--peer", action="store_true", help="measure npm's oidc-provider beside it, window by window")
    parser.add_argument("--peer-stores", nargs="+", choices=PEERS, default=["redis"], help="where the peer keeps it")
    parser.add_argument("--alg", choices=["RS256", "ES256"], default="RS256", help="what signs ID tokens")
    parser.add_argument("--markdown", type=Path, help="file to write the tables to as well")
    return parser.parse_args()


def main() -> None:
    asked, said = arguments(), []
    said.append(about(asked))
    print(said[0], end="\n\n", flush=True)
    for text in measured(asked):
        said.append(text)
        print(said[-1], end="\n\n", flush=True)
    if asked.markdown:
        asked.markdown.write_text("\n\n".join(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
