"""`Copy`: the project in a directory of its own, where a mistake hurts nobody, and what its tests say there."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.mutation import Mutation, mutated

PROJECT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "node_modules", "data", "build", "dist")
PYTEST = ("-m", "pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider", "-p", "pytest_timeout", "--timeout=60")
CHOSEN = ("-m", "not soak", "-k", "not postgresql")
ROOMS = ("config", "federation", "idp", "keys", "qr_login")
_FAILED = re.compile(r"^FAILED (?:tests/)?(.+?)(?: - .*)?$", re.MULTILINE)


class Broken(Exception):
    """The tests could not be run as they should; the message is what pytest said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The test that failed first, None when all passed, and the seconds that it took."""

    caught_by: str | None
    seconds: float


class Copy:
    """A copy below `directory`. Tests on PostgreSQL are left out: it would be started for each mutation."""

    def __init__(self, directory: Path) -> None:
        self._project = directory / "project"
        shutil.copytree(PROJECT, self._project, ignore=LEFT_OUT)
        # Bytecode that is held against its source: a file that is changed twice within a second is read anew.
        self._python("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", *ROOMS)
        self._demand_own_modules()

    def run(self, tests: Iterable[str]) -> Verdict:
        """Run the tests until one fails. Raises `Broken` when something else than a test goes wrong."""
        began = time.monotonic()
        done = self._python(*PYTEST, *CHOSEN, *(f"tests/{test}" for test in tests))
        seconds = time.monotonic() - began
        failed = _FAILED.search(done.stdout)
        if done.returncode == 1 and failed:
            return Verdict(failed[1], seconds)
        if done.returncode:
            raise Broken((done.stdout + done.stderr)[-3000:])
        return Verdict(None, seconds)

    @contextmanager
    def with_mistake(self, mutation: Mutation) -> Iterator[None]:
        """The mistake is in the copy during the block. Raises `DoesNotApply`."""
        wrong, path = mutated(self._project, mutation), self._project / mutation.file
        right = path.read_text(encoding="utf-8")
        path.write_text(wrong, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(right, encoding="utf-8")

    def _demand_own_modules(self) -> None:
        """The project itself is installed too; were that imported, every mutation would survive."""
        found = self._python("-c", "import idp; print(idp.__file__)").stdout.strip()
        if found != str(self._project / "idp" / "__init__.py"):
            raise Broken(f"the copy imports {found}")

    def _python(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # Plugins that nobody needs here take longer to load than most of the tests to run.
        alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self._project, env=alone, capture_output=True, text=True, check=False)
