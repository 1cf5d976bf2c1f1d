"""Everything logged while the tests ran, held against every secret and identity that was handed out.

`watch()` collects log lines in the product's own format; visitors and providers report what they were given. The
session fixture `no_secret_is_logged` compares at the end: no handle, cookie, password, number or name may be in a line.
"""

import logging
import re
from pathlib import Path

from werkzeug.test import TestResponse

from config.logging import JsonLines

_HANDLE = re.compile(r"[A-Za-z0-9_.-]{22,}")
_NUMBER = re.compile(r"(?<![0-9.])[0-9]{9,13}(?![0-9])")
_IN_BODY = re.compile(r'"(?:access_token|refresh_token|id_token|device_code)":"([^"]+)"')
_IN_LOCATION = re.compile(r"[?&](?:code|attempt|request)=([A-Za-z0-9_-]+)")

LINES: list[str] = []
ISSUED: set[str] = set()
PEOPLE: set[str] = set()


class _Keep(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LINES.append(JsonLines().format(record))


def watch() -> None:
    """Collect every line from now on."""
    root = logging.getLogger()
    root.addHandler(_Keep(logging.DEBUG))
    for name in ("idp", "keys", "config"):
        logging.getLogger(name).setLevel(logging.DEBUG)


def issued(answer: TestResponse) -> None:
    """Note what an answer hands out."""
    for cookie in answer.headers.getlist("Set-Cookie"):
        ISSUED.add(cookie.partition("=")[2].partition(";")[0])
    ISSUED.update(_IN_LOCATION.findall(answer.headers.get("Location", "")))
    if answer.mimetype == "application/json":
        ISSUED.update(_IN_BODY.findall(answer.text))


def read(log: Path) -> None:
    """Add the log file of a server that ran."""
    if log.exists():
        LINES.extend(log.read_text(errors="replace").splitlines())


def leaks() -> list[str]:
    """The log lines that hold something they must not."""
    found = []
    handles = {secret for secret in ISSUED if len(secret) >= 22}
    for line in LINES:
        words = set(_HANDLE.findall(line)) | {part for word in _HANDLE.findall(line) for part in word.split(".")}
        if words & handles or PEOPLE & set(_NUMBER.findall(line)) or any(p in line for p in PEOPLE if not p.isdigit()):
            found.append(line[:300])
    return found
