"""The received bytes of one connection that no thread has read: only complete requests are passed to a thread.

This only finds where a request ends: gunicorn interprets it, and anything ambiguous is passed on at once, so that
gunicorn refuses it. `recv` never waits. An incomplete request ends there, and so does its connection.
"""

import re
from tempfile import SpooledTemporaryFile
from typing import Protocol


class Largest(Protocol):
    """The maximum body size of a target, for callers with or without a cookie or authorization."""

    def __call__(self, path: bytes, /, *, is_somebody: bool) -> int: ...


LARGEST_HEAD = 32_768
IN_MEMORY = 131_072
"""Bytes of a request that are kept in memory; a larger one goes into an unnamed file."""

_END = b"\r\n\r\n"
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST_LINE = 8190


class Inbox:
    """One request. `largest` returns the maximum body size of a target; a larger one is not waited for.

    `state` is `silent`, `head` or `body` while more is expected, then `whole`, `early` (waiting is useless) or `long`
    (the head is). `path` and `forwarded_for` are taken from the head, to decide which request is next.
    """

    def __init__(self, largest: Largest) -> None:
        self._largest = largest
        self.has_ended = False
        self._begin()

    def _begin(self) -> None:
        self._spool = SpooledTemporaryFile[bytes](IN_MEMORY)
        self._head = bytearray()
        self._chunks: _Chunks | None = None
        self._left = 0
        self._read = 0
        self.announced = 0
        self.path = b""
        self.forwarded_for = b""
        self.asks_to_continue = False
        self.state = "silent"

    def feed(self, data: bytes) -> None:
        """More data was received. Raises `OSError` when there is no room for it."""
        self._spool.seek(0, 2)
        self._spool.write(data)
        if self.state == "body":
            self._read_body(data)
        elif self.state in ("silent", "head"):
            before = len(self._head)
            self._head += data
            self.state = "head"
            self._read_head(before)

    def end(self) -> None:
        """No more data will come."""
        self.has_ended = True
        if self.state != "silent":
            self.state = "early"

    def recv(self, size: int) -> bytes:
        """For gunicorn's parser, like a socket: the available data, and nothing at its end."""
        self._spool.seek(self._read)
        data = self._spool.read(size)
        self._read += len(data)
        return data

    def go_on(self, unread: bytes) -> None:
        """The request was answered: start the next one with what gunicorn did not consume or never saw."""
        self._spool.seek(self._read)
        rest = unread + self._spool.read()
        self.close()
        self._begin()
        if rest:
            self.feed(rest)

    def close(self) -> None:
        self._spool.close()

    def _read_head(self, before: int) -> None:
        # One empty line before a request is allowed (RFC 9112, 2.2).
        start = 2 if self._head.startswith(b"\r\n") else 0
        end = self._head.find(_END, max(start, before - 3))
        if end >= 0:
            body = bytes(self._head[end + 4 :])
            self.state = "body"
            self._expect(bytes(self._head[start:end]).split(b"\r\n"))
            self._head.clear()
            if self.state == "body":
                self._read_body(body)
        elif _BARE_LINE_FEED.search(self._head, before):
            self.state = "early"
        elif len(self._head) > LARGEST_HEAD:
            self.state = "long"

    def _expect(self, lines: list[bytes]) -> None:
        """What the head says about the body: one plain length or `chunked` alone; gunicorn refuses the rest."""
        fields = [(name, value.strip().lower()) for name, _, value in (line.partition(b":") for line in lines[1:])]
        framing = [(n.lower(), v) for n, v in fields if n.strip().lower() in (b"content-length", b"transfer-encoding")]
        self.asks_to_continue = any(name.lower() == b"expect" for name, _ in fields)
        self.forwarded_for = b",".join(v for n, v in fields if n.strip().lower() == b"x-forwarded-for")
        self.path = (*lines[0].split(b" "), b"")[1].partition(b"?")[0]
        is_somebody = any(name.lower() in (b"cookie", b"authorization") for name, _ in fields)
        most = self._largest(self.path, is_somebody=is_somebody)
        match framing:
            case []:
                self.state = "whole" if lines[0] else "early"
            case [(b"content-length", length)] if re.fullmatch(rb"[0-9]{1,10}", length) and int(length) <= most:
                self._left = self.announced = int(length)
            case [(b"transfer-encoding", b"chunked")]:
                self._chunks = _Chunks(most)
                self.announced = most
            case _:
                self.state = "early"

    def _read_body(self, data: bytes) -> None:
        if self._chunks:
            self.state = self._chunks.feed(data)
            return
        self._left -= len(data)
        if self._left <= 0:
            self.state = "whole"


class _Chunks:
    """Finds the end of a chunked body (RFC 9112, 7.1). More than `most` bytes of it are not waited for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_lines = most + IN_MEMORY
        self._line = b""
        self._skip = 0
        self._is_last = False

    def feed(self, data: bytes) -> str:
        """The state after more data."""
        at, state = 0, "body"
        while at < len(data) and state == "body":
            end = at + self._skip if self._skip else data.find(b"\n", at) + 1 or len(data)
            part = data[at:end]
            at += len(part)
            state = self._pass(len(part)) if self._skip else self._read(part)
        return state

    def _pass(self, count: int) -> str:
        self._skip -= count
        self._most -= count
        return "body" if self._most >= 0 else "early"

    def _read(self, part: bytes) -> str:
        self._line += part
        self._most_lines -= len(part)
        if not part.endswith(b"\n"):
            return "body" if len(self._line) <= _LONGEST_LINE else "early"
        line, self._line = self._line, b""
        if self._is_last or self._most_lines < 0:
            return "whole" if line == b"\r\n" else "body" if self._most_lines >= 0 else "early"
        if not (size_line := _SIZE.fullmatch(line)):
            return "early"
        size = int(size_line[1], 16)
        self._is_last = size == 0
        if size:
            # With the line end that follows; gunicorn checks whether there is one.
            self._skip = size + 2
            self._most += 2
        return "body"
