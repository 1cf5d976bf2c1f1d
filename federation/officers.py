"""Officers' decisions about refused links: no link is made, or one is forced, which takes two officers."""

from dataclasses import dataclass
from typing import Protocol

from federation.linking import Dispute, Link, NewLink, new_id
from idp.accounts.account import Account, Identifier
from idp.accounts.credentials import Securing
from idp.accounts.notices import NOWHERE, Notices
from idp.officers.officers import LOGIN
from idp.ports import Clock, Event


class NotTwoPersons(ValueError):
    """A forced link needs two different officers; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class TwoPersonRule:
    """The officer who forces a link, and the one who agreed. Raises `NotTwoPersons`."""

    by: str
    approved_by: str

    def __post_init__(self) -> None:
        for name in (self.by, self.approved_by):
            if not LOGIN.fullmatch(name):
                raise NotTwoPersons(
                    "an officer is named by a login name: small letters, digits, dot, hyphen, underscore"
                )
        if self.by == self.approved_by:
            raise NotTwoPersons("whoever forces a link cannot be who approves it")


class LinkDecisions(Protocol):
    """The part of the store of links used here."""

    def resolve(
        self,
        dispute: Dispute,
        resolution: str,
        event: Event,
        now: float,
        forced: tuple[NewLink, Securing] | None = None,
        number: Identifier | None = None,
    ) -> None:
        """Decide a dispute, once; the forced link or the number is written in the same transaction.

        Raises `LinkConflict`.
        """
        ...

    def end(self, link: Link, securing: Securing, now: float) -> float:
        """End a link in one transaction with its credential event. Raises `LinkConflict` when that came too late."""
        ...


class LinkOfficers:
    """Carries out officers' decisions. Every method raises `LinkConflict` when another caller was first."""

    def __init__(self, decisions: LinkDecisions, notices: Notices, clock: Clock) -> None:
        self._decisions = decisions
        self._notices = notices
        self._clock = clock

    def refuse(self, dispute: Dispute, reason: str, by: str = "") -> None:
        """Settle a dispute without a link."""
        named = {"by": by} if by else {}
        decided = _decided(dispute, dispute.account_id, "refused", reason, **named)
        self._decisions.resolve(dispute, "refused", decided, self._clock())

    def link(self, dispute: Dispute, account: Account, pair: TwoPersonRule, reason: str) -> NewLink:
        """Link the person to `account`. Other links of both with this upstream end, and the person is notified."""
        upstream, named = dispute.subject.upstream, {"by": pair.by, "approved_by": pair.approved_by}
        link = NewLink(new_id(), account.id, dispute.subject, "officer", {**dispute.evidence, **named})
        added = Event("link.added", account.id, facts={"upstream": upstream, "how": "officer"}, reason=reason)
        notice = self._notices.of("link_added", account, NOWHERE, before={"link": link.id})
        securing = Securing(account.id, account.secured_at, {}, added, notice)
        decided = _decided(dispute, account.id, "linked", reason, **named)
        self._decisions.resolve(dispute, "linked", decided, self._clock(), (link, securing))
        return link

    def give_number(self, dispute: Dispute, reason: str) -> None:
        """Give the account the citizen number from its upstream. Raises `LinkConflict` when it is already taken."""
        now = self._clock()
        number = Identifier("cccd", dispute.facts["citizen_number"], now)
        decided = _decided(dispute, dispute.account_id, "number given", reason)
        self._decisions.resolve(dispute, "number", decided, now, number=number)

    def remove(self, link: Link, account: Account, reason: str) -> None:
        """End a link; every session of the account ends with it, and the person is notified."""
        event = Event("link.removed", account.id, facts={"upstream": link.subject.upstream}, reason=reason)
        before = {"link": link.id, "vouched_by": "desk"}
        notice = self._notices.of("link_removed", account, NOWHERE, before=before)
        securing = Securing(account.id, account.secured_at, {}, event, notice, vouched=True)
        self._decisions.end(link, securing, self._clock())


def _decided(dispute: Dispute, account_id: str | None, resolution: str, reason: str, **named: str) -> Event:
    facts = {"upstream": dispute.subject.upstream, "why": dispute.reason, "resolution": resolution, **named}
    return Event("link.decided", account_id, facts=facts, reason=reason)
