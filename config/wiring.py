"""Settings become stores and use cases, on one page that reads from bottom needs to top uses."""

from dataclasses import dataclass

from config.desk_wiring import Desk, desk_of
from config.federation_wiring import brokering_of
from config.passkey_pages import passkeys_of
from config.people_wiring import (
    codes_of,
    credentials_of,
    devices_of,
    exempt_person,
    password_age,
    recoveries_of,
    sessions_of,
    sql_credentials,
    step_rules,
)
from config.qr_wiring import Qr, qr_of
from config.senders import deliveries_of
from config.stores import Stores, passwords_of
from federation.upstream_logins import UpstreamLogins
from idp.accounts.credentials import Credentials
from idp.accounts.devices import Devices
from idp.accounts.one_time import OneTimeCodes
from idp.accounts.passkeys import Passkeys
from idp.accounts.passwords import Passwords
from idp.accounts.recovery import Recoveries
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.durable import DAY, LimitPolicy
from idp.limits.local import LocalRateLimiter
from idp.limits.work import WorkPrice
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.challenge import Challenges
from idp.login.limits import LoginLimits
from idp.login.logins import LoginRules, Logins, Window
from idp.login.sessions import Sessions
from idp.messages.sending import Deliveries
from idp.oidc.back_channel import PortalSender
from idp.oidc.client_auth import ClientAuthentication
from idp.oidc.client_keys import ClientKeys
from idp.oidc.clients import Clients
from idp.oidc.codes import Codes
from idp.oidc.device_grant import DeviceCodes
from idp.oidc.dispatch import Dispatcher, StepRules
from idp.oidc.dpop import Proofs
from idp.oidc.families import Families, FamilyLimits
from idp.oidc.grant import AuthorizationCode
from idp.oidc.inspection import Inspection
from idp.oidc.issuing import GrantStates, Issuing
from idp.oidc.server import Server
from idp.oidc.subjects import Subjects
from idp.oidc.tokens import TokenLife, Tokens
from idp.outbound import Outbound
from idp.store.consents import SqlConsents
from idp.store.families import SqlFamilies
from idp.store.grant_states import SqlGrantStates
from idp.store.rate_limits import SqlRateLimits
from idp.store.session_clients import SqlSessionClients
from idp.web.logout import LogoutRequest
from keys.sealing import MasterKey
from keys.signing import Signer


@dataclass(frozen=True, slots=True)
class Provider:
    """The use cases of the running provider."""

    base: Stores
    clients: Clients
    client_keys: ClientKeys
    attempts: Attempts
    challenges: Challenges
    sessions: Sessions
    passwords: Passwords
    logins: Logins
    tokens: Tokens
    grant_states: GrantStates
    consents: SqlConsents
    issuing: Issuing
    server: Server
    inspection: Inspection
    dispatcher: Dispatcher
    logouts: EphemeralRecords[LogoutRequest]
    deliveries: Deliveries
    codes: OneTimeCodes
    credentials: Credentials
    recoveries: Recoveries
    step_rules: StepRules
    upstream_logins: UpstreamLogins
    devices: Devices
    qr: Qr | None
    passkeys: Passkeys
    desk: Desk


def build_provider(base: Stores) -> Provider:
    """The use cases on a foundation."""
    s, clock, database = base.settings, base.clock, base.database
    clients = Clients(base.clients, clock)
    client_keys = ClientKeys(Outbound(s.outbound.ca_file), clock)
    sessions = sessions_of(base)
    passwords = passwords_of(s, base.secrets)
    attempts, challenges = attempts_of(base), challenges_of(base)
    codes, credentials = codes_of(base), credentials_of(base, passwords)
    devices = devices_of(base, passwords, codes)
    issuing = issuing_of(base, devices)
    tokens, grant_states = issuing.tokens, issuing.grant_states
    return Provider(
        base=base,
        clients=clients,
        client_keys=client_keys,
        attempts=attempts,
        challenges=challenges,
        sessions=sessions,
        passwords=passwords,
        logins=logins_of(base, passwords, sessions, challenges.work),
        tokens=tokens,
        grant_states=grant_states,
        consents=SqlConsents(database, base.audit),
        issuing=issuing,
        server=server_of(base, clients, client_keys, issuing),
        inspection=Inspection(issuing, clients, clock),
        dispatcher=dispatcher_of(base, attempts, sessions, issuing, devices),
        logouts=EphemeralRecords(RecordKind.LOGOUT_REQUEST, LogoutRequest, base.ephemeral, clock, life=600),
        deliveries=deliveries_of(s, base.outbox, clock, portal_sender(base, clients, tokens)),
        codes=codes,
        credentials=credentials,
        recoveries=recoveries_of(base, codes, credentials),
        step_rules=step_rules(base),
        upstream_logins=brokering_of(base),
        devices=devices,
        qr=qr_of(base, sessions),
        passkeys=passkeys_of(base),
        desk=desk_of(base, passwords, credentials),
    )


def server_of(base: Stores, clients: Clients, keys: ClientKeys, issuing: Issuing) -> Server:
    """The token endpoint's engine."""
    failures = LocalRateLimiter(base.settings.limits.client_failures, 60, base.clock)
    authentication = authentication_of(base, keys)
    return Server(clients, authentication, issuing, failures, proofs_of(base), device_codes_of(base))


