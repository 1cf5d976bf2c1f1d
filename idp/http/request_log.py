"""The log line of each answered request.

Every request pays for it, and `Logger.info` with JSON of a dict takes four times as long (docs/performance.md). So the
record is filled from a template and knows its own line; handlers and filters see a `LogRecord` like any other.
"""

import logging
import os
import time
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted

from idp.http.request import Current

log = logging.getLogger("idp.requests")
_TEMPLATE = vars(logging.makeLogRecord({"name": log.name, "msg": "answered", "levelno": logging.INFO}))
_TEMPLATE["levelname"] = "INFO"


class Answered(logging.LogRecord):
    """One answered request; `members` are its facts as members of a JSON object."""

    __slots__ = ("members",)

    def __init__(self, current: Current, method: str, status: int, seconds: float) -> None:
        request_id, method, route, ms = current.id, method[:16], current.route or "page", round(seconds * 1000, 2)
        facts = {"request_id": request_id, "method": method, "route": route, "status": status, "ms": ms}
        members = f'"request_id":"{request_id}","method":{quoted(method)},"route":{quoted(route)}'
        members += f',"status":{status},"ms":{ms}'
        if current.client_id:
            facts["client_id"] = current.client_id
            members += f',"client_id":{quoted(current.client_id)}'
        if current.reason:
            facts["reason"] = current.reason[:300]
            members += f',"reason":{quoted(current.reason[:300])}'
        if current.was_reported:
            facts["support_code"], facts["detail"] = current.support_code, current.detail[:300]
            members += f',"support_code":"{current.support_code}","detail":{quoted(current.detail[:300])}'
        self.__dict__.update(_TEMPLATE)
        self.__dict__.update(facts)
        self.created = time.time()
        self.process = os.getpid()
        self.members = members

    def as_json(self) -> str:
        """The whole line, with the members that `config.logging.JsonLines` gives to each."""
        seconds = int(self.created)
        at = f"{_second(seconds)}.{int((self.created - seconds) * 1000):03d}+00:00"
        head = f'"at":"{at}","level":"info","pid":{self.process},"logger":"idp.requests","message":"answered"'
        return f"{{{head},{self.members}}}"


_last_second = (0, "")


def _second(seconds: int) -> str:
    global _last_second
    last = _last_second
    if last[0] != seconds:
        last = _last_second = (seconds, datetime.fromtimestamp(seconds, UTC).isoformat()[:19])
    return last[1]


def log_answer(current: Current, method: str, status: int, seconds: float) -> None:
    """Log one answer, if anybody listens."""
    if log.isEnabledFor(logging.INFO):
        log.handle(Answered(current, method, status, seconds))
