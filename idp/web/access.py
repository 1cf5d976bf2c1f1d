"""What a request shows at a resource of ours: an access token, and the proof that its holder sent it.

Bearer tokens stand in the header or in the form of a POST (RFC 6750, 2), bound ones in the header only, with the scheme
`DPoP` and a proof beside them (RFC 9449, 7.1).
"""

from collections.abc import Callable
from typing import NamedTuple

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from idp.oidc.dpop import ALGS, BadProof, NonceNeeded, Proofs
from idp.web.forms import WrongType, read_form, read_query, single
from idp.web.gateway import Environ
from idp.web.headers import Headers

SCHEMES = ("bearer", "dpop")
NO_KEY = "-"
"""The thumbprint that no key has."""


class PresentedToken(NamedTuple):
    """An access token as it was sent, and the thumbprint of the key that was proved with it."""

    text: str
    jkt: str = ""


def shown_token(environ: Environ, proofs: Proofs, issuer: str, key_of: Callable[[str], str]) -> PresentedToken | None:
    """The token of a request and its proof, which is used up by this. Raises OAuth errors.

    Whoever reads the token asks whether both belong together: `AccessToken.jkt` is `PresentedToken.jkt`.
    `key_of` names the key that a token is bound to; a proof of another opens nothing and is not written down.
    """
    given = _only_token(environ)
    if given is None or given[0] == "bearer":
        return None if given is None else PresentedToken(given[1])
    bound_to = key_of(given[1])
    if not bound_to:
        return PresentedToken(given[1], NO_KEY)
    url = issuer + environ.get("PATH_INFO", "")
    try:
        proof = proofs.judge(proofs_in(environ), environ["REQUEST_METHOD"], url, access_token=given[1])
        if proof.jkt == bound_to:
            proofs.use(proof)
    except (BadProof, NonceNeeded) as error:
        raise error.as_oauth(401) from None
    return PresentedToken(given[1], proof.jkt)


def bearer_of(environ: Environ) -> str | None:
    """The bearer token of a request, where no other kind is taken. Raises OAuth errors."""
    given = _only_token(environ)
    return given[1] if given and given[0] == "bearer" else None


def proofs_in(environ: Environ) -> list[str]:
    """The `DPoP` headers of a request; WSGI joins several by a comma, which no JWT has."""
    joined = environ.get("HTTP_DPOP")
    return [] if joined is None else [one.strip() for one in joined.split(",")]


def fresh_nonce(environ: Environ, proofs: Proofs) -> Headers:
    """The nonce for the next proof, for whoever sends proofs (RFC 9449, 8.2)."""
    return [("DPoP-Nonce", proofs.nonce())] if "HTTP_DPOP" in environ else []


def challenges(environ: Environ, error: OAuth2Error | None = None) -> Headers:
    """What may be shown here, and in the scheme that was used what was wrong (RFC 9449, 7.1 and 7.2)."""
    used = "dpop" if _scheme(environ) == "dpop" else "bearer"
    wrong = "" if error is None else f', error="{error.error}"'
    challenges = {"bearer": 'Bearer realm="idp"', "dpop": f'DPoP realm="idp", algs="{" ".join(ALGS)}"'}
    return [("WWW-Authenticate", text + (wrong if scheme == used else "")) for scheme, text in challenges.items()]


def _only_token(environ: Environ) -> tuple[str, str] | None:
    """Scheme and token of a request that shows one."""
    if "access_token" in dict(read_query(environ)):
        raise InvalidRequestError("An access token does not belong into a URL.")
    scheme, header = _scheme(environ), environ.get("HTTP_AUTHORIZATION", "")
    given = [(scheme, header.partition(" ")[2].strip())] if scheme in SCHEMES else []
    if environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE"):
        try:
            form = single(read_form(environ))
        except WrongType:
            form = {}
        given += [("bearer", form["access_token"])] if "access_token" in form else []
    if len(given) > 1:
        raise InvalidRequestError("More than one access token.")
    return given[0] if given else None


def _scheme(environ: Environ) -> str:
    scheme, space, _ = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() if space else ""
