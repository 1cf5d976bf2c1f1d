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
    paced: list[float] = field(default_factory=list)
    """Seconds of each operation at `SHARE` of the median rate."""

    @property
    def rate(self) -> float:
        return median(w.rate for w in self.windows)

    def paced_ms(self, percent: int) -> float:
        """That percentile of `paced`, in milliseconds."""
        return sorted(self.paced)[len(self.paced) * percent // 100] * 1000

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


SHARE = 0.4
RATIOS = ("operation", "rate", "CPU", "CPU of stores", "p50 ms", "peer's", "p99 ms", "peer's p99")


def ratios(ours: Iterable[Line], peers: Iterable[Line]) -> str:
    """Markdown: ours by the peer's, round by round (medians), and both latencies at `SHARE` of each one's own rate."""
    by_operation = {line.operation: line for line in peers}
    rows = [_ratios(line, by_operation[line.operation]) for line in ours if line.operation in by_operation]
    return _table(RATIOS, rows)


def _ratios(line: Line, peer: Line) -> tuple[str, ...]:
    pairs = list(zip(line.windows, peer.windows, strict=True))
    stores = [(ours.thousand(ours.store_cpu), theirs.thousand(theirs.store_cpu)) for ours, theirs in pairs]
    return (
        line.operation,
        f"{median(ours.rate / theirs.rate for ours, theirs in pairs):.2f}",
        f"{median(ours.thousand(ours.cpu) / theirs.thousand(theirs.cpu) for ours, theirs in pairs):.2f}",
        f"{median(a for a, _ in stores):,.0f} to {median(b for _, b in stores):,.0f}",
        f"{line.paced_ms(50):.1f}",
        f"{peer.paced_ms(50):.1f}",
        f"{line.paced_ms(99):.1f}",
        f"{peer.paced_ms(99):.1f}",
    )


COLUMNS = ("operation", "per s", "of bare", "p50 ms", "p99 ms", "CPU ms/1000", "stores", "client", "MiB")


def table(lines: Iterable[Line]) -> str:
    """A heading and a table for each server and pair of stores."""
    groups = groupby(lines, key=lambda line: line.heading)
    return "\n\n".join(
        f"**{heading}**\n\n{_table(COLUMNS, [line.cells for line in group])}" for heading, group in groups
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown that also reads well in a terminal."""
    widths = [max(len(row[column]) for row in [columns, *rows]) for column in range(len(columns))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_row(row, widths) for row in (columns, rule, *rows))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join([cells[0].ljust(widths[0]), *numbers])} |"
