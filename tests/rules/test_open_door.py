"""What strangers meet first is true: licence, version, hooks, and every command, file and function that pages name."""

import ast
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def test_the_licence_is_the_one_that_the_package_names() -> None:
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text("LICENSE")
    assert all((PROJECT / name).is_file() for name in PYPROJECT["project"]["license-files"])


def test_what_others_made_is_in_the_notice() -> None:
    """Whatever carries a licence of its own, and every file that a tool read out of somebody else's work."""
    theirs = [file for file in PROJECT.glob("[!.]*/**/LICENSE*") if "node_modules" not in file.parts]

    assert theirs
    for file in [*theirs, PROJECT / "idp/registration/divisions.csv"]:
        assert file.relative_to(PROJECT).as_posix() in text("NOTICE")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (PROJECT / package / "py.typed").is_file()


def test_the_hooks_are_the_lines_of_make_lint() -> None:
    hooks = re.findall(r"^ +entry: (.+)$", text(".pre-commit-config.yaml"), re.M)
    recipe = re.search(r"^lint:.*\n((?:\t.+\n)+)", MAKEFILE, re.M)

    assert recipe
    assert hooks == recipe[1].replace("\t", "").replace("$(BIN)", ".venv/bin").splitlines()


def test_the_hooks_name_commands_that_the_lock_brings() -> None:
    here = Path(sys.executable).parent
    for entry in re.findall(r"^ +entry: \.venv/bin/([a-z-]+)", text(".pre-commit-config.yaml"), re.M):
        assert (here / entry).is_file(), entry


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("v1.2.0-0-gabcdef0", "1.2.0"),
        ("v1.2.0-3-gabcdef0", "1.2.1.dev3+gabcdef0"),
        ("v1.2.0-0-gabcdef0-dirty", "1.2.1.dev0+gabcdef0.dirty"),
        ("abcdef0", "0.1.0.dev450+gabcdef0"),
        ("abcdef0-dirty", "0.1.0.dev450+gabcdef0.dirty"),
        ("", "0.1.0"),
    ],
)
def test_the_version_follows_the_tags(described: str, expected: str) -> None:
    version = runpy.run_path(str(PROJECT / "tools" / "version.py"))["version"]

    assert version(described, "450") == expected


def test_the_version_comes_from_the_tag_of_the_commit(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(PROJECT / "tools" / "version.py", tmp_path / "tools")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.test", "-c", "commit.gpgsign=false")

    def built() -> str:
        return str(runpy.run_path(str(tmp_path / "tools" / "version.py"))["__version__"])

    assert built() == "0.1.0"
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert re.fullmatch(r"0\.1\.0\.dev1\+g[0-9a-f]{7,}", built())
    subprocess.run(["git", "tag", "v2.3.4"], cwd=tmp_path, check=True)
    assert built() == "2.3.4"


TO_BE_MADE = ("federation/connectors/other.py", "docs/integrations/other.md")
"""Files that CONTRIBUTING.md tells how to make."""

PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md"]
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
FOLDERS = "|".join(sorted(folder.name for folder in PROJECT.iterdir() if folder.is_dir() and folder.name[0] != "."))
PATHS = re.compile(rf"`((?:{FOLDERS})/[\w./*<>-]*|[\w.-]+\.(?:md|toml|lock))`")
READ_IN_ORDER = re.findall(r"^[0-9]+\. `([\w/.]+\.py)` → `([\w.]+)`", text("ARCHITECTURE.md"), re.M)
ASKED = re.findall(r"^\$ (grep .+)\n((?:\S+\.py\n)+)", text("ARCHITECTURE.md"), re.M)


def names_in(file: Path) -> set[str]:
    """Functions, classes and methods of a module, the latter as `Class.method`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, (*functions, ast.ClassDef))}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return found | {f"{each.name}.{node.name}" for each in classes for node in each.body if isinstance(node, functions)}


def python(room: str) -> Iterator[Path]:
    yield from (file for file in (PROJECT / room).rglob("*.py") if file != Path(__file__))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_make_exists(page: str) -> None:
    code = re.findall(r"`make ([a-z]+)", text(page)) + re.findall(r"^ *make ([a-z]+)", text(page), re.M)

    assert set(code) <= TARGETS


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    found = {path for path in PATHS.findall(text(page)) if "<" not in path and path not in TO_BE_MADE}

    assert [path for path in found if not list(PROJECT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize(
    "page", [*PAGES, *(str(each.relative_to(PROJECT)) for each in (PROJECT / "docs").rglob("*.md"))]
)
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text(page))

    assert [link for link in links if not ((PROJECT / page).parent / link).exists()] == []


def test_every_document_can_be_reached_from_the_first_page() -> None:
    named = set(re.findall(r"\]\((docs/[\w.-]+)", text("README.md")))

    assert {f"docs/{each.name}" for each in (PROJECT / "docs").glob("*.md")} <= named


def test_every_name_in_the_lists_is_in_the_code() -> None:
    """Whatever looks like a name of ours: with an underscore, in capitals, or of two words."""
    quoted = re.findall(r"`(\w+)`", text("CONTRIBUTING.md"))
    names = {each for each in quoted if "_" in each or each.isupper() or re.fullmatch(r"(?:[A-Z][a-z]+){2,}", each)}
    code = (
        file.read_text(encoding="utf-8") for room in ("config", "idp", "federation", "tests") for file in python(room)
    )
    known = {word for each in code for word in re.findall(r"\w+", each)}

    assert len(names) > 20
    assert names <= known | {"SHA256SUMS"}


@pytest.mark.parametrize(("file", "name"), READ_IN_ORDER)
def test_every_function_to_read_is_there(file: str, name: str) -> None:
    assert name in names_in(PROJECT / file)


def test_the_five_paths_are_there() -> None:
    assert len(READ_IN_ORDER) > 40
    assert len(re.findall(r"^### ", text("ARCHITECTURE.md").partition("## Five paths")[2], re.M)) == 5


@pytest.mark.parametrize(("command", "answer"), ASKED)
def test_a_question_has_the_answer_that_is_told(command: str, answer: str) -> None:
    words = [shlex.split(command)[0], "--include=*.py", *shlex.split(command)[1:]]
    found = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True).stdout

    assert sorted(line.partition(":")[0] for line in found.splitlines()) == answer.split()


def test_six_questions_are_answered() -> None:
    assert len(ASKED) == 6


def test_the_faster_argon2_is_built_from_the_lock_as_the_page_says(tmp_path: Path) -> None:
    """The first line of docs/deploy.md is run; the second is the command of `make bench`, which builds it."""
    page = text("docs/deploy.md")
    extract = re.search(r"^sed .*requirements\.lock", page, re.MULTILINE)
    assert extract
    locked = subprocess.run(extract[0], shell=True, cwd=PROJECT, capture_output=True, text=True, check=True).stdout

    assert locked.startswith("argon2-cffi-bindings==")
    assert locked.count("--hash=sha256:") > 1
    assert locked.count("==") == 1
    build = 'CFLAGS="-O3 -march=x86-64-v3"'
    options = "--require-hashes --no-deps --force-reinstall --no-cache-dir"
    for place in (page, MAKEFILE):
        assert build in place
        assert options in place
        assert "--no-binary argon2-cffi-bindings -r" in place
