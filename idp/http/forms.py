"""Query strings and form bodies, read strictly: bounded, UTF-8, no NUL. What does not fit is a clear 4xx."""

from typing import Any
from urllib.parse import parse_qsl

from idp.errors import BadRequest, UserError

LARGEST_BODY = 65_536
LARGEST_UPLOAD = 40 * 1024 * 1024
"""Three pictures and the fields. A picture somewhat over its bound is read too, so that its own sentence refuses it."""

UPLOADS = (b"/register/form", b"/register/photo/", b"/api/registrations/")
"""Where photographs come; deploy/nginx/idp.conf says the same."""

MOST_FIELDS = 50
FORM = "application/x-www-form-urlencoded"

Pairs = tuple[tuple[str, str], ...]


class TooLarge(UserError):
    """The body is larger than what is read: 64 KiB, and more where pictures come."""

    kind = "too_large"
    status = 413


class WrongType(UserError):
    """The body is no form."""

    kind = "bad_request"
    status = 415


def read_query(environ: dict[str, Any]) -> Pairs:
    """The parameters of the query string. Raises `BadRequest`."""
    return _pairs(environ.get("QUERY_STRING", "").encode("latin-1"))


def read_form(environ: dict[str, Any]) -> Pairs:
    """The parameters of a form body, read whole before anything is answered. Raises `TooLarge`, `WrongType`."""
    body = read_body(environ)
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        raise WrongType(f"content type {content_type[:60]!r}")
    return _pairs(body)


def read_body(environ: dict[str, Any], largest: int = LARGEST_BODY) -> bytes:
    """At most `largest` bytes of body; the rest is never read. Raises `TooLarge`, `BadRequest`."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length is no number")
    if length and int(length) > largest:
        raise TooLarge(f"{length[:12]} bytes announced")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(int(length) if length else largest + 1)
    except Exception as error:
        # Each server has exceptions of its own for chunks that are malformed or end early.
        raise BadRequest(f"body broke off: {type(error).__name__}") from None
    if len(body) > largest:
        raise TooLarge("chunked body")
    if length and len(body) < int(length):
        raise BadRequest("body is shorter than announced")
    return body


def largest_body(path: bytes, *, is_somebody: bool) -> int:
    """The most bytes of body that are of any use at a path, for a server that collects them before it asks us.

    Uploads need a cookie or an authorization; without one they are refused unread.
    """
    return LARGEST_UPLOAD if is_somebody and path.startswith(UPLOADS) else LARGEST_BODY


def single(pairs: Pairs) -> dict[str, str]:
    """The parameters by name. Raises `BadRequest` when one is repeated."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise BadRequest("a parameter is given more than once")
    return named


def _pairs(encoded: bytes) -> Pairs:
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"parameters cannot be read: {type(error).__name__}") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise BadRequest("NUL in a parameter")
    return tuple(pairs)
