"""`idp links`: refused links that wait for an officer, and ending a link. People are shown masked."""

from datetime import UTC, datetime
from typing import Any

import click

from config.cli import output
from config.cli.accounts import account_facts, account_named
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.container import Container
from config.stores import Stores
from federation.conflicts import OfficerConflicts, upstream_facts
from federation.linking import Dispute, Link, LinkConflict
from federation.officers import LinkOfficers, NotTwoPersons, TwoPersonRule
from idp.officers.officers import Officer

ID = {"ignore_unknown_options": True}
"""An id may begin with a hyphen."""


@click.group()
def links() -> None:
    """Links of accounts to upstreams: the refused ones that wait for an officer, and ending one."""


@links.command("list")
@click.option("--account", "who", help="List the links of this account instead.")
@click.option("--all", "decided_too", is_flag=True, help="List decided ones as well.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@reports_errors
def list_(who: str | None, decided_too: bool, limit: int, as_json: bool) -> None:
    """List refused links that wait for an officer, oldest first, or the links of an account.

    Example: idp links list --account 0012345678
    """
    base = opened_stores()
    if who:
        rows = [link_facts(link) for link in base.links.of_account(account_named(base, who).id)]
        columns: tuple[str, ...] = ("id", "upstream", "how", "made", "used")
    else:
        rows = [dispute_facts(each) for each in base.links.disputes(open_only=not decided_too, limit=limit)]
        columns = ("id", "upstream", "reason", "account", "times", "first", "resolution")
    output.as_json(rows) if as_json else output.table(rows, columns)


@links.command(context_settings=ID)
@click.argument("refused_id")
@as_json
@reports_errors
def show(refused_id: str, as_json: bool) -> None:
    """Show a refused link: the upstream's claims about the person and the account concerned, both masked.

    Example: idp links show h2Jd8sXb0Qm5r1Zt7uVw3A
    """
    base = opened_stores()
    dispute = _found(base, refused_id)
    linked = base.links.find(dispute.subject)
    account = base.people.find(dispute.account_id) if dispute.account_id else None
    facts = dispute_facts(dispute) | {
        "upstream_says": upstream_facts(dispute),
        "agreement": dict(dispute.evidence),
        "linked_now_to": linked.account_id if linked else None,
        "about": account_facts(account, base.clock()) if account else None,
    }
    output.as_json(facts) if as_json else output.facts({name: _flat(value) for name, value in facts.items()})


@links.command(context_settings=ID)
@click.argument("refused_id")
@click.argument("decision", type=click.Choice(["refuse", "link", "number"]))
@click.option("--account", "who", help="The account to link; default: the account of the refusal.")
@click.option("--by", help="Login name of the officer who forces a link.")
@click.option("--approved-by", help="Login name of the second officer, who agreed.")
@reasoned
@as_json
@reports_errors
def resolve(
    refused_id: str,
    decision: str,
    who: str | None,
    by: str | None,
    approved_by: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Decide a refused link: keep it refused, or force it with two officers; or give a linked account its citizen
    number.

    A forced link ends the others that person and account have with the upstream, and every session of the accounts.
    Their owners are notified on every channel, and may undo it for 72 hours. Both officers have accounts
    (`idp officers`), are active, hold the right "links" and are not the same.

    Example: idp links resolve h2Jd8sXb0Qm5r1Zt7uVw3A link --by lan.nguyen --approved-by minh.tran --reason "desk 12"
    """
    base = opened_stores()
    dispute = _found(base, refused_id)
    officers = LinkOfficers(base.links, Container(base).accounts.notices, base.clock)
    try:
        if decision == "link":
            _force(base, officers, dispute, who, (by or "", approved_by or ""), reason)
        elif decision == "number":
            _give_number(officers, dispute, reason)
        elif who or by or approved_by:
            stop(["--account, --by and --approved-by are for a link"])
        else:
            officers.refuse(dispute, reason)
    except NotTwoPersons as error:
        stop([f"--by and --approved-by: {error}"])
    except LinkConflict:
        stop(["it was decided already, or the account was changed at this moment; look at it and try again"])
    said_so = {"id": dispute.id, "resolution": {"link": "linked", "number": "number given"}.get(decision, "refused")}
    output.as_json(said_so) if as_json else click.echo(f"{said_so['id']} is {said_so['resolution']}")


def _give_number(officers: LinkOfficers, dispute: Dispute, reason: str) -> None:
    if dispute.reason != "number" or "citizen_number" not in dispute.facts:
        stop(["no citizen number is proposed here, or it was decided already"])
    officers.give_number(dispute, reason)


def _force(
    base: Stores, officers: LinkOfficers, dispute: Dispute, who: str | None, by: tuple[str, str], reason: str
) -> None:
    if dispute.reason == "disavowed":
        stop(["somebody disavowed a change here: there is nothing to link; settle it with `refuse`"])
    named = who or dispute.account_id or stop(["nobody's account is concerned: name one with --account"])
    account = account_named(base, named)
    if not account.is_active:
        stop(["the account is disabled"])
    numbers = frozenset({held.value for held in account.identifiers} | {dispute.facts.get("citizen_number", "")})
    pair = _two(base, by, numbers)
    OfficerConflicts(base.links, officers, base.people).force(dispute, account, pair, reason)


def _two(base: Stores, by: tuple[str, str], numbers: frozenset[str]) -> TwoPersonRule:
    """Both officers, who exist, have the right and are not the person with these numbers. Raises `NotTwoPersons`."""
    pair, store = TwoPersonRule(*by), base.officers
    both: list[Officer] = []
    for login in (pair.by, pair.approved_by):
        officer = store.find_by_login(login)
        if officer is None or not officer.holds("links"):
            raise NotTwoPersons(f'{login} is no active officer with the right "links"')
        if officer.is_among(numbers):
            raise NotTwoPersons(f"{login} is the person whom the link is about")
        both.append(officer)
    if not both[0].is_surely_not(both[1]):
        raise NotTwoPersons("nobody knows these to be two persons: `idp officers identify` enters who they are")
    return pair


@links.command()
@click.argument("who")
@click.argument("upstream")
@reasoned
@reports_errors
def remove(who: str, upstream: str, reason: str) -> None:
    """End the link of an account to an upstream, and every session of the account; the person is notified.

    Example: idp links remove 0012345678 vneid --reason "owner asked at desk 12"
    """
    base = opened_stores()
    account, store = account_named(base, who), base.links
    link = next((each for each in store.of_account(account.id) if each.subject.upstream == upstream), None)
    if link is None:
        stop(["the account has no such link"])
    try:
        LinkOfficers(store, Container(base).accounts.notices, base.clock).remove(link, account, reason)
    except LinkConflict:
        stop(["the account was changed by somebody else at this moment; look at it and try again"])
    click.echo(f"account {account.id} is not linked to {upstream} any more; its sessions have ended")


def _found(base: Stores, refused_id: str) -> Dispute:
    return base.links.find_dispute(refused_id) or stop(["there is no such refused link"])


def dispute_facts(dispute: Dispute) -> dict[str, Any]:
    """A refused link as operators see it in a list."""
    return {
        "id": dispute.id,
        "upstream": dispute.subject.upstream,
        "reason": dispute.reason,
        "account": dispute.account_id,
        "times": dispute.times,
        "first": _time(dispute.created_at),
        "resolution": dispute.resolution,
        "resolved": _time(dispute.resolved_at) if dispute.resolved_at else None,
    }


def link_facts(link: Link) -> dict[str, Any]:
    """A link as operators see it."""
    return {
        "id": link.id,
        "upstream": link.subject.upstream,
        "how": link.how,
        "made": _time(link.made_at),
        "used": _time(link.used_at) if link.used_at else None,
    }


def _flat(value: Any) -> Any:
    return ", ".join(f"{k} {v}" for k, v in value.items() if v is not None) if isinstance(value, dict) else value


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
