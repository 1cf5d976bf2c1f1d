"""Our cookies: `__Host-`, Secure, HttpOnly, Lax, opaque; an http issuer, for development only, drops the first two.

`b` binds attempts to a browser, `s` is the session, `d` the known device, `l` the chosen language, `q` the login by
QR code that waits in this browser, `p` and twelve letters the secret that came with the proof in one login attempt.
"""

import re
from collections.abc import Mapping

from werkzeug.wrappers import Response

from idp.ephemeral_records import new_secret

LONGEST = 64


class Cookies:
    """Reads and sets the cookies of this provider."""

    def __init__(self, *, https: bool) -> None:
        self._https = https
        self._prefix = "__Host-" if https else "idp-"

    def read(self, cookies: Mapping[str, str], name: str) -> str | None:
        """The value of our cookie `name`, when it has a possible shape."""
        value = cookies.get(self._prefix + name)
        return value if value and len(value) <= LONGEST and value.isascii() and value.isprintable() else None

    def older(self, cookies: Mapping[str, str], shape: re.Pattern[str], keep: int) -> list[str]:
        """Our cookies of this shape except the newest `keep`: browsers send older ones first (RFC 6265, 5.4)."""
        ours = [name.removeprefix(self._prefix) for name in cookies if name.startswith(self._prefix)]
        names = [name for name in ours if shape.fullmatch(name)]
        return names[: max(0, len(names) - keep)]

    def set(self, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        response.set_cookie(
            self._prefix + name, value, max_age=max_age, path="/", secure=self._https, httponly=True, samesite="Lax"
        )

    def drop(self, response: Response, name: str) -> None:
        response.set_cookie(
            self._prefix + name, "", max_age=0, path="/", secure=self._https, httponly=True, samesite="Lax"
        )


def new_browser() -> str:
    """A fresh secret for the browser cookie."""
    return new_secret("b")
