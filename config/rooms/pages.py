"""What pages share: their URL, the login methods, and the steps of a login."""

from collections.abc import Mapping
from functools import cached_property

from config.container import Container
from config.settings import BadSettings, Settings
from federation.web import Journeys, ViaUpstreams
from idp.ephemeral_records import RecordKind
from idp.http.cookies import Cookies
from idp.http.metrics import Metrics
from idp.http.network import TrustedProxies
from idp.oidc.certificates import CertificateHeaders
from idp.ports import Seeker, Way, WaysIn
from idp.web.account import OwnPages
from idp.web.authorize import Authorize
from idp.web.browser import WebContext
from idp.web.logout import LogoutRequest, LogoutRules
from idp.web.mutual_tls import MutualTls
from idp.web.otp_flow import OtpFlow
from idp.web.password import Changer
from idp.web.places import NOWHERE, Places, read_places
from idp.web.register.visit import RegistrationPages
from idp.web.steps import Steps
from qr_login.poll import Waiting
from qr_login.way import ByQrCode

LOGOUT_LIFE = 600.0


class Ways:
    """The login methods of several rooms as one (`idp.ports.WaysIn`)."""

    def __init__(self, *rooms: WaysIn) -> None:
        self._rooms = rooms

    def offered(self, seeker: Seeker) -> list[Way]:
        return [way for room in self._rooms for way in room.offered(seeker)]

    def message(self, query: Mapping[str, str], language: str) -> str | None:
        return next((message for room in self._rooms if (message := room.message(query, language))), None)

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        return next((out for room in self._rooms if (out := room.out(through, account_id, auth_time, state))), None)


class Pages:
    """The objects that several pages need. Raises `BadSettings` when the list of places cannot be read."""

    def __init__(self, container: Container, metrics: Metrics) -> None:
        self.container = container
        self.metrics = metrics
        self.context = web_context(container, metrics)

    @cached_property
    def mutual_tls(self) -> MutualTls:
        """Reads the certificates of clients."""
        web = self.container.settings.web
        headers = web.client_certificate_header, web.client_certificate_verify_header
        return MutualTls(self.context.peers, self.context.issuer, CertificateHeaders(*headers, web.mtls_url))

    @cached_property
    def ways(self) -> Ways:
        """Every login method besides the password."""
        c = self.container
        own = [ByQrCode(c.oidc.clients, c.settings.qr.app_link)] if c.qr_login.is_on else []
        return Ways(*own, ViaUpstreams(c.federation.upstream_logins, self.context.issuer))

    @cached_property
    def authorize(self) -> Authorize:
        """The authorization endpoint."""
        oidc, attempts, clock = self.container.oidc, self.container.login.attempts, self.container.clock
        return Authorize(
            self.context, attempts, oidc.clients, oidc.dispatcher, clock, oidc.commit_waits, oidc.extensions
        )

    @cached_property
    def steps(self) -> Steps:
        c = self.container
        return Steps(self.context, c.login.attempts, c.oidc.signed_in, c.oidc.clients)

    @cached_property
    def otp(self) -> OtpFlow:
        c = self.container
        return OtpFlow(c.accounts.codes, c.login.challenges, c.clock)

    @cached_property
    def own(self) -> OwnPages:
        """What every page about the person's own account needs."""
        c = self.container
        dispatcher, signed_in, links = c.oidc.dispatcher, c.oidc.signed_in, bool(c.federation.upstreams.known)
        return OwnPages(self.context, dispatcher, signed_in, c.stores.consents, c.oidc.clients, links=links)

    @cached_property
    def changer(self) -> Changer:
        return Changer(self.steps, self.container.accounts.credentials, self.container.login.sessions)

    @cached_property
    def logout(self) -> LogoutRules:
        c = self.container
        records = c.oidc.records(RecordKind.LOGOUT_REQUEST, LogoutRequest, LOGOUT_LIFE)
        return LogoutRules(self.context, c.oidc.clients, c.oidc.issuing, c.oidc.signed_in, records, self.ways)

    @cached_property
    def journeys(self) -> Journeys:
        c = self.container
        departures = c.federation.address_limiter()
        upstream_logins, clients = c.federation.upstream_logins, c.oidc.clients
        return Journeys(self.context, c.login.attempts, upstream_logins, clients, departures)

    @cached_property
    def registration(self) -> RegistrationPages:
        c = self.container
        hours = c.settings.registration.draft_hours
        return RegistrationPages(self.context, c.registration.declarations, c.stores.agencies, hours)

    @cached_property
    def waiting(self) -> Waiting:
        """Browsers that wait for a phone."""
        c = self.container
        return Waiting(self.context, c.qr_login.logins, c.login.attempts, c.qr_login.proved, c.clock)


def web_context(c: Container, metrics: Metrics) -> WebContext:
    """What every page needs of this installation. Raises `BadSettings`."""
    settings = c.settings

    def count_login(through: str, outcome: str) -> None:
        metrics.logins.labels(through, outcome).inc()

    return WebContext(
        settings.issuer,
        Cookies(https=settings.is_https),
        TrustedProxies(settings.web.trusted_proxies),
        testing=settings.testing.enabled,
        places=_places(settings),
        clock=c.clock,
        count_login=count_login,
        sign_response=c.oidc.response_jwts.authorization,
    )


def officer_context(settings: Settings) -> WebContext:
    """What the pages of the console need of their URL."""
    url = settings.officers_url
    cookies, peers = Cookies(https=url.startswith("https://")), TrustedProxies(settings.web.trusted_proxies)
    return WebContext(url, cookies, peers, testing=settings.testing.enabled, home="/")


def _places(settings: Settings) -> Places:
    """The operator's list of places. Raises `BadSettings`."""
    file = settings.web.places_file
    try:
        return read_places(file) if file else NOWHERE
    except (OSError, ValueError) as error:
        raise BadSettings([f"web.places_file: {error}"]) from None
