"""The cast, on one page. Each fixture is a line or two; what it is made of lives in `tests/support`."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page as Screen

from idp.store.database import Database
from tests.support import chromium as headless
from tests.support import compiled, databases, leaks, scratch, servers
from tests.support.app import App, running_app
from tests.support.clock import FrozenClock

# Whoever runs us in the background may have Ctrl-C ignored; the programs that tests start must not inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SOAK = Path(__file__).parent / "soak"

compiled.keep()
scratch.in_memory()


def pytest_collection_finish() -> None:
    scratch.leave_in_peace()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(0))
    # The longest tests begin first: one that began last would keep a single worker busy when the others have ended.
    items.sort(key=lambda item: SOAK not in item.path.parents)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time of the suite goes: the ten slowest files, and what all took together."""
    seconds = Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.section("slowest files")
    for file, taken in seconds.most_common(10):
        terminalreporter.line(f"{taken:7.1f} s  {file}")
    terminalreporter.line(f"{seconds.total():7.1f} s  in all {len(seconds)} files, by all workers together")


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """N-21, L11: what the whole run logged holds nothing that it handed out, and nobody's name or number."""
    leaks.watch()
    yield
    assert leaks.leaks() == []


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis_server() as url:
        yield url


@pytest.fixture
def empty_redis_url(redis_url: str) -> str:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_template(postgres_url: str) -> str:
    return databases.postgresql_template(postgres_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
    else:
        server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgresql_template")
        with databases.postgresql_copy(server, template) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def app_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys, a portal and a person, made once: finding an RSA key takes long."""
    home = tmp_path_factory.mktemp("home")
    with running_app(home, databases.sqlite_copy(sqlite_template, home)) as running:
        running.client()
        running.person("0000000001")
    return home


@pytest.fixture
def app(app_template: Path, tmp_path: Path) -> Iterator[App]:
    """The application in this process, on SQLite, with the client `portal` and the person 0000000001."""
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_app(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        yield running


@pytest.fixture
def everywhere(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[App]:
    """The application on SQLite, and on PostgreSQL with Redis: for one story per flow."""
    if database_url.startswith("sqlite"):
        yield request.getfixturevalue("app")
        return
    with running_app(tmp_path, database_url, request.getfixturevalue("empty_redis_url")) as running:
        running.client()
        running.person("0000000001")
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with headless.chromium() as started:
        yield started


@pytest.fixture
def screen(chromium: Chromium) -> Iterator[Screen]:
    with headless.profile(chromium) as context:
        yield context.new_page()
