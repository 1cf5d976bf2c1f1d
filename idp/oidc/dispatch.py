"""The one dispatcher behind `/authorize`: the next required step, or the code.

Every login method returns here. Nothing that a person proved earlier in the attempt is trusted from a parameter: it is
read from the attempt on the server, and the stores are asked again before a code is written.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError, OAuth2Error
from authlib.oidc.core.errors import ConsentRequiredError, InteractionRequiredError, LoginRequiredError

from idp.accounts import trust
from idp.accounts.account import Account
from idp.commit_waits import CommitWaits
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.authentication import Authentication
from idp.login.sessions import ClientInfo, Opened, Session, Sessions, session_digest, sid_of
from idp.login.steps import (
    ConsentFacts,
    DeviceFacts,
    LoginRequirements,
    LoginState,
    RequiredStep,
    StepRules,
    device_owed,
    first_owed,
)
from idp.oidc.authorization import AuthorizationRequest, RedirectedError
from idp.oidc.authorization_details import is_within
from idp.oidc.clients import Client
from idp.oidc.gate import GrantState, IssueRequest, may_issue
from idp.oidc.grant import AuthorizationCode, Grant
from idp.oidc.issuing import Issuing
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
"""The `prompt=none` error when a step is required (OIDC Core 3.1.2.6)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How the browser came: with which session cookie, and with which attempt."""

    client_info: ClientInfo
    session_cookie: str | None = None
    handle: str | None = None
    attempt: LoginAttempt | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A code for the client and, after a login, the newly opened session."""

    code: str
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class _Person:
    """The person proved by the browser, and whether that was in this attempt."""

    grant_state: GrantState
    proof: Authentication | None
    fresh: bool
    session: Session | None


NO_SESSION = RequiredStep("login", "no_session")


