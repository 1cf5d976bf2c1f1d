"""Watches of a store: what other processes write wakes this one, and one process of an installation keeps house.

On PostgreSQL a session of its own listens, and holds an advisory lock if it is the first. On SQLite a thread looks at
the files of the database, which costs no statement, and a lock on a file beside them names the housekeeper. Whoever
dies loses either lock with its session or its file.
"""

import fcntl
import logging
import os
import random
import threading
import time
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from idp.store.database import Database
from idp.store.notifying import PG_CHANNEL
from idp.wakeups import Wakeups

LOCK = 7_266_002
"""The number of the advisory lock: one session of the database holds it."""

TICK = 0.5
"""Seconds between two looks at the files, and until a thread sees that it is to stop."""

SESSION = """SET application_name = 'bhxh-idp watch';
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"""
"""Its name for operators; and the server soon lets go of the lock of a machine that has lost its power."""

PING_EVERY = 30.0
"""Seconds after which a session proves that it lives, or tries to get the lock."""

AGAIN = 2.0
"""Seconds at most until the next connection."""

log = logging.getLogger(__name__)


class StoreWatch(ABC):
    """A daemon thread that wakes `wakeups`.

    `is_housekeeper` is true while this process holds the lock of the installation.
    """

    def __init__(self) -> None:
        self.wakeups = Wakeups()
        self.is_housekeeper = False
        self._may_keep_house = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)

    def start(self, *, may_keep_house: bool) -> None:
        """Watch; a process that does no housekeeping must not take the lock."""
        self._may_keep_house = may_keep_house
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Give the lock back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch()
            except Exception as error:
                # A store that is down is reported by /readyz; this thread must be alive when it comes back.
                log.warning("store not watched", extra={"reason": type(error).__name__})
            self.is_housekeeper = False
            # Something may have been missed.
            self.wakeups.wake_all()
            self._stop.wait(AGAIN * random.uniform(0.5, 1.0))  # noqa: S311

    @abstractmethod
    def _watch(self) -> None:
        """Watch until a stop. Raises whatever ends it."""


class Listening(StoreWatch):
    """LISTEN on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    def _watch(self) -> None:
        with closing(self._database.detached()) as connection:
            connection.add_notify_handler(lambda notification: self.wakeups.wake(notification.payload))
            connection.execute(f"{SESSION}; LISTEN {PG_CHANNEL}")
            self.wakeups.wake_all()
            ping_at = 0.0
            while not self._stop.is_set():
                if time.monotonic() >= ping_at:
                    self._ping(connection)
                    ping_at = time.monotonic() + PING_EVERY * random.uniform(0.8, 1.0)  # noqa: S311
                connection.await_notifications(TICK)

    def _ping(self, connection: Any) -> None:
        """Prove that the session lives, and get the lock if it is free."""
        if self.is_housekeeper or not self._may_keep_house:
            connection.execute("SELECT 1")
        else:
            self.is_housekeeper = bool(connection.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone()[0])


class FileWatch(StoreWatch):
    """Looks at the files of an SQLite database: every commit writes to the one whose name ends in `-wal`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._files = path, path.with_name(f"{path.name}-wal")
        self._lock = path.with_name(f"{path.name}-housekeeper")

    def _watch(self) -> None:
        seen: object = None
        with open(os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            while not self._stop.is_set():
                if self._may_keep_house and not self.is_housekeeper:
                    self.is_housekeeper = _locks(lock.fileno())
                if (state := [_state(file) for file in self._files]) != seen:
                    seen = state
                    self.wakeups.wake_all()
                self._stop.wait(TICK)


def _locks(file: int) -> bool:
    """Lock the file, if nobody has."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _state(file: Path) -> tuple[int, int] | None:
    """What a write changes of a file."""
    with suppress(FileNotFoundError):
        status = file.stat()
        return status.st_mtime_ns, status.st_size
    return None


def watch_of(database: Database) -> StoreWatch:
    """The watch of this database."""
    return Listening(database) if database.path is None else FileWatch(database.path)
