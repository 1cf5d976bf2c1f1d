"""`Grant`: what one authorization gave a client. Code, refresh family and tokens carry it on.

Its id is derived from the code by a digest of its own, so that whoever presents a spent code names the grant to revoke
without a look-up, and so that a refresh family can be unique per code.
"""

from dataclasses import dataclass, field

from idp.ephemeral_records import digest
from idp.login.authentication import Authentication


@dataclass(frozen=True, slots=True)
class Grant:
    """Who let which client do what, and how the person had logged in. Kept with the code and with the family.

    `jkt` is the thumbprint (RFC 7638) of the key that its tokens are bound to (RFC 9449); empty for bearer tokens.
    """

    client_id: str
    authentication: Authentication
    sid: str
    scopes: tuple[str, ...]
    resource: str | None = None
    nonce: str | None = None
    id_token_claims: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()
    jkt: str = ""

    @property
    def offline(self) -> bool:
        """Whether it outlives the browser's session; what a brief login granted never does."""
        return "offline_access" in self.scopes and not self.authentication.brief


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for and what its redemption is bound to."""

    grant: Grant
    redirect_uri: str
    code_challenge: str | None = None
    id: str = field(default="", compare=False)


def grant_id_of(code: str) -> str:
    """The id of the grant that this code began."""
    return digest("grant", code)
