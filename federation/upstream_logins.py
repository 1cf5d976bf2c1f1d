"""`UpstreamLogins`: a browser leaves for an upstream, comes back, and the linking table decides the next step.

The state of a journey is taken once, and belongs to one browser and one upstream. A proposal of the table becomes a
linking flow: a sealed proof for this account, this upstream, this subject, this browser and this purpose, used once.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from federation.connector import Arrival, Callback, Leaving, UpstreamFailed, UpstreamIdentity
from federation.evidence import EvidenceCollector
from federation.linking import (
    Digester,
    Dispute,
    DisputeReason,
    Link,
    LinkConflict,
    UpstreamSession,
    new_id,
    written,
)
from federation.matching import (
    QUEUED,
    Known,
    Match,
    MatchRefused,
    New,
    Propose,
    ProveFirst,
    Reason,
    Unresolved,
    compare,
    is_proven,
    match,
)
from federation.records import LinkingFlow, Mode, PendingUpstreamLogin, UpstreamRecords
from federation.upstreams import Upstream, Upstreams
from idp.accounts.account import Account
from idp.errors import Expired, OtherBrowser
from idp.login.authentication import Authentication, Proved
from idp.ports import Clock, Event, Spent

COOL_OFF = 259_200.0
"""Seconds after a link is made during which a login through it counts as level 1 only (security.md U-07)."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A known person: the attempt continues with this proof; `review` names a link whose older items they review."""

    attempt: str
    proved: Proved
    review: str = ""


@dataclass(frozen=True, slots=True)
class StepRequired:
    """The person has to do something first; `handle` names the linking flow."""

    attempt: str
    handle: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Denied:
    """No login: why, and the attempt that continues anyway. `sid` is set when it was a link from `/account`."""

    attempt: str
    why: str
    sid: str = ""


Outcome = LoggedIn | StepRequired | Denied

_ARRIVALS: TypeAdapter[Arrival] = TypeAdapter(Arrival)


@dataclass(frozen=True, slots=True)
class UpstreamRules:
    """Our URL, and for how many seconds an upstream session is remembered."""

    issuer: str
    session_life: float


