"""CPU time and memory of a process and everything it started, as the kernel counts them."""

import os
from collections import defaultdict
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int, *, program: str = "") -> float:
    """User and system time that the tree, or that program in it, has used so far, in seconds."""
    return sum(_cpu_ticks(pid) for pid in tree(root) if not program or _program(pid) == program) / _TICK


def cpu_by_process(root: int, program: str) -> dict[int, float]:
    """The same for each process of that program in the tree: what has ended is not there, and takes nothing away."""
    return {pid: _cpu_ticks(pid) / _TICK for pid in tree(root) if _program(pid) == program}


def memory_mib(root: int) -> float:
    """Memory of the tree in MiB (PSS): of a page that processes share, each counts its part."""
    return sum(_pss_kib(pid) for pid in tree(root)) / 1024


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


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _stat(pid: int) -> list[str]:
    """The fields after the program's name, which may hold anything; none when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
