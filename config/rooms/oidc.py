"""OpenID Connect: clients, codes, tokens, the next step of a request."""

from functools import cached_property

from config.rooms.accounts import AccountsRoom
from config.rooms.login import LoginRoom
from config.rooms.room import Room
from config.senders import deliveries_of
from config.statement_keys import read_key_set
from config.stores import Stores
from idp.commit_waits import CommitWaits
from idp.ephemeral_records import RecordKind
from idp.login.steps import StepRules
from idp.messages.sending import Deliveries
from idp.oidc.authorization import Extension
from idp.oidc.back_channel import PortalSender
from idp.oidc.client_auth import ClientAuthentication
from idp.oidc.client_keys import ClientKeys
from idp.oidc.client_secrets import SecretUses
from idp.oidc.clients import Clients
from idp.oidc.codes import Codes
from idp.oidc.device_grant import DeviceCodes, UserCodes
from idp.oidc.dispatch import Dispatcher
from idp.oidc.dpop import Proofs
from idp.oidc.dynamic_registration import DynamicRegistration
from idp.oidc.families import Families, FamilyLimits
from idp.oidc.grant import AuthorizationCode
from idp.oidc.inspection import Inspection
from idp.oidc.issuing import GateFacts, Issuing
from idp.oidc.pushed_requests import PushedRequest, PushedRequests
from idp.oidc.request_objects import RequestObjects
from idp.oidc.response_jwt import ResponseJwts
from idp.oidc.server import Server
from idp.oidc.signed_in import SignedIn
from idp.oidc.software_statements import SoftwareStatements
from idp.oidc.subjects import Subjects
from idp.oidc.token_exchange import EXCHANGES, TokenExchange
from idp.oidc.tokens import TokenLife, Tokens
from idp.web.client_failures import ClientFailures
from keys.encryption import Opener
from keys.signing import Signer

NOTED_FAILURES, NOTED_IN_TOTAL = 10, 60
"""Failed client authentications that `idp explain` can tell of, of a network and of all per minute; the log has all."""
REGISTRATIONS = 60
"""Calls of one network at the endpoint for registration per minute and worker."""
FETCHES = 60
"""Request objects that browsers of one network make us fetch from one client per minute."""


