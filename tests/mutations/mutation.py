"""`Mutation`: one plausible mistake, as a text that takes the place of another, and the tests that must notice it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutation:
    """`breaks` says what no longer holds, and names it. `before` occurs exactly once in `file`.

    `tests` are files or node ids below `tests/`, as few as notice it, all of them within the process of pytest.
    """

    breaks: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


class DoesNotApply(ValueError):
    """The code has changed: the text is not there any more, or more than once."""


def mutated(project: Path, mutation: Mutation) -> str:
    """The file with the mistake in it. Raises `DoesNotApply`."""
    text = (project / mutation.file).read_text(encoding="utf-8")
    found = text.count(mutation.before)
    if found != 1 or mutation.before == mutation.after:
        raise DoesNotApply(f"{mutation.file}: the text of {mutation.breaks!r} is there {found} times")
    return text.replace(mutation.before, mutation.after)
