"""The clients of the plans."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.fapi2 import SECOND_REDIRECT, Party, Plan, behind_proxy
from tests.support import databases
from tests.support.app import App, running_app
from tests.support.client_certificates import BEHIND_PROXY


@pytest.fixture
def fronted(app_template: Path, tmp_path: Path) -> Iterator[App]:
    """The application behind a listed proxy that hands on certificates."""
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_app(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path), web=BEHIND_PROXY) as running:
        yield running


@pytest.fixture
def first(fronted: App, plan: Plan) -> Party:
    return Party(plan, behind_proxy(fronted))


@pytest.fixture
def second(fronted: App, plan: Plan) -> Party:
    typ = {"typ": "oAuth-authz-REQ+jwt"}
    return Party(plan, behind_proxy(fronted), "second", SECOND_REDIRECT, object_header=typ)
