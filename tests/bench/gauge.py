"""CPU time and memory of a process and everything it started, as the kernel counts them."""

import os
from collections import defaultdict
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(root: int, *, program: str = "") -> float:
    """User and system time that the tree, or that program in it, has used so far, in seconds."""
    return sum(_cpu_ticks(pid) for pid in tree(root) if not program or _program(pid) == program) / _TICK


def resident_mib(root: int) -> float:
    """Resident memory of the tree in MiB; pages that processes share count once for each of them."""
    return sum(_resident_pages(pid) for pid in tree(root)) * _PAGE / 1_048_576


def tree(root: int) -> list[int]:
    """The process and its descendants."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _cpu_ticks(pid: int) -> int:
    return sum(int(ticks) for ticks in _stat(pid)[11:13])


def _resident_pages(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[21]) if fields else 0


def _stat(pid: int) -> list[str]:
    """The fields after the program's name, which may hold anything; none when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
