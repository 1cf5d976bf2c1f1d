"""A migration only adds, so the release before goes on, also after a restart; what it cannot do, it says."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config import migrate
from config.cli.main import main
from idp.store.counters import put_counter
from idp.store.database import Database
from tests.support import databases

VERSIONS = sorted((migrate.HERE / "versions").glob("[0-9]*.py"))
LATER = "9000"


@pytest.fixture
def later(database: Database) -> Iterator[Database]:
    """A database that a later release has upgraded."""
    with database.transaction.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{LATER}'"))
    yield database
    with database.transaction.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{migrate.newest()}'"))


def test_this_release_runs_on_its_own_revision(database: Database) -> None:
    schema = migrate.schema(database)

    assert (schema.current, schema.runs, migrate.pending(database)) == (migrate.newest(), True, [])


@pytest.mark.parametrize(("runs_with", "runs"), [(int(migrate.newest()), True), (1, True), (9000, False), (0, False)])
def test_a_newer_database_says_which_releases_run_on_it(later: Database, runs_with: int, runs: bool) -> None:
    """0: a release that wrote no number."""
    put_counter(later, migrate.RUNS_WITH, runs_with)
    schema = migrate.schema(later)

    assert (schema.current, schema.runs) == (LATER, runs)
    assert runs or "start the newer release" in schema.remedy


def test_an_older_database_wants_an_upgrade(database: Database) -> None:
    with database.transaction.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0012'"))
    schema = migrate.schema(database)

    assert not schema.runs
    assert f"is at 0012 and this release needs {migrate.newest()}: run `idp db upgrade`" in schema.remedy
    assert [revision for revision, _ in migrate.pending(database)] == [file.name[:4] for file in VERSIONS[12:]]


def test_an_upgrade_writes_down_which_releases_run_on_it(database: Database) -> None:
    put_counter(database, migrate.RUNS_WITH, 0)
    migrate.upgrade(database)
    with database.transaction.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{LATER}'"))

    assert migrate.schema(database).runs_with == module(VERSIONS[-1]).runs_with


def test_a_locked_table_stops_an_upgrade_before_everybody_waits(postgres_url: str) -> None:
    """`ALTER TABLE` behind a long read would make all later requests wait behind it."""
    with databases.postgresql_copy(postgres_url, "template0") as url:
        before, config = Database(url, statement_timeout=None), migrate.configuration()
        with before.transaction.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0013")
        with before.transaction.begin() as reading:
            reading.execute(text("SELECT count(*) FROM consent"))
            with pytest.raises(OperationalError, match="lock timeout"):
                migrate.upgrade(before, lock_timeout=0.1)
        assert migrate.current(before) == "0013"
        assert migrate.upgrade(before) == ("0013", migrate.newest())
        before.close()


def module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_every_migration_says_how_far_back_it_lets_releases_run() -> None:
    modules = [module(file) for file in VERSIONS]

    assert [each.revision for each in modules] == [file.name[:4] for file in VERSIONS]
    assert [each.runs_with for each in modules] == sorted(each.runs_with for each in modules), "it never goes back"
    assert all(each.runs_with <= each.revision for each in modules)


REMOVES = re.compile(r"drop_|alter_column|rename_|batch_alter|DELETE|UPDATE", re.IGNORECASE)


@pytest.mark.parametrize("file", [file for file in VERSIONS if file.name > "0014"], ids=lambda file: file.stem)
def test_a_migration_that_lets_the_release_before_run_only_adds(file: Path) -> None:
    assert module(file).runs_with == file.name[:4] or not REMOVES.search(file.read_text())


def test_status_and_check_tell_it_and_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_DATA_DIR", str(tmp_path))
    run = CliRunner().invoke

    empty = json.loads(run(main, ["db", "status", "--json"]).stdout)
    assert (empty["current"], empty["runs"], len(empty["pending"])) == (None, False, len(VERSIONS))
    checked = run(main, ["db", "upgrade", "--check"])
    assert (checked.exit_code, len(checked.stdout.splitlines())) == (1, len(VERSIONS))
    assert run(main, ["db", "upgrade"]).exit_code == 0
    full = json.loads(run(main, ["db", "status", "--json"]).stdout)
    assert (full["current"], full["runs"], full["pending"]) == (migrate.newest(), True, [])
    assert run(main, ["db", "upgrade", "--check"]).exit_code == 0
