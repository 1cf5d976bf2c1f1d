"""`UpstreamLogins`: a browser leaves for an upstream, comes back, and the linking table says what happens next.

The state of a journey is taken once, and belongs to one browser and one upstream. What the table proposes becomes a
linking flow: a sealed proof for this account, this upstream, this subject, this browser and this purpose, used once.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import TypeAdapter

from federation.connector import Arrival, Callback, Leaving, UpstreamFailed, UpstreamIdentity
from federation.evidence import EvidenceCollector
from federation.linking import (
    Digester,
    Dispute,
    DisputeReason,
    Link,
    LinkConflict,
    Links,
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
from federation.upstreams import Upstream, Upstreams
from idp.accounts.account import Account
from idp.ephemeral_records import EphemeralRecords
from idp.errors import Expired, OtherBrowser
from idp.login.attempt import Purpose
from idp.login.authentication import Authentication, Proved
from idp.ports import Clock, Event, Spent
from keys.sealing import MasterKey

Mode = Literal["confirm", "code", "password", "differs", "open", "unresolved", "session"]
"""What the person has to do: press "Xác nhận", enter a code too, log in first, open an account, tell who they are.

`differs`: read that the phone numbers differ, and log in to link all the same."""

COOL_OFF = 259_200.0
"""Seconds after a link is made for which a login through it counts as level 1 only (security.md U-07)."""


@dataclass(frozen=True, slots=True)
class PendingUpstreamLogin:
    """A browser that is at an upstream, and what for; `sid` names our session when a link is added to its account."""

    upstream: str
    attempt: str
    browser: str
    kept: dict[str, str] = field(default_factory=dict)
    sid: str = ""
    again: bool = False
    purpose: Purpose = Purpose.LOGIN


@dataclass(frozen=True, slots=True)
class LinkingFlow:
    """What the table proposed, waiting for the person. `sealed` holds who came; `since` is the account as it was seen.

    `phone` is our number that the decision stands on, `sid` the session from which the person linked. `may_open` says
    that who nobody has an account for gets one, with `bhxh_code` when the register knows them.
    """

    upstream: str
    attempt: str
    browser: str
    mode: Mode
    sealed: str
    account_id: str = ""
    since: float = 0.0
    phone: str = ""
    sid: str = ""
    may_open: bool = False
    bhxh_code: str = ""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A known person: the attempt goes on with this proof; `review` names a link after which they say what stays."""

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
    """No way in: why, and the attempt that goes on all the same. `sid` when it was a link from `/account`."""

    attempt: str
    why: str
    sid: str = ""


Outcome = LoggedIn | StepRequired | Denied


