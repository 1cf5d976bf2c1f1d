"""`/device/code.png`: the link of a device code as a QR code, for devices that cannot draw one.

It reveals nothing that its address did not: every possible code is drawn, whether or not it was issued, and no cookie
is read.
"""

from collections.abc import Callable, Mapping

from idp.errors import BadRequest, TooMany
from idp.http.forms import read_query, single
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem
from idp.http.network import TrustedProxies
from idp.limits.local import LocalRateLimiter
from idp.oidc.device_grant import format_user_code, read_user_code
from idp.oidc.metadata import DEVICE

PATH = f"{DEVICE}/code.png"


class DevicePicture:
    """Draws the code, with a limit per network and minute."""

    def __init__(
        self, issuer: str, draw: Callable[[str], bytes], peers: TrustedProxies, per_address: LocalRateLimiter
    ) -> None:
        self._page = issuer + DEVICE
        self._draw = draw
        self._peers = peers
        self._per_address = per_address

    def table(self) -> Mapping[str, Endpoint]:
        return {PATH: self.picture}

    def picture(self, environ: Environ) -> EndpointResponse:
        """Raises `BadRequest` for anything that is not a code, and `TooMany`."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return problem(405, "method_not_allowed", [("Allow", "GET, HEAD")])
        user_code = read_user_code(single(read_query(environ)).get("user_code", ""))
        if user_code is None:
            raise BadRequest("no user code")
        if not self._per_address.hit(self._peers.household(environ)):
            raise TooMany("too many pictures", retry_after=self._per_address.retry_after)
        png = self._draw(f"{self._page}?user_code={format_user_code(user_code)}")
        return 200, [("Content-Type", "image/png")], png
