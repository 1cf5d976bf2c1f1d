"""`python -m tests.mutations`: put each mistake into a copy of the project and see that a test fails.

`make mutants` runs all of them. Numbers, or words of what they break, run some; `--list` only tells them.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.mutations import ALL
from tests.mutations.copy import Broken, Copy
from tests.mutations.mutation import DoesNotApply, Mutation

AT_ONCE = 2
Numbered = tuple[int, Mutation]


def main() -> int:
    arguments = _arguments()
    chosen = _chosen(arguments.which)
    if arguments.list:
        for number, mutation in chosen:
            print(f"{number:3}  {mutation.breaks}  ({mutation.file})")
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as directory:
        copies = SimpleQueue[Copy]()
        for number in range(AT_ONCE):
            copies.put(Copy(Path(directory) / str(number)))
        if not arguments.skip_first_run and not _pass_without(copies, [mutation for _, mutation in chosen]):
            return 1
        with ThreadPoolExecutor(AT_ONCE) as workers:
            caught = sum(workers.map(lambda each: _is_caught(copies, *each), chosen))
    print(f"{caught} of {len(chosen)} caught in {time.monotonic() - began:.0f} s")
    return int(caught < len(chosen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("which", nargs="*", help="numbers, or words of what is broken")
    parser.add_argument("--list", action="store_true", help="tell them and run nothing")
    parser.add_argument("--skip-first-run", action="store_true", help="do not run the tests without any mistake first")
    return parser.parse_args()


def _chosen(which: list[str]) -> list[Numbered]:
    numbered = list(enumerate(ALL, 1))
    if not which:
        return numbered
    return [(n, m) for n, m in numbered if any(w == str(n) if w.isdigit() else w in m.breaks for w in which)]


def _pass_without(copies: SimpleQueue[Copy], chosen: list[Mutation]) -> bool:
    """Whether all the tests pass as long as nothing is wrong: else their failures would tell nothing."""
    tests = dict.fromkeys(test for mutation in chosen for test in mutation.tests)
    with _borrowed(copies) as copy:
        try:
            verdict = copy.run(tests)
        except Broken as error:
            print(f"the tests could not be run\n{error}", flush=True)
            return False
    said = f"{verdict.caught_by} fails without any mistake" if verdict.caught_by else "all tests pass without a mistake"
    print(f"{said} ({verdict.seconds:.0f} s)", flush=True)
    return verdict.caught_by is None


def _is_caught(copies: SimpleQueue[Copy], number: int, mutation: Mutation) -> bool:
    with _borrowed(copies) as copy:
        try:
            with copy.with_mistake(mutation):
                verdict = copy.run(mutation.tests)
        except (DoesNotApply, Broken) as error:
            print(f"{number:3}  BROKEN    {mutation.breaks}\n{error}", flush=True)
            return False
    what = f"caught    {mutation.breaks}: {verdict.caught_by}" if verdict.caught_by else f"SURVIVED  {mutation.breaks}"
    print(f"{number:3}  {what} ({verdict.seconds:.1f} s)", flush=True)
    return verdict.caught_by is not None


@contextmanager
def _borrowed(copies: SimpleQueue[Copy]) -> Iterator[Copy]:
    """One of the copies, for one run of tests at a time."""
    copy = copies.get()
    try:
        yield copy
    finally:
        copies.put(copy)


if __name__ == "__main__":
    sys.exit(main())
