"""The pages of journeys through upstreams, of linking and of one's own links: URL, name, view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from config.federation_wiring import linking_of
from federation import own_links, pages, web
from federation.keep_step import KeepOwn, KeepStep
from federation.keeping import Keeping
from federation.link_step import LinkStep
from federation.status import StatusPage, UpstreamStatus
from idp.accounts.masking import masked_contact
from idp.limits.local import LocalRateLimiter
from idp.store.families import SqlFamilies

if TYPE_CHECKING:
    from config.wiring import Provider
    from federation.linking_flow import Linking
    from federation.upstreams import Upstream, Upstreams
    from idp.web.account import OwnPages
    from idp.web.browser import WebContext
    from idp.web.metrics import Metrics
    from idp.web.otp_flow import OtpFlow
    from idp.web.routes import Routes
    from idp.web.steps import Steps


def status_of(p: Provider) -> UpstreamStatus:
    """Which ways in work just now."""
    return UpstreamStatus(p.upstream_logins.upstreams, lambda: p.logins.is_open("individual"))


def watch_upstreams(upstreams: Upstreams, metrics: Metrics) -> None:
    """Connect the metrics of upstreams."""
    upstreams.telling.tell = lambda *labels: metrics.upstreams.labels(*labels[:3]).observe(labels[3])
    for upstream in upstreams.known:
        level = partial(_level, upstream)
        metrics.watch(metrics.upstream_state.labels(upstream.id), level)


def _level(upstream: Upstream) -> float:
    return float(("ok", "slow", "down").index(upstream.state()))


def federation_pages(
    p: Provider, context: WebContext, own: OwnPages, steps: Steps, desk: OtpFlow, metrics: Metrics
) -> Routes:
    """Every page of a journey, of a ceremony and of one's own links: URL, name, view."""
    departures = LocalRateLimiter(p.base.settings.limits.attempts_per_address, 60, p.base.clock)
    shared = (context, p.attempts, p.upstream_logins, p.clients, departures)
    journeys = web.Journeys(*shared, lambda *labels: metrics.logins.labels(*labels).inc())
    linking = linking_of(p.base, p.upstream_logins)
    keeping = Keeping(p.upstream_logins.links, p.passkeys, masked_contact, p.base.clock)
    both = (journeys, linking)
    return [
        ("/via/<upstream_id>", "via", web.StartUpstreamLogin.as_view("via", journeys)),
        ("/via/<upstream_id>/callback", "via_callback", web.Return.as_view("via_callback", journeys)),
        (
            "/via/<upstream_id>/logout-token",
            "via_logout_token",
            web.LogoutToken.as_view("via_logout_token", journeys, p.sessions, SqlFamilies(p.base.database).claim),
        ),
        ("/status", "status", StatusPage.as_view("status", context, status_of(p))),
        ("/link", "link", LinkStep.as_view("link", *both, steps, p.step_rules)),
        (
            "/link/keep",
            "link_keep",
            KeepStep.as_view("link_keep", p.attempts, p.upstream_logins.upstreams, keeping, steps),
        ),
        ("/link/confirm", "link_confirm", pages.Confirm.as_view("link_confirm", *both)),
        ("/link/code", "link_code", pages.LinkCodePage.as_view("link_code", *both, desk)),
        ("/link/open", "link_open", pages.Open.as_view("link_open", *both)),
        ("/link/who", "link_who", pages.Who.as_view("link_who", *both)),
        ("/link/password", "link_password", pages.LogInFirst.as_view("link_password", *both)),
        ("/link/differs", "link_differs", pages.LogInFirst.as_view("link_differs", *both)),
        ("/link/refused", "link_refused", pages.RefusedPage.as_view("link_refused", journeys)),
        *_own(own, journeys, linking, keeping),
    ]


def _own(own: OwnPages, journeys: web.Journeys, linking: Linking, keeping: Keeping) -> Routes:
    """The pages of one's own links."""
    mine = (own, journeys)
    keep_own = KeepOwn.as_view("link_keep_own", own, journeys.upstream_logins.upstreams, keeping)
    return [
        ("/account/links", "links", own_links.OwnLinks.as_view("links", *mine)),
        ("/account/links/add/<upstream_id>", "link_add", own_links.AddLink.as_view("link_add", *mine)),
        (
            "/account/links/confirm",
            "link_own",
            own_links.ConfirmOwnLink.as_view("link_own", *mine, linking),
        ),
        ("/account/links/remove", "link_remove", own_links.Unlink.as_view("link_remove", *mine, linking)),
        ("/account/links/keep", "link_keep_own", keep_own),
    ]
