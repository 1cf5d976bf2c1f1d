"""`Conflicts` for the officer console, backed by the store of links: list, show masked, refuse, force a link."""

from dataclasses import replace

from federation.linking import Dispute, LinkConflict
from federation.officers import LinkOfficers, TwoPersonRule
from federation.store import SqlLinks
from idp.accounts.account import Account, Identifier
from idp.accounts.masking import masked_name
from idp.accounts.people import People
from idp.ports import Conflict, ConflictOver


class OfficerConflicts:
    """Refused links, as officers view and decide them."""

    def __init__(self, links: SqlLinks, officers: LinkOfficers, people: People) -> None:
        self._links = links
        self._officers = officers
        self._people = people

    def waiting(self, limit: int) -> list[Conflict]:
        return [_conflict(each) for each in self._links.disputes(limit=limit)]

    def find(self, conflict_id: str) -> Conflict | None:
        dispute = self._links.find_dispute(conflict_id)
        if dispute is None or dispute.resolved_at is not None:
            return None
        linked = self._links.find(dispute.subject)
        account = self._people.find(dispute.account_id) if dispute.account_id else None
        numbers = {held.value for held in account.identifiers} if account else set()
        numbers.add(dispute.facts.get("citizen_number", ""))
        return replace(
            _conflict(dispute), linked_to=linked.account_id if linked else None, concerns=frozenset(numbers - {""})
        )

    def refuse(self, conflict_id: str, officer: str, reason: str) -> None:
        try:
            self._officers.refuse(self._open(conflict_id), reason, by=officer)
        except LinkConflict:
            raise ConflictOver from None

    def link(self, conflict_id: str, by: str, approved_by: str, reason: str) -> None:
        dispute = self._open(conflict_id)
        account = self._people.find(dispute.account_id) if dispute.account_id else None
        if account is None or not account.is_active:
            raise ConflictOver
        try:
            self.force(dispute, account, TwoPersonRule(by, approved_by), reason)
        except LinkConflict:
            raise ConflictOver from None

    def force(self, dispute: Dispute, account: Account, pair: TwoPersonRule, reason: str) -> None:
        """Link the person of the dispute to `account`. Raises `LinkConflict`."""
        # The previous holder of the link is notified and loses what came through it, before another person gets it.
        before = self._links.find(dispute.subject)
        owner = self._people.find(before.account_id) if before and before.account_id != account.id else None
        if before and owner:
            self._officers.remove(before, owner, reason)
        self._officers.link(dispute, account, pair, reason)

    def _open(self, conflict_id: str) -> Dispute:
        dispute = self._links.find_dispute(conflict_id)
        if dispute is None or dispute.resolved_at is not None:
            raise ConflictOver
        return dispute


def upstream_facts(dispute: Dispute) -> dict[str, str | None]:
    """What the upstream said about the person, masked; it is deleted once the dispute is decided."""
    name, number = dispute.facts.get("name"), dispute.facts.get("citizen_number")
    return {
        "name": masked_name(name) if name else None,
        "birth_year": (dispute.facts.get("birth_date") or "")[:4] or None,
        "citizen_number": Identifier("cccd", number, 0).masked if number else None,
    }


def _conflict(dispute: Dispute) -> Conflict:
    return Conflict(
        dispute.id,
        dispute.subject.upstream,
        dispute.reason,
        dispute.account_id,
        dispute.times,
        dispute.created_at,
        upstream_facts(dispute),
        dict(dispute.evidence),
    )
