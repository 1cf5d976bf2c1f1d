"""The words of docs/glossary.md: a class name means one thing, and no name is one that was taken out of use."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ROOMS = ("config", "federation", "idp", "keys", "qr_login")
GONE = frozenset(
    [
        "Shelf",
        "Ephemeral",
        "Brake",
        "Throttle",
        "Lane",
        "Charge",
        "Standing",
        "Standings",
        "Owed",
        "Ask",
        "Seat",
        "Seats",
        "Marks",
        "Presented",
        "Brokering",
        "Away",
        "Stay",
        "Turned",
        "Entered",
        "Owing",
        "Gathering",
        "Surroundings",
        "Visitor",
        "Sheet",
        "CodeDesk",
        "Door",
        "Two",
        "Darkroom",
        "Telling",
        "Typed",
        "lay",
        "wire",
        "Foundation",
        "Measures",
        "Machines",
        "Front",
        "Peers",
        "Refusal",
        "Problem",
        "NotNow",
        "Never",
        "CameFirst",
        "Outdated",
        "Decided",
        "Changed",
        "LinkTaken",
        "NotOpen",
        "Answer",
        "Reply",
        "Incident",
        "incidents",
        "phone_door",
        "code_desk",
        "outages",
        "brokering",
        "foundation",
        "measures",
        "machines",
        "took",
        "found",
        "given",
        "shown",
        "told",
        "said",
        "says",
    ]
)


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product, parsed."""
    files = [file for room in ROOMS for file in sorted((PROJECT / room).rglob("*.py"))]
    return {file.relative_to(PROJECT).as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in files}


@cache
def known() -> frozenset[str]:
    """Every name that the product gives, and its modules."""
    return frozenset(name for tree in modules().values() for name in names_in(tree)) | {Path(f).stem for f in modules()}


def names_in(tree: ast.Module) -> Iterator[str]:
    """Everything that the module gives a name to: classes, functions, parameters, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def test_a_class_name_means_one_thing() -> None:
    defined = defaultdict(list)
    for file, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                defined[node.name].append(file)

    assert {name: files for name, files in defined.items() if len(files) > 1} == {}


def test_no_name_is_one_that_was_taken_out_of_use() -> None:
    found = {file: names & GONE for file, tree in modules().items() if (names := set(names_in(tree))) & GONE}
    files = {file for file in modules() if Path(file).stem in GONE}

    assert found == {}
    assert files == set()


def test_what_the_glossary_names_is_in_the_code() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+)", (PROJECT / "docs/glossary.md").read_text(encoding="utf-8"), re.M)

    assert len(rows) > 30
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} <= known() | set(ROOMS)
