"""`idp doctor`: checks everything an installation needs and says what is wrong and how to fix it."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from config import migrate
from config.cli import output
from config.cli.context import as_json, opened_stores, reports_errors, settings
from config.container import Container
from config.keys_setup import needed_algorithms
from config.proxy_watch import look_for_unlisted
from config.settings import BadSettings
from config.stores import Stores
from config.witness import refuse_restored_store
from idp.http.store_errors import STORE_DOWN
from idp.officers.agencies import EVERYWHERE
from idp.officers.officers import EVERYWHERE_ONLY
from keys.ring import BadRing

Finding = dict[str, Any]
LONGEST_WAIT = 600.0
"""Seconds after which a waiting message is reported."""


@click.command()
@as_json
@reports_errors
def doctor(as_json: bool) -> None:
    """Check settings, database, migrations, Redis, keys and the audit trail; ends with 1 when something is wrong.

    Example: idp doctor
    """
    findings = list(_findings())
    if as_json:
        output.as_json(findings)
    else:
        output.table(findings, ("part", "state", "detail"))
    if any(finding["state"] == "wrong" for finding in findings):
        raise SystemExit(1)


def _findings() -> Iterator[Finding]:
    s = settings()
    yield {
        "part": "settings",
        "state": "good",
        "detail": f"{'production' if s.is_production else 'development'}, issuer {s.issuer}",
    }
    base = opened_stores()
    for part, look in LOOKS.items():
        try:
            yield {"part": part, "state": "good", "detail": look(base)}
        except STORE_DOWN as error:
            yield {"part": part, "state": "wrong", "detail": f"does not answer ({type(error).__name__})"}
        except (BadSettings, BadRing, Wrong) as error:
            yield {"part": part, "state": "wrong", "detail": str(error)}


class Wrong(Exception):
    """A part is not as it has to be; the message says how to fix it."""


def _migrations(base: Stores) -> str:
    schema = migrate.schema(base.database)
    if not schema.runs:
        raise Wrong(schema.remedy)
    return f"at {schema.current}"


def _redis(base: Stores) -> str:
    if base.redis is None:
        return "not used: short-lived things stay in SQL"
    base.refuse_evicting_redis()
    return "answers, noeviction"


def _keys(base: Stores) -> str:
    now, ring = base.clock(), base.rings.ring()
    needed = needed_algorithms(base.settings, base.clients.load_all())
    missing = {alg for alg in needed if ring.signs_now(alg, now) is None}
    if missing:
        raise Wrong(f"no key signs with {', '.join(sorted(missing))}: `idp keys generate` publishes what is missing")
    alone = [alg for alg in ring.in_use() if not ring.successors(alg, now)]
    if alone:
        raise Wrong(f"no standby for {', '.join(alone)}: `idp keys generate` publishes what is missing")
    return f"ring version {ring.version}, signs with {', '.join(ring.algorithms(now))}, each with a standby"


def _trail(base: Stores) -> str:
    verdict = base.trail.verify()
    if verdict.broken:
        raise Wrong(verdict.broken)
    return f"{verdict.verified} records hold, {verdict.unsealed} not chained yet"


def _restored(base: Stores) -> str:
    refuse_restored_store(base)
    return "the database is as new as this machine remembers"


def _messages(base: Stores) -> str:
    configured, s = base.settings.messages, base.settings
    if s.is_production and not (configured.sms and configured.email):
        raise Wrong("nobody gets a code or a notice: set messages.sms and messages.email (docs/messages.md)")
    waiting = base.outbox.waiting()
    oldest = max((age for _, age in waiting.values()), default=0.0)
    if oldest > LONGEST_WAIT:
        raise Wrong(
            f"the oldest message waits for {oldest:.0f} seconds: is anybody sending, and does the other side answer? "
            "See `idp messages list`"
        )
    return f"sms by {s.sends_by('sms')}, email by {s.sends_by('email')}, {sum(n for n, _ in waiting.values())} waiting"


def _upstreams(base: Stores) -> str:
    """Their keys and settings, without contacting them: `idp upstreams test` does that."""

    links = base.links
    known = Container(base).federation.upstreams
    opened = ", ".join(each.id for each in known.known if known.is_open(each)) or "none"
    return f"{len(known.known)} configured, open: {opened}; {links.waiting()} links wait for officers"


def _clients(base: Stores) -> str:
    known = base.clients.load_all()
    waiting = sum(client.approval == "pending" for client in known)
    return f"{len(known)} registered, {waiting} of them wait for an operator (`idp clients list`)"


def _officers(base: Stores) -> str:
    """Whether every officer is a known person, and every right holds in an existing agency."""

    active = [officer for officer in base.officers.all() if officer.status == "active"]
    nameless = [officer.login for officer in active if not (officer.is_known or officer.foreigner)]
    if nameless:
        raise Wrong(
            f"{', '.join(nameless)}: nobody knows who they are, so they decide nothing. "
            "`idp officers identify` enters their numbers"
        )
    narrow = [o.login for o in active for where, right in o.rights if right in EVERYWHERE_ONLY and where != EVERYWHERE]
    if narrow:
        raise Wrong(f'{", ".join(narrow)}: the rights links and data hold with "*" only; grant them so, or revoke them')
    return f"{len(active)} active, {sum(officer.foreigner for officer in active)} of them foreigners"


LOOKS: dict[str, Callable[[Stores], str]] = {
    "database": lambda base: f"{base.database.dialect} answers, client revision {base.clients.revision()}",
    "migrations": _migrations,
    "redis": _redis,
    "proxies": look_for_unlisted,
    "keys": _keys,
    "audit": _trail,
    "restore": _restored,
    "messages": _messages,
    "upstreams": _upstreams,
    "officers": _officers,
    "clients": _clients,
}
