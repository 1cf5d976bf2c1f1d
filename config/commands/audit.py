"""`idp audit` and `idp explain`: what happened, and whether anybody changed the record of it."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import click

from config.commands import output
from config.commands.context import as_json, foundation, stop, told
from config.housekeeping import Witness
from idp.audit import EVENTS
from idp.store.audit import Head
from idp.store.counters import read_counter
from idp.store.incidents import Incident

FAULT = {
    "unknown_client": ("the portal", "register the client, or correct its client_id"),
    "redirect_uri": ("the portal", "register exactly this redirect URI with `idp clients edit`, or correct the portal"),
    "bad_request": ("the portal or the browser", "see the detail; the request broke a bound"),
    "expired": ("nobody", "the person took too long or pressed Back; start again at the portal"),
    "other_browser": ("the browser", "cookies are switched off, or the link was opened in another browser"),
    "forbidden": ("the browser", "the form was old or came from another site; load the page again"),
    "too_many": ("the network", "too many tries from one network; wait, or see limits in the settings"),
    "too_large": ("the portal or the browser", "the body was larger than 64 KiB"),
    "not_found": ("the browser", "there is no such page"),
    "method": ("the portal or the browser", "the page does not take this method"),
    "busy": ("us", "a store or the hashing workers had no room; see /readyz and the log"),
    "internal": ("us", "a defect: the log line with this request has the place"),
}


@click.group()
def audit() -> None:
    """The audit trail: chained under a secret, personal data only as keyed digests."""


@audit.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@as_json
@told
def tail(limit: int, as_json: bool) -> None:
    """Print the newest events, oldest first.

    Example: idp audit tail --limit 50
    """
    rows = [_told(row) for row in foundation().trail.tail(limit)]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, ("at", "name", "subject", "client_id", "facts", "reason"))


@audit.command()
@click.option("--head", "heads", multiple=True, metavar="[NUMBER:]HASH", help="A head that was noted, as in the log.")
@as_json
@told
def verify(heads: tuple[str, ...], as_json: bool) -> None:
    """Recompute the whole chain; ends with 1 and the place when any byte was changed, or the end was cut off.

    What this machine has seen (the file `witness`) is looked for by itself; --head looks for more, as the line
    `audit head` in a log that left the machine tells it.

    Example: idp audit verify --head 4711:0f3a...
    """
    base = foundation()
    seen, epoch = Witness(base.settings.data_dir).read()
    known = [_head(text) for text in heads]
    # A bumped epoch says that an operator knows of a restored database.
    if read_counter(base.database, "epoch") <= epoch:
        known.append(seen)
    verdict = base.trail.verify(known)
    facts = {"verified": verdict.verified, "not_chained_yet": verdict.unsealed, "broken": verdict.broken}
    output.as_json(facts) if as_json else output.facts(facts)
    if verdict.broken:
        stop([verdict.broken])


@audit.command()
@as_json
def events(as_json: bool) -> None:
    """Print the catalogue of events.

    Example: idp audit events
    """
    rows = [{"name": name, "meaning": meaning} for name, meaning in EVENTS.items()]
    output.as_json(rows) if as_json else output.table(rows, ("name", "meaning"))


@click.command()
@click.argument("code")
@as_json
@told
def explain(code: str, as_json: bool) -> None:
    """Tell the story behind the support code of an error page.

    Example: idp explain 7QK2M9XA
    """
    base = foundation()
    incident = base.incidents.find(code)
    if incident is None:
        stop(["there is no such code, or it is older than thirty days"])
    facts = _story(incident)
    output.as_json(facts) if as_json else output.facts(facts)


def _head(text: str) -> Head:
    number, colon, hash_ = text.rpartition(":")
    if not re.fullmatch("[0-9a-f]{64}", hash_) or (colon and not number.isdecimal()):
        stop(["--head is a hash of 64 hexadecimal digits, or a number, a colon and the hash"])
    return Head(int(number) if colon else None, hash_)


def _story(incident: Incident) -> dict[str, Any]:
    whose, fix = FAULT.get(incident.kind, ("unknown", "see the log"))
    return {
        "code": incident.code,
        "at": _time(incident.at),
        "shown": f"{incident.kind} ({incident.status})",
        "page": incident.route,
        "client": incident.client_id,
        "detail": incident.detail or None,
        "whose fault": whose,
        "what helps": fix,
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    facts = " ".join(f"{name}={value}" for name, value in json.loads(row["facts"]).items())
    return {name: row[name] for name in ("name", "subject", "client_id", "reason", "request_id")} | {
        "at": _time(row["at"]),
        "facts": facts,
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
