"""The headers that every answer carries (security.md 2.17). An answer may override them and cannot forget one."""

from collections.abc import Iterable

Headers = list[tuple[str, str]]

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
)
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


_NAMES = frozenset(name.lower() for name, _ in _ALWAYS)
_COMPLETE = list(_ALWAYS)
_COMPLETE_HTTPS = [*_ALWAYS, HSTS]


def page_policy(form_targets: Iterable[str] = ()) -> str:
    """The content policy of a page: our own files only, and forms may lead to us or to the validated origins.

    Chromium applies `form-action` to the redirect that follows a form, so the portal's origin has to be named.
    """
    targets = " ".join(["'self'", *form_targets])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        f"connect-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    )


def framed_policy(ancestors: Iterable[str]) -> str:
    """The content policy of an answer without content that pages of these origins may frame, and no others.

    Where it names ancestors, browsers go by it and not by `X-Frame-Options` (HTML, "check a navigation response's
    adherence to X-Frame-Options").
    """
    allowed = " ".join(ancestors) or "'none'"
    return f"default-src 'none'; frame-ancestors {allowed}; base-uri 'none'; form-action 'none'"


def dressed(headers: Headers, *, https: bool) -> Headers:
    """`headers` with everything that is missing."""
    present = {name.lower() for name, _ in headers}
    if _NAMES.isdisjoint(present):
        return headers + (_COMPLETE_HTTPS if https else _COMPLETE)
    extra = [pair for pair in _ALWAYS if pair[0].lower() not in present]
    return headers + extra + ([HSTS] if https else [])
