"""`idp keys`: the signing keys, their future, and how an operator changes them without clients noticing."""

import json
from collections.abc import Callable
from typing import Any

import click

from config.cli import key_words as words
from config.cli import output
from config.cli.context import as_json, clock, opened_key_stores, reasoned, reports_errors, settings, stop
from config.key_stores import KeyStores, open_database
from config.keys_setup import master_keys, needed_algorithms, policy
from config.settings import BadSettings
from idp.audit_export import ALGORITHM
from idp.ports import Event
from idp.store import sealed_records as care
from keys import calendar
from keys.cache import RingCache
from keys.changes import KeyChangeRefused, Plan, named
from keys.ring import ALGORITHMS, KeyRing
from keys.rotation import Outcome, Rotator

HORIZON = 90 * calendar.DAY
Transition = Callable[[Plan, KeyRing], KeyRing]
for_alg = click.option("--alg", type=click.Choice(ALGORITHMS), help="Only this algorithm.")
by_force = click.option(
    "--force", is_flag=True, help="Skip the waiting time that protects portals; the command prints what they will see."
)


RING = "idp.keys.ring"


@click.group()
@click.option(
    "--ring",
    type=click.Choice(["tokens", "audit"]),
    default="tokens",
    show_default=True,
    help="The purpose of the keys.",
)
@click.pass_context
def keys(context: click.Context, ring: str) -> None:
    """Signing keys: list, rotate, revoke, verify. docs/keys.md describes the routine."""
    context.meta[RING] = ring


def _ring_of(base: KeyStores) -> tuple[RingCache, Rotator]:
    """The ring that the command uses."""
    audit = click.get_current_context().meta[RING] == "audit"
    return (base.audit_keys.rings, base.audit_keys.rotator) if audit else (base.rings, base.rotator)


@keys.command("list")
@click.option("--all", "everything", is_flag=True, help="List retired and revoked keys as well.")
@as_json
@reports_errors
def list_(everything: bool, as_json: bool) -> None:
    """List the keys: which signs now, which is next, and the dates.

    Example: idp keys list
    """
    rings, rotator = _ring_of(opened_key_stores())
    ring, plan = rings.ring(), rotator.plan()
    listed = [key for key in ring.in_order() if everything or key.is_published(plan.now) or key.waits(plan.now)]
    if as_json:
        output.as_json([calendar.key_entry(ring, key, plan) for key in listed])
    else:
        output.table([words.row(ring, key, plan) for key in listed], words.COLUMNS)


@keys.command()
@as_json
@reports_errors
def status(as_json: bool) -> None:
    """Print the signing keys, the standbys, and what happens in the next 90 days.

    Example: idp keys status
    """
    base = opened_key_stores()
    rings, rotator = _ring_of(base)
    ring, plan, max_age = rings.ring(), rotator.plan(), base.settings.keys.jwks_max_age
    if as_json:
        output.as_json(calendar.document(ring, plan, max_age, plan.now + HORIZON))
    else:
        click.echo("\n".join(words.status(ring, plan, max_age, plan.now + HORIZON)))


@keys.command()
@for_alg
@click.option("--dry-run", is_flag=True, help="Print what would happen, and change nothing.")
@reasoned
@as_json
@reports_errors
def rotate(alg: str | None, dry_run: bool, reason: str, as_json: bool) -> None:
    """Activate the standbys that are due, and publish the next ones; does nothing when nothing is due.

    Safe from a timer, any number of times, on many machines at once: one acts, the others find nothing due.

    Example: idp keys rotate --reason "quarterly"
    """
    _change(lambda plan, ring: plan.rotated(ring, alg), reason, as_json, dry_run=dry_run)


@keys.command()
@for_alg
@reasoned
@as_json
@reports_errors
def generate(alg: str | None, reason: str, as_json: bool) -> None:
    """Publish missing keys: a standby, or the first key of an algorithm, which signs after the lead time.

    Example: idp keys generate --alg EdDSA --reason "portal 12 wants Ed25519"
    """
    _change(lambda plan, ring: plan.completed(ring, (alg,) if alg else ()), reason, as_json)


@keys.command()
@click.argument("kid", required=False)
@for_alg
@click.option("--now", "at_once", is_flag=True, help="Sign now, not at the end of the lead time.")
@by_force
@reasoned
@as_json
@reports_errors
def activate(kid: str | None, alg: str | None, at_once: bool, force: bool, reason: str, as_json: bool) -> None:
    """Activate a standby: KID, the one of an algorithm, or every one. Refuses before the end of the lead time.

    Example: idp keys activate --now --alg RS256 --reason "drill"
    """

    def activated(plan: Plan, ring: KeyRing) -> KeyRing:
        chosen = (
            [kid] if kid else [key.kid for each in _chosen(ring, alg) for key in ring.successors(each, plan.now)[:1]]
        )
        for each in chosen:
            ring = plan.activated(ring, each, at_once=at_once, force=force)
        return ring

    _change(activated, reason, as_json)


