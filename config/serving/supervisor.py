"""The first process of `idp serve`: it starts the server, answers operators, and forwards signals.

It does not serve, so it can answer whatever happens to workers. A stop has three steps: `/readyz` fails for
`web.drain_for` seconds while everything continues, then no new connections are accepted and running requests finish,
then all processes end. A second signal skips the wait.
"""

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from config.loading import load
from config.serving.numbers import Numbers
from config.serving.operations import Listener, operation_of
from config.settings import BadSettings, Settings
from config.stores import Stores
from idp.http.health_endpoints import HealthEndpoints

log = logging.getLogger("idp")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD)
IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SLACK = 5.0
"""Seconds that a server gets beyond the time for its requests."""

_PR_SET_PDEATHSIG = 1


class Supervisor:
    """Runs `serve` in a separate process.

    `bind` is where it listens, `base` what the operators' endpoints report on.
    """

    def __init__(
        self, serve: Callable[[], None], listener: Listener, base: Stores, bind: str, numbers: Numbers
    ) -> None:
        self._serve = serve
        self._listener = listener
        self._bind = bind
        self._numbers = numbers
        self._base = base
        self._operation: HealthEndpoints
        self._child = 0

    def run(self) -> int:
        """Run until the server ends; returns its exit code. In the server's own process this does not return."""
        self._child = self._fork()
        # Threads only now: a process with threads should not fork.
        self._operation = operation_of(self._base, self._bind, self._numbers)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for other in IGNORED:
            signal.signal(other, signal.SIG_IGN)
        log.info("serving", extra={"bind": self._bind, "server": self._child})
        self._listener.start(lambda: self._operation)
        while (code := self._ended()) is None:
            received = signal.sigwait(SIGNALS)
            if received in STOPS:
                return self._stop(signal.Signals(received))
            if received == signal.SIGHUP:
                self._reload()
        return code

    def _fork(self) -> int:
        # Imported objects are not garbage in any process, and memory pages that are not scanned stay shared.
        gc.freeze()
        child = os.fork()
        if not child:
            with suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            self._listener.close()
            self._serve()
            sys.exit(0)
        return child

    def _ended(self) -> int | None:
        pid, status = os.waitpid(self._child, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def _reload(self) -> None:
        """New workers and checks with new settings, if they are valid: only the listening addresses cannot change."""
        try:
            base = Stores(load(), self._base.clock)
        except Exception as error:
            why = error.complaints if isinstance(error, BadSettings) else [type(error).__name__]
            log.error("settings are not reloaded", extra={"complaints": why})
            return
        log.info("reloading")
        before, self._operation = self._operation, operation_of(base, self._bind, self._numbers)
        before.close()
        self._base.close()
        self._base = base
        os.kill(self._child, signal.SIGHUP)

    def _stop(self, received: signal.Signals) -> int:
        self._operation.is_stopping = True
        log.info("stopping", extra={"signal": received.name})
        if received == signal.SIGTERM and (code := self._drain(drain_for(self._base.settings))) is not None:
            return code
        os.kill(self._child, received)
        code = self._wait(self._base.settings)
        return 0 if code == -received else code

    def _drain(self, seconds: float) -> int | None:
        """Continue to serve; the exit code if the server ends meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            received = signal.sigtimedwait(SIGNALS, left)
            if received and received.si_signo in STOPS:
                return None
            if (code := self._ended()) is not None:
                return code
        return None

    def _wait(self, settings: Settings) -> int:
        until = time.monotonic() + settings.web.graceful_timeout + SLACK
        while (code := self._ended()) is None:
            received = signal.sigtimedwait(SIGNALS, max(0.0, until - time.monotonic()))
            if received is None:
                os.kill(self._child, signal.SIGKILL)
                until += SLACK
            elif received.si_signo in STOPS:
                os.kill(self._child, received.si_signo)
        return code


def drain_for(settings: Settings) -> float:
    """Seconds between announcing a stop on /readyz and stopping."""
    chosen = settings.web.drain_for
    return chosen if chosen is not None else 5.0 if settings.is_production else 0.0
