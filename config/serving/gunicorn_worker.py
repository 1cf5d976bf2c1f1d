"""gunicorn's threaded worker, in which no thread ever waits for a client.

By default gunicorn gives every connection a thread, which reads: as many silent sockets as there are threads stop
everything. Here the worker's loop reads, a thread gets only complete requests, and every slow client has a deadline.
When there are too many of them, the one that has waited longest is closed, so new clients always get in.
"""

import errno
import logging
import socket
import sys
import time
from contextlib import suppress
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.loading import load
from config.serving.admission import AWAY, Admission, is_cheap
from config.serving.balance import Balance
from config.serving.connection import Connection
from config.serving.inbox import Inbox
from config.serving.pause import Pause
from config.serving.plain import is_last, read_plain, response_bytes
from config.serving.refusals import REFUSALS
from config.serving.waiting_room import BODY, GOODBYE, HEAD, IDLE, UPLOAD, WaitingRoom
from idp.http.forms import LARGEST_BODY, largest_body
from idp.http.gateway import EndpointResponse
from idp.http.network import TrustedProxies

log = logging.getLogger("idp")

LONGEST_ANSWER = 60.0
"""Seconds from the complete request to the last byte of the response that the client has received."""

MOST_AT_ONCE = 64
"""Connections that are accepted in a row before anything else is handled."""

SWITCH = 0.0005
"""Seconds after which a computing thread yields the interpreter to another one, such as the loop."""

LOOK_EVERY = 0.25


