"""What a page asks of the browser in front of it: cookies, language, origin, and the form it sent."""

import hmac
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from werkzeug.wrappers import Request, Response

from idp.accounts.notices import Scene
from idp.ephemeral_records import digest
from idp.errors import Forbidden
from idp.login.attempt import Held
from idp.login.sessions import ClientInfo
from idp.messages.message import Language
from idp.web.agents import browser_name, is_phone
from idp.web.cookies import Cookies
from idp.web.forms import Pairs, read_form, read_query, single
from idp.web.network import TrustedProxies
from idp.web.places import NOWHERE, Places

LANGUAGES = ("vi", "en")
SECOND_LIFE = 3600
"""Seconds for which a browser keeps an attempt's second secret: as long as any attempt lives, and a little."""

SECOND_COOKIE = re.compile("p[A-Za-z0-9_-]{12}")
MOST_SECOND_COOKIES = 10
"""Attempts with a proof that one browser has at a time: more than anybody has tabs."""

LONGEST_MOVED = 6000
"""Bytes of a form that still fit into a URL."""


@dataclass(frozen=True)
class WebContext:
    """What every page knows of its installation."""

    issuer: str
    cookies: Cookies
    peers: TrustedProxies
    testing: bool = False
    places: Places = NOWHERE
    home: str = "/account"


class Browser:
    """The browser of one request."""

    def __init__(self, context: WebContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.given: dict[str, str] = {}

    @cached_property
    def secret(self) -> str | None:
        """The secret that binds attempts to this browser."""
        return self.context.cookies.read(self.request.cookies, "b")

    def held(self, handle: str) -> Held:
        """What this browser holds of the attempt."""
        return Held(self.secret or "", self.context.cookies.read(self.request.cookies, second_cookie(handle)) or "")

    def was_proved(self, handle: str, secret: str) -> None:
        """Give the browser, with the answer, the second secret of an attempt that holds a proof from now on."""
        if secret:
            self.given[second_cookie(handle)] = secret

    def hand_over(self, response: Response) -> None:
        """Set what the browser was given; every page's answer comes by here.

        Who logs in all day, as at a counter, would otherwise carry more cookies than a server reads.
        """
        if not self.given:
            return
        for name in self.context.cookies.older(self.request.cookies, SECOND_COOKIE, MOST_SECOND_COOKIES - 1):
            self.context.cookies.drop(response, name)
        for name, secret in self.given.items():
            self.context.cookies.set(response, name, secret, max_age=SECOND_LIFE)

    @cached_property
    def session(self) -> str | None:
        return self.context.cookies.read(self.request.cookies, "s")

    @cached_property
    def device(self) -> str | None:
        value = self.context.cookies.read(self.request.cookies, "d")
        return value if value and value.startswith("d_") and len(value) == 45 else None

    @cached_property
    def network(self) -> str:
        return self.context.peers.network(self.request.environ)

    @cached_property
    def client_info(self) -> ClientInfo:
        agent = self.request.headers.get("User-Agent", "")
        return ClientInfo("".join(c for c in agent if c.isprintable())[:200], self.network, self.device, self.scene)

    @cached_property
    def scene(self) -> Scene:
        """Browser and language, for the notice of what is done here."""
        return Scene(browser_name(self.request.headers.get("User-Agent", "")[:500]), self.language())

    @property
    def on_phone(self) -> bool:
        headers = self.request.headers
        return is_phone(headers.get("User-Agent", "")[:500], headers.get("Sec-CH-UA-Mobile", ""))

    @cached_property
    def address(self) -> str:
        """The address that pays for messages: one IPv4 address, or the /64 of an IPv6 one."""
        return self.context.peers.household(self.request.environ)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters, each given once. Raises `BadRequest`."""
        return single(read_query(self.request.environ))

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of our own form. Raises `BadRequest`, and `Forbidden` when another site sent it."""
        self.demand_same_origin()
        return single(read_form(self.request.environ))

    def params(self) -> Pairs:
        """The parameters of an endpoint that takes GET and POST alike. Raises `BadRequest`."""
        environ = self.request.environ
        return read_form(environ) if self.request.method == "POST" else read_query(environ)

    def came_without_cookies(self) -> bool:
        """Whether another site posted here: SameSite=Lax keeps our cookies back then, although the browser has them.

        The answer is a redirect to the same address by GET, which they come with.
        """
        is_long = int(self.request.environ.get("CONTENT_LENGTH") or 0) > LONGEST_MOVED
        return self.request.method == "POST" and self.secret is None and self.session is None and not is_long

    @property
    def was_sent_here(self) -> bool:
        """Whether a page of another site led here, by a link or through redirects."""
        return self.request.headers.get("Sec-Fetch-Site") == "cross-site"

    def language(self) -> Language:
        """The language to speak: asked for now, chosen before, else Vietnamese."""
        asked = self.request.args.get("lang", "")
        chosen = asked if asked in LANGUAGES else self.context.cookies.read(self.request.cookies, "l")
        return "en" if chosen == "en" else "vi"

    def demand_same_origin(self) -> None:
        """A form of ours comes from a page of ours; what a browser says about that is believed when it says no.

        Raises `Forbidden`.
        """
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("cross-site form (Sec-Fetch-Site)")
        origin = self.request.headers.get("Origin")
        if origin not in (None, "null") and origin != self.context.issuer:
            raise Forbidden("cross-site form (Origin)")


def second_cookie(handle: str) -> str:
    """The name of the cookie with an attempt's second secret: one for each, so that tabs are in no other's way."""
    return "p" + digest("second cookie", handle)[:12]


def csrf_of(session_cookie: str) -> str:
    """The anti-forgery value of a session's forms: nobody can compute it without the cookie."""
    return digest("csrf", session_cookie)


def demand_csrf(browser: Browser) -> None:
    """Refuse a form without the session's anti-forgery value. Raises `Forbidden`."""
    given = browser.form.get("csrf", "")
    expected = csrf_of(browser.session) if browser.session else ""
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("anti-forgery value is missing or wrong")


def this_browser(context: WebContext) -> Browser:
    """The browser of the request that is being answered; one for all who ask, because a body can be read once."""
    if "browser" not in g:
        g.browser = Browser(context, request)
    found: Browser = g.browser
    return found


def with_query(path: str, **params: Any) -> str:
    """`path` with the given parameters that are not None."""
    given = {name: value for name, value in params.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
