"""gunicorn's threaded worker, in which no thread ever waits for a client.

By itself gunicorn lends a thread to every connection, and the thread reads: as many silent sockets as there are threads
stop everything. Here the worker's own loop reads, a thread gets whole requests only, and everybody who keeps us waiting
has a deadline. When there are too many who do, the one that has waited longest goes, so newcomers always get in.
"""

import errno
import logging
import socket
import sys
import time
from collections import defaultdict
from contextlib import suppress
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.serving.admission import AWAY, Admission, is_cheap
from config.serving.connection import Connection
from config.serving.inbox import Inbox
from config.serving.refusals import REFUSALS
from config.settings import load
from idp.web.forms import LARGEST_BODY, largest_body
from idp.web.network import TrustedProxies

log = logging.getLogger("idp")

IDLE = 5.0
"""Seconds that a connection is kept without a request."""

HEAD, BODY, UPLOAD = 10.0, 10.0, 120.0
"""Seconds that a head, a usual body and one that is larger than that may take in all."""

LONGEST_ANSWER = 60.0
"""Seconds from the whole request to the last byte of the answer that somebody has taken."""

GOODBYE = 2.0
"""Seconds in which a client may read the last answer before the connection ends (RFC 9112, 9.6)."""

MOST_PER_ADDRESS, MOST_UPLOADS = 128, 32
"""Connections of one address that have not sent a whole request, and large bodies that are on their way, per worker."""

MOST_AT_ONCE = 64
"""Connections that are taken in before anything else is looked at."""

SWITCH = 0.0005
"""Seconds after which a thread that computes lets another one have the interpreter: the loop among them."""

LOOK_EVERY = 0.25