class Worker(ThreadWorker):  # type: ignore[misc]
    """One worker process. All of a master share `balance`."""

    balance = Balance()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._waiting = WaitingRoom()
        self._answering: dict[Connection, float] = {}
        self._admission = Admission[Connection](self.cfg.threads)
        self._next_look = 0.0
        self._pause = Pause()

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH)
        super().init_process()

    def load_wsgi(self) -> None:
        """Build the application. If a replacement worker cannot, only it ends: the master tries again.

        At the very start the whole server ends with the reason.
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
        """The master assumes it is stuck. If it is not, no response has to be lost; if it is, KILL comes next."""
        self.handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """At a stop accept what the kernel has already queued, and stop listening.

        gunicorn keeps the listening socket until the last request, and then resets the connections made meanwhile.
        """
        super().set_accept_enabled(enabled)
        self.balance.put(self.age, self.nr_conns) if enabled else self.balance.leave(self.age)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.setblocking(False)
                while self._take(listener):
                    pass
                listener.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """A waiting request may get a thread when another one is blocked for long, which no event reports."""
        self._pause.begin_turn()
        super().wait_for_and_dispatch_events(AWAY if self._admission.is_anybody_waiting else timeout)
        self._admit_next()
        if self._accepting:
            self.balance.put(self.age, self.nr_conns)

    def accept(self, listener: Any) -> None:
        """Accept all connections in the kernel's queue, or many of them, unless others have far fewer.

        A connection that waits there gets no response at all.
        """
        for _ in range(MOST_AT_ONCE):
            if self.balance.others_accept(self.nr_conns) or not self._take(listener):
                return
            self.balance.put(self.age, self.nr_conns)

    def _take(self, listener: Any) -> bool:
        """Accept one connection, if there is one and room for it."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # Without room the loop would return here at once, and again.
                if not self._make_room(self._waiting.oldest()):
                    time.sleep(LOOK_EVERY)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return False
        self.nr_conns += 1
        peer = self._peers.counted(address[0]) if isinstance(address, tuple) else None
        conn = Connection(self.cfg, sock, address, listener.getsockname(), Inbox(largest_body), peer)
        self._await(conn, HEAD)
        # Usually the request is already there, and no event is needed.
        self._receive(conn)
        self._listen_to(conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room(self._waiting.oldest())
        return True

    def _await(self, conn: Connection, seconds: float) -> None:
        self._make_room(self._waiting.add(conn, seconds))

    def _listen_to(self, conn: Connection) -> None:
        if conn in self._waiting and not conn.is_listened_to:
            self.poller.register(conn.sock, EVENT_READ, lambda _: self._receive(conn))
            conn.is_listened_to = True

    def _forget(self, conn: Connection) -> None:
        """The loop no longer handles it."""
        if conn not in self._waiting:
            return
        self._waiting.remove(conn)
        if conn.is_listened_to:
            self.poller.unregister(conn.sock)
            conn.is_listened_to = False

    def _make_room(self, conn: Connection | None) -> bool:
        """Close the connection that has to go, if there is one; returns whether there was."""
        if conn:
            self._cut(conn)
        return conn is not None

    def _receive(self, conn: Connection) -> None:
        if conn not in self._waiting:  # it was closed while it had data
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
        except Exception:
            # Whatever went wrong with one connection, the others are served.
            log.exception("unexpected error")
            self._cut(conn)

    def _take_in(self, conn: Connection, data: bytes) -> None:
        before = conn.inbox.state
        if before == "silent" and self._answer_at_once(conn, data):
            return
        if data:
            conn.inbox.feed(data)
        else:
            conn.inbox.end()
        self._judge(conn, before)

    def _answer_at_once(self, conn: Connection, data: bytes) -> bool:
        """Answer here what needs no store, and more while nobody waits: the loop refuses in time. False: not done."""
        began = time.monotonic()
        is_busy = self._pause.is_on(began) or self._admission.is_anybody_waiting
        paths = self.wsgi.storeless if is_busy else self.wsgi.at_once
        environ = read_plain(data, paths, conn.client, conn.server)
        answer = self.wsgi.answer_at_once(environ) if environ else None
        self._pause.note(began, time.monotonic())
        if environ is None or answer is None:
            return False
        self._send(conn, answer, keep=self.alive and not is_last(environ))
        return True

    def _send(self, conn: Connection, answer: EndpointResponse, *, keep: bool) -> None:
        """Send a whole response: a client that has read all those before has room for it, another one is cut off."""
        response, sent = response_bytes(answer, keep=keep), 0
        with suppress(OSError):
            sent = conn.sock.send(response)
        if sent < len(response):
            self._cut(conn)
        elif keep:
            self._waiting.remove(conn)
            self._await(conn, IDLE)
        else:
            self._forget(conn)
            self._let_go(conn)

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
        """Give a complete request a thread: now, soon, or never when too many wait."""
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
        while admitted := self._admission.next(time.monotonic()):
            conn, is_in_time = admitted
            self._hand_over(conn) if is_in_time else self._shed(conn)

    def _shed(self, conn: Connection) -> None:
        self.wsgi.metrics.shed.labels("cheap" if conn.is_cheap else "dear").inc()
        self._say(conn, 503)
        # If everything it sent was read, nothing is reset, and there is no need to wait for its end.
        self._cut(conn) if conn.inbox.state == "whole" else self._let_go(conn)

    def _begin(self, conn: Connection, state: str) -> None:
        """A head or a body has begun, and its time starts now."""
        is_large = state == "body" and conn.inbox.announced > LARGEST_BODY
        conn.deadline = time.monotonic() + (UPLOAD if is_large else BODY if state == "body" else HEAD)
        if state == "body" and conn.inbox.asks_to_continue:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if is_large:
            self._make_room(self._waiting.add_upload(conn))

    def handle_request(self, req: Any, conn: Connection) -> Any:
        # We have already said so, or the body is useless.
        req._expected_100_continue = False
        return super().handle_request(req, conn)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """A thread has finished with it: wait for the next request, or for the client to close."""
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
        """Send nothing more; what the client still sends is discarded, so that it can read the last response."""
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
        """Close what is late; gunicorn's loop calls this all the time."""
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
            # Its thread gets an error from its next send, and returns the connection.
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)

    def murder_keepalived(self, force: bool = False) -> None:
        """At the end of a stop, close the connections that still wait."""
        if force:
            for conn in self._waiting:
                self._cut(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A stop has begun: a client without a request may still begin one until then."""
        for conn in self._waiting:
            if conn.inbox.state == "silent":
                conn.deadline = min(conn.deadline, deadline)