@keys.command()
@click.argument("kid")
@reasoned
@as_json
@reports_errors
def retire(kid: str, reason: str, as_json: bool) -> None:
    """Stop using an algorithm: its key is removed when its last token has expired.

    Example: idp keys retire dK3x9 --reason "no portal uses PS256"
    """
    base = opened_key_stores()
    is_audit = _ring_of(base)[0] is base.audit_keys.rings
    clients = base.clients.load_all()
    needed = {ALGORITHM: "the audit trail"} if is_audit else needed_algorithms(base.settings, clients)
    _change(lambda plan, ring: plan.retired(ring, kid, needed), reason, as_json, base=base)


@keys.command()
@click.argument("kid")
@by_force
@reasoned
@as_json
@reports_errors
def revoke(kid: str, force: bool, reason: str, as_json: bool) -> None:
    """Emergency: revoke a key. Its tokens are refused within 5 seconds, and the standby signs.

    Example: idp keys revoke dK3x9 --reason "the backup of 3 May was stolen"
    """
    _change(lambda plan, ring: plan.revoked(ring, kid, force=force), reason, as_json)


@keys.command()
@click.argument("kid", required=False)
@click.option("--format", "form", type=click.Choice(["jwks", "pem"]), default="jwks", show_default=True)
@reports_errors
def export(kid: str | None, form: str) -> None:
    """Print the published keys, or KID, as JWK set or PEM. Private parts are never printed.

    Example: idp keys export --format pem
    """
    base = opened_key_stores()
    ring, now = _ring_of(base)[0].ring(), base.clock()
    try:
        chosen = (named(ring, kid),) if kid else ring.published(now)
    except KeyChangeRefused as error:
        stop([str(error)])
    if form == "jwks":
        click.echo(json.dumps({"keys": [key.public_jwk() for key in chosen]}, indent=2))
    else:
        click.echo("".join(f"# {key.alg} {key.kid}\n{key.public_pem()}" for key in chosen), nl=False)


@keys.command()
@reasoned
@as_json
@reports_errors
def reseal(reason: str, as_json: bool) -> None:
    """Seal every key and secret under the newest master key. An interrupted run can be repeated.

    Example: idp keys reseal --reason "yearly master key"
    """
    base = opened_key_stores()
    changed, newest = care.reseal(base.database, base.masters), base.masters.newest.id
    base.audit.record(Event("key.resealed", facts={"records": changed}, reason=reason))
    if as_json:
        output.as_json({"resealed": changed, "master_key": newest})
        return
    click.echo(f"{changed} records were sealed anew; all are sealed by master key {newest}")
    click.echo("Portals see nothing of it. Older master keys may go once every machine has started with the new one.")


@keys.command()
@as_json
@reports_errors
def verify(as_json: bool) -> None:
    """Open every stored key and secret, test each key, and print which tokens are still valid; ends with 1 when a
    key is broken.

    Example: idp keys verify
    """
    s = settings()
    try:
        database, masters = open_database(s), master_keys(s)
    except BadSettings as error:
        stop(error.complaints, 2)
    plan = Plan(policy(s), clock()(), _nothing)
    findings = list(care.inspect(database, masters))
    kinds = dict.fromkeys(each.what for each in findings)
    rings = {what: KeyRing(tuple(each.key for each in findings if each.key and each.what == what), 0) for what in kinds}
    order = [key.kid for ring in rings.values() for key in ring.in_order()]
    findings.sort(key=lambda each: (list(kinds).index(each.what), order.index(each.name) if each.name in order else -1))
    rows = [words.finding(each, rings[each.what], plan) for each in findings]
    output.as_json(rows) if as_json else output.table(rows, ("what", "name", "master", "state", "tokens"))
    if broken := [each.broken for each in findings if each.broken]:
        stop(broken)


def _nothing(alg: str) -> Any:
    raise LookupError(alg)


def _chosen(ring: KeyRing, alg: str | None) -> tuple[str, ...]:
    return (alg,) if alg else ring.in_use()


def _change(
    transition: Transition, reason: str, as_json: bool, *, dry_run: bool = False, base: KeyStores | None = None
) -> None:
    """Apply it, or print what would be done; then print what changed and what clients will see of it."""
    base = base or opened_key_stores()
    rotator = _ring_of(base)[1]
    try:
        outcome: Outcome = rotator.preview(transition) if dry_run else rotator.change(transition, reason)
    except KeyChangeRefused as error:
        stop([str(error)])
    max_age = base.settings.keys.jwks_max_age
    if as_json:
        output.as_json(words.outcome(outcome, max_age, dry_run))
    else:
        click.echo("\n".join(words.described(outcome, max_age, dry_run)))
