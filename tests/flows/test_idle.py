"""An idle provider leaves PostgreSQL alone, and still acts at once: whatever waits is woken by NOTIFY."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.housekeeping import NOTE_PAUSE, SEAL_FOR
from idp.messages.message import Message
from idp.messages.working import IDLE
from idp.ports import Event
from idp.store.watches import LOCK
from tests.support import databases, servers
from tests.support.inbox import received
from tests.support.installation import installed, laid
from tests.support.provider import Provider
from tests.support.servers import Cluster
from tests.support.waiting import until

WINDOW = 15.0
"""Seconds of idling in which statements are counted."""
WORKERS = 2
SOON = IDLE / 6
HOLDS = f"pg_locks WHERE locktype = 'advisory' AND objid = {LOCK} AND granted"
LISTENS = "application_name = 'bhxh-idp watch'"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with servers.cluster() as made, made.running():
        databases.create_tables(made.url)
        yield made


@pytest.fixture
def provider(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Provider]:
    chosen = {"IDP_STORE__DATABASE_URL": cluster.url}
    with installed(tmp_path, request, settings=chosen, workers=WORKERS) as ready, ready.serving():
        yield ready


def ask(cluster: Cluster, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        return connection.execute(question).fetchall()


def test_two_idle_workers_ask_less_than_one_statement_a_second(cluster: Cluster, provider: Provider) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    log = cluster.home / "log"
    until(lambda: ask(cluster, "SHOW log_statement") == [("all",)])
    until_started(cluster)
    # The records of the start are looked for, and the head is noted, for a little longer.
    until_past(2 * NOTE_PAUSE + SEAL_FOR)
    before = len(log.read_text())
    until_past(WINDOW)
    asked = re.findall(r"LOG:  (?:statement|execute [^:]+): (.*)", log.read_text()[before:])

    assert len(asked) <= WINDOW, f"{len(asked)} statements in {WINDOW} seconds:\n" + "\n".join(asked)


def until_past(seconds: float) -> None:
    """Until the provider has idled for so long: its clock is the machine's."""
    began = time.monotonic()
    until(lambda: time.monotonic() - began > seconds)


def until_started(cluster: Cluster) -> None:
    """Until the first round of the housekeeping is over: its keys are there, and what tells of them is chained."""
    until(lambda: ask(cluster, "SELECT count(*) > 0 FROM audit_key") == [(True,)])
    until(lambda: ask(cluster, "SELECT count(*) FROM audit WHERE number IS NULL") == [(0,)])


def test_a_listener_that_is_cut_off_listens_again_and_misses_nothing(cluster: Cluster, provider: Provider) -> None:
    inbox = provider.home / "data" / "inbox"
    for count in range(1, 4):
        until(lambda: len(listeners(cluster)) == WORKERS)
        before = listeners(cluster)
        ask(cluster, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENS}")
        # Nobody listens now, or hardly anybody.
        put(provider)
        assert until(lambda count=count: len(received(inbox)) == count) < SOON  # type: ignore[misc]
        until(lambda before=before: len(listeners(cluster) - before) == WORKERS)  # type: ignore[misc]


def test_of_two_workers_one_keeps_house_and_the_other_takes_over(cluster: Cluster, provider: Provider) -> None:
    until_started(cluster)
    first = housekeepers(cluster)
    assert len(first) == 1
    os.kill(process_of(cluster, provider), signal.SIGKILL)

    assert until(lambda: len(housekeepers(cluster) - first) == 1, patience=60.0) < 45
    base = laid(provider)
    base.audit.record(Event("key.resealed", facts={"records": 1}, reason="test"))
    base.close()
    until_started(cluster)


def test_idle_workers_hear_of_a_new_key_at_once(cluster: Cluster, provider: Provider) -> None:
    until_started(cluster)
    base = laid(provider)
    base.rotator.replace("ES256")
    version = base.rings.newest().version
    base.close()

    # The housekeeper completes the ring, so it may be newer still.
    assert until(lambda: min(versions(provider)) >= version) < SOON
    assert len(versions(provider)) == WORKERS


def process_of(cluster: Cluster, provider: Provider) -> int:
    """The worker whose session holds the lock, by the port of its connection."""
    [(port,)] = ask(cluster, f"SELECT client_port FROM pg_stat_activity WHERE pid IN (SELECT pid FROM {HOLDS})")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f":{port:04X}", f":{cluster.port:04X}"
    [inode] = [row[9] for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1])]
    links = {file: process for process in provider.worker_processes() for file in links_of(process)}
    return links[f"socket:[{inode}]"]


def links_of(process: int) -> list[str]:
    return [os.readlink(file) for file in Path(f"/proc/{process}/fd").iterdir()]


def versions(provider: Provider) -> list[int]:
    """The ring that each worker has in memory."""
    return [int(float(each)) for each in re.findall(r'idp_key_ring_version{pid="\d+"} (\S+)', provider.metrics())]


def put(provider: Provider) -> None:
    """Accept a message as any other process would."""
    base = laid(provider)
    facts = {"code": "135790", "purpose": "login", "minutes": "5"}
    base.outbox.put(Message("sms", "+84912345678", "otp", base.clock() + 300, facts))
    base.close()


def listeners(cluster: Cluster) -> set[tuple[object, ...]]:
    return set(ask(cluster, f"SELECT pid FROM pg_stat_activity WHERE {LISTENS}"))


def housekeepers(cluster: Cluster) -> set[tuple[object, ...]]:
    """The sessions that hold the lock."""
    return set(ask(cluster, f"SELECT pid FROM {HOLDS}"))
