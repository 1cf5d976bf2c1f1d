"""`Grant`: what one authorization gave a client. It is passed on to code, refresh family and tokens.

Its id is a separate digest of the code, so that a used code that is presented again identifies the grant to revoke
without a look-up, and so that a refresh family is unique per code.
"""

from dataclasses import dataclass, field

from idp.ephemeral_records import digest
from idp.login.authentication import Authentication
from idp.oidc.authorization_details import Details


@dataclass(frozen=True, slots=True)
class Grant:
    """Who allowed which client what, and how the person had logged in. Stored with the code and with the family.

    `jkt` is the thumbprint (RFC 7638) of the key that its tokens are bound to (RFC 9449), `x5t` that of the certificate
    (RFC 8705); both are empty for bearer tokens.
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
    x5t: str = ""
    details: Details = ()

    @property
    def offline(self) -> bool:
        """Whether it outlives the browser's session; the grant of a brief login never does."""
        return "offline_access" in self.scopes and not self.authentication.brief


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The contents of a code and the conditions of its redemption."""

    grant: Grant
    redirect_uri: str
    code_challenge: str | None = None
    id: str = field(default="", compare=False)


def grant_id_of(code: str) -> str:
    """The id of the grant of this code."""
    return digest("grant", code)
