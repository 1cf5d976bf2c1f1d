"""Of all officers who decide one refused link at once, on both databases, one does; and there is one link."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.container import Container
from config.settings import Settings
from config.stores import Stores
from federation.linking import Dispute, LinkConflict, Subject
from federation.officers import LinkOfficers, TwoPersonRule
from idp.ports import Event
from idp.store import tables as t
from tests.contracts.test_people import account
from tests.support.clock import FrozenClock
from tests.support.rivals import PROCESSES, THREADS, outcomes

REFUSED = Dispute("refused", Subject("vneid", "s" * 43, "c" * 43), "identity", f"{1:032x}", {}, {"name": "x"})


def foundation(url: str, home: Path) -> Stores:
    store = {"database_url": url}
    return Stores(Settings(environment="development", data_dir=home, store=store), FrozenClock())  # type: ignore[arg-type]


@pytest.fixture
def base(database_url: str, tmp_path: Path) -> Iterator[Stores]:
    """Two accounts, and somebody who could be either."""
    opened = foundation(database_url, tmp_path)
    for number in (1, 2):
        opened.people.add(account(number, None))
    event = Event("link.refused", REFUSED.account_id, facts={"upstream": "vneid", "why": "identity"})
    opened.links.dispute(REFUSED, event, opened.clock())
    yield opened
    opened.close()


def decide(url: str, home: Path) -> list[str]:
    """Link to both accounts, and refuse: whatever comes first."""
    base, done = foundation(url, home), []
    officers = LinkOfficers(base.links, Container(base).accounts.notices, base.clock)
    dispute = base.links.find_dispute("refused")
    assert dispute
    for number in (1, 2):
        who = base.people.find(f"{number:032x}")
        assert who
        try:
            officers.link(dispute, replace(who, secured_at=0.0), TwoPersonRule("lan", "minh"), "desk")
            done.append("linked")
        except LinkConflict:
            pass
    try:
        officers.refuse(dispute, "desk")
        done.append("refused")
    except LinkConflict:
        pass
    base.close()
    return done


def test_one_of_many_decisions_holds(base: Stores, database_url: str, tmp_path: Path) -> None:
    """U-06"""
    assert PROCESSES * THREADS > 1
    done = outcomes(decide, database_url, tmp_path)

    with base.database.autocommit.connect() as connection:
        held = connection.execute(select(func.count()).where(t.link.c.ended_at.is_(None))).scalar()
        events = connection.execute(select(t.audit.c.name).where(t.audit.c.name != "link.refused")).scalars().all()
    assert len(done) == 1
    assert held == done.count("linked")
    assert sorted(events) == sorted(["link.decided", *["link.added"] * done.count("linked")])
    assert base.links.disputes() == []
