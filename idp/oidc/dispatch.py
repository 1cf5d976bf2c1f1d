"""The one dispatcher behind `/authorize`: what is still owed, or the code.

Every way of logging in returns here. Nothing that a person proved earlier in the attempt is believed from a parameter:
it is read from the attempt on the server, and the stores are asked again before a code is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError, OAuth2Error
from authlib.oidc.core.errors import ConsentRequiredError, InteractionRequiredError, LoginRequiredError

from idp.accounts import trust
from idp.accounts.password_rules import PasswordAge
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.authentication import Authentication
from idp.login.sessions import ClientInfo, Opened, Session, Sessions, session_digest
from idp.login.steps import (
    CodeMode,
    LoginRequirements,
    RequiredStep,
    code_owed,
    consent_owed,
    device_owed,
    keep_owed,
    link_owed,
    login_owed,
    password_owed,
    proof_of_time_owed,
)
from idp.oidc.authorization import AuthorizationRequest, RedirectedError
from idp.oidc.clients import Client
from idp.oidc.codes import Codes
from idp.oidc.gate import GrantState, IssueRequest, may_issue
from idp.oidc.grant import AuthorizationCode, Grant
from idp.oidc.issuing import DeviceBindings, GrantStates
from idp.oidc.tokens import Tokens
from idp.ports import Clock
from keys.signing import BadToken

REFUSALS = {
    "login": LoginRequiredError,
    "code": InteractionRequiredError,
    "password": InteractionRequiredError,
    "link": InteractionRequiredError,
    "keep": InteractionRequiredError,
    "device": InteractionRequiredError,
    "consent": ConsentRequiredError,
}
"""What `prompt=none` is answered with when a step is owed (OIDC Core 3.1.2.6)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How the browser came: with which session cookie, and on which attempt of its own."""

    client_info: ClientInfo
    session_cookie: str | None = None
    handle: str | None = None
    attempt: LoginAttempt | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A code for the client and, after a login, the session that was opened."""

    code: str
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class _Person:
    """Who the browser proved to be, and whether in this very attempt."""

    grant_state: GrantState
    proof: Authentication | None
    fresh: bool
    session: Session | None


@dataclass(frozen=True, slots=True)
class StepRules:
    """When a login by password also needs a code, and when its password is too old."""

    code: CodeMode
    age: PasswordAge

    def owed(
        self,
        requirements: LoginRequirements,
        grant_state: GrantState,
        proof: Authentication | None,
        attempt: LoginAttempt | None,
        now: float,
    ) -> RequiredStep | None:
        """The login, the code, the password change or the link still owed; `attempt` is where `proof` was given."""
        # A code that was added to a session stands for no login that was demanded.
        login = login_owed(requirements, proof, fresh=attempt is not None and attempt.fresh, now=now)
        account = grant_state.account
        if login or proof is None or account is None:
            return login
        code = code_owed(requirements, self.code, proof, attempt)
        # Without a number no code can be sent: that stops nobody, unless the client cannot do with less or somebody
        # guessed at the password; then the page names another way.
        if code and (trust.number(account, "login", now) or proof.acr < requirements.acr or code.reason == "risk"):
            return code
        owed = password_owed(self.age.due(account, now), proof, attempt)
        return owed or link_owed(proof, attempt) or keep_owed(attempt)


