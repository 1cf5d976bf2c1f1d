"""`/status.json` and `/status`: which login methods currently work, for portals that want to show it themselves.

The state is this worker's own experience of the last minute. It causes no extra requests to upstreams.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext

from federation.upstreams import Upstream, Upstreams
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.web.browser import WebContext, this_browser
from idp.web.page import Page

STATES = {
    "ok": lazy_gettext("Hoạt động bình thường"),
    "slow": lazy_gettext("Phản hồi chậm"),
    "down": lazy_gettext("Tạm thời không dùng được"),
    "closed": lazy_gettext("Đang đóng"),
}


class UpstreamStatus:
    """The state of every login method."""

    def __init__(self, upstreams: Upstreams, password_is_open: Callable[[], bool]) -> None:
        self._upstreams = upstreams
        self._password_is_open = password_is_open

    def table(self) -> Mapping[str, Endpoint]:
        return {"/status.json": self.json}

    def json(self, environ: Environ) -> EndpointResponse:
        """The states as JSON."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return problem(405, "method_not_allowed", [("Allow", "GET, HEAD")])
        ways = [{"id": u.id, "name": u.name("vi"), "state": self.state(u)} for u in self._upstreams.known]
        body = {"ways_in": [{"id": "password", "state": self.password()}, *ways]}
        return reply(200, body, [])

    def state(self, upstream: Upstream) -> str:
        """One of `STATES`."""
        return upstream.state() if self._upstreams.is_open(upstream) else "closed"

    def password(self) -> str:
        return "ok" if self._password_is_open() else "closed"

    def rows(self, language: str) -> list[dict[str, Any]]:
        """The states as rows for the page."""
        own = {"name": None, "state": STATES[self.password()], "is_good": self.password() == "ok"}
        return [own] + [
            {"name": u.name(language), "state": STATES[self.state(u)], "is_good": self.state(u) == "ok"}
            for u in self._upstreams.known
        ]


class StatusPage(Page):
    """The same as a page."""

    def __init__(self, context: WebContext, status: UpstreamStatus) -> None:
        self._context = context
        self._status = status

    def get(self) -> str:
        return render_template("status.html", rows=self._status.rows(this_browser(self._context).language()))
