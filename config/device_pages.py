"""The pages of the device grant and its picture: URL, name, view."""

from __future__ import annotations

import io
from functools import lru_cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from PIL import Image

from idp.limits.local import LocalRateLimiter
from idp.oidc.device_grant import UserCodes
from idp.store.rate_limits import SqlRateLimits
from idp.web import device
from idp.web.device_picture import DevicePicture
from qr_login.drawing import with_emblem

if TYPE_CHECKING:
    from config.wiring import Provider
    from idp.web.account import OwnPages
    from idp.web.browser import WebContext
    from idp.web.routes import Routes


PICTURES = 30
"""Pictures a minute for one network and worker: each takes 20 ms to draw."""


def device_pages(p: Provider, own: OwnPages) -> Routes:
    """Where a code is typed and decided, and where one hears that it was."""
    base, codes = p.base, p.server.device_codes
    typed = UserCodes(codes, SqlRateLimits(base.database), base.clock)
    return [
        ("/device", "device", device.DevicePage.as_view("device", own, codes, typed, base.audit)),
        ("/device/done", "device_done", device.DeviceDone.as_view("device_done", own)),
    ]


def device_picture(p: Provider, context: WebContext) -> DevicePicture:
    """The QR code of `verification_uri_complete`."""
    limiter = LocalRateLimiter(PICTURES, 60, p.base.clock)
    return DevicePicture(context.issuer, partial(with_emblem, emblem=emblem()), context.peers, limiter)


@lru_cache
def emblem() -> Image.Image:
    """The emblem of the pages, as pixels."""
    return Image.open(io.BytesIO(files("qr_login").joinpath("emblem.png").read_bytes()))
