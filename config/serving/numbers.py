"""The directory through which the workers of one machine share their metrics, including those of dead ones.

The counters of a dead worker are kept, in one file for all dead ones. Its gauges described the living process: they are
deleted.
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
"""Prefix of the directories, before the id of the serving process."""

_OF_THE_DEAD = 0


class Numbers:
    """The shared metrics in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    @contextmanager
    def of_the_living(self) -> Iterator[str]:
        """The directory, without gauges of dead processes, for one reader at a time."""
        with self._lock:
            for file in self._directory.glob("*.db"):
                pid = int(file.stem.rpartition("_")[2])
                if pid != _OF_THE_DEAD and not _is_alive(pid):
                    _bury(file)
            yield str(self._directory)


def make_directory() -> Path:
    """A new directory of this process; leftovers of killed ones are swept first."""
    sweep(Path(tempfile.gettempdir()))
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def sweep(directory: Path) -> None:
    """Delete the numbers that a killed process left behind."""
    for left in directory.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)) and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


def _bury(file: Path) -> None:
    """Add the counters of a dead process to those of all dead ones."""
    # Imported here: on import the library reads a variable, which we set, to decide whether numbers are shared.
    from prometheus_client import mmap_dict

    files: Any = mmap_dict.MmapedDict
    kind = file.stem.rpartition("_")[0]
    if not kind.startswith("gauge"):
        grave = files(str(file.with_name(f"{kind}_{_OF_THE_DEAD}.db")))
        with suppress(RuntimeError, error):  # it was killed while it created the file
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
