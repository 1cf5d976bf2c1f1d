"""What a page needs to know about the browser: cookies, language, origin, and the submitted form."""

import hmac
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from werkzeug.wrappers import Request, Response

from idp.accounts.notices import Scene
from idp.ephemeral_records import digest
from idp.errors import Forbidden
from idp.http.cookies import Cookies
from idp.http.forms import Pairs, read_form, read_query, single
from idp.http.network import TrustedProxies
from idp.login.attempt import Held
from idp.login.sessions import ClientInfo
from idp.oidc.clients import Client
from idp.ports import Clock
from idp.sentences import Language
from idp.web.agents import browser_name, is_phone
from idp.web.places import NOWHERE, Places

LANGUAGES: tuple[Language, ...] = ("vi", "en")
SECOND_LIFE = 3600
"""Seconds for which a browser keeps an attempt's second secret: slightly longer than the longest attempt."""

SECOND_COOKIE = re.compile("p[A-Za-z0-9_-]{12}")
MOST_SECOND_COOKIES = 10
"""Attempts with a proof that one browser may have at a time: more than anyone has tabs."""

LONGEST_MOVED = 6000
"""Bytes of a form that still fit into a URL."""


@dataclass(frozen=True)
class WebContext:
    """What every page knows of its installation. `count_login` counts the outcome of each login by its method.

    `sign_response` makes one JWT of the parameters of a response to a client.
    """

    issuer: str
    cookies: Cookies
    peers: TrustedProxies
    testing: bool = False
    places: Places = NOWHERE
    home: str = "/account"
    clock: Clock = time.time
    count_login: Callable[[str, str], None] = lambda through, outcome: None
    sign_response: Callable[[Client, Sequence[tuple[str, str]]], str] = lambda client, fields: ""


class Browser:
    """The browser of one request."""

    def __init__(self, context: WebContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.new_cookies: dict[str, str] = {}

    @cached_property
    def secret(self) -> str | None:
        """The secret that binds attempts to this browser."""
        return self.context.cookies.read(self.request.cookies, "b")

    def held(self, handle: str) -> Held:
        """What this browser holds for the attempt."""
        return Held(self.secret or "", self.context.cookies.read(self.request.cookies, second_cookie(handle)) or "")

    def was_proved(self, handle: str, secret: str) -> None:
        """Set, with the response, the second secret of an attempt that from now on holds a proof."""
        if secret:
            self.new_cookies[second_cookie(handle)] = secret

    def hand_over(self, response: Response) -> None:
        """Set the new cookies; every page's response passes through here.

        Without the limit, a person who logs in all day, as at a counter, would send more cookies than a server reads.
        """
        if not self.new_cookies:
            return
        for name in self.context.cookies.older(self.request.cookies, SECOND_COOKIE, MOST_SECOND_COOKIES - 1):
            self.context.cookies.drop(response, name)
        for name, secret in self.new_cookies.items():
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
        """Browser and language, for the notice about this action."""
        return Scene(browser_name(self.request.headers.get("User-Agent", "")[:500]), self.language())

    @property
    def on_phone(self) -> bool:
        headers = self.request.headers
        return is_phone(headers.get("User-Agent", "")[:500], headers.get("Sec-CH-UA-Mobile", ""))

    @cached_property
    def address(self) -> str:
        """The address whose message budget is charged: one IPv4 address, or the /64 of an IPv6 address."""
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
        """The parameters of an endpoint that accepts both GET and POST. Raises `BadRequest`."""
        environ = self.request.environ
        return read_form(environ) if self.request.method == "POST" else read_query(environ)

    def came_without_cookies(self) -> bool:
        """Whether another site posted here: SameSite=Lax then withholds our cookies, although the browser has them.

        The response is a redirect to the same address by GET, which includes the cookies.
        """
        is_long = int(self.request.environ.get("CONTENT_LENGTH") or 0) > LONGEST_MOVED
        return self.request.method == "POST" and self.secret is None and self.session is None and not is_long

    @property
    def was_sent_here(self) -> bool:
        """Whether the browser came from a page of another site, by a link or through redirects."""
        return self.request.headers.get("Sec-Fetch-Site") == "cross-site"

    def language(self) -> Language:
        """The language to use: requested now, chosen before, or Vietnamese."""
        return self._language

    @cached_property
    def _language(self) -> Language:
        asked = self.request.args.get("lang", "")
        chosen = asked if asked in LANGUAGES else self.context.cookies.read(self.request.cookies, "l")
        return "en" if chosen == "en" else "vi"

    def demand_same_origin(self) -> None:
        """Our forms are submitted from our pages; what the browser says about that is trusted only when it says no.

        Raises `Forbidden`.
        """
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("cross-site form (Sec-Fetch-Site)")
        origin = self.request.headers.get("Origin")
        if origin not in (None, "null") and origin != self.context.issuer:
            raise Forbidden("cross-site form (Origin)")


def second_cookie(handle: str) -> str:
    """The name of the cookie with an attempt's second secret: one for each attempt, so that tabs do not interfere."""
    return "p" + digest("second cookie", handle)[:12]


def csrf_of(session_cookie: str) -> str:
    """The anti-forgery value of a session's forms: it cannot be computed without the cookie."""
    return digest("csrf", session_cookie)


def demand_csrf(browser: Browser) -> None:
    """Refuse a form without the session's anti-forgery value. Raises `Forbidden`."""
    csrf = browser.form.get("csrf", "")
    expected = csrf_of(browser.session) if browser.session else ""
    if not expected or not hmac.compare_digest(csrf.encode(), expected.encode()):
        raise Forbidden("anti-forgery value is missing or wrong")


def this_browser(context: WebContext) -> Browser:
    """The browser of the current request; one instance for all callers, because a body can be read only once."""
    if "browser" not in g:
        g.browser = Browser(context, request)
    browser: Browser = g.browser
    return browser


def with_query(path: str, **params: Any) -> str:
    """`path` with the given parameters that are not None."""
    query = {name: value for name, value in params.items() if value is not None}
    return f"{path}?{urlencode(query)}" if query else path
