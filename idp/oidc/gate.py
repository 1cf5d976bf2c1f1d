"""The one gate: nothing is minted or confirmed before `may_issue` has agreed.

Every path asks: code, token, refresh, introspection, userinfo. A check forgotten on a parallel path is the most
frequent defect of providers, so the checks are in one place and a test generated from the routes proves that no path
omits them.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

from idp.accounts.account import Account
from idp.accounts.devices import DeviceBinding
from idp.accounts.password_rules import PasswordAge
from idp.login.authentication import Authentication
from idp.login.sessions import Session
from idp.login.steps import refuses_picture
from idp.oidc.authorization_details import RECORD_ACCESS, Details, from_json, is_within
from idp.oidc.clients import Client


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to share with a client, and the text they saw."""

    scope: str
    granted_at: float
    withdrawn_at: float | None = None
    authorization_details: str = "[]"

    @property
    def details(self) -> Details:
        return () if self.withdrawn_at is not None else from_json(json.loads(self.authorization_details))

    @property
    def scopes(self) -> tuple[str, ...]:
        return () if self.withdrawn_at is not None else tuple(self.scope.split())


@dataclass(frozen=True, slots=True)
class GrantState:
    """What the stores currently say, read in one statement: account, session, consent, revocation and epoch.

    `binding` is read separately for apps of one device: who holds the place, as seen from the requesting key.
    """

    account: Account | None = None
    session: Session | None = None
    consent: Consent | None = None
    revoked: bool = False
    epoch: float = 0.0
    binding: DeviceBinding | None = None


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """What is to be issued: for which client, scopes and login, at what time.

    `needs_session` is False if the grant outlives the browser's session (offline access): then only a session that was
    *ended* prevents issuing. `needs_binding` is False when the phone is about to get its place in an app of one device:
    at the code by which it comes in, and at its enrolment.
    """

    client: Client | None
    authentication: Authentication
    scopes: Collection[str]
    now: float
    age: PasswordAge
    needs_session: bool = True
    needs_binding: bool = True
    details: Details = ()


def may_issue(grant_state: GrantState, request: IssueRequest) -> str | None:
    """None when it may be issued; else the reason, for the log and the audit, never for the client."""
    reasons = (
        (request.client is None or request.client.disabled, "client"),
        (grant_state.account is None, "no_account"),
        (grant_state.account is not None and not grant_state.account.is_active, "account_disabled"),
        (grant_state.revoked, "revoked"),
        (request.authentication.auth_time < grant_state.epoch, "epoch"),
        (_session_stands_in_the_way(grant_state, request), "session_ended"),
        (_is_from_before_securing(grant_state, request), "secured"),
        (_owes_a_password(grant_state, request), "password_owed"),
        (request.client is not None and request.authentication.acr < request.client.minimum_acr, "acr"),
        (_came_by_a_picture_it_refuses(request), "qr_login"),
        (_sits_in_the_place_of_another(grant_state, request), "device"),
        (_lacks_consent(grant_state, request), "consent"),
        (_exceeds_details(grant_state, request), "authorization_details"),
    )
    return next((name for refused, name in reasons if refused), None)


def _session_stands_in_the_way(grant_state: GrantState, request: IssueRequest) -> bool:
    if grant_state.session is None:
        return request.needs_session
    return grant_state.session.ended_at is not None


def _is_from_before_securing(grant_state: GrantState, request: IssueRequest) -> bool:
    """Whether the login is older than the last credential event; the session in which that happened continues."""
    secured_at = grant_state.account.secured_at if grant_state.account else 0.0
    return grant_state.session is None and request.authentication.auth_time < secured_at


def _owes_a_password(grant_state: GrantState, request: IssueRequest) -> bool:
    """Whether the password used for the login has to be changed first."""
    if grant_state.account is None or request.authentication.through != "password":
        return False
    return request.age.due(grant_state.account, request.now) in ("first", "expired")


def _came_by_a_picture_it_refuses(request: IssueRequest) -> bool:
    """Whether the login was by QR code, at a client that accepts none, or none from another network."""
    return request.client is not None and refuses_picture(request.client.qr_login, request.authentication)


def _sits_in_the_place_of_another(grant_state: GrantState, request: IssueRequest) -> bool:
    """Whether an app of one device uses a key that is not, or no longer, that of the person's device."""
    if request.client is None or not request.client.one_device or not request.needs_binding:
        return False
    return grant_state.binding not in ("free", "mine")


def _lacks_consent(grant_state: GrantState, request: IssueRequest) -> bool:
    if request.client is None or request.client.first_party:
        return False
    agreed = grant_state.consent.scopes if grant_state.consent else ()
    return not set(request.scopes) <= set(agreed)


def _exceeds_details(grant_state: GrantState, request: IssueRequest) -> bool:
    """Whether details go beyond what the person agreed to, or the client is not, or no longer, registered for them.

    Our own clients need consent to these too.
    """
    if not request.details:
        return False
    agreed = grant_state.consent.details if grant_state.consent else ()
    registered = request.client.authorization_details_types if request.client else ()
    return RECORD_ACCESS not in registered or not is_within(request.details, agreed)
