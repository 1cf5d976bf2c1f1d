"""What a person does to make a link: press "Xác nhận", enter a code, log in first, type a code, open an account.

A linking flow is taken before anything is written, so a double click makes one link; the basis of the decision is
checked again inside the transaction that makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from federation.connector import Arrival
from federation.linking import How, Link, LinkConflict, NewLink, new_id, written
from federation.matching import Facts, MatchRefused, New, Propose, ProveFirst, compare, match, may_link
from federation.records import LinkingFlow, PendingUpstreamLogin
from federation.upstream_logins import Denied, LoggedIn, StepRequired, UpstreamLogins
from federation.upstreams import Upstream
from idp.accounts import names, trust
from idp.accounts.account import Account, Identifier
from idp.accounts.credentials import Securing
from idp.accounts.notices import NO_NOTICE, Notice, Notices, Scene
from idp.accounts.participants import Participant
from idp.accounts.people import new_account_id
from idp.errors import Expired
from idp.login.authentication import Authentication, Proved
from idp.ports import Event, Spent

LOOKUPS_A_DAY = 5


class LookupLimit(Protocol):
    """Counts the codes that one person of an upstream typed."""

    def wait(self, who: str) -> int:
        """Charge a try before it is checked; the seconds to wait when today's are used up, else 0."""
        ...


@dataclass(frozen=True, slots=True)
class LinkResult:
    """A link that was made: how to continue, and which unproved contacts it removed from the account."""

    outcome: LoggedIn
    moment: float
    removed: tuple[str, ...] = ()