class Dispatcher:
    """Decides what comes next: for an authorization request, on the way to our own pages, and at `/device`."""

    def __init__(
        self,
        attempts: Attempts,
        sessions: Sessions,
        grant_states: GrantStates,
        codes: Codes,
        tokens: Tokens,
        bindings: DeviceBindings,
        clock: Clock,
        rules: StepRules,
        has_passkeys: Callable[[str], bool],
    ) -> None:
        self.age = rules.age
        self._has_passkeys = has_passkeys
        self._bindings = bindings
        self._rules = rules
        self._attempts = attempts
        self._sessions = sessions
        self._grant_states = grant_states
        self._codes = codes
        self._tokens = tokens
        self._clock = clock

    def next(self, request: AuthorizationRequest, entry: Entry) -> RequiredStep | Issued:
        """The first thing owed, or the code. Raises `RedirectedError`, `Expired`."""
        person = self._person(request.client.client_id, entry)
        requirements = self._requirements(request)
        given_in = entry.attempt if person.fresh else None
        owed = self._rules.owed(requirements, person.grant_state, person.proof, given_in, self._clock())
        if owed is None or owed.step != "login":
            owed = self._proof_of_time_owed(requirements, request, person, given_in) or owed
        owed = (
            owed
            or self._device_owed(request, person, entry)
            or self._consent_owed(requirements, request, person, entry)
        )
        if owed is not None:
            return self._asked(owed, request, person)
        return self._issue(request, person, entry)

    def next_at_home(self, entry: Entry, handle: str, attempt: LoginAttempt) -> RequiredStep | Opened:
        """The same on the way to a page of our own: the first thing owed, or the session. Raises `Expired`."""
        person = self._person("", entry)
        account, proof = person.grant_state.account, person.proof
        if not person.fresh or proof is None or account is None or not account.is_active or attempt.client_id:
            return RequiredStep("login", "no_session")
        owed = self._rules.owed(LoginRequirements(), person.grant_state, proof, attempt, self._clock())
        if owed is not None:
            return owed
        self._attempts.finish(handle)
        name = self._attempts.name_of(handle)
        return self._sessions.open(proof, entry.client_info, attempt, account, before=person.session, finishes=name)

    def owed_by(self, session: Session, grant_state: GrantState, client: Client) -> RequiredStep | None:
        """What a live session owes before it lets this client in without a request of its own, as at `/device`."""
        requirements = LoginRequirements(acr=client.minimum_acr, qr_login=client.qr_login)
        return self._rules.owed(requirements, grant_state, session.authentication, None, self._clock())

    def _person(self, client_id: str, entry: Entry) -> _Person:
        carried = GrantState()
        if entry.session_cookie:
            carried = self._grant_states.of_session(session_digest(entry.session_cookie), client_id)
        session = carried.session
        if session and not self._sessions.is_live(session, carried.epoch):
            session = None
        if entry.attempt and entry.attempt.proof:
            proof = entry.attempt.proof
            grant_state = self._grant_states.of_account(proof.account_id, client_id)
            return _Person(grant_state, proof if is_current(entry.attempt, grant_state) else None, True, session)
        alive = session is not None and carried.account is not None and carried.account.is_active
        return _Person(carried, session.authentication if session and alive else None, False, session)

    def _requirements(self, request: AuthorizationRequest) -> LoginRequirements:
        account_id = None
        if request.id_token_hint is not None:
            account_id = self._hinted(request, request.id_token_hint)
        if request.subject is not None:
            account_id = self._tokens.named_account(request.subject, request.client) or "nobody"
        acr = max(request.acr, request.client.minimum_acr)
        return LoginRequirements(
            request.prompt, request.max_age, account_id, acr, request.wished_acr, request.client.qr_login
        )

    def _hinted(self, request: AuthorizationRequest, hint: str) -> str:
        try:
            account_id = self._tokens.hinted_account(self._tokens.read_hint(hint), request.client)
        except BadToken:
            account_id = None
        if account_id is None:
            raise RedirectedError(InvalidRequestError("The id_token_hint is not an ID token of this client."), request)
        return account_id

    def _proof_of_time_owed(
        self,
        requirements: LoginRequirements,
        request: AuthorizationRequest,
        person: _Person,
        attempt: LoginAttempt | None,
    ) -> RequiredStep | None:
        """The code after a login that nobody can tell the time of; an error where the person has no way to give one."""
        account = person.grant_state.account
        owed = proof_of_time_owed(requirements, person.proof, attempt) if person.proof and account else None
        number = trust.number(account, "login", self._clock()) if account else None
        if owed and account and not number and not self._has_passkeys(account.id):
            raise RedirectedError(LoginRequiredError(description="auth_time"), request)
        return owed

    def _device_owed(self, request: AuthorizationRequest, person: _Person, entry: Entry) -> RequiredStep | None:
        """What another phone owes before it takes the place of the one there; only apps of one device are asked."""
        proof, client = person.proof, request.client
        if proof is None or not client.one_device:
            return None
        present = self._bindings.present(proof.account_id, client.client_id)
        return device_owed(present, request.dpop_jkt, proof, entry.attempt if person.fresh else None)

    def _make_way(self, attempt: LoginAttempt, request: AuthorizationRequest, proof: Authentication) -> None:
        """End the phone that the person agreed to replace, if it is theirs, another one, and the code came after."""
        present = self._bindings.present(proof.account_id, request.client.client_id)
        if (
            present
            and device_owed(present, request.dpop_jkt, proof, attempt) is None
            and present.jkt != request.dpop_jkt
        ):
            self._bindings.make_way(present.id)

    def _consent_owed(
        self, requirements: LoginRequirements, request: AuthorizationRequest, person: _Person, entry: Entry
    ) -> RequiredStep | None:
        consent = person.grant_state.consent
        return consent_owed(
            requirements,
            first_party=request.client.first_party,
            provable=request.client.is_provable_at(request.redirect_uri),
            agreed=consent.scopes if consent else (),
            asked=request.shared,
            fresh=_agreed_here(entry.attempt, person.proof),
        )

    def _asked(self, owed: RequiredStep, request: AuthorizationRequest, person: _Person) -> RequiredStep:
        """`owed`, unless the request forbids to ask, or asking again would not help."""
        if "none" in request.prompt:
            kind = REFUSALS[owed.step]
            raise RedirectedError(kind(description=owed.reason), request)
        if owed.reason == "id_token_hint" and person.fresh:
            raise RedirectedError(LoginRequiredError(description="Another person logged in."), request)
        on_session = owed.step == "code" and not person.fresh and person.session is not None
        return replace(owed, sid=person.session.sid) if on_session and person.session else owed

    def _issue(self, request: AuthorizationRequest, person: _Person, entry: Entry) -> Issued:
        proof = person.proof
        if proof is None:
            raise RedirectedError(LoginRequiredError(description="no_session"), request)
        now, age = self._clock(), self._rules.age
        gate = IssueRequest(
            request.client, proof, request.shared, now, age, needs_session=not person.fresh, needs_binding=False
        )
        # The place is this key's, or is to be: `_device_owed` asked right before, and the redemption asks the gate.
        refused = may_issue(person.grant_state, gate)
        if refused is not None:
            raise RedirectedError(_denied(refused), request)
        # The attempt is taken before the session is opened or the code written: a double click gets one of each.
        attempt = self._attempts.finish(entry.handle) if entry.handle else None
        if attempt and attempt.takes_over and request.client.one_device:
            self._make_way(attempt, request, proof)
        opened = None
        if person.fresh:
            name = self._attempts.name_of(entry.handle) if entry.handle else ""
            account, before = person.grant_state.account, person.session
            opened = self._sessions.open(proof, entry.client_info, attempt, account, before=before, finishes=name)
        session = opened.session if opened else person.session
        if session is None:
            raise RedirectedError(LoginRequiredError(description="no_session"), request)
        if opened is None:
            self._sessions.seen(session)
        return Issued(self._codes.issue(_code(request, proof, session.sid)), opened)


