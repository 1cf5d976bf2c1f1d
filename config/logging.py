"""JSON lines on standard error, one per event, without secrets or personal data.

Libraries that would write tokens, statements or parameters stay at WARNING, whatever `debug` says.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from idp.http.request_log import Answered

_OURS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
HELD = ("authlib", "sqlalchemy", "redis", "urllib3", "werkzeug", "PIL", "alembic")


class JsonLines(logging.Formatter):
    """One record, one JSON object: time, level, process, logger, message and the facts given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, Answered):
            return record.as_json()
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _OURS}
        if record.exc_info and record.exc_info[0]:
            # Type and location are enough for a developer; a message may quote a person's input.
            line["error"] = record.exc_info[0].__name__
            line["trace"] = _places(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def _places(traceback: Any) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-12:]


class Lines(logging.StreamHandler[TextIO]):
    """Writes to a stream that sends each line on by itself: a flush would cost every request more than its write."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)


def set_up(*, debug: bool) -> None:
    """Log to standard error as JSON lines."""
    handler = Lines(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in HELD:
        logging.getLogger(name).setLevel(logging.WARNING)
