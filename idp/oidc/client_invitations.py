"""Invitations: the initial access tokens (RFC 7591, 1.2) that operators hand out, and the port of who registered."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Protocol

from idp.ephemeral_records import digest, new_secret
from idp.oidc.clients import Client
from idp.ports import Event

MOST_USES, MOST_DAYS = 100, 90
DAY = 86_400.0
_CONSONANTS = "bcdfghjkmnpqrstvwxz"


@dataclass(frozen=True, slots=True)
class ClientInvitation:
    """Who has its token may register `uses_left` clients with scopes of `scope`, until `expires_at` (seconds).

    What is registered by one that is `approved` is in use at once: the operator agreed beforehand. Without
    `require_pkce` confidential clients that come by it may do without.
    """

    id: str
    digest: str
    scope: str
    approved: bool
    uses_left: int
    created_at: float
    expires_at: float
    require_pkce: bool = True


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client that registered itself, as it is stored.

    `token_digest` is of its registration access token, `invitation` the id of the one that it came by, and
    `stored` the exact text of its metadata, by which a change finds out that another one came before it.
    """

    client: Client
    token_digest: str
    invitation: str
    created_at: float
    statement: str | None = None
    stored: str = ""

    @property
    def version(self) -> str:
        """What an operator who looked at it names when agreeing, so that nothing else is agreed to."""
        return hashlib.sha256(self.stored.encode()).hexdigest()[:16]


class ClientRegistrationStore(Protocol):
    """Where invitations and what came of them is stored. Each change is one transaction with its audit event."""

    def invitation(self, token_digest: str, now: float) -> ClientInvitation | None:
        """The invitation with this token, while it is good for another use."""
        ...

    def add(self, invitation: ClientInvitation, new: RegisteredClient, event: Event, now: float) -> bool:
        """Use the invitation once, and only then add the client; False when no use was left."""
        ...

    def find(self, client_id: str) -> RegisteredClient | None:
        """A client that registered itself; None for every other one."""
        ...

    def replace(self, before: RegisteredClient, after: RegisteredClient, event: Event, now: float) -> None:
        """Put `after` in the place of exactly `before`. Raises `StaleState`."""
        ...

    def remove(self, registered: RegisteredClient, event: Event, now: float) -> None:
        """Remove the client with all its grants."""
        ...


def new_invitation(
    scope: str, uses: int, days: int, now: float, *, approved: bool = False, require_pkce: bool = True
) -> tuple[str, ClientInvitation]:
    """The token, which is told once, and what is stored of it."""
    token = new_secret("ci")
    name = "".join(secrets.choice(_CONSONANTS) for _ in range(10))
    until, digested = now + days * DAY, initial_token_digest(token)
    return token, ClientInvitation(name, digested, scope, approved, uses, now, until, require_pkce)


def initial_token_digest(token: str) -> str:
    """The stored form of an initial access token."""
    return digest("client-invitation", token)


def registration_token_digest(client_id: str, token: str) -> str:
    """The stored form of a registration access token, which is good for one client."""
    return digest("client-registration", f"{client_id}\0{token}")
