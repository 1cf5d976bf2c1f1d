"""Where the files of a run lie: in memory where that is large enough, because tests commit thousands of times.

What a commit promises is about a power cut, which no test makes; a killed process loses as little from memory.
"""

import gc
import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30
"""Bytes that must be free there: each worker has a PostgreSQL, and a container often has a twentieth of this."""


def in_memory() -> None:
    """Temporary files of this process and of its children from now on, unless somebody said where (Linux only)."""
    if "TMPDIR" not in os.environ and _fits(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _fits(place: Path) -> bool:
    try:
        found = os.statvfs(place)
    except OSError:
        return False
    runs_programs = not found.f_flag & os.ST_NOEXEC
    return runs_programs and os.access(place, os.W_OK) and found.f_bavail * found.f_frsize >= ENOUGH


def leave_in_peace() -> None:
    """Never look again whether what exists now is garbage: eight thousand tests would be walked through every time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