class UpstreamLogins:
    """Starts journeys and reads what they bring back."""

    def __init__(
        self,
        upstreams: Upstreams,
        links: Links,
        gathering: EvidenceCollector,
        journeys: EphemeralRecords[PendingUpstreamLogin],
        flows: EphemeralRecords[LinkingFlow],
        digester: Digester,
        sealing: MasterKey,
        clock: Clock,
        *,
        issuer: str,
        session_life: float,
    ) -> None:
        self.upstreams = upstreams
        self.links = links
        self.gathering = gathering
        self.flows = flows
        self.digester = digester
        self.clock = clock
        self._journeys = journeys
        self._sealing = sealing
        self._issuer = issuer
        self._session_life = session_life
        self._arrivals: TypeAdapter[Arrival] = TypeAdapter(Arrival)

    def start(self, upstream: Upstream, pending: PendingUpstreamLogin, leaving: Leaving) -> str:
        """Where to send the browser. `leaving` comes without state and address. Raises `UpstreamFailed`."""
        # The state is the name of what is kept, and what is kept is known only once the connector has seen the state.
        handle = self._journeys.add(pending)
        sent = replace(leaving, state=handle, redirect_uri=self.callback_of(upstream))
        departure = upstream.connector.start(sent)
        if departure.kept and not self._journeys.replace(handle, pending, replace(pending, kept=dict(departure.kept))):
            raise Expired("the journey ended before it began")
        return departure.url

    def demand_open(self, upstream: Upstream) -> None:
        """An operator may close an upstream while somebody is on the way. Raises `UpstreamFailed`."""
        if not self.upstreams.is_open(upstream):
            raise UpstreamFailed("unavailable", "it is closed")

    def callback_of(self, upstream: Upstream) -> str:
        """The address that this upstream sends browsers back to; no two share one (security.md B-13)."""
        return f"{self._issuer}/via/{upstream.id}/callback"

    def consume_state(self, state: str, upstream: Upstream, browser: str) -> PendingUpstreamLogin:
        """The journey behind a state, once. Raises `Expired`, `OtherBrowser`."""
        pending = self._journeys.take(state)
        if pending is None or isinstance(pending, Spent):
            raise Expired("the state is unknown, used or over")
        if pending.upstream != upstream.id:
            raise Expired("the state belongs to another upstream")
        if pending.browser != browser:
            raise OtherBrowser("the state belongs to another browser")
        return pending

    def handle_callback(self, upstream: Upstream, pending: PendingUpstreamLogin, query: str) -> Outcome:
        """Who came back, and what happens next. Raises `UpstreamFailed`."""
        self.demand_open(upstream)
        arrival = upstream.connector.finish(Callback(query, self.callback_of(upstream), pending.kept))
        identity = arrival.identity
        if identity.upstream != upstream.id or identity.kind not in upstream.audience:
            raise UpstreamFailed("refused", "not for this kind of user")
        subject = self.digester.subject(identity)
        link = self.gathering.link(subject)
        if pending.sid:
            return self._from_session(upstream, pending, arrival, link)
        evidence = self.gathering.of(identity, subject, link, upstream.policy)
        found = match(identity, evidence, upstream.policy, self.clock())
        if isinstance(found, Known) and link is not None and evidence.linked is not None:
            return self._known(pending, arrival, found, link, evidence.linked.secured_at)
        return self.begin_linking(upstream, pending, arrival, found)

    def matched(self, upstream: Upstream, arrival: Arrival, bhxh_code: str) -> Match:
        """The row of the table that holds now, for somebody whom nobody knew a moment ago.

        `bhxh_code` is the code that the linking flow found for them, by their citizen number or because they typed it.
        """
        identity, subject = arrival.identity, self.digester.subject(arrival.identity)
        evidence = self.gathering.of(identity, subject, self.gathering.link(subject), upstream.policy)
        if bhxh_code:
            typed = self.gathering.typed(identity, bhxh_code)
            evidence = replace(evidence, typed=typed.typed, typed_participant=typed.typed_participant)
        return match(identity, evidence, upstream.policy, self.clock())

    def begin_linking(
        self, upstream: Upstream, pending: PendingUpstreamLogin, arrival: Arrival, found: Match
    ) -> Outcome:
        """The linking flow that a match asks for, or why there is none."""
        if isinstance(found, MatchRefused) and found.reason != "phone_differs":
            return self.record_conflict(pending, arrival, found.reason, found.account_id)
        modes: dict[type, Mode] = {
            ProveFirst: "password",
            New: "open",
            Unresolved: "unresolved",
            MatchRefused: "differs",
        }
        mode = modes.get(type(found)) or "confirm"
        if isinstance(found, New) and found.participant is None:
            # An existing account may have no citizen number: first we ask whether there is one.
            mode = "unresolved"
        account_id = (found.account_id or "") if isinstance(found, Propose | ProveFirst | MatchRefused) else ""
        account = self.gathering.account(account_id) if account_id else None
        phone = ""
        if isinstance(found, Propose) and found.otp:
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
            isinstance(found, New),
            found.participant.bhxh_code if isinstance(found, New) and found.participant else "",
        )
        return StepRequired(pending.attempt, self.flows.add(flow), mode)

    def record_conflict(
        self, pending: PendingUpstreamLogin, arrival: Arrival, reason: Reason, account_id: str | None
    ) -> Denied:
        """Say no, and tell officers where only they can help."""
        if reason in QUEUED:
            event = Event("link.refused", account_id, facts={"upstream": arrival.identity.upstream, "why": reason})
            account = self.gathering.account(account_id) if account_id else None
            self._ask_officers(arrival, account, reason, event)
        return Denied(pending.attempt, reason, pending.sid)

    def is_proven(self, identity: UpstreamIdentity) -> bool:
        """Whether the upstream gave the citizen number at the level that its policy asks for."""
        configured = self.upstreams.configured(identity.upstream)
        return configured is not None and is_proven(identity, configured.policy)

    def is_vouched(self, account_id: str) -> bool:
        """Whether a link that stands on more than a password or a session holds already."""
        return any(link.how in ("confirmed", "opened", "officer") for link in self.links.of_account(account_id))

    def propose_number(self, upstream: str, arrival: Arrival, account: Account) -> None:
        """Ask officers to give a linked account the citizen number that it lacks."""
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
        found = self.flows.find(handle)
        if found is None:
            raise Expired("the linking flow is over")
        if found.browser != browser:
            raise OtherBrowser("the linking flow belongs to another browser")
        return found

    def arrival_of(self, flow: LinkingFlow) -> Arrival:
        """Who came, unsealed."""
        context = f"ceremony {flow.upstream} {flow.browser}"
        return self._arrivals.validate_json(self._sealing.unseal(flow.sealed, context=context))

    def log_in(self, arrival: Arrival, account_id: str, now: float, *, lowered: bool) -> Authentication:
        """The proof of a login through an upstream, with the session there remembered for a later logout."""
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
        sid = self.digester.of(f"{identity.upstream} sid", arrival.sid) if arrival.sid else ""
        subject = self.digester.subject(identity)
        upstream_session = UpstreamSession(account_id, now, subject, sid, arrival.logout_hint, now + self._session_life)
        self.links.remember(upstream_session)
        return proof

    def _known(
        self, pending: PendingUpstreamLogin, arrival: Arrival, found: Known, link: Link, secured_at: float
    ) -> LoggedIn:
        """Let a known person in. Raises `UpstreamFailed`."""
        # Later than anything that secured the account, also on a clock that was set back a little.
        now = max(self.clock(), secured_at)
        upstream = link.subject.upstream
        used = Event("link.used", link.account_id, facts={"upstream": upstream, "phone_differs": found.phone_differs})
        try:
            # After the look at the account: what ends the link later finds this login with an earlier date.
            self.links.used(link, used, now)
        except LinkConflict:
            raise UpstreamFailed("expired", "the link ended meanwhile") from None
        lowered = link.how != "opened" and now - link.made_at < COOL_OFF
        proof = self.log_in(arrival, link.account_id, now, lowered=lowered)
        return LoggedIn(pending.attempt, Proved(proof, secured_at), link.id if link.to_review else "")

    def _from_session(
        self, upstream: Upstream, pending: PendingUpstreamLogin, arrival: Arrival, link: Link | None
    ) -> Outcome:
        """A link that a logged-in person asked for; the page knows whose session it is and checks it again."""
        if link is not None:
            return self.record_conflict(pending, arrival, "conflict", link.account_id)
        sealed = self._seal(upstream.id, pending.browser, arrival)
        flow = LinkingFlow(upstream.id, pending.attempt, pending.browser, "session", sealed, sid=pending.sid)
        return StepRequired(pending.attempt, self.flows.add(flow), "session")

    def _seal(self, upstream: str, browser: str, arrival: Arrival) -> str:
        context = f"ceremony {upstream} {browser}"
        return self._sealing.seal(self._arrivals.dump_json(arrival), context=context)