class Dispatcher:
    """Decides the next step: for an authorization request, for our own pages, and at `/device`."""

    def __init__(
        self,
        attempts: Attempts,
        sessions: Sessions,
        issuing: Issuing,
        rules: StepRules,
        clock: Clock,
        has_passkeys: Callable[[str], bool],
        commit_waits: CommitWaits,
    ) -> None:
        self.age = rules.age
        self._commit_waits = commit_waits
        self._has_passkeys = has_passkeys
        self._bindings = issuing.bindings
        self._rules = rules
        self.attempts = attempts
        self._sessions = sessions
        self._grant_states = issuing.grant_states
        self._codes = issuing.codes
        self._tokens = issuing.tokens
        self._clock = clock

    def next(self, request: AuthorizationRequest, entry: Entry) -> RequiredStep | Issued:
        """The first required step, or the code. Raises `RedirectedError`, `Expired`."""
        person = self._person(request.client.client_id, entry)
        state = self._state(request, person, entry)
        owed = first_owed(state) if state else NO_SESSION
        if request.details and (owed is None or owed.step == "consent") and _is_organisation(person.grant_state):
            raise RedirectedError(AccessDeniedError("Only a person has a record of contributions."), request)
        if owed is not None:
            return self._asked(owed, request, person)
        return self._issue(request, person, entry)

    def next_at_home(self, entry: Entry, handle: str, attempt: LoginAttempt) -> RequiredStep | Opened:
        """The same for one of our own pages: the first required step, or the session. Raises `Expired`."""
        person = self._person("", entry)
        account, proof = person.grant_state.account, person.proof
        if not person.fresh or proof is None or account is None or not account.is_active or attempt.client_id:
            return NO_SESSION
        owed = first_owed(LoginState(self._rules, LoginRequirements(), proof, account, attempt, self._clock()))
        if owed is not None:
            return owed
        self.attempts.finish(handle)
        name = self.attempts.name_of(handle)
        return self._sessions.open(proof, entry.client_info, attempt, account, before=person.session, finishes=name)

    def owed_by(self, session: Session, grant_state: GrantState, client: Client) -> RequiredStep | None:
        """What a live session requires before this client may be used without its own request, as at `/device`."""
        requirements = LoginRequirements(acr=client.minimum_acr, qr_login=client.qr_login)
        proof, account = session.authentication, grant_state.account
        return first_owed(LoginState(self._rules, requirements, proof, account, None, self._clock()))

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

    def _state(self, request: AuthorizationRequest, person: _Person, entry: Entry) -> LoginState | None:
        """The state of this request; None when there is no proof. Raises `RedirectedError`."""
        requirements, proof = self._requirements(request), person.proof
        if proof is None:
            return None
        consent = person.grant_state.consent
        return LoginState(
            self._rules,
            requirements,
            proof,
            person.grant_state.account,
            entry.attempt if person.fresh else None,
            self._clock(),
            self._device_facts(request, person),
            ConsentFacts(
                first_party=request.client.first_party,
                provable=request.client.is_provable_at(request.redirect_uri),
                agreed=consent.scopes if consent else (),
                asked=request.shared,
                details_agreed=is_within(request.details, consent.details if consent else ()),
                fresh=_agreed_here(entry.attempt, proof),
            ),
        )

    def _device_facts(self, request: AuthorizationRequest, person: _Person) -> DeviceFacts | None:
        """The currently enrolled phone, for an app of one device."""
        client, proof = request.client, person.proof
        if proof is None or not client.one_device:
            return None
        return DeviceFacts(self._bindings.present(proof.account_id, client.client_id), request.dpop_jkt)

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

    def _make_way(self, attempt: LoginAttempt, request: AuthorizationRequest, person: _Person) -> None:
        """End the phone that the person agreed to replace, if it is theirs and another one, and the code came later."""
        proof, device = person.proof, self._device_facts(request, person)
        if proof is None or device is None or device.present is None or device.present.jkt == device.jkt:
            return
        account, now = person.grant_state.account, self._clock()
        state = LoginState(self._rules, LoginRequirements(), proof, account, attempt, now, device)
        if device_owed(state) is None:
            self._bindings.make_way(device.present.id)

    def _asked(self, owed: RequiredStep, request: AuthorizationRequest, person: _Person) -> RequiredStep:
        """`owed`, unless the request forbids asking, or asking again would not help."""
        if owed.reason == "auth_time" and not self._can_add_a_code(person.grant_state.account):
            raise RedirectedError(LoginRequiredError(description="auth_time"), request)
        if "none" in request.prompt:
            kind = REFUSALS[owed.step]
            raise RedirectedError(kind(description=owed.reason), request)
        if owed.reason == "id_token_hint" and person.fresh:
            raise RedirectedError(LoginRequiredError(description="Another person logged in."), request)
        on_session = owed.step == "code" and not person.fresh and person.session is not None
        return replace(owed, sid=person.session.sid) if on_session and person.session else owed

    def _can_add_a_code(self, account: Account | None) -> bool:
        reachable = account and trust.number(account, "login", self._clock())
        return bool(account and (reachable or self._has_passkeys(account.id)))

    def _issue(self, request: AuthorizationRequest, person: _Person, entry: Entry) -> Issued:
        proof = person.proof
        if proof is None:
            raise RedirectedError(LoginRequiredError(description="no_session"), request)
        now, age = self._clock(), self._rules.age
        gate = IssueRequest(
            request.client,
            proof,
            request.shared,
            now,
            age,
            needs_session=not person.fresh,
            needs_binding=False,
            details=request.details,
        )
        # The place belongs to this key, or will: `device_owed` was asked just before, and the redemption asks the gate.
        refused = may_issue(person.grant_state, gate)
        if refused is not None:
            raise RedirectedError(_denied(refused), request)
        # With an attempt a session is opened, which waits for the disk.
        with self._commit_waits.measured() if entry.handle else nullcontext():
            return self._write(request, person, entry, proof)

    def _write(self, request: AuthorizationRequest, person: _Person, entry: Entry, proof: Authentication) -> Issued:
        """Store the code and, after a login, open the session."""
        before, sid = person.session, sid_of(proof, person.session)
        code, attempt = self._written(_code(request, proof, sid), entry)
        if attempt and attempt.takes_over and request.client.one_device:
            self._make_way(attempt, request, person)
        if before and not person.fresh:
            self._sessions.seen(before)
            return Issued(code)
        name, account = self.attempts.name_of(entry.handle) if entry.handle else "", person.grant_state.account
        opened = self._sessions.open(proof, entry.client_info, attempt, account, before=before, finishes=name, sid=sid)
        return Issued(code, opened)

    def _written(self, code: AuthorizationCode, entry: Entry) -> tuple[str, LoginAttempt | None]:
        """The handle of the code that was stored, and the attempt that was taken for it. Raises `Expired`.

        Both are one step, before the session is opened: a double click gets only one of each. The browser hears of the
        code only when the session is durable.
        """
        if entry.handle is None:
            return self._codes.issue(code), None
        handle, new = self._codes.drafted(code)
        return handle, self.attempts.finish(entry.handle, new)


def is_current(attempt: LoginAttempt, grant_state: GrantState) -> bool:
    """Whether the proof of the attempt is still valid, or the step on a live session that was begun in it.

    A proof older than the epoch, or than the account's last credential event, no longer counts: we ask again.
    """
    secured_at = grant_state.account.secured_at if grant_state.account else 0.0
    if attempt.proof is None:
        return attempt.started_at >= max(secured_at, grant_state.epoch)
    return attempt.proof.auth_time >= grant_state.epoch and attempt.secured_at == secured_at


def _is_organisation(grant_state: GrantState) -> bool:
    return grant_state.account is not None and grant_state.account.kind == "organisation"


def _agreed_here(attempt: LoginAttempt | None, proof: Authentication | None) -> bool:
    """Whether the same person agreed in the same attempt."""
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
        details=request.details,
    )
    return AuthorizationCode(grant, request.redirect_uri, request.code_challenge)


def _denied(reason: str) -> OAuth2Error:
    if reason == "acr":
        return AccessDeniedError("The login was not strong enough for this client.")
    return AccessDeniedError("The account cannot be used.")