class Linking:
    """The steps of a linking flow."""

    def __init__(self, upstream_logins: UpstreamLogins, notices: Notices, lookups: LookupLimit) -> None:
        self._upstream_logins = upstream_logins
        self._notices = notices
        self._lookups = lookups

    def confirm(self, handle: str, flow: LinkingFlow, scene: Scene, *, by_code: bool) -> LinkResult | Denied:
        """Make the proposed link. `by_code` says that a code to our own number was just entered.

        Raises `Expired` when the linking flow was used, or is not one to confirm.
        """
        if flow.mode != ("code" if by_code else "confirm"):
            raise Expired("this linking flow wants something else")
        taken = self._take(handle)
        arrival = self._upstream_logins.arrival_of(taken)
        account = self._upstream_logins.evidence.account(taken.account_id)
        if account is None or account.secured_at != taken.since:
            raise Expired("the account was secured meanwhile")
        how: How = "code" if by_code else "confirmed"
        return self._link(taken, arrival, account, how, scene)

    def open(self, upstream: Upstream, handle: str, flow: LinkingFlow) -> LinkResult | Denied:
        """Open an account for a proved person who has none. Raises `Expired`."""
        if not flow.may_open or not upstream.policy.opens_accounts:
            raise Expired("this linking flow opens no account")
        taken = self._take(handle)
        arrival = self._upstream_logins.arrival_of(taken)
        matched = self._upstream_logins.matched(upstream, arrival, taken.bhxh_code)
        if not isinstance(matched, New):
            reason = matched.reason if isinstance(matched, MatchRefused) else "conflict"
            return self._upstream_logins.record_conflict(_pending(taken), arrival, reason, None)
        account, link = self._new_account(arrival, matched.participant)
        now, known = self._upstream_logins.clock(), account.identifier("bhxh") is not None
        opened = Event("account.added", account.id, facts={"through": upstream.id, "participant": known})
        try:
            self._upstream_logins.links.open(account, link, opened, NO_NOTICE, now)
        except LinkConflict:
            return self._upstream_logins.record_conflict(_pending(taken), arrival, "conflict", None)
        proof = self._upstream_logins.log_in(arrival, account.id, now, lowered=False)
        return LinkResult(LoggedIn(taken.attempt, Proved(proof, account.secured_at)), now)

    def by_password(
        self, handle: str, flow: LinkingFlow, account: Account, scene: Scene, *, keep_sid: str | None = None
    ) -> LinkResult | Denied:
        """Link the account that the person just proved with its own password, or with a fresh session of it."""
        taken = self._take(handle)
        arrival = self._upstream_logins.arrival_of(taken)
        linked = self._upstream_logins.evidence.is_linked(taken.upstream, account.id)
        refused = may_link(arrival.identity, account, linked_to_another=linked)
        another = self._upstream_logins.evidence.is_named(arrival.identity, other_than=account.id)
        if another or (taken.account_id and taken.account_id != account.id):
            refused = MatchRefused("conflict", account.id)
        if refused:
            return self._upstream_logins.record_conflict(_pending(taken), arrival, refused.reason, refused.account_id)
        how: How = "session" if taken.mode == "session" else "password"
        return self._link(taken, arrival, account, how, scene, keep_sid=keep_sid)

    def look_up(self, upstream: Upstream, handle: str, flow: LinkingFlow, typed: str) -> StepRequired | int | None:
        """The next linking flow when the typed BHXH code is the person's own; None when it is not, for any reason.

        A number says for how many seconds no more codes are looked up. Raises `Expired`.
        """
        if flow.mode != "unresolved":
            raise Expired("this linking flow looks nothing up")
        arrival = self._upstream_logins.arrival_of(flow)
        subject = self._upstream_logins.digester.subject(arrival.identity)
        if wait := self._lookups.wait(subject.digest):
            return wait
        evidence = self._upstream_logins.evidence.typed(arrival.identity, typed)
        matched = match(arrival.identity, evidence, upstream.policy, self._upstream_logins.clock())
        is_new = isinstance(matched, New) and matched.participant is not None
        if not isinstance(matched, Propose | ProveFirst) and not is_new:
            return None
        self._take(handle)
        owing = self._upstream_logins.begin_linking(upstream, _pending(flow), arrival, matched)
        return owing if isinstance(owing, StepRequired) else None

    def remove(self, link: Link, account: Account, scene: Scene, *, keep_sid: str | None) -> float:
        """End a link at the person's request. Raises `LinkConflict` when another event came first."""
        event = Event("link.removed", account.id, facts={"upstream": link.subject.upstream})
        notice = self._notices.of("link_removed", account, scene, before={"link": link.id})
        securing = Securing(account.id, account.secured_at, {}, event, notice, keep_sid)
        return self._upstream_logins.links.end(link, securing, self._upstream_logins.clock())

    def _take(self, handle: str) -> LinkingFlow:
        taken = self._upstream_logins.flows.take(handle)
        if taken is None or isinstance(taken, Spent):
            raise Expired("the linking flow was used before")
        return taken

    def _link(
        self,
        flow: LinkingFlow,
        arrival: Arrival,
        account: Account,
        how: How,
        scene: Scene,
        *,
        keep_sid: str | None = None,
    ) -> LinkResult | Denied:
        identity, upstream_logins = arrival.identity, self._upstream_logins
        facts = compare(identity, account)
        # A number or address that was never proved may be an attacker's: a strong proof removes it (T-03).
        strong = facts.number == "equal" and identity.ial > 0
        removed = tuple(trust.unproved(account, upstream_logins.clock())) if strong else ()
        subject = upstream_logins.digester.subject(identity)
        is_strong = facts.number == "equal" and facts.is_same_person and upstream_logins.is_proven(identity)
        to_review = is_strong and not upstream_logins.is_vouched(account.id)
        phone = flow.phone or None
        link = NewLink(new_id(), account.id, subject, how, _evidence(facts, is_strong), phone, to_review)
        securing = self._securing(link, account, removed, facts, scene, keep_sid)
        try:
            moment = upstream_logins.links.add(link, securing, upstream_logins.clock())
        except LinkConflict:
            now_known = upstream_logins.evidence.account(account.id)
            if now_known is None or now_known.secured_at != account.secured_at:
                # Another tab, or another event of the account, came first: this is not a dispute.
                raise Expired("the account was secured meanwhile") from None
            return upstream_logins.record_conflict(_pending(flow), arrival, "conflict", account.id)
        upstream_logins.propose_number(flow.upstream, arrival, account)
        # A person who came by password or session stays logged in by that.
        proof = Authentication(account.id, moment)
        if how in ("confirmed", "code"):
            proof = upstream_logins.log_in(arrival, account.id, moment, lowered=True)
        review = link.id if to_review else ""
        return LinkResult(LoggedIn(flow.attempt, Proved(proof, moment), review), moment, removed)

    def _securing(
        self,
        link: NewLink,
        account: Account,
        removed: tuple[str, ...],
        facts: Facts,
        scene: Scene,
        keep_sid: str | None,
    ) -> Securing:
        """The credential event: everything else ends, and all current and previous contacts are notified."""
        words: Mapping[str, str] = {"name": facts.name, "birth_date": facts.birth_date, "number": facts.number}
        event = Event("link.added", account.id, facts={"upstream": link.subject.upstream, "how": link.how, **words})
        before = self._upstream_logins.links.previous_contacts(account.id, self._upstream_logins.clock())
        before |= {"vouched_by": "eid"} if link.evidence.get("vouched_by") else {}
        notice: Notice = self._notices.of("link_added", account, scene, before={"link": link.id, **before})
        gone, vouched = dict.fromkeys(removed), "vouched_by" in before
        return Securing(account.id, account.secured_at, gone, event, notice, keep_sid, vouched=vouched)

    def _new_account(self, arrival: Arrival, known: Participant | None) -> tuple[Account, NewLink]:
        identity, now = arrival.identity, self._upstream_logins.clock()
        held = [Identifier("cccd", identity.citizen_number or "", now)]
        if known is not None:
            held.append(Identifier("bhxh", known.bhxh_code, now))
        account = Account(
            id=new_account_id(),
            kind="individual",
            # The register writes names in normal case; upstreams often in capitals.
            name=known.name if known else names.tidy(identity.name or ""),
            birth_date=str(identity.birth_date) if identity.birth_date else None,
            updated_at=now,
            identifiers=tuple(held),
        )
        subject = self._upstream_logins.digester.subject(identity)
        return account, NewLink(new_id(), account.id, subject, "opened", {"register": "yes" if known else "no"})


def _evidence(facts: Facts, is_strong: bool) -> dict[str, str]:
    """The basis of the link; one based on the person's number, name and full birth date outranks older proofs."""
    return written(facts) | ({"vouched_by": "eid"} if is_strong else {})


def _pending(flow: LinkingFlow) -> PendingUpstreamLogin:
    return PendingUpstreamLogin(flow.upstream, flow.attempt, flow.browser, sid=flow.sid)
