"""What is known of the request being answered, for logs, audit rows and error pages."""

import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(slots=True)
class Current:
    """One request: its id in logs, the code a person can read out, and facts noted while answering.

    `reason` is why a client was not authenticated.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    route: str = ""
    client_id: str | None = None
    detail: str = ""
    reason: str = ""
    _code: str = ""

    @property
    def support_code(self) -> str:
        """Eight letters and digits without look-alikes, made when an error page first asks for them."""
        if not self._code:
            self._code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        return self._code

    @property
    def was_reported(self) -> bool:
        """Whether a person was given the support code."""
        return bool(self._code)


_current: ContextVar[Current | None] = ContextVar("current_request", default=None)


def begin() -> Current:
    """Start a request; every thread and greenlet has its own."""
    current = Current()
    _current.set(current)
    return current


def current() -> Current:
    """The request being answered; a blank one outside of any (commands, the sealer)."""
    return _current.get() or Current(id="")


def current_id() -> str | None:
    """The id for audit rows, or None outside of a request."""
    request = _current.get()
    return request.id if request else None
