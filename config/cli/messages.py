"""`idp messages`: the waiting messages, the state of the others, and sending. Codes and links are never shown."""

import signal
import threading
from datetime import UTC, datetime
from typing import Any, get_args

import click

from config import logging as our_logging
from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.container import Container
from idp.accounts.masking import masked_phone
from idp.messages.message import Channel
from idp.messages.sending import State
from idp.messages.working import Workers
from idp.ports import Event
from idp.store.budgets import read_budgets
from idp.store.outbox import Record

NAMING_PEOPLE = ("number", "account", "address")
"""Budgets whose key identifies a person; the others name a prefix or everyone."""


@click.group()
def messages() -> None:
    """Messages to people and portals: the queue, the sending, the budgets."""


@messages.command("list")
@click.option("--channel", type=click.Choice(get_args(Channel)), help="Only this channel.")
@click.option("--state", type=click.Choice(get_args(State)), help="Only this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@reports_errors
def list_(channel: Channel | None, state: State | None, limit: int, as_json: bool) -> None:
    """List messages, newest first; recipients are masked, contents are not printed.

    Example: idp messages list --state failed
    """
    rows = [
        message_facts(record) for record in opened_stores().outbox.search(channel=channel, state=state, limit=limit)
    ]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, ("id", "created", "channel", "template", "to", "state", "tries", "next", "error"))


@messages.command()
@click.argument("message_id")
@reasoned
@as_json
@reports_errors
def retry(message_id: str, reason: str, as_json: bool) -> None:
    """Retry a failed message that has not expired.

    Example: idp messages retry 5f0c9a7d3be1428c6a90d2 --reason "gateway is back"
    """
    base = opened_stores()
    record = base.outbox.find(message_id)
    if record is None:
        stop(["there is no such message"])
    if not base.outbox.revive(message_id):
        stop([f"it is {record.state}: only what was never taken is tried anew, and only before its time is over"])
    facts = {"channel": record.channel, "template": record.template}
    base.audit.record(Event("message.retried", record.account_id, facts=facts, reason=reason))
    output.as_json({"id": record.id, "state": "waiting"}) if as_json else click.echo(f"message {record.id} waits again")


@messages.command()
@click.option("--threads", type=click.IntRange(1, 64), help="Threads per channel; default: messages.threads.")
@reports_errors
def work(threads: int | None) -> None:
    """Send due messages until a signal; messages in progress are then finished.

    Example: idp messages work --threads 4
    """
    base = opened_stores()
    our_logging.set_up(debug=base.settings.debug)
    deliveries = Container(base).oidc.deliveries
    workers = Workers(deliveries, threads or base.settings.messages.threads, base.watch.wakeups)
    enough = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: enough.set())
    base.watch.start(may_keep_house=False)
    workers.start()
    click.echo("sending", err=True)
    enough.wait()
    workers.stop(base.settings.web.graceful_timeout)
    base.watch.stop()
    base.close()


@messages.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@reports_errors
def budget(limit: int, as_json: bool) -> None:
    """Show the use of the sending budgets, highest first; the owners are masked.

    Example: idp messages budget --limit 10
    """
    base = opened_stores()
    rows = [
        {"budget": masked_key(key), "spent": spent, "until": _time(until)}
        for key, spent, until in read_budgets(base.database, base.clock(), limit)
    ]
    output.as_json(rows) if as_json else output.table(rows, ("budget", "spent", "until"))


def message_facts(record: Record) -> dict[str, Any]:
    """A message as operators see it."""
    return {
        "id": record.id,
        "created": _time(record.created_at),
        "channel": record.channel,
        "template": record.template,
        "to": record.to if record.channel == "portal" else masked(record.to),
        "state": record.state,
        "tries": record.tries,
        "next": _time(record.next_at) if record.next_at else None,
        "error": record.error,
    }


def masked(to: str) -> str:
    """Enough of a number, an address or a URL to recognise it."""
    if to.startswith(("http://", "https://")):
        return "/".join(to.split("/")[:3])
    name, at, host = to.partition("@")
    if at:
        return f"{name[:1]}***@{host}"
    return masked_phone(to) if to else "?"


def masked_key(key: str) -> str:
    """The key of a budget, without the person it belongs to."""
    kind, colon, whose = key.partition(":")
    return f"{kind}{colon}{whose[:2]}***{whose[-2:]}" if kind.startswith(NAMING_PEOPLE) else key


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
