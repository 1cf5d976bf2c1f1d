"""The directory through which the workers of one machine share their metrics, and what dead ones leave in it.

A worker that ends leaves what it has counted: that is kept, in one file for all the dead. Its gauges are what it was
like when it lived: they go.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import error
from typing import Any

PREFIX = "idp-metrics-"
"""What the directories are called, before the process that serves."""

_OF_THE_DEAD = 0


class Numbers:
    """The shared metrics in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    @contextmanager
    def of_the_living(self) -> Iterator[str]:
        """The directory, without gauges of processes that have ended, for one reader at a time."""
        with self._lock:
            for file in self._directory.glob("*.db"):
                pid = int(file.stem.rpartition("_")[2])
                if pid != _OF_THE_DEAD and not _is_alive(pid):
                    _bury(file)
            yield str(self._directory)


def make_directory() -> Path:
    """A new directory of this process; whatever killed ones have left is swept first."""
    sweep(Path(tempfile.gettempdir()))
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def sweep(directory: Path) -> None:
    """Take away the numbers that a killed process left behind."""
    for left in directory.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)) and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


def _bury(file: Path) -> None:
    """Add what a dead process has counted to what all the dead have counted."""
    # Not at the top: the library decides when it is imported whether numbers are shared, by a variable that we set.
    from prometheus_client import mmap_dict

    files: Any = mmap_dict.MmapedDict
    kind = file.stem.rpartition("_")[0]
    if not kind.startswith("gauge"):
        grave = files(str(file.with_name(f"{kind}_{_OF_THE_DEAD}.db")))
        with suppress(RuntimeError, error):  # it was killed while it made the file
            for key, value, moment, _ in files.read_all_values_from_file(str(file)):
                grave.write_value(key, grave.read_value(key)[0] + value, moment)
        grave.close()
    file.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