class UpstreamLogins:
    """Starts journeys and handles their results."""

    def __init__(
        self,
        upstreams: Upstreams,
        evidence: EvidenceCollector,
        digester: Digester,
        records: UpstreamRecords,
        rules: UpstreamRules,
        clock: Clock,
    ) -> None:
        self.upstreams = upstreams
        self.links = records.links
        self.evidence = evidence
        self.flows = records.flows
        self.digester = digester
        self.clock = clock
        self._pending = records.pending
        self._sealing = records.sealing
        self._rules = rules

    def start(self, upstream: Upstream, pending: PendingUpstreamLogin, leaving: Leaving) -> str:
        """Where to send the browser. `leaving` has no state and no return URL yet. Raises `UpstreamFailed`."""
        # The state names the stored record, and its content is known only once the connector has seen the state.
        handle = self._pending.add(pending)
        sent = replace(leaving, state=handle, redirect_uri=self.callback_of(upstream))
        departure = upstream.connector.start(sent)
        if departure.kept and not self._pending.replace(handle, pending, replace(pending, kept=dict(departure.kept))):
            raise Expired("the journey ended before it began")
        return departure.url

    def demand_open(self, upstream: Upstream) -> None:
        """An operator may close an upstream while a browser is there. Raises `UpstreamFailed`."""
        if not self.upstreams.is_open(upstream):
            raise UpstreamFailed("unavailable", "it is closed")

    def callback_of(self, upstream: Upstream) -> str:
        """The callback URL of this upstream; no two share one (security.md B-13)."""
        return f"{self._rules.issuer}/via/{upstream.id}/callback"

    def consume_state(self, state: str, upstream: Upstream, browser: str) -> PendingUpstreamLogin:
        """The journey behind a state, once. Raises `Expired`, `OtherBrowser`."""
        pending = self._pending.take(state)
        if pending is None or isinstance(pending, Spent):
            raise Expired("the state is unknown, used or over")
        if pending.upstream != upstream.id:
            raise Expired("the state belongs to another upstream")
        if pending.browser != browser:
            raise OtherBrowser("the state belongs to another browser")
        return pending

    def handle_callback(self, upstream: Upstream, pending: PendingUpstreamLogin, query: str) -> Outcome:
        """Who came back, and the next step. Raises `UpstreamFailed`."""
        self.demand_open(upstream)
        arrival = upstream.connector.finish(Callback(query, self.callback_of(upstream), pending.kept))
        identity = arrival.identity
        if identity.upstream != upstream.id or identity.kind not in upstream.audience:
            raise UpstreamFailed("refused", "not for this kind of user")
        subject = self.digester.subject(identity)
        link = self.evidence.link(subject)
        if pending.sid:
            return self._from_session(upstream, pending, arrival, link)
        evidence = self.evidence.of(identity, subject, link, upstream.policy)
        matched = match(identity, evidence, upstream.policy, self.clock())
        if isinstance(matched, Known) and link is not None and evidence.linked is not None:
            return self._known(pending, arrival, matched, link, evidence.linked.secured_at)
        return self.begin_linking(upstream, pending, arrival, matched)

    def matched(self, upstream: Upstream, arrival: Arrival, bhxh_code: str) -> Match:
        """The row of the table that now matches a person who was unknown a moment ago.

        `bhxh_code` is the code that the linking flow found for them, by their citizen number or because they typed it.
        """
        identity, subject = arrival.identity, self.digester.subject(arrival.identity)
        evidence = self.evidence.of(identity, subject, self.evidence.link(subject), upstream.policy)
        if bhxh_code:
            typed = self.evidence.typed(identity, bhxh_code)
            evidence = replace(evidence, typed=typed.typed, typed_participant=typed.typed_participant)
        return match(identity, evidence, upstream.policy, self.clock())

    def begin_linking(
        self, upstream: Upstream, pending: PendingUpstreamLogin, arrival: Arrival, matched: Match
    ) -> Outcome:
        """The linking flow that a match requires, or why there is none."""
        if isinstance(matched, MatchRefused) and matched.reason != "phone_differs":
            return self.record_conflict(pending, arrival, matched.reason, matched.account_id)
        modes: dict[type, Mode] = {
            ProveFirst: "password",
            New: "open",
            Unresolved: "unresolved",
            MatchRefused: "differs",
        }
        mode = modes.get(type(matched)) or "confirm"
        if isinstance(matched, New) and matched.participant is None:
            # An existing account may have no citizen number: first we ask whether there is one.
            mode = "unresolved"
        account_id = (matched.account_id or "") if isinstance(matched, Propose | ProveFirst | MatchRefused) else ""
        account = self.evidence.account(account_id) if account_id else None
        phone = ""
        if isinstance(matched, Propose) and matched.otp:
            mode, phone = "code", account.phone or "" if account else ""
        flow = LinkingFlow(
            upstream.id,
            pending.attempt,
            pending.browser,
            mode,
            self._seal(upstream.id, pending.browser, arrival),
            account_id,
            account.secured_at if account else 0.0,
            phone,
            pending.sid,
            isinstance(matched, New),
            matched.participant.bhxh_code if isinstance(matched, New) and matched.participant else "",
        )
        return StepRequired(pending.attempt, self.flows.add(flow), mode)

    def record_conflict(
        self, pending: PendingUpstreamLogin, arrival: Arrival, reason: Reason, account_id: str | None
    ) -> Denied:
        """Refuse, and inform officers if only they can help."""
        if reason in QUEUED:
            event = Event("link.refused", account_id, facts={"upstream": arrival.identity.upstream, "why": reason})
            account = self.evidence.account(account_id) if account_id else None
            self._ask_officers(arrival, account, reason, event)
        return Denied(pending.attempt, reason, pending.sid)

    def is_proven(self, identity: UpstreamIdentity) -> bool:
        """Whether the upstream gave the citizen number at the level that its policy requires."""
        configured = self.upstreams.configured(identity.upstream)
        return configured is not None and is_proven(identity, configured.policy)

    def is_vouched(self, account_id: str) -> bool:
        """Whether there already is an active link based on more than a password or a session."""
        return any(link.how in ("confirmed", "opened", "officer") for link in self.links.of_account(account_id))

    def propose_number(self, upstream: str, arrival: Arrival, account: Account) -> None:
        """Ask officers to give a linked account its missing citizen number."""
        if self.is_proven(arrival.identity) and account.identifier("cccd") is None:
            event = Event("link.number_proposed", account.id, facts={"upstream": upstream})
            self._ask_officers(arrival, account, "number", event)

    def _ask_officers(self, arrival: Arrival, account: Account | None, reason: DisputeReason, event: Event) -> None:
        identity = arrival.identity
        facts = {
            "name": identity.name or "",
            "birth_date": str(identity.birth_date or ""),
            "citizen_number": identity.citizen_number or "",
        }
        subject = self.digester.subject(identity)
        evidence = written(compare(identity, account)) if account else {}
        account_id = account.id if account else None
        self.links.dispute(Dispute(new_id(), subject, reason, account_id, evidence, facts), event, self.clock())

    def flow(self, handle: str, browser: str) -> LinkingFlow:
        """A live linking flow of this browser. Raises `Expired`, `OtherBrowser`."""
        flow = self.flows.find(handle)
        if flow is None:
            raise Expired("the linking flow is over")
        if flow.browser != browser:
            raise OtherBrowser("the linking flow belongs to another browser")
        return flow

    def arrival_of(self, flow: LinkingFlow) -> Arrival:
        """The unsealed arrival."""
        context = f"ceremony {flow.upstream} {flow.browser}"
        return _ARRIVALS.validate_json(self._sealing.unseal(flow.sealed, context=context))

    def log_in(self, arrival: Arrival, account_id: str, now: float, *, lowered: bool) -> Authentication:
        """The proof of a login through an upstream; the session there is remembered for a later logout."""
        identity = arrival.identity
        proof = Authentication(
            account_id,
            auth_time=now,
            amr=identity.amr,
            acr=1 if lowered else identity.acr,
            ial=identity.ial,
            through=identity.upstream,
            upstream_at=None if arrival.auth_time is None else min(arrival.auth_time, now),
        )
        sid = self._sid_digest(identity.upstream, arrival.sid) if arrival.sid else ""
        subject = self.digester.subject(identity)
        until = now + self._rules.session_life
        self.links.remember(UpstreamSession(account_id, now, subject, sid, arrival.logout_hint, until))
        return proof

    def ended_by(self, upstream: Upstream, subject: str | None, sid: str | None) -> list[tuple[str, str]]:
        """Our live sessions, as (account, sid), of which this upstream says that they ended there; of nobody none."""
        if not (subject or sid):
            return []
        named = self.digester.named(upstream.id, subject) if subject else None
        return self.links.sids_of(named, upstream.id, self._sid_digest(upstream.id, sid) if sid else None)

    def _sid_digest(self, upstream: str, sid: str) -> str:
        return self.digester.of(f"{upstream} sid", sid)

    def _known(
        self, pending: PendingUpstreamLogin, arrival: Arrival, known: Known, link: Link, secured_at: float
    ) -> LoggedIn:
        """Let a known person in. Raises `UpstreamFailed`."""
        # Later than anything that secured the account, even if a clock was set back a little.
        now = max(self.clock(), secured_at)
        upstream = link.subject.upstream
        used = Event("link.used", link.account_id, facts={"upstream": upstream, "phone_differs": known.phone_differs})
        try:
            # After reading the account: an event that ends the link later finds this login with an earlier date.
            self.links.used(link, used, now)
        except LinkConflict:
            raise UpstreamFailed("expired", "the link ended meanwhile") from None
        lowered = link.how != "opened" and now - link.made_at < COOL_OFF
        proof = self.log_in(arrival, link.account_id, now, lowered=lowered)
        return LoggedIn(pending.attempt, Proved(proof, secured_at), link.id if link.to_review else "")

    def _from_session(
        self, upstream: Upstream, pending: PendingUpstreamLogin, arrival: Arrival, link: Link | None
    ) -> Outcome:
        """A link that a logged-in person requested; the page knows whose session it is and checks it again."""
        if link is not None:
            return self.record_conflict(pending, arrival, "conflict", link.account_id)
        sealed = self._seal(upstream.id, pending.browser, arrival)
        flow = LinkingFlow(upstream.id, pending.attempt, pending.browser, "session", sealed, sid=pending.sid)
        return StepRequired(pending.attempt, self.flows.add(flow), "session")

    def _seal(self, upstream: str, browser: str, arrival: Arrival) -> str:
        context = f"ceremony {upstream} {browser}"
        return self._sealing.seal(_ARRIVALS.dump_json(arrival), context=context)
