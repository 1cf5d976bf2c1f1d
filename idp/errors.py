"""Two voices: what a person or a client may read, and what an operator needs to know.

A `UserError` is an expected end that users and clients may cause. Protocol errors are Authlib's. Anything else is a bug
and becomes a page with a support code.
"""

from typing import ClassVar


class UserError(Exception):
    """An expected refusal. `kind` names the sentence people read; `detail` is for operators only."""

    kind: ClassVar[str] = "bad_request"
    status: ClassVar[int] = 400

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(detail or self.kind)
        self.detail = detail
        self.retry_after = retry_after


class BadRequest(UserError):
    """The request cannot be understood or breaks a bound."""


class UnknownClient(UserError):
    """No registered client has this `client_id`: nobody to redirect to (RFC 6749, 4.1.2.1)."""

    kind = "unknown_client"


class UnapprovedClient(UnknownClient):
    """The client registered itself, and no operator has agreed."""

    kind = "unapproved_client"


class BadRedirectUri(UserError):
    """The redirect URI is not, letter for letter, a registered one (RFC 9700, 2.1)."""

    kind = "redirect_uri"


class Expired(UserError):
    """The attempt is over, was finished before or never existed."""

    kind = "expired"


class LinkOver(UserError):
    """The link of a message was used, is over, was replaced or never existed.

    `used_at` is when it was used (seconds since the epoch), where that is known.
    """

    status = 410

    def __init__(self, detail: str = "", *, used_at: float | None = None) -> None:
        super().__init__(detail)
        self.used_at = used_at


class NoticeOver(LinkOver):
    """The "this was not me" of a notice."""

    kind = "notice_over"


class ActivationOver(LinkOver):
    """The way to a first password."""

    kind = "activation_over"


class RecoveryOver(LinkOver):
    """The way to another password."""

    kind = "recovery_over"


class OtherBrowser(UserError):
    """The attempt belongs to another browser, or the browser keeps no cookies."""

    kind = "other_browser"
    status = 403


class Forbidden(UserError):
    """The form did not come from our own page."""

    kind = "forbidden"
    status = 403


class TooMany(UserError):
    """A budget is used up; `retry_after` says for how many seconds."""

    kind = "too_many"
    status = 429


class Busy(UserError):
    """A store or the hashing workers cannot take more now (503, with `Retry-After`)."""

    kind = "busy"
    status = 503


class StaleState(Exception):
    """What this was based on was changed meanwhile. Nothing was done; read it again."""


class StoreDown(Exception):
    """A store did not answer in time. Nothing was decided; becomes a 503."""
