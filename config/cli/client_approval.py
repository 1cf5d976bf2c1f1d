"""`idp clients` for clients that register themselves: invite them, and agree to what they registered or not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from idp.errors import StaleState
from idp.oidc.client_invitations import MOST_DAYS, MOST_USES, ClientInvitation, RegisteredClient, new_invitation
from idp.oidc.clients import SCOPES
from idp.oidc.metadata import REGISTRATION
from idp.ports import Event

COLUMNS = ("id", "uses_left", "expires", "scope", "approved", "require_pkce")


@click.command()
@click.option("--uses", type=click.IntRange(1, MOST_USES), default=1, help="How many clients. Default: 1.")
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=7, help="Days that it is good for. Default: 7.")
@click.option("--scope", default="openid", help="Scopes that they may have, separated by spaces. Default: openid.")
@click.option("--approved", is_flag=True, help="Agree beforehand: what is registered by it may begin at once.")
@click.option("--require-pkce/--no-require-pkce", default=True, help="Only confidential clients may omit PKCE.")
@reasoned
@as_json
@reports_errors
def invite(uses: int, days: int, scope: str, reason: str, as_json: bool, **agreed: bool) -> None:
    """Make an invitation by which a portal registers itself, and print its token only now.

    Example: idp clients invite --uses 2 --days 14 --scope "openid profile" --reason "contract 7"
    """
    base = opened_stores()
    asked, offered = scope.split(), [each for each in SCOPES if each != "device"]
    if not asked or not set(asked) <= set(offered):
        stop([f"an invitation may hold the scopes {' '.join(offered)}"])
    token, invitation = new_invitation(" ".join(asked), uses, days, base.clock(), **agreed)
    event = Event("client.invited", facts={"invitation": invitation.id, "uses": uses}, reason=reason)
    base.client_registrations.invite(invitation, event)
    told_once = {"initial_access_token": token, "registration_endpoint": base.settings.issuer + REGISTRATION}
    facts = _facts(invitation) | told_once
    output.as_json(facts) if as_json else output.facts(facts)


@click.command()
@as_json
@reports_errors
def invitations(as_json: bool) -> None:
    """List the invitations that are good for another client; their tokens cannot be shown again.

    Example: idp clients invitations --json
    """
    base = opened_stores()
    rows = [_facts(each) for each in base.client_registrations.invitations(base.clock())]
    output.as_json(rows) if as_json else output.table(rows, COLUMNS)


@click.command()
@click.argument("invitation")
@reasoned
@reports_errors
def uninvite(invitation: str, reason: str) -> None:
    """Withdraw an invitation, named by its id; the clients that came by it stay.

    Example: idp clients uninvite bcdfghjkmn --reason "sent to the wrong person"
    """
    event = Event("client.uninvited", facts={"invitation": invitation}, reason=reason)
    if not opened_stores().client_registrations.withdraw(invitation, event):
        stop([f"there is no invitation {invitation[:40]}"])
    click.echo(f"invitation {invitation} is withdrawn")


@click.command()
@click.argument("client_id")
@click.argument("version")
@reasoned
@reports_errors
def approve(client_id: str, version: str, reason: str) -> None:
    """Agree to a client that registered itself; VERSION, from `idp clients show`, says what you looked at.

    Example: idp clients approve c-1f2e 7a0c51d29e3b46f8 --reason "contract 7, addresses compared"
    """
    _decide(client_id, version, "", "client.approved", reason)
    click.echo(f"client {client_id} may begin, within five seconds")


@click.command()
@click.argument("client_id")
@reasoned
@reports_errors
def refuse(client_id: str, reason: str) -> None:
    """Refuse a client that registered itself; it learns that by `approval`, and can only be removed or approved.

    Example: idp clients refuse c-1f2e --reason "nobody knows them"
    """
    _decide(client_id, None, "refused", "client.refused", reason)
    click.echo(f"client {client_id} is refused")


def registration_facts(registered: RegisteredClient | None) -> dict[str, Any]:
    """What `idp clients show` adds for a client that registered itself."""
    if registered is None:
        return {}
    vouched = registered.statement is not None
    return {"version": registered.version, "invitation": registered.invitation, "software_statement": vouched}


def _decide(client_id: str, version: str | None, approval: Literal["", "refused"], event: str, reason: str) -> None:
    base = opened_stores()
    registered = base.client_registrations.find(client_id) or stop([f"no client {client_id} registered itself"])
    if not registered.client.approval:
        stop([f"client {client_id} is approved; `idp clients edit {client_id} --disabled` closes it"])
    if version not in (None, registered.version):
        stop([f"client {client_id} was changed, or {version!r} is no version of it: look at it again"])
    decided = replace(registered.client, approval=approval, disabled=bool(approval))
    happened = Event(event, client_id=client_id, reason=reason)
    try:
        base.client_registrations.replace(registered, replace(registered, client=decided), happened, base.clock())
    except StaleState:
        stop([f"client {client_id} was changed just now: look at it again"])


def _facts(invitation: ClientInvitation) -> dict[str, Any]:
    expires = datetime.fromtimestamp(invitation.expires_at, UTC).isoformat(timespec="seconds")
    return {
        "id": invitation.id,
        "uses_left": invitation.uses_left,
        "expires": expires,
        "scope": invitation.scope,
        "approved": invitation.approved,
        "require_pkce": invitation.require_pkce,
    }
