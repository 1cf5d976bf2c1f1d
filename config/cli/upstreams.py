"""`idp upstreams`: the upstreams for login, whether they work, closing one and reopening it."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from config.cli import output
from config.cli.context import UNUSABLE, as_json, opened_stores, reasoned, reports_errors, stop
from config.container import Container
from config.sections import UpstreamSettings
from config.settings import BadSettings
from config.stores import Stores
from federation.connector import UpstreamFailed
from federation.upstreams import AGREED_WITHIN
from idp.ports import Event

MEANING = {
    "unavailable": "it does not answer, or answers what it should not",
    "refused": "it answers, and what it says is not for us or not true",
    "misconfigured": "it does not know us, or we were told wrong about it",
}


@click.group()
def upstreams() -> None:
    """Upstreams: identity providers through which people may log in."""


@upstreams.command("list")
@as_json
@reports_errors
def list_(as_json: bool) -> None:
    """List the configured upstreams, in the order of the login page, and whether they are open.

    Whether one answers right now: see /status and the metrics.

    Example: idp upstreams list
    """
    base = opened_stores()
    closed, now = base.links.closed(), base.clock()
    configured = sorted(base.settings.upstreams, key=lambda each: (each.order, each.id))
    rows = [upstream_facts(each, closed.get(each.id), now) for each in configured]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, ("id", "kind", "audience", "state", "from", "to", "closed", "label"))


@upstreams.command()
@click.argument("upstream_id")
@as_json
@reports_errors
def test(upstream_id: str, as_json: bool) -> None:
    """Send an upstream a harmless request, open or not; ends with 1 and the reason when that fails.

    Example: idp upstreams test vneid
    """
    base = opened_stores()
    _configured(base, upstream_id)
    try:
        upstream = Container(base).federation.upstreams.configured(upstream_id)
    except BadSettings as error:
        stop(error.complaints, UNUSABLE)
    began, failed = time.monotonic(), None
    try:
        if upstream:
            upstream.connector.check()
    except UpstreamFailed as failure:
        failed = failure
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        why = {"kind": failed.kind, "detail": failed.detail} if failed else {}
        output.as_json({"id": upstream_id, "answers": failed is None, "seconds": seconds} | why)
    elif failed is None:
        click.echo(f"{upstream_id} answers, in {seconds} s")
    if failed:
        stop([f"{upstream_id}: {MEANING.get(failed.kind, failed.kind)} ({failed.detail})"])


@upstreams.command()
@click.argument("upstream_id")
@reasoned
@reports_errors
def disable(upstream_id: str, reason: str) -> None:
    """Close an upstream for new logins; existing sessions continue.

    Example: idp upstreams disable dvcqg --reason "maintenance there until noon"
    """
    _switch(upstream_id, reason, closed=True)


@upstreams.command()
@click.argument("upstream_id")
@reasoned
@reports_errors
def enable(upstream_id: str, reason: str) -> None:
    """Open a closed upstream again; its dates hold as before.

    Example: idp upstreams enable dvcqg --reason "maintenance is over"
    """
    _switch(upstream_id, reason, closed=False)


def _switch(upstream_id: str, reason: str, *, closed: bool) -> None:
    base = opened_stores()
    _configured(base, upstream_id)
    store, word = base.links, "closed" if closed else "open"
    if (upstream_id in store.closed()) == closed:
        click.echo(f"{upstream_id} is {word} already")
        return
    event = Event("upstream.closed" if closed else "upstream.opened", facts={"upstream": upstream_id}, reason=reason)
    store.switch(upstream_id, event, base.clock(), closed=closed)
    click.echo(f"{upstream_id} is {word}; every process knows within {AGREED_WITHIN:.0f} seconds")


def _configured(base: Stores, upstream_id: str) -> UpstreamSettings:
    known = {each.id: each for each in base.settings.upstreams}
    names = ", ".join(sorted(known)) or "none"
    return known.get(upstream_id) or stop([f"no such upstream is configured; there are: {names}"])


def upstream_facts(upstream: UpstreamSettings, closed_at: float | None, now: float) -> dict[str, Any]:
    """An upstream as operators see it."""
    return {
        "id": upstream.id,
        "kind": upstream.kind,
        "audience": " ".join(upstream.audience),
        "state": _state(upstream, closed_at, now),
        "from": _date(upstream.enabled_from),
        "to": _date(upstream.enabled_to),
        "closed": _date(datetime.fromtimestamp(closed_at, UTC)) if closed_at else None,
        "label": upstream.label,
    }


def _state(upstream: UpstreamSettings, closed_at: float | None, now: float) -> str:
    if closed_at:
        return "closed"
    if upstream.enabled_from and now < upstream.enabled_from.timestamp():
        return "not open yet"
    return "over" if upstream.enabled_to and now >= upstream.enabled_to.timestamp() else "open"


def _date(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