class Worker(ThreadWorker):  # type: ignore[misc]
    """One process."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # Both in the order in which the waiting began.
        self._waiting: dict[Connection, None] = {}
        self._by_peer: dict[str, dict[Connection, None]] = defaultdict(dict)
        self._uploads: dict[Connection, None] = {}
        self._answering: dict[Connection, float] = {}
        self._admission = Admission[Connection](self.cfg.threads)
        self._next_look = 0.0

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH)
        super().init_process()

    def load_wsgi(self) -> None:
        """Build the application. One that replaces another and cannot is a matter of its own: the master tries again.

        At the very start the whole server ends, and says why.
        """
        try:
            super().load_wsgi()
            self._peers = TrustedProxies(load().web.trusted_proxies)
        except Exception as error:
            if self.age <= self.cfg.workers:
                raise
            log.error("worker cannot start", extra={"reason": type(error).__name__})
            time.sleep(1.0)
            sys.exit(1)

    def handle_abort(self, sig: int, frame: Any) -> None:
        """The master takes it for stuck. If it is not, nobody has to lose an answer; if it is, KILL comes next."""
        self.handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """At a stop take what the kernel has let in already, and listen no more.

        gunicorn's keeps the listening socket to the last request, and whoever connects meanwhile is reset in the end.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.setblocking(False)
                while self._take(listener):
                    pass
                listener.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Somebody who waits for a thread may have it when another is away for long, which no event tells."""
        super().wait_for_and_dispatch_events(AWAY if self._admission.is_anybody_waiting else timeout)
        self._admit_next()

    def accept(self, listener: Any) -> None:
        """Take in all who are at the door, or many of them: whoever stands in the kernel's queue is told nothing."""
        for _ in range(MOST_AT_ONCE):
            if not self._take(listener):
                return

    def _take(self, listener: Any) -> bool:
        """One connection, if there is one and room for it."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # Without room the loop would come back here at once, and again.
                self._make_room(self._waiting) if self._waiting else time.sleep(LOOK_EVERY)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return False
        self.nr_conns += 1
        peer = self._peers.counted(address[0]) if isinstance(address, tuple) else None
        conn = Connection(self.cfg, sock, address, listener.getsockname(), Inbox(largest_body), peer)
        self._await(conn, HEAD)
        # Mostly the request is there already, and no event has to be waited for.
        self._receive(conn)
        self._listen_to(conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room(self._waiting)
        return True

    def _await(self, conn: Connection, seconds: float) -> None:
        """From now on the loop reads it when `_listen_to` was called, until `seconds` have passed."""
        conn.deadline = time.monotonic() + seconds
        self._waiting[conn] = None
        if conn.peer is not None:
            theirs = self._by_peer[conn.peer]
            theirs[conn] = None
            if len(theirs) > MOST_PER_ADDRESS:
                self._make_room(theirs)

    def _listen_to(self, conn: Connection) -> None:
        if conn in self._waiting and not conn.is_listened_to:
            self.poller.register(conn.sock, EVENT_READ, lambda _: self._receive(conn))
            conn.is_listened_to = True

    def _forget(self, conn: Connection) -> None:
        """The loop has nothing to do with it any more."""
        if conn not in self._waiting:
            return
        del self._waiting[conn]
        self._uploads.pop(conn, None)
        if conn.is_listened_to:
            self.poller.unregister(conn.sock)
            conn.is_listened_to = False
        if conn.peer is not None:
            del self._by_peer[conn.peer][conn]
            if not self._by_peer[conn.peer]:
                del self._by_peer[conn.peer]

    def _make_room(self, among: dict[Connection, None]) -> None:
        """The one that has kept us waiting longest goes."""
        if oldest := next(iter(among), None):
            self._cut(oldest)

    def _receive(self, conn: Connection) -> None:
        if conn not in self._waiting:  # it was cut while it had something to say
            return
        try:
            data = conn.sock.recv(LARGEST_BODY)
        except BlockingIOError:
            return
        except OSError:
            self._cut(conn)
            return
        if conn.is_leaving:
            if not data:
                self._cut(conn)
            return
        try:
            self._take_in(conn, data)
        except OSError as error:
            log.error("no room for a request", extra={"reason": error.strerror})
            self._cut(conn)

    def _take_in(self, conn: Connection, data: bytes) -> None:
        before = conn.inbox.state
        if data:
            conn.inbox.feed(data)
        else:
            conn.inbox.end()
        self._judge(conn, before)

    def _judge(self, conn: Connection, before: str) -> None:
        state = conn.inbox.state
        if state in ("whole", "early"):
            self._forget(conn)
            self._admit(conn)
        elif state == "long":
            self._refuse(conn, 431)
        elif state == "silent":
            if conn.inbox.has_ended:
                self._cut(conn)
        elif state != before:
            self._begin(conn, state)

    def _admit(self, conn: Connection) -> None:
        """A thread for a whole request: now, soon, or never when too many wait."""
        conn.is_cheap = is_cheap(conn.inbox.path)
        now = time.monotonic()
        if self._admission.is_free(now, cheap=conn.is_cheap):
            self._hand_over(conn)
            return
        forwarded_for = conn.inbox.forwarded_for.decode("latin-1")
        who = self._peers.household({"REMOTE_ADDR": conn.address, "HTTP_X_FORWARDED_FOR": forwarded_for})
        if too_many := self._admission.wait(conn, who, now, cheap=conn.is_cheap):
            self._shed(too_many)

    def _hand_over(self, conn: Connection) -> None:
        now = time.monotonic()
        self._admission.begin(conn, now, cheap=conn.is_cheap)
        self._answering[conn] = now + LONGEST_ANSWER
        self.enqueue_req(conn)

    def _admit_next(self) -> None:
        while found := self._admission.next(time.monotonic()):
            conn, is_in_time = found
            self._hand_over(conn) if is_in_time else self._shed(conn)

    def _shed(self, conn: Connection) -> None:
        self.wsgi.metrics.shed.labels("cheap" if conn.is_cheap else "dear").inc()
        self._say(conn, 503)
        # Where everything it sent was read nothing is reset, and nobody has to wait for its end.
        self._cut(conn) if conn.inbox.state == "whole" else self._let_go(conn)

    def _begin(self, conn: Connection, state: str) -> None:
        """A head or a body has begun, and has its time from now on."""
        is_large = state == "body" and conn.inbox.announced > LARGEST_BODY
        conn.deadline = time.monotonic() + (UPLOAD if is_large else BODY if state == "body" else HEAD)
        if state == "body" and conn.inbox.asks_to_continue:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if is_large:
            self._uploads[conn] = None
            if len(self._uploads) > MOST_UPLOADS:
                self._make_room(self._uploads)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        # We have said so already, or there is no use in the body.
        req._expected_100_continue = False
        return super().handle_request(req, conn)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """A thread is done with it: wait for the next request, or for the client to go."""
        self._answering.pop(conn, None)
        self._admission.end(conn, cheap=conn.is_cheap)
        self._admit_next()
        try:
            conn.sock.setblocking(False)
            kept = not fs.cancelled() and fs.result() and conn.inbox.state == "whole"
            if kept:
                conn.inbox.go_on(conn.parser.unreader.take_buffered())
                self._await(conn, IDLE if self.alive else min(IDLE, GOODBYE))
                self._judge(conn, "silent")
                self._listen_to(conn)
            else:
                self._let_go(conn)
        except Exception:
            self._cut(conn)

    def _let_go(self, conn: Connection) -> None:
        """No more from us; what the client still sends is thrown away, so that it can read the last answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._cut(conn)
            return
        conn.is_leaving = True
        self._await(conn, GOODBYE)
        self._listen_to(conn)

    def _refuse(self, conn: Connection, status: int) -> None:
        self._say(conn, status)
        self._let_go(conn)

    def _say(self, conn: Connection, status: int) -> None:
        self._forget(conn)
        with suppress(OSError):
            conn.sock.send(REFUSALS[status])

    def _cut(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End what is late; gunicorn's loop comes by here all the time."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        for conn in self._admission.late(now):
            self._shed(conn)
        for conn in [conn for conn in self._waiting if conn.deadline <= now]:
            if conn.inbox.state == "silent" or conn.is_leaving:
                self._cut(conn)
            else:
                self._refuse(conn, 408)
        for conn in [conn for conn, deadline in self._answering.items() if deadline <= now]:
            # Its thread gets an error from whatever it sends, and brings the connection back.
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)

    def murder_keepalived(self, force: bool = False) -> None:
        """At the end of a stop whoever still waits goes."""
        if force:
            for conn in list(self._waiting):
                self._cut(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A stop has begun: who has not begun a request may still do so until then."""
        for conn in self._waiting:
            if conn.inbox.state == "silent":
                conn.deadline = min(conn.deadline, deadline)
