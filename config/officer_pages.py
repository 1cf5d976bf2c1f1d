"""The officer console: its own application on its own host, URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.officer_wiring import officer_logins_of, officer_passkeys_of, proposals_of, sql_officers
from idp.desk.views import ViewBudget, ViewLimits
from idp.limits.local import LocalRateLimiter
from idp.store.desk_views import SqlDeskViews
from idp.store.participants import SqlParticipants
from idp.web.browser import WebContext
from idp.web.cookies import Cookies
from idp.web.network import TrustedProxies
from idp.web.officer import conflicts, data, door, dossier, pairs, passkeys, queue
from idp.web.officer.console import Console
from idp.web.routes import Routes, build

if TYPE_CHECKING:
    from config.settings import Settings
    from config.wiring import Provider
    from idp.web.gateway import Wsgi
    from idp.web.metrics import Metrics


def officer_host(p: Provider, metrics: Metrics) -> tuple[frozenset[str], Wsgi] | None:
    """The console and the `Host` values it answers to, when it has an address."""
    settings = p.base.settings
    if not settings.officers_url:
        return None
    context = officer_surroundings(settings)
    pages = build(
        context, officer_pages(p, context, metrics), p.base.support_codes.note, LocalRateLimiter(60, 60, p.base.clock)
    )
    return hosts_of(settings.officers_url), pages


def officer_surroundings(settings: Settings) -> WebContext:
    """What the pages know of their address."""
    url = settings.officers_url
    cookies, peers = Cookies(https=url.startswith("https://")), TrustedProxies(settings.web.trusted_proxies)
    return WebContext(url, cookies, peers, testing=settings.testing.enabled, home="/")


def officer_pages(p: Provider, context: WebContext, metrics: Metrics) -> Routes:
    """Every page of the console."""
    base, desk = p.base, p.desk
    logins = officer_logins_of(base, p.passwords)
    keys = officer_passkeys_of(base, logins)
    console = Console(context, logins, desk.agencies, sql_officers(base).names, base.clock)
    views = SqlDeskViews(base.database)
    rules = base.settings.officers
    limits = ViewLimits(rules.views_alarm, rules.views_most)
    budget = ViewBudget(views, base.audit, base.clock, limits, lambda outcome: metrics.views.labels(outcome).inc())
    register = SqlParticipants(base.database)
    papers = dossier.Papers(desk.declarations, views, register, base.people, base.audit, budget)
    lines = queue.QueuePage(console, desk.declarations, views)
    proposals = proposals_of(base, desk)
    picture = "/requests/<declaration_id>/<any(portrait,front,back):role>.jpg"
    return [
        ("/", "queue", queue.OfficerHome.as_view("queue", console, lines)),
        ("/login", "login", door.OfficerLoginPage.as_view("login", context, logins)),
        ("/login/key", "passkey_door", passkeys.PasskeyDoor.as_view("passkey_door", context, keys, logins)),
        ("/passkeys", "passkeys", passkeys.OfficerPasskeysPage.as_view("passkeys", console, keys)),
        ("/passkeys/add", "add_passkey", passkeys.AddOfficerPasskey.as_view("add_passkey", console, keys)),
        ("/logout", "logout", door.OfficerLogoutPage.as_view("logout", console)),
        ("/invitation/<token>", "invitation", door.Invitation.as_view("invitation", console)),
        ("/requests/<declaration_id>", "dossier", dossier.Dossier.as_view("dossier", console, papers, desk.decisions)),
        (picture, "picture", dossier.DossierPicture.as_view("picture", console, papers)),
        ("/proposals", "proposals", pairs.ProposalsPage.as_view("proposals", console, proposals, desk.declarations)),
        (
            "/proposals/<proposal_id>",
            "proposal",
            pairs.ProposalPage.as_view("proposal", console, proposals, desk.declarations),
        ),
        ("/data", "data", data.DataList.as_view("data", console, desk.data_requests, base.people)),
        (
            "/data/<request_id>",
            "data_case",
            data.DataCase.as_view("data_case", console, desk.data_requests, base.people),
        ),
        ("/links", "links", conflicts.ConflictsPage.as_view("links", console, proposals)),
        ("/links/<conflict_id>", "link", conflicts.ConflictPage.as_view("link", console, proposals, base.people)),
    ]


def hosts_of(url: str) -> frozenset[str]:
    """The `Host` values of an origin, with and without its default port."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}[parts.scheme]
    known = {parts.netloc.lower()}
    if parts.port in (None, default):
        known |= {(parts.hostname or "").lower(), f"{(parts.hostname or '').lower()}:{default}"}
    return frozenset(known)