def dispatcher_of(
    base: Stores, attempts: Attempts, sessions: Sessions, issuing: Issuing, devices: Devices
) -> Dispatcher:
    """What comes next for an authorization request."""
    codes, tokens, grant_states = issuing.codes, issuing.tokens, issuing.grant_states
    rules, has_passkeys = step_rules(base), sql_credentials(base).has_passkeys
    return Dispatcher(attempts, sessions, grant_states, codes, tokens, devices, base.clock, rules, has_passkeys)


def authentication_of(base: Stores, keys: ClientKeys) -> ClientAuthentication:
    """How clients prove who they are."""
    issuer = base.settings.issuer
    return ClientAuthentication(
        base.secrets.get("client-secret"),
        (issuer, f"{issuer}/token"),
        base.clock,
        keys_of=keys.of,
        claim_jti=SqlFamilies(base.database).claim,
    )


def proofs_of(base: Stores) -> Proofs:
    """What judges proofs of possession."""
    return Proofs(base.secrets.get("dpop-nonce"), base.clock, claim_jti=SqlFamilies(base.database).claim)


def attempts_of(base: Stores) -> Attempts:
    """Login attempts, with the limiters on beginning too many."""
    s, clock = base.settings, base.clock
    return Attempts(
        EphemeralRecords(RecordKind.LOGIN_ATTEMPT, LoginAttempt, base.ephemeral, clock, life=s.login.attempt_life),
        per_address=LocalRateLimiter(s.limits.attempts_per_address, 60, clock),
        total=LocalRateLimiter(s.limits.attempts_in_total, 60, clock, most=1),
    )


def device_codes_of(base: Stores) -> DeviceCodes:
    """The device grant, with the limiter on beginning too many."""
    limiter = LocalRateLimiter(base.settings.limits.attempts_per_address, 60, base.clock)
    return DeviceCodes(base.ephemeral, base.clock, SqlFamilies(base.database).claim, limiter)


def challenges_of(base: Stores) -> Challenges:
    """Captchas."""
    testing = base.settings.testing
    return Challenges(
        base.secrets.get("captcha"),
        base.ephemeral,
        base.clock,
        LocalRateLimiter(30, 60, base.clock),
        WorkPrice(
            base.secrets.get("work"), LocalRateLimiter(1_000_000, 600, base.clock), base.settings.limits.network_wrong
        ),
        length=base.settings.login.captcha_length,
        fixed=testing.fixed_captcha if testing.enabled else None,
    )


def logins_of(base: Stores, passwords: Passwords, sessions: Sessions, work: WorkPrice) -> Logins:
    """Local login."""
    return Logins(
        base.people,
        passwords,
        SqlRateLimits(base.database),
        base.audit,
        base.clock,
        login_rules(base),
        knows_device=sessions.knows_device,
        work=work,
        digest_key=base.secrets.get("log-digest"),
    )


def portal_sender(base: Stores, clients: Clients, tokens: Tokens) -> PortalSender:
    """What tells portals of a logout; without TLS only on this machine, and not in production."""
    settings = base.settings
    outbound = Outbound(settings.outbound.ca_file, plain_http=not settings.is_production)
    return PortalSender(clients, tokens, outbound, base.clock)


def issuing_of(base: Stores, devices: Devices) -> Issuing:
    """Codes, refresh families and tokens."""
    s, clock, secrets = base.settings, base.clock, base.secrets
    signer = Signer(base.rings, clock)
    life = TokenLife(s.oidc.access_token_life, s.oidc.id_token_life)
    sealing = MasterKey(secrets.get("refresh"))
    families = Families(
        SqlFamilies(base.database),
        clock,
        FamilyLimits(s.oidc.refresh_idle, s.oidc.refresh_absolute),
        seal=lambda plain, context: sealing.seal(plain, context=context),
        unseal=lambda sealed, context: sealing.unseal(sealed, context=context),
    )
    codes = Codes(
        EphemeralRecords(
            RecordKind.AUTHORIZATION_CODE, AuthorizationCode, base.ephemeral, clock, life=s.oidc.code_life
        ),
        families,
    )
    tokens = Tokens(s.issuer, signer, Subjects(secrets.get("pairwise")), clock, life)
    grant_states, members = SqlGrantStates(base.database), SqlSessionClients(base.database, base.outbox)
    return Issuing(codes, families, tokens, grant_states, members, devices, base.audit, clock, password_age(base))


def login_rules(base: Stores) -> LoginRules:
    """The rules of local login; the exempt test person exists in test mode only."""
    s = base.settings
    own = LimitPolicy(s.limits.free_failures, s.limits.first_wait, s.limits.longest_wait, memory=DAY)
    successes = LimitPolicy(s.limits.successes, 30, 30, memory=DAY, sliding=False)
    windows = {
        "individual": Window(*_seconds(s.login.individual)),
        "organisation": Window(*_seconds(s.login.organisation)),
    }
    limits = LoginLimits(
        own=own,
        successes=successes,
        account_failures=s.limits.account_failures,
        network_accounts=s.limits.network_accounts,
        total_accounts=s.limits.total_accounts,
        network_accounts_then=s.limits.network_accounts_then,
    )
    return LoginRules(s.login.captcha, limits, windows, exempt_person(base))  # type: ignore[arg-type]


def _seconds(window: object) -> tuple[float | None, float | None]:
    opens, closes = getattr(window, "opens_at", None), getattr(window, "closes_at", None)
    return (opens.timestamp() if opens else None, closes.timestamp() if closes else None)
