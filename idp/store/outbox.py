"""The outbox in SQL. Recipients and facts are sealed, because they hold numbers, codes and links."""

import json

from sqlalchemy import Connection, insert

from idp.messages.message import Message
from idp.ports import Clock
from idp.store import tables as t
from keys.database import Database
from keys.sealing import MasterKey

KEPT = 604_800.0
"""Seconds that a finished message is kept for `idp messages list`."""


class SqlOutbox:
    """Messages in the table `message`."""

    def __init__(self, database: Database, sealing: MasterKey, clock: Clock) -> None:
        self._database = database
        self._sealing = sealing
        self._clock = clock

    def put(self, *messages: Message) -> None:
        with self._database.write.begin() as connection:
            self.write(connection, *messages)

    def write(self, connection: Connection, *messages: Message) -> None:
        """Accept messages in the caller's transaction: what happened and that it is told stand or fall together."""
        for message in messages:
            connection.execute(insert(t.message), self._row(message))

    def _row(self, message: Message) -> dict[str, object]:
        now = self._clock()
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
            "state": "waiting",
            "tries": 0,
            "next_at": now,
            "expires_at": message.good_until + KEPT,
        }

    def _seal(self, text: str, message_id: str) -> str:
        return self._sealing.seal(text.encode(), context=f"message {message_id}")
