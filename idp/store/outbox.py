"""The outbox in SQL. Recipients and facts are sealed, because they contain numbers, codes and links.

A message has a next turn until it is finished; taking it moves the turn to the deadline of the taker.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from idp.errors import Busy
from idp.messages.message import Channel, Message
from idp.messages.sending import State, Taken
from idp.ports import Clock
from idp.store import tables as t
from idp.store.database import Database
from idp.store.notifying import notifying
from keys.sealing import MasterKey, SealBroken

KEPT = 604_800.0
"""Seconds that a finished message is kept for `idp messages list`."""

_c = t.message.c
_SHOWN = (_c.id, _c.channel, _c.template, _c.account_id, _c.state, _c.tries, _c.created_at, _c.next_at, _c.error)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a message, without its content. `to` is empty when it was sealed with another key."""

    id: str
    channel: Channel
    template: str
    account_id: str | None
    state: State
    tries: int
    created_at: float
    next_at: float | None
    error: str | None
    to: str = field(repr=False)


class SqlOutbox:
    """Messages in the table `message`. When `waiting` messages of a channel wait, awaited ones are refused."""

    def __init__(self, database: Database, sealing: MasterKey, clock: Clock, *, waiting: int = 10_000) -> None:
        self._database = database
        self._sealing = sealing
        self._clock = clock
        self._waiting = waiting

    def put(self, *messages: Message) -> None:
        with self._database.transaction.begin() as connection:
            self.write(connection, *messages)

    def write(self, connection: Connection, *messages: Message) -> None:
        """Accept messages in the caller's transaction: the event and its messages commit or roll back together."""
        for channel in {message.channel for message in messages if message.is_awaited}:
            if self._is_full(connection, channel):
                raise Busy(f"too many messages wait for {channel}", retry_after=60)
        adding = notifying(connection.dialect.name, insert(t.message), _c.channel)
        for message in messages:
            connection.execute(adding, self._row(message))

    def take(self, channel: Channel, seconds: float) -> Taken | None:
        now = self._clock()
        due = select(_c.id).where(_c.channel == channel, _c.next_at <= now).order_by(_c.next_at).limit(1)
        mine = due.with_for_update(skip_locked=True).scalar_subquery()
        taking = update(t.message).where(_c.id == mine).values(state="sending", next_at=now + seconds)
        with self._database.autocommit.connect() as connection:
            # Looking is cheaper than taking, and most looks find nothing; SQLite would lock for taking.
            while connection.execute(due).first():
                row = connection.execute(taking.returning(*t.message.c)).mappings().first()
                if row is None:
                    return None
                try:
                    return Taken(self._message(row), row["tries"], row["next_at"])
                except SealBroken:
                    end = self._ended("failed", "sealed by another key")
                    connection.execute(update(t.message).where(_c.id == row["id"]).values(end))
        return None

    def next_turn(self, channel: Channel) -> float | None:
        waiting = select(_c.next_at).where(_c.channel == channel, _c.next_at.is_not(None))
        with self._database.autocommit.connect() as connection:
            turn: float | None = connection.execute(waiting.order_by(_c.next_at).limit(1)).scalar()
        return turn

    def put_off(self, taken: Taken, until: float, reason: str) -> None:
        self._settle(taken, {"state": "waiting", "next_at": until, "tries": _c.tries + 1, "error": reason[:64]})

    def finish(self, taken: Taken, state: State, reason: str = "") -> None:
        self._settle(taken, self._ended(state, reason))

    def arrived(self, message_id: str) -> bool:
        # A message that was never handed over cannot have arrived, whatever a report says.
        handed_over = _c.state.in_(("sending", "sent", "failed")) | (_c.tries > 0)
        return self._heard(message_id, handed_over & (_c.state != "delivered"), self._ended("delivered", ""))

    def lost(self, message_id: str, reason: str) -> bool:
        return self._heard(message_id, _c.state == "sent", self._ended("failed", reason))

    def waiting(self) -> dict[Channel, tuple[int, float]]:
        """By channel: how many are waiting or in progress, and the age of the oldest in seconds."""
        each = select(_c.channel, func.count(), func.min(_c.created_at)).where(_c.next_at.is_not(None))
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(each.group_by(_c.channel)).all()
        return {channel: (count, self._clock() - oldest) for channel, count, oldest in rows}

    def search(self, *, channel: Channel | None, state: State | None, limit: int) -> list[Record]:
        """The newest messages."""
        wanted = select(*_SHOWN, _c.sealed_to).order_by(_c.created_at.desc()).limit(limit)
        if channel:
            wanted = wanted.where(_c.channel == channel)
        if state:
            wanted = wanted.where(_c.state == state)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [self._record(row) for row in rows]

    def find(self, message_id: str) -> Record | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(*_SHOWN, _c.sealed_to).where(_c.id == message_id)).mappings().first()
        return self._record(row) if row else None

    def revive(self, message_id: str) -> bool:
        """Retry a failed message; False when it has not failed, was taken once, or has expired."""
        now = self._clock()
        anew = {"state": "waiting", "tries": 0, "next_at": now, "finished_at": None}
        failed = (_c.state == "failed") & (_c.good_until > now) & (_c.sealed_facts != "")
        with self._database.autocommit.connect() as connection:
            revived = update(t.message).where(_c.id == message_id, failed).values(anew)
            return connection.execute(notifying(connection.dialect.name, revived, _c.channel)).rowcount == 1

    def _record(self, row: RowMapping) -> Record:
        facts = {name: value for name, value in row.items() if name != "sealed_to"}
        try:
            return Record(**facts, to=self._unseal(row["sealed_to"], row["id"]))
        except SealBroken:
            return Record(**facts, to="")

    def _heard(self, message_id: str, known: ColumnElement[bool], values: dict[str, Any]) -> bool:
        with self._database.autocommit.connect() as connection:
            return connection.execute(update(t.message).where(_c.id == message_id, known).values(values)).rowcount == 1

    def _settle(self, taken: Taken, values: dict[str, Any]) -> None:
        """Write the result of a message, unless its turn expired and another process has it, or it is finished."""
        ours = update(t.message).where(_c.id == taken.message.id, _c.next_at == taken.until, _c.state == "sending")
        with self._database.autocommit.connect() as connection:
            connection.execute(ours.values(values))

    def _ended(self, state: State, reason: str) -> dict[str, Any]:
        ended = {"state": state, "next_at": None, "finished_at": self._clock(), "error": reason[:64] or None}
        # The content is kept only for a message that may be retried: codes and links must not stay in a list.
        return ended if state == "failed" else ended | {"sealed_facts": ""}

    def _is_full(self, connection: Connection, channel: Channel) -> bool:
        waiting = select(_c.id).where(_c.channel == channel, _c.next_at.is_not(None))
        return connection.execute(waiting.offset(self._waiting - 1).limit(1)).first() is not None

    def _row(self, message: Message) -> dict[str, object]:
        now = self._clock()
        is_over = message.good_until <= now
        return {
            "id": message.id,
            "channel": message.channel,
            "template": message.template,
            "language": message.language,
            "sealed_to": self._seal(message.to, message.id),
            "sealed_facts": self._seal(json.dumps(dict(message.facts), ensure_ascii=False), message.id),
            "account_id": message.account_id,
            "client_id": message.client_id,
            "created_at": now,
            "good_until": message.good_until,
            # An expired message is written like the others, never sent, and swept at once.
            "state": "expired" if is_over else "waiting",
            "tries": 0,
            "next_at": None if is_over else now,
            "expires_at": now if is_over else message.good_until + KEPT,
        }

    def _message(self, row: RowMapping) -> Message:
        return Message(
            channel=row["channel"],
            to=self._unseal(row["sealed_to"], row["id"]),
            template=row["template"],
            good_until=row["good_until"],
            facts=json.loads(self._unseal(row["sealed_facts"], row["id"])),
            language=row["language"],
            account_id=row["account_id"],
            client_id=row["client_id"],
            id=row["id"],
        )

    def _seal(self, text: str, message_id: str) -> str:
        return self._sealing.seal(text.encode(), context=f"message {message_id}")

    def _unseal(self, sealed: str, message_id: str) -> str:
        return self._sealing.unseal(sealed, context=f"message {message_id}").decode()