class OidcRoom(Room):
    """OpenID Connect: clients, codes, tokens, the next step of a request."""

    def __init__(self, stores: Stores, accounts: AccountsRoom, login: LoginRoom) -> None:
        super().__init__(stores)
        self._accounts = accounts
        self._login = login

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.stores.clients, self.clock)

    @cached_property
    def client_keys(self) -> ClientKeys:
        return ClientKeys(self.outbound(), self.clock)

    @cached_property
    def signer(self) -> Signer:
        return Signer(self.stores.rings, self.clock)

    @cached_property
    def tokens(self) -> Tokens:
        oidc = self.settings.oidc
        life = TokenLife(oidc.access_token_life, oidc.id_token_life)
        subjects = Subjects(self.stores.secrets.get("pairwise"))
        return Tokens(self.settings.issuer, self.signer, subjects, self.clock, life)

    @cached_property
    def issuing(self) -> Issuing:
        """Codes, refresh families and tokens."""
        stores, oidc = self.stores, self.settings.oidc
        sealing = stores.sealing("refresh")
        families = Families(
            stores.families,
            self.clock,
            FamilyLimits(oidc.refresh_idle, oidc.refresh_absolute, oidc.refresh_browser),
            seal=lambda plain, context: sealing.seal(plain, context=context),
            unseal=lambda sealed, context: sealing.unseal(sealed, context=context),
        )
        records = self.records(RecordKind.AUTHORIZATION_CODE, AuthorizationCode, oidc.code_life)
        offline = self.records(RecordKind.OFFLINE_CODE, AuthorizationCode, oidc.code_life)
        codes = Codes(records, offline, families)
        facts = GateFacts(stores.grant_states, self._accounts.devices, self._accounts.password_age)
        return Issuing(codes, self.tokens, facts, stores.session_clients, stores.audit, self.clock)

    @cached_property
    def proofs(self) -> Proofs:
        """Verifies proofs of possession."""
        return Proofs(self.stores.secrets.get("dpop-nonce"), self.clock, claim_jti=self.stores.families.claim)

    @cached_property
    def device_codes(self) -> DeviceCodes:
        """The device grant, with the limiter on starting too many."""
        return DeviceCodes(self.stores.ephemeral, self.clock, self.stores.families.claim, self.address_limiter())

    @cached_property
    def user_codes(self) -> UserCodes:
        """Codes of the device grant as typed by people."""
        return UserCodes(self.device_codes, self.stores.rate_limits, self.clock)

    @cached_property
    def client_authentication(self) -> ClientAuthentication:
        """How clients authenticate."""
        issuer = self.settings.issuer
        return ClientAuthentication(
            self.stores.secrets.get("client-secret"),
            (issuer, f"{issuer}/token"),
            self.clock,
            keys_of=self.client_keys.of,
            claim_jti=self.stores.families.claim,
            uses=SecretUses(self.stores.clients.note_use, self.clock),
        )

    @cached_property
    def server(self) -> Server:
        """The token endpoint's engine."""
        failures = self.limiter(self.settings.limits.client_failures)
        authentication = self.client_authentication
        notes = [self.limiter(most) for most in (NOTED_FAILURES, NOTED_IN_TOTAL)]
        noting = ClientFailures(self.clients, self.stores.support_codes.note, *notes)
        return Server(
            self.clients,
            authentication,
            self.issuing,
            failures,
            self.proofs,
            self.device_codes,
            self.token_exchange,
            noting,
        )

    @cached_property
    def token_exchange(self) -> TokenExchange:
        """Token exchange (RFC 8693)."""
        limiter = self.limiter(EXCHANGES)
        return TokenExchange(self.inspection, self.issuing, self.clients, self.stores.audit, self.clock, limiter)

    @cached_property
    def pushed_requests(self) -> PushedRequests:
        """Authorization requests that clients push."""
        oidc = self.settings.oidc
        records = self.records(RecordKind.PUSHED_REQUEST, PushedRequest, oidc.pushed_request_life)
        limiters = {"per_network": self.address_limiter(), "total": self.total_limiter()}
        objects = self.request_objects
        return PushedRequests(
            records, self.clients, objects, required=oidc.require_pushed_authorization_requests, **limiters
        )

    @cached_property
    def dynamic_registration(self) -> DynamicRegistration:
        """Clients that register themselves."""
        stores, calls = self.stores, self.limiter(REGISTRATIONS)
        issuers = {name: read_key_set(path) for name, path in self.settings.oidc.software_statement_issuers.items()}
        return DynamicRegistration(
            stores.client_registrations,
            SoftwareStatements(issuers, self.settings.issuer, self.clock),
            stores.secrets.get("client-secret"),
            lambda: stores.rings.ring().algorithms(self.clock()),
            calls,
            self.clock,
            self.clients.forget,
            self.outbound().get_json_list,
        )

    @cached_property
    def response_jwts(self) -> ResponseJwts:
        """Answers to clients as one JWT."""
        return ResponseJwts(self.settings.issuer, self.signer, self.clock)

    @cached_property
    def extensions(self) -> tuple[Extension, ...]:
        """The ways to say what is asked besides plain parameters."""
        return self.pushed_requests, self.request_objects

    @cached_property
    def request_objects(self) -> RequestObjects:
        """Authorization requests that clients sign."""
        keys_of, claim, fetches = self.client_keys.of, self.stores.families.claim, self.limiter(FETCHES)
        opener = Opener(self.stores.rings, self.clock)
        return RequestObjects(self.settings.issuer, keys_of, opener.open, self.outbound(), claim, self.clock, fetches)

    @cached_property
    def inspection(self) -> Inspection:
        return Inspection(self.issuing, self.clients, self.clock)

    @cached_property
    def step_rules(self) -> StepRules:
        """When a login also needs a code or a new password."""
        return StepRules(self.settings.login.one_time_code, self._accounts.password_age)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The next step of an authorization request."""
        return Dispatcher(
            self._login.attempts,
            self._login.sessions,
            self.issuing,
            self.step_rules,
            self.clock,
            self.stores.credentials.has_passkeys,
            self.commit_waits,
        )

    @cached_property
    def commit_waits(self) -> CommitWaits:
        """Whether tokens and sessions may be committed in the loop of a worker."""
        return CommitWaits()

    @cached_property
    def signed_in(self) -> SignedIn:
        return SignedIn(self.stores.grant_states, self._login.sessions)

    @cached_property
    def deliveries(self) -> Deliveries:
        """Sends messages and notifies clients of a logout."""
        portals = PortalSender(self.clients, self.tokens, self.outbound(), self.clock)
        return deliveries_of(self.settings, self.stores.outbox, self.clock, portals)
