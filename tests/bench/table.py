"""Measurements become lines of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median


@dataclass(frozen=True, slots=True)
class Window:
    """What one operation did in one window of `seconds`; `bare_rate` is the yardstick's rate in the same round."""

    seconds: float
    latencies: Sequence[float]
    cpu: float
    store_cpu: float
    own_cpu: float
    bare_rate: float

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def thousand(self, cpu: float) -> float:
        """Milliseconds of CPU for a thousand operations."""
        return cpu * 1_000_000 / len(self.latencies)


@dataclass
class Line:
    """One operation under one server: its windows, of which the medians are told, and the server's memory in MiB."""

    heading: str
    operation: str
    memory: float = 0.0
    windows: list[Window] = field(default_factory=list)

    @property
    def cells(self) -> tuple[str, ...]:
        """What `COLUMNS` names."""
        windows = self.windows
        latencies = sorted(seconds * 1000 for window in windows for seconds in window.latencies)
        return (
            self.operation,
            f"{median(w.rate for w in windows):,.0f}",
            f"{median(w.rate / w.bare_rate for w in windows):.3f}",
            f"{latencies[len(latencies) // 2]:.1f}",
            f"{latencies[len(latencies) * 99 // 100]:.1f}",
            f"{median(w.thousand(w.cpu) for w in windows):,.0f}",
            f"{median(w.thousand(w.store_cpu) for w in windows):,.0f}",
            f"{median(w.thousand(w.own_cpu) for w in windows):,.0f}",
            f"{self.memory:.0f}",
        )


COLUMNS = ("operation", "per s", "of bare", "p50 ms", "p99 ms", "CPU ms/1000", "stores", "client", "MiB")


def table(lines: Iterable[Line]) -> str:
    """Markdown that also reads well in a terminal: a heading and a table for each server and pair of stores."""
    blocks = []
    for heading, group in groupby(lines, key=lambda line: line.heading):
        rows = [line.cells for line in group]
        widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        blocks.append("\n".join([f"**{heading}**", "", *(_row(row, widths) for row in (COLUMNS, rule, *rows))]))
    return "\n\n".join(blocks)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join([cells[0].ljust(widths[0]), *numbers])} |"
