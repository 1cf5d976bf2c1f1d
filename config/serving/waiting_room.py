"""The connections that a worker waits for, in the order in which the waiting began, and which of too many has to go."""

import time
from collections import defaultdict
from collections.abc import Iterator

from config.serving.connection import Connection

IDLE = 5.0
"""Seconds that an idle connection is kept."""

HEAD, BODY, UPLOAD = 10.0, 10.0, 120.0
"""Total seconds for a head, a usual body and a larger one."""

GOODBYE = 2.0
"""Seconds for a client to read the last response before the connection is closed (RFC 9112, 9.6)."""

MOST_PER_ADDRESS, MOST_UPLOADS = 128, 32
"""Connections of one address without a complete request, and incoming large bodies, per worker."""


class WaitingRoom:
    """Connections without a complete request. `Connection.deadline` is when the waiting ends."""

    def __init__(self) -> None:
        self._all: dict[Connection, None] = {}
        self._by_peer: dict[str, dict[Connection, None]] = defaultdict(dict)
        self._uploads: dict[Connection, None] = {}

    def __contains__(self, conn: Connection) -> bool:
        return conn in self._all

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._all))

    def add(self, conn: Connection, seconds: float) -> Connection | None:
        """Wait for `seconds`; returns the connection that has to go for it, if its address has too many."""
        conn.deadline = time.monotonic() + seconds
        self._all[conn] = None
        if conn.peer is None:
            return None
        theirs = self._by_peer[conn.peer]
        theirs[conn] = None
        return next(iter(theirs)) if len(theirs) > MOST_PER_ADDRESS else None

    def add_upload(self, conn: Connection) -> Connection | None:
        """A large body comes in; returns the one that has to go for it, if any."""
        self._uploads[conn] = None
        return next(iter(self._uploads)) if len(self._uploads) > MOST_UPLOADS else None

    def remove(self, conn: Connection) -> None:
        """It has a request, or was closed."""
        del self._all[conn]
        self._uploads.pop(conn, None)
        if conn.peer is not None:
            del self._by_peer[conn.peer][conn]
            if not self._by_peer[conn.peer]:
                del self._by_peer[conn.peer]

    def oldest(self) -> Connection | None:
        """The one that has kept us waiting longest."""
        return next(iter(self._all), None)
