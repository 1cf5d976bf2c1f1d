"""The walls of the house stand: an arrow that turns back is caught, and nothing has grown too large to read."""

import ast
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


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms, without what is no code, and the contracts."""
    for room in ROOMS:
        code_only = shutil.ignore_patterns("__pycache__", "static", "templates", "translations", "captcha_voice")
        shutil.copytree(PROJECT / room, tmp_path / room, ignore=code_only)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, env={"PYTHONPATH": str(house)})


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("keys/ring.py", "import idp.ports"),
        ("idp/ports.py", "import config.settings"),
        ("idp/accounts/account.py", "import idp.login.sessions"),
        ("idp/login/sessions.py", "import idp.oidc.clients"),
        ("idp/oidc/gate.py", "import idp.web.login"),
        ("idp/login/limits.py", "import flask"),
        ("keys/signing.py", "import sqlalchemy"),
        ("idp/accounts/passwords.py", "import redis"),
    ],
)
def test_an_arrow_that_turns_back_is_caught(copy: Path, module: str, forbidden: str) -> None:
    path = copy / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{forbidden}\n", encoding="utf-8")

    checked = lint_imports(copy)

    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "BROKEN" in checked.stdout


def test_the_house_as_it_is_keeps_its_contracts(copy: Path) -> None:
    checked = lint_imports(copy)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout


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
