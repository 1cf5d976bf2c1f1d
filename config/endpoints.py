"""The machine endpoints, by path: the gateway answers these without Flask."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files

from flask import Flask
from flask_babel import force_locale
from PIL import Image

from config.container import Container
from config.rooms.pages import Pages
from config.routes import calendar_of, upstream_status
from config.senders import receipts_secret
from idp.http.gateway import Endpoint
from idp.sentences import Language
from idp.web.client_registration import ClientRegistration
from idp.web.device_picture import DevicePicture
from idp.web.hotline import PATH as HOTLINE
from idp.web.hotline import Hotline
from idp.web.protocol_endpoints import ProtocolEndpoints
from idp.web.receipts import ReceiptDesk
from idp.web.register.api import RegistrationApi
from idp.web.testing import Testing
from qr_login.card import TYP, Cards
from qr_login.drawing import with_emblem
from qr_login.phone import Phone
from qr_login.phone_api import PhoneApi
from qr_login.phone_authenticator import PhoneAuthenticator
from qr_login.poll import Poll

CARD_ALG = "ES256"
PICTURES = 30
"""Pictures per minute for one network and worker: each takes 20 ms to draw."""


def endpoint_table(pages: Pages, flask: Flask) -> Mapping[str, Endpoint]:
    """Every endpoint by its path; `flask` has the message catalogue for the API of registration."""
    c = pages.container
    hotline = Hotline(c.oidc.inspection, c.oidc.clients, c.accounts.recoveries)
    table = {
        **protocol_endpoints(pages).table(),
        **calendar_of(c).table(),
        **upstream_status(c).table(),
        **_device_picture(pages).table(),
        **_registration_api(pages, flask).table(),
        **ClientRegistration(pages.context, c.oidc.dynamic_registration).table(),
        HOTLINE: hotline.start,
    }
    if c.qr_login.is_on:
        poll = Poll(pages.context, pages.waiting, c.qr_login.drawing)
        table |= {**poll.table(), **_phone_api(pages).table()}
    if secret := receipts_secret(c.settings):
        count = pages.metrics.messages
        table |= ReceiptDesk(c.stores.outbox, secret, lambda *labels: count.labels(*labels).inc()).table()
    if c.settings.testing.enabled:
        table |= _test_mode(c).table()
    return table


def protocol_endpoints(pages: Pages) -> ProtocolEndpoints:
    """The endpoints of OpenID Connect."""
    c, stores = pages.container, pages.container.stores
    rings, max_age = (stores.rings.ring, stores.audit_keys.rings.ring), c.settings.keys.jwks_max_age
    engine = c.oidc.server, c.oidc.inspection, c.oidc.pushed_requests, c.oidc.response_jwts
    return ProtocolEndpoints(pages.context, pages.mutual_tls, *engine, *rings, max_age, c.oidc.commit_waits)


def _device_picture(pages: Pages) -> DevicePicture:
    """The QR code of `verification_uri_complete`."""
    limiter = pages.container.oidc.limiter(PICTURES)
    return DevicePicture(pages.context.issuer, lambda link: with_emblem(link, emblem()), pages.context.peers, limiter)


@lru_cache
def emblem() -> Image.Image:
    """The emblem of the pages, as pixels."""
    return Image.open(io.BytesIO(files("qr_login").joinpath("emblem.png").read_bytes()))


def _phone_api(pages: Pages) -> PhoneApi:
    """Enrolment and confirmation, for apps."""
    c, issuer = pages.container, pages.context.issuer
    devices, sessions, clients = c.accounts.devices, c.login.sessions, c.oidc.clients
    cards = Cards(clients, issuer, lambda claims: c.oidc.signer.sign(claims, alg=CARD_ALG, typ=TYP), c.clock)
    phone = Phone(c.qr_login.logins, devices, sessions, c.login.attempts, cards, c.stores.audit)
    door = PhoneAuthenticator(issuer, devices, c.oidc.inspection, c.oidc.proofs, pages.context.peers, c.clock)
    count = pages.metrics.phone

    def observe(*labels: str) -> None:
        count.labels(*labels).inc()

    api = PhoneApi(issuer, door, phone, devices, c.accounts.credentials, c.stores.people)
    api.observe = observe
    return api


def _registration_api(pages: Pages, flask: Flask) -> RegistrationApi:
    """The API for apps; its sentences come from the message catalogue of the pages."""

    @contextmanager
    def speaking(language: Language) -> Iterator[None]:
        with flask.app_context(), force_locale(language):
            yield

    c, context = pages.container, pages.context
    codes, challenges = c.accounts.codes, c.login.challenges
    return RegistrationApi(context, c.registration.declarations, c.stores.agencies, codes, challenges, speaking)


def _test_mode(c: Container) -> Testing:
    """The hooks of test mode: new signing keys, and forgetting what is known of clients and upstreams."""

    def rotate_keys() -> None:
        for alg in c.settings.keys.algorithms:
            c.stores.rotator.replace(alg)

    def forget() -> None:
        c.stores.clients.touch()
        c.oidc.clients.forget()
        c.oidc.client_keys.forget()
        for upstream in c.federation.upstreams.known:
            upstream.connector.forget()

    hooks = {"rotate-keys": rotate_keys, "forget": forget}
    return Testing(c.oidc.inspection, c.oidc.clients, c.clock, hooks)
