"""The approximate place of a network, from a list that the operator keeps: `network,place` lines, longest match wins.

No such list is included: the data change, and sending addresses to a third party is not our decision.
"""

import csv
import ipaddress
from functools import lru_cache
from pathlib import Path

MOST = 200_000
LONGEST = 60


class BadPlaces(ValueError):
    """A line of the list cannot be read."""


class Places:
    """Looks networks up. `names` maps (version, prefix length, network address as a number) to a place."""

    def __init__(self, names: dict[tuple[int, int, int], str]) -> None:
        self._names = names
        self._lengths = {v: sorted({n for version, n, _ in names if version == v}, reverse=True) for v in (4, 6)}

    def of(self, network: str) -> str:
        """The place of a network such as "192.0.2.0/24"; empty when it is unknown."""
        try:
            asked = ipaddress.ip_network(network)
        except ValueError:
            return ""
        bits, start = asked.max_prefixlen, int(asked.network_address)
        for length in self._lengths[asked.version]:
            name = self._names.get((asked.version, length, start >> (bits - length) << (bits - length)))
            if name and length <= asked.prefixlen:
                return name
        return ""


NOWHERE = Places({})


@lru_cache(maxsize=4)
def read_places(file: Path) -> Places:
    """The list in `file`, UTF-8, at most 200,000 lines. Raises `BadPlaces` with the number of the line, `OSError`."""
    names: dict[tuple[int, int, int], str] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            if not row or row[0].startswith("#"):
                continue
            if number > MOST or len(row) != 2 or not 0 < len(row[1].strip()) <= LONGEST:
                raise BadPlaces(f"line {number} is not `network,place`")
            try:
                network = ipaddress.ip_network(row[0].strip())
            except ValueError:
                raise BadPlaces(f"line {number}: {row[0][:60]!r} is no network") from None
            names[network.version, network.prefixlen, int(network.network_address)] = row[1].strip()
    return Places(names)