def is_current(attempt: LoginAttempt, grant_state: GrantState) -> bool:
    """Whether what was proved in the attempt is still good, or the step on a live session that was begun in it.

    Whatever is older than the epoch, or than the account's last credential event, proves nothing: we ask again.
    """
    secured_at = grant_state.account.secured_at if grant_state.account else 0.0
    if attempt.proof is None:
        return attempt.started_at >= max(secured_at, grant_state.epoch)
    return attempt.proof.auth_time >= grant_state.epoch and attempt.secured_at == secured_at


def _agreed_here(attempt: LoginAttempt | None, proof: Authentication | None) -> bool:
    """Whether this very person agreed in this very attempt."""
    return attempt is not None and proof is not None and attempt.consented_by == proof.account_id


def _code(request: AuthorizationRequest, proof: Authentication, sid: str) -> AuthorizationCode:
    grant = Grant(
        client_id=request.client.client_id,
        authentication=proof,
        sid=sid,
        scopes=request.scopes,
        resource=request.resource,
        nonce=request.nonce,
        id_token_claims=request.claims.get("id_token", ()),
        userinfo_claims=request.claims.get("userinfo", ()),
        jkt=request.dpop_jkt,
    )
    return AuthorizationCode(grant, request.redirect_uri, request.code_challenge)


def _denied(reason: str) -> OAuth2Error:
    if reason == "acr":
        return AccessDeniedError("The login was not strong enough for this client.")
    return AccessDeniedError("The account cannot be used.")
