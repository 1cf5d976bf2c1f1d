"""Every flow of the product by its name."""

from collections.abc import Callable

from tests.replay import people, portals
from tests.support.app import App

FLOWS: dict[str, Callable[[App], None]] = {
    each.__name__: each
    for each in (
        people.consent, people.first_password, people.levels, people.login_errors, people.officers, people.own_pages,
        people.passkeys, people.phones, people.qr, people.recovery, people.registration, people.registration_api,
        people.upstreams, portals.authorize_errors, portals.code_flow, portals.device_grant, portals.discovery,
        portals.documents, portals.dpop, portals.front, portals.logout, portals.machines, portals.resource_errors,
        portals.routes, portals.token_errors,
    )
}  # fmt: skip
