"""`idp keys`: the signing keys, what will happen to them, and how an operator changes them unnoticed by portals."""

import json
from collections.abc import Callable
from typing import Any

import click

from config.commands import key_words as words
from config.commands import output
from config.commands.context import as_json, clock, opened_stores, reasoned, reports_errors, settings, stop
from config.keys_setup import master_keys, needed_algorithms, policy
from config.settings import BadSettings
from config.stores import Stores, open_database
from idp.audit_export import ALGORITHM
from idp.ports import Event
from keys import calendar, care
from keys.cache import RingCache
from keys.changes import KeyChangeRefused, Plan, named
from keys.ring import ALGORITHMS, KeyRing
from keys.rotation import Outcome, Rotator

HORIZON = 90 * calendar.DAY
Transition = Callable[[Plan, KeyRing], KeyRing]
for_alg = click.option("--alg", type=click.Choice(ALGORITHMS), help="Only this algorithm.")
by_force = click.option("--force", is_flag=True, help="Leave the guarantee; the command says what portals will see.")


RING = "idp.keys.ring"


@click.group()
@click.option(
    "--ring", type=click.Choice(["tokens", "audit"]), default="tokens", show_default=True, help="What the keys sign."
)
@click.pass_context
def keys(context: click.Context, ring: str) -> None:
    """Signing keys: see what signs and what comes, rotate, revoke, check. docs/keys.md has the routine."""
    context.meta[RING] = ring


def _ring_of(base: Stores) -> tuple[RingCache, Rotator]:
    """The ring that the command is about."""
    audit = click.get_current_context().meta[RING] == "audit"
    return (base.audit_keys.rings, base.audit_keys.rotator) if audit else (base.rings, base.rotator)


@keys.command("list")
@click.option("--all", "everything", is_flag=True, help="Also retired and revoked keys.")
@as_json
@reports_errors
def list_(everything: bool, as_json: bool) -> None:
    """List the keys: what signs now, what comes, until when.

    Example: idp keys list
    """
    rings, rotator = _ring_of(opened_stores())
    ring, plan = rings.ring(), rotator.plan()
    shown = [key for key in ring.in_order() if everything or key.is_published(plan.now) or key.waits(plan.now)]
    if as_json:
        output.as_json([calendar.shown(ring, key, plan) for key in shown])
    else:
        output.table([words.row(ring, key, plan) for key in shown], words.COLUMNS)


@keys.command()
@as_json
@reports_errors
def status(as_json: bool) -> None:
    """Tell what signs, what stands by, and what will happen in the next 90 days.

    Example: idp keys status
    """
    base = opened_stores()
    rings, rotator = _ring_of(base)
    ring, plan, max_age = rings.ring(), rotator.plan(), base.settings.keys.jwks_max_age
    if as_json:
        output.as_json(calendar.document(ring, plan, max_age, plan.now + HORIZON))
    else:
        click.echo("\n".join(words.status(ring, plan, max_age, plan.now + HORIZON)))


@keys.command()
@for_alg
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@reasoned
@as_json
@reports_errors
def rotate(alg: str | None, dry_run: bool, reason: str, as_json: bool) -> None:
    """Let the standbys sign that are due, and publish the next ones; does nothing when nothing is due.

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
    """Publish what is missing: a standby, or the first key of an algorithm, which signs after the lead.

    Example: idp keys generate --alg EdDSA --reason "portal 12 wants Ed25519"
    """
    _change(lambda plan, ring: plan.completed(ring, (alg,) if alg else ()), reason, as_json)


@keys.command()
@click.argument("kid", required=False)
@for_alg
@click.option("--now", "at_once", is_flag=True, help="Sign from now on, not from the end of the lead.")
@by_force
@reasoned
@as_json
@reports_errors
def activate(kid: str | None, alg: str | None, at_once: bool, force: bool, reason: str, as_json: bool) -> None:
    """Let a standby sign: KID, or that of an algorithm, or every one. Refuses before the lead is over.

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
    """Give up an algorithm that nobody needs any more: its key leaves when its last token has expired.

    Example: idp keys retire dK3x9 --reason "no portal uses PS256"
    """
    base = opened_stores()
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
    """Emergency: take a key away at once. Its tokens are refused within 5 seconds, and the standby signs.

    Example: idp keys revoke dK3x9 --reason "the backup of 3 May was stolen"
    """
    _change(lambda plan, ring: plan.revoked(ring, kid, force=force), reason, as_json)


@keys.command()
@click.argument("kid", required=False)
@click.option("--format", "form", type=click.Choice(["jwks", "pem"]), default="jwks", show_default=True)
@reports_errors
def export(kid: str | None, form: str) -> None:
    """Print the published keys, or KID, as JWK set or PEM. Only public parts ever leave.

    Example: idp keys export --format pem
    """
    base = opened_stores()
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
    """Seal every key and secret under the newest master key. May be stopped and begun again.

    Example: idp keys reseal --reason "yearly master key"
    """
    base = opened_stores()
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
    """Open every stored key and secret, prove each key, and tell which tokens are in the field; 1 when one is broken.

    Example: idp keys verify
    """
    s = settings()
    try:
        database, masters = open_database(s), master_keys(s)
    except BadSettings as error:
        stop(error.complaints, 2)
    plan = Plan(policy(s), clock()(), _nothing)
    found = list(care.inspect(database, masters))
    kinds = dict.fromkeys(each.what for each in found)
    rings = {what: KeyRing(tuple(each.key for each in found if each.key and each.what == what), 0) for what in kinds}
    order = [key.kid for ring in rings.values() for key in ring.in_order()]
    found.sort(key=lambda each: (list(kinds).index(each.what), order.index(each.name) if each.name in order else -1))
    rows = [words.finding(each, rings[each.what], plan) for each in found]
    output.as_json(rows) if as_json else output.table(rows, ("what", "name", "master", "state", "tokens"))
    if broken := [each.broken for each in found if each.broken]:
        stop(broken)


def _nothing(alg: str) -> Any:
    raise LookupError(alg)


def _chosen(ring: KeyRing, alg: str | None) -> tuple[str, ...]:
    return (alg,) if alg else ring.in_use()


def _change(
    transition: Transition, reason: str, as_json: bool, *, dry_run: bool = False, base: Stores | None = None
) -> None:
    """Do it, or say what would be done, and tell what changed and what portals will see of it."""
    base = base or opened_stores()
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
