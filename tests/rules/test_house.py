"""The walls of the house stand: an arrow that turns back is caught, and nothing has grown too large to read."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = ("config", "federation", "idp", "keys", "qr_login")
LONGEST_FUNCTION = 40
LONGEST_FILE = 350


TURNED = [
    ("keys/ring.py", "idp.ports"),
    ("idp/ports.py", "config.settings"),
    ("federation/matching.py", "qr_login.flow"),
    ("idp/accounts/account.py", "idp.login.sessions"),
    ("idp/accounts/phone.py", "idp.officers.officers"),
    ("idp/officers/agencies.py", "idp.registration.declaration"),
    ("idp/registration/grades.py", "idp.login.attempt"),
    ("idp/login/sessions.py", "idp.oidc.clients"),
    ("idp/oidc/gate.py", "idp.web.login"),
    ("idp/http/forms.py", "idp.web.page"),
    ("idp/http/headers.py", "idp.login.steps"),
    ("idp/http/cookies.py", "idp.store.tables"),
    ("idp/web/page.py", "idp.store.rows"),
    ("qr_login/card.py", "sqlalchemy"),
    ("federation/pages.py", "idp.store.people"),
    ("idp/login/limits.py", "flask"),
    ("idp/oidc/subjects.py", "sqlalchemy"),
    ("keys/signing.py", "sqlalchemy"),
    ("idp/accounts/passwords.py", "redis"),
    ("idp/registration/owners.py", "idp.store.people"),
    ("federation/linking.py", "idp.store.audit"),
    ("qr_login/picture.py", "werkzeug"),
    ("config/settings.py", "keys.changes"),
    ("config/sections.py", "qr_login.picture"),
]
"""Imports that turn an arrow back: at least one for each wall."""


def copy_of_the_house(folder: Path) -> Path:
    """The rooms, without what is no code, and the contracts."""
    for room in ROOMS:
        code_only = shutil.ignore_patterns("__pycache__", "static", "templates", "translations", "captcha_voice")
        shutil.copytree(PROJECT / room, folder / room, ignore=code_only)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, env={"PYTHONPATH": str(house)})


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a house in which every arrow of the table is turned."""
    house = copy_of_the_house(tmp_path_factory.mktemp("turned"))
    for module, forbidden in TURNED:
        with (house / module).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {forbidden}\n")
    return lint_imports(house).stdout


@pytest.mark.parametrize(("module", "forbidden"), TURNED)
def test_an_arrow_that_turns_back_is_caught(complaints: str, module: str, forbidden: str) -> None:
    name = module.removesuffix(".py").replace("/", ".")

    assert re.search(rf"{re.escape(name)} -> {re.escape(forbidden)}\b", complaints), complaints


def test_every_wall_is_seen_to_fall(complaints: str) -> None:
    walls = re.findall(r'^name = "(.+)"$', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)

    assert f"Contracts: 0 kept, {len(walls) - 1} broken" in complaints


def test_the_house_as_it_is_keeps_its_contracts(tmp_path: Path) -> None:
    checked = lint_imports(copy_of_the_house(tmp_path))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout


def test_nobody_but_the_container_builds_a_store() -> None:
    """Two stores of a kind would be two caches, two pools, two truths."""
    known = {
        name
        for file in product_files()
        if "store" in path(file)
        for name in re.findall(r"^class ((?:Sql|Redis)\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    builders = {
        path(file)
        for file in product_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known
    }

    assert len(known) > 25
    assert {each for each in builders if not re.match("(idp|federation)/store|sandbox/", each)} == {
        "config/key_stores.py",
        "config/stores.py",
    }


def product_files() -> Iterator[Path]:
    for room in (*ROOMS, "sandbox"):
        yield from (file for file in (PROJECT / room).rglob("*.py") if "versions" not in file.parts)


def is_explained(path: str, name: str = "") -> bool:
    """Whether a page of docs/decisions names it: then it may be long, for the reason given there."""
    pages = (page.read_text(encoding="utf-8") for page in (PROJECT / "docs" / "decisions").glob("*.md"))
    return any(path in page and name in page for page in pages)


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path(file): len(file.read_text(encoding="utf-8").splitlines()) for file in product_files()}

    assert len(lengths) > 50
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE and not is_explained(name)} == {}


def test_no_function_is_too_long_to_read() -> None:
    lengths = {
        (path(file), node.name, node.lineno): (node.end_lineno or node.lineno) - node.lineno + 1
        for file in product_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert len(lengths) > 500
    assert {where: n for where, n in lengths.items() if n > LONGEST_FUNCTION and not is_explained(*where[:2])} == {}


def path(file: Path) -> str:
    return file.relative_to(PROJECT).as_posix()
