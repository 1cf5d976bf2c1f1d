"""`idp audit` and `idp explain`: what happened, and whether its record was changed."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from config.cli import output
from config.cli.context import UNUSABLE, as_json, opened_stores, reports_errors, stop
from config.witness import Witness
from idp.audit import EVENTS
from idp.audit_export import BadExport, check
from idp.store.audit import BrokenTrail, Head
from idp.store.counters import read_counter
from idp.store.support_codes import SupportCode

LONGEST_LINE = 65_536
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FAULT = {
    "unknown_client": ("the portal", "register the client, or correct its client_id"),
    "client_authentication": ("the portal", "see the detail: correct its secret or method, or `idp clients edit` ours"),
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
@reports_errors
def tail(limit: int, as_json: bool) -> None:
    """Print the newest events, oldest first.

    Example: idp audit tail --limit 50
    """
    rows = [_told(row) for row in opened_stores().trail.tail(limit)]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, ("at", "name", "subject", "client_id", "facts", "reason"))


@audit.command()
@click.option(
    "--head", "heads", multiple=True, metavar="[NUMBER:]HASH", help="A head that was recorded earlier, as in the log."
)
@click.option(
    "--file", "files", multiple=True, type=FILE, help="Verify an exported month instead; name earlier months first."
)
@click.option("--keys", "jwks", type=FILE, help="With --file: the public audit keys, as served at /jwks/audit.")
@as_json
@reports_errors
def verify(heads: tuple[str, ...], files: tuple[Path, ...], jwks: Path | None, as_json: bool) -> None:
    """Recompute the whole chain; ends with 1 and the place when any byte was changed, or the end was cut off.

    What this machine has seen (the file `witness`) is looked for by itself; --head looks for more, as the line
    `audit head` in a log that left the machine tells it. With --file and --keys, exported months are checked by public
    keys alone, on any machine, without settings or a database.

    Example: idp audit verify --head 4711:0f3a...

    Example: idp audit verify --file 2026-10.jsonl --file 2026-11.jsonl --keys audit-keys.json
    """
    if files:
        _verify_files(files, jwks, as_json)
        return
    base = opened_stores()
    seen, epoch = Witness(base.settings.data_dir).read()
    known = [_head(text) for text in heads]
    # A bumped epoch means that an operator knows of the restored database.
    if read_counter(base.database, "epoch") <= epoch:
        known.append(seen)
    verdict = base.trail.verify(known)
    facts = {"verified": verdict.verified, "not_chained_yet": verdict.unsealed, "broken": verdict.broken}
    output.as_json(facts) if as_json else output.facts(facts)
    if verdict.broken:
        stop([verdict.broken])


@audit.command()
@click.argument("month", metavar="YYYY-MM")
@click.option("--output", "target", type=click.Path(path_type=Path), help="File to create, instead of standard output.")
@reports_errors
def export(month: str, target: Path | None) -> None:
    """Write the records of a month and our signature of them, for auditors who check them without us.

    The records are proved against the chain first; a file whose last line has no signature was not finished.

    Example: idp audit export 2026-11 --output 2026-11.jsonl
    """
    base = opened_stores()
    base.audit_keys.rotator.ensure()
    try:
        with _new(target) as file:
            for line in base.trail.export(month, base.audit_keys.signer):
                click.echo(line, file=file)
    except (LookupError, BrokenTrail) as error:
        stop([str(error)])
    except FileExistsError:
        stop([f"{target} is there already"])
    except OSError as error:
        stop([f"{target}: {error.strerror}"])


@audit.command("keys")
@reports_errors
def keys_() -> None:
    """Print the public keys that vouch for exported months, as a JWK set; /jwks/audit has the same.

    Example: idp audit keys > audit-keys.json
    """
    base = opened_stores()
    base.audit_keys.rotator.ensure()
    click.echo(json.dumps(base.audit_keys.rings.ring().unrevoked_jwks(), indent=2))


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
@reports_errors
def explain(code: str, as_json: bool) -> None:
    """Print the incident behind the support code of an error page, or behind the X-Request-Id of a client's failure.

    Example: idp explain 7QK2M9XA
    """
    base = opened_stores()
    incident = base.support_codes.find(code)
    if incident is None:
        stop(["there is no such code, or it is older than thirty days"])
    facts = _story(incident)
    output.as_json(facts) if as_json else output.facts(facts)


def _verify_files(files: tuple[Path, ...], jwks: Path | None, as_json: bool) -> None:
    if jwks is None:
        stop(["--file needs --keys: the public keys, which /jwks/audit has"], UNUSABLE)
    try:
        keys = json.loads(jwks.read_text())
    except ValueError:
        stop([f"{jwks}: no JWK set"], UNUSABLE)
    rows: list[dict[str, Any]] = []
    before = None
    for file in files:
        try:
            signed = check(_Lines(file), keys, before)
        except (BadExport, UnicodeDecodeError) as error:
            stop([f"{file}: {error}"])
        before = signed.segment
        rows.append(
            {"month": before.month, "first": before.first, "last": before.last, "head": before.digest}
            | {"signed_by": signed.iss, "signed_at": _time(signed.iat), "kid": signed.kid}
        )
    output.as_json(rows) if as_json else output.table(rows, tuple(rows[0]))


class _Lines:
    """The lines of a file, repeatable, none longer than a record can be."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __iter__(self) -> Iterator[str]:
        with self._file.open(encoding="utf-8", newline="\n") as lines:
            yield from iter(lambda: lines.readline(LONGEST_LINE), "")


@contextmanager
def _new(target: Path | None) -> Iterator[IO[str]]:
    """A new file that only its owner can read; or standard output."""
    if target is None:
        yield sys.stdout
        return
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        yield file


def _head(text: str) -> Head:
    number, colon, hash_ = text.rpartition(":")
    if not re.fullmatch("[0-9a-f]{64}", hash_) or (colon and not number.isdecimal()):
        stop(["--head is a hash of 64 hexadecimal digits, or a number, a colon and the hash"])
    return Head(int(number) if colon else None, hash_)


def _story(incident: SupportCode) -> dict[str, Any]:
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
