"""The seeded mistakes still fit the code, so that `make mutants` tries what it says."""

from collections import Counter
from pathlib import Path

import pytest

from tests.mutations import ALL
from tests.mutations.mutation import DoesNotApply, Mutation, mutated

PROJECT = Path(__file__).parents[2]


def problem(mutation: Mutation) -> str | None:
    """Why the mutation cannot be tried; None when it can."""
    try:
        mutated(PROJECT, mutation)
    except (DoesNotApply, OSError) as error:
        return str(error)
    for test in mutation.tests:
        file, *names = test.split("::")
        path = PROJECT / "tests" / file
        if not path.exists() or (names and f"def {names[-1]}(" not in path.read_text(encoding="utf-8")):
            return f"{mutation.breaks!r} names {test}, which is not there"
    return None if mutation.tests else f"{mutation.breaks!r} names no test"


def test_every_mistake_applies_and_names_tests_that_are_there() -> None:
    assert [found for mutation in ALL if (found := problem(mutation))] == []


def test_there_are_enough_and_no_name_is_there_twice() -> None:
    assert len(ALL) >= 60
    assert [name for name, times in Counter(mutation.breaks for mutation in ALL).items() if times > 1] == []


@pytest.mark.parametrize(("before", "after"), [("a", "b"), ("nowhere", "b"), ("b", "b")])
def test_a_mistake_that_would_change_nothing_or_too_much_is_refused(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "code.py").write_text("a = a + b", encoding="utf-8")

    with pytest.raises(DoesNotApply):
        mutated(tmp_path, Mutation("a sum", "code.py", before, after, ()))
