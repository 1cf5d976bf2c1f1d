"""What stays behind of a profile that an upstream sent: the few facts that are needed, sealed, and nothing else."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from idp.store.schema import metadata
from sandbox.dvcqg_profile import CIVIL
from tests.support.brokered import Brokered, brokered
from tests.support.upstreams import SimulatedUpstreams, simulated

LOCAL = "Matkhau#2026"
VISITS = {
    "confirmed": ("dvcqg", "000890123456", "link-confirm"),
    "phone differs": ("dvcqg", "000985222222", "link-password"),
    "code typed": ("dvcqg", "000883000222", "link-look"),
    "refused, in the queue": ("dvcqg", "000978333333", None),
    "opened": ("vneid", "000899777001", "link-open"),
    "refused by the register": ("vneid", "000897777004", None),
}
NEVER = (
    # What the person is called there, in its own capitals; numbers and names of the upstream.
    ("NGUYỄN THỊ HOÀ", "ĐẶNG VĂN QUÝ", "NGUYỄN VĂN ẤN", "LƯƠNG VĂN KHÁC", "VŨ MINH MỚI"),
    ("0912999222", "+84912999222", "TECH-0001", "TECH-0002", "TECH-0004"),
    ("userProfileUri", "HoVaTen", "citizenPid", "loginIdp"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(
    world: SimulatedUpstreams, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Brokered]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with brokered(tmp_path, database_url, world, redis_url) as running:
        yield running


def words(value: object) -> Iterator[str]:
    """Every text in a profile that nobody else would use."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from words(each)
    elif isinstance(value, str) and "hử nghiệm" in value.lower():
        yield value


def everything_stored(here: Brokered) -> str:
    """Every column of every table, as text."""
    kept = []
    with here.app.base.database.autocommit.connect() as connection:
        for table in metadata.sorted_tables:
            kept += [f"{table.name}: {row}" for row in connection.execute(select(table))]
    redis = here.app.base.redis
    kept += [f"{key!r} {redis.get(key)!r}" for key in redis.scan_iter()] if redis else []  # type: ignore[union-attr]
    return "\n".join(kept)


def test_nothing_of_a_profile_stays_that_is_not_needed(here: Brokered, caplog: pytest.LogCaptureFixture) -> None:
    """Acceptance 6, ASVS 14.2: neither in a table, nor in Redis, nor in the log, at its most talkative."""
    with caplog.at_level(logging.DEBUG):
        for upstream, login, button in VISITS.values():
            journey = here.through(upstream, login)
            if button:
                journey.press(button, bhxh_code="0099999999")
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    stored = everything_stored(here)
    forbidden = {*words(CIVIL), *(text for some in NEVER for text in some)}

    assert len(forbidden) > 20
    assert "Vũ Minh Mới" in stored
    assert {text for text in forbidden if text in stored} == set()
    assert {text for text in forbidden if text in logged} == set()
