"""The keys of an installation, from its settings: master keys, rotation policy, and how changes are audited."""

from collections.abc import Iterable

import sqlalchemy as sa

from config.settings import BadSettings, Settings
from idp.oidc.clients import Client
from idp.ports import Event
from idp.store.audit import SqlAudit
from idp.store.signing_keys import Note
from keys import masters
from keys.changes import KeyPolicy, changes
from keys.ring import KeyRing
from keys.sealing import BadMasterKey, MasterKeys

ACCESS_TOKEN_ALG = "ES256"  # noqa: S105  the name of an algorithm


def master_keys(settings: Settings) -> MasterKeys:
    """The master keys from file, environment or command. Raises `BadSettings` with the exact reason."""
    keys = settings.keys
    try:
        if keys.master_key:
            return masters.from_text(keys.master_key.get_secret_value())
        if keys.master_key_command:
            return masters.from_command(keys.master_key_command)
        file = settings.master_key_file
        if file is None:
            raise BadSettings(["keys: no master key is configured"])
        return masters.from_file(file, create=not settings.is_production)
    except BadMasterKey as error:
        raise BadSettings([f"keys: {error}"]) from None


def policy(settings: Settings, algorithms: tuple[str, ...] | None = None) -> KeyPolicy:
    """The key policy; these algorithms always have keys, or else those in the settings."""
    keys, oidc = settings.keys, settings.oidc
    return KeyPolicy(
        algorithms=algorithms or keys.algorithms,
        lead=keys.lead,
        token_life=max(oidc.access_token_life, oidc.id_token_life),
        clock_skew=keys.clock_skew,
        rotate_every=keys.rotate_every,
    )


def noted_in(audit: SqlAudit, ring: str = "tokens") -> Note:
    """Writes each change of a key of this ring into the audit trail, in the transaction that makes it."""

    def note(connection: sa.Connection, before: KeyRing, after: KeyRing, reason: str) -> None:
        for change in changes(before, after):
            facts: dict[str, str | int | bool | None] = {"kid": change.key.kid, "alg": change.key.alg, "ring": ring}
            audit.write(connection, Event(f"key.{change.kind}", facts={**facts, "at": int(change.at)}, reason=reason))

    return note


def needed_algorithms(settings: Settings, clients: Iterable[Client]) -> dict[str, str]:
    """Algorithms that cannot be dropped, and what needs them."""
    users: dict[str, list[str]] = {ACCESS_TOKEN_ALG: ["access tokens"]}
    for alg in settings.keys.algorithms:
        users.setdefault(alg, []).append("keys.algorithms of the settings")
    for client in clients:
        for needed in client.signing_algs:
            users.setdefault(needed, []).append(f"client {client.client_id}")
    return {
        alg: ", ".join(who[:5]) + (f" and {len(who) - 5} more" if len(who) > 5 else "") for alg, who in users.items()
    }
