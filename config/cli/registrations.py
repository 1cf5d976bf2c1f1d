"""`idp registrations`: declarations waiting at the desk; officers decide here as at their console."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.container import Container
from config.stores import Stores
from idp.accounts.masking import masked_name, masked_phone
from idp.accounts.people import IdentifierTaken
from idp.accounts.references import read_reference
from idp.errors import StaleState
from idp.officers.officers import NotAllowed, Officer
from idp.registration.decisions import Unfit
from idp.registration.declaration import REASONS, Declaration, QueueFilter, State, WrongState
from idp.registration.proposals import MOST_ITEMS

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("submitted", "returned", "approved", "rejected", "superseded", "cancelled", "lapsed")
WHY = {
    "own_request": "it is the officer's own",
    "agency": "the officer has no right in its agency",
    "right": "the officer has no such right",
    "same_officer": "whoever proposes cannot be who approves",
    "account_exists": "the code or the paper has an account already",
    "no_account": "there is no active account for it, or the account has a password",
    "secured_meanwhile": "the account was secured after it was asked for; reject it",
    "held": "it is held back for now",
    "sent_just_now": "the way to a password was sent a moment ago; wait ten minutes",
    "taken": "another account has just got the number",
    "changed": "it was decided, changed or superseded meanwhile; look at it and try again",
}


@click.group()
def registrations() -> None:
    """Declarations at the desk: list, show, approve, reject, give back, send the activation again."""


@registrations.command("list")
@click.option("--agency", help="Only in this agency and all beneath it.")
@click.option("--state", type=click.Choice(STATES), default="submitted", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@reports_errors
def list_(agency: str | None, state: State, limit: int, as_json: bool) -> None:
    """List declarations, oldest first; names and numbers are masked.

    Example: idp registrations list --agency 07906
    """
    stores = opened_stores()
    agencies = sorted(stores.agencies.tree().beneath(agency)) if agency else None
    rows = [declaration_facts(each) for each in stores.declarations.queue(QueueFilter(agencies, (state,), limit=limit))]
    columns = ("reference", "request", "kind", "name", "code", "agency", "state", "submitted")
    output.as_json(rows) if as_json else output.table(rows, columns)


@registrations.command()
@click.argument("reference")
@as_json
@reports_errors
def show(reference: str, as_json: bool) -> None:
    """Show one declaration, masked.

    Example: idp registrations show 7KF3-9QTA-2M
    """
    facts = declaration_facts(_found(opened_stores(), reference))
    output.as_json(facts) if as_json else output.facts(facts)


def _decides(command: F) -> F:
    """Adds who decides and why, and turns refusals by the rules into one line."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except NotAllowed as refused:
            _refuse(refused.why)
        except Unfit as unfit:
            _refuse(unfit.why)
        except (StaleState, WrongState):
            _refuse("changed")
        except IdentifierTaken:
            _refuse("taken")

    by = click.option("--by", required=True, help="Login name of the officer who decides.")
    return by(reasoned(as_json(reports_errors(run))))  # type: ignore[return-value]


@registrations.command()
@click.argument("references", nargs=-1, required=True)
@click.option("--approved-by", help="Login name of a second officer, required for more than one declaration.")
@_decides
def approve(references: tuple[str, ...], approved_by: str | None, by: str, reason: str, as_json: bool) -> None:
    """Approve: an account is opened, changed or closed, and the person is notified.

    More than one at once takes two officers, and is told for each.

    Example: idp registrations approve 7KF3-9QTA-2M --by lan.nguyen --reason "desk 12"
    """
    base = opened_stores()
    officer, declarations = _officer(base, by), [_found(base, each) for each in dict.fromkeys(references)]
    if len(declarations) == 1 and not approved_by:
        Container(base).registration.decisions.approve(declarations[0], officer)
        _say({declarations[0].formatted_reference: "approved"}, as_json)
        return
    if not approved_by:
        stop(["more than one takes two officers: name the second with --approved-by"])
    if len(declarations) > MOST_ITEMS:
        stop([f"at most {MOST_ITEMS} at once"])
    second, done = _officer(base, approved_by), dict[str, str]()
    if second.id == officer.id:
        _refuse("same_officer")
    proposals = Container(base).officers.proposals
    for proposal in proposals.approve_all(declarations, officer, reason):
        done |= {result.item: result.why for result in proposals.confirm(proposal, second)}
    _say(done, as_json)
    if set(done.values()) != {"approved"}:
        stop(["not all of them were approved"])


_reason_code = click.option(
    "--reason-code", required=True, type=click.Choice(REASONS), help="The reason that the person reads."
)
_note = click.option("--note", default="", help="A sentence for the person, sent with the decision.")


@registrations.command()
@click.argument("reference")
@_reason_code
@_note
@_decides
def reject(reference: str, reason_code: str, note: str, by: str, reason: str, as_json: bool) -> None:
    """Reject; the person is notified of the reason.

    Example: idp registrations reject 7KF3-9QTA-2M --by lan.nguyen --reason-code incomplete --reason "desk 12"
    """
    base = opened_stores()
    declaration = _found(base, reference)
    Container(base).registration.decisions.reject(declaration, _officer(base, by), reason_code, note[:200])
    _say({declaration.formatted_reference: "rejected"}, as_json)


@registrations.command("return")
@click.argument("reference")
@_reason_code
@_note
@_decides
def return_(reference: str, reason_code: str, note: str, by: str, reason: str, as_json: bool) -> None:
    """Return for correction; the person is notified of what to correct.

    Example: idp registrations return 7KF3-9QTA-2M --by lan.nguyen --reason-code paper_unreadable --reason "desk 12"
    """
    base = opened_stores()
    declaration = _found(base, reference)
    Container(base).registration.decisions.ask_for_correction(declaration, _officer(base, by), reason_code, note[:200])
    _say({declaration.formatted_reference: "returned"}, as_json)


@registrations.command()
@click.argument("reference")
@_decides
def resend(reference: str, by: str, reason: str, as_json: bool) -> None:
    """Send a new activation for the first password; earlier ones become invalid.

    Example: idp registrations resend 7KF3-9QTA-2M --by lan.nguyen --reason "message lost"
    """
    base = opened_stores()
    declaration = _found(base, reference)
    Container(base).registration.decisions.send_again(declaration, _officer(base, by))
    _say({declaration.formatted_reference: "sent again"}, as_json)


def _found(stores: Stores, reference: str) -> Declaration:
    declaration = stores.declarations.find_by_reference(read_reference(reference))
    if declaration is None or declaration.state == "draft":
        stop([f"there is no declaration {reference[:20]}"])
    return declaration


def _officer(base: Stores, login: str) -> Officer:
    return base.officers.find_by_login(login[:64]) or stop([f"there is no officer {login[:64]}"])


def _refuse(why: str) -> NoReturn:
    stop([WHY.get(why, why)])


def _say(done: dict[str, str], as_json: bool) -> None:
    if as_json:
        output.as_json(done)
        return
    for reference, what in done.items():
        click.echo(f"{reference}  {WHY.get(what, what)}")


def declaration_facts(declaration: Declaration) -> dict[str, Any]:
    """A declaration as operators see it: masked."""
    form, at = declaration.form, declaration.submitted_at
    return {
        "reference": declaration.formatted_reference,
        "request": declaration.request,
        "kind": declaration.kind,
        "name": masked_name(form.name),
        "code": "*" * 3 + form.code[-4:] if form.code else None,
        "phone": masked_phone(form.phone) if form.phone else None,
        "agency": form.agency,
        "state": declaration.state,
        "submitted": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else None,
        "reason": declaration.reason,
    }
