"""`EphemeralStore` in a dictionary: for rules that are walked through a million times. What it promises, the model test
compares with SQLite; a failover that lost what was written last is `restore`."""

from collections.abc import Callable

from idp.ports import SPENT, NewRecord, Spent

Records = dict[str, tuple[bytes | None, float]]


class InMemory:
    """Short-lived values of one thread; a spent one is None."""

    def __init__(self) -> None:
        self.records: Records = {}
        self.meanwhile: Callable[[], object] | None = None
        """What somebody else does between the next reading and replacing, once."""

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        if self._live(key, now) is not None:
            return False
        self.records[key] = (value, expires_at)
        return True

    def get(self, key: str, *, now: float) -> bytes | None:
        found = self._live(key, now)
        return found if isinstance(found, bytes) else None

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        found = self._live(key, now)
        if isinstance(found, bytes):
            self.records[key] = (None, self.records[key][1])
        return found

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        if self.meanwhile is not None:
            others, self.meanwhile = self.meanwhile, None
            others()
        if self._live(key, now) != old:
            return False
        self.records[key] = (new, self.records[key][1])
        return True

    def get_and_put(self, key: str, new: NewRecord, *, now: float) -> tuple[bytes | None, bool]:
        found = self.get(key, now=now)
        return found, found is not None and self.put(new.key, new.value, expires_at=new.expires_at, now=now)

    def take_and_put(self, key: str, new: NewRecord, *, now: float) -> bytes | Spent | None:
        found = self.take(key, now=now)
        if isinstance(found, bytes):
            self.put(new.key, new.value, expires_at=new.expires_at, now=now)
        return found

    def copy(self) -> Records:
        return dict(self.records)

    def restore(self, earlier: Records) -> None:
        """Forget what was written since `copy`, as a store does whose replica takes over."""
        self.records = dict(earlier)

    def _live(self, key: str, now: float) -> bytes | Spent | None:
        value, until = self.records.get(key, (b"", 0.0))
        if until <= now:
            return None
        return SPENT if value is None else value
