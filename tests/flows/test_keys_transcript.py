"""Acceptance 3: what docs/keys.md shows of the terminal is what the commands print.

Names of keys and of the master key are compared by the order in which they appear; the clock stands still and moves
where the page says "# 3 days later".
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.cli.main import main
from tests.support import databases
from tests.support.clock import FrozenClock

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LATER = re.compile(r"# (\d+) (days?|hours?|minutes?) later")
SETTING = re.compile(r"# keys\.(\w+) = (\d+)")
SECONDS = {"day": 86_400, "hour": 3600, "minute": 60}
RUN = re.compile(r"[A-Za-z0-9_-]{12}(?=[\s,])")


def blocks() -> list[str]:
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def replay(block: str, names: list[str]) -> str:
    """The block as it looks when its commands are run now."""
    clock, printed, given = FrozenClock(), list[str](), dict[str, str]()
    for line in block.splitlines():
        if later := LATER.fullmatch(line):
            clock.move(int(later[1]) * SECONDS[later[2].rstrip("s")])
            printed += ["", line]
        elif setting := SETTING.fullmatch(line):
            given[f"IDP_KEYS__{setting[1].upper()}"] = setting[2]
            printed.append(line)
        elif line.startswith("$ "):
            words = _words(line, block, names)
            done = CliRunner().invoke(main, words[1:], obj=clock, env=given)
            assert isinstance(done.exception, SystemExit | None), done.output
            names += [name for name in _names(done.output) if name not in names]
            printed += [*([""] if printed and not printed[-1].startswith("# ") else []), _typed(words)]
            printed += done.output.splitlines() + ([f"(ends with {done.exit_code})"] if done.exit_code else [])
    return "\n".join(printed) + "\n"


def _words(line: str, block: str, names: list[str]) -> list[str]:
    """The command, with the keys of this run in the place of those on the page."""
    shown = list(dict.fromkeys(_names(block)))
    words = shlex.split(line[2:])
    return [names[shown.index(word)] if word in shown else word for word in words]


def _typed(words: list[str]) -> str:
    said = {number + 1 for number, word in enumerate(words) if word == "--reason"}
    return "$ " + " ".join(f'"{word}"' if number in said else word for number, word in enumerate(words))


def _names(text: str) -> Iterator[str]:
    """The keys that a text names: words of twelve letters that hold a digit, a dash or letters of both kinds."""
    for found in RUN.findall(text):
        if re.search(r"[0-9_-]", found) or (re.search("[a-z]", found) and re.search(r"(?<=.)[A-Z]", found)):
            yield found


def compared(text: str) -> str:
    """The text with names of keys and master keys in the order in which they come."""
    for number, name in enumerate(dict.fromkeys(_names(text))):
        text = text.replace(name, f"KEY-{chr(65 + number) * 8}")
    return re.sub(r"\b(?=[0-9a-f]*[0-9])([0-9a-f]{16}|[0-9a-f]{8})\b", "MASTER", text).strip()


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of somebody who reads docs/keys.md: fresh, with the settings that the page gives."""
    monkeypatch.setenv("IDP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IDP_STORE__DATABASE_URL", databases.sqlite_copy(sqlite_template, tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", range(len(blocks()) if PAGE.exists() else 0))
def test_the_page_shows_what_the_commands_print(home: Path, number: int) -> None:
    block = blocks()[number]
    assert compared(replay(block, [])) == compared(block)


def test_the_page_shows_a_rotation_and_an_emergency() -> None:
    shown = "\n".join(blocks())
    for words in ("idp keys rotate", "idp keys revoke", "idp keys status", "idp keys list", "idp keys verify"):
        assert f"$ {words}" in shown
