"""What a request presents at our protected resources: an access token, and the proof that its holder sent it.

Bearer tokens are sent in the header or in the form of a POST (RFC 6750, 2). Bound tokens are sent only in the header,
with the scheme `DPoP` and a proof (RFC 9449, 7.1).
"""

from collections.abc import Callable
from typing import NamedTuple

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from idp.http.forms import WrongType, read_form, read_query, single
from idp.http.gateway import Environ
from idp.http.headers import Headers
from idp.oidc.dpop import ALGS, BadProof, NonceNeeded, Proofs
from keys.signing import BadToken, unverified_parts

SCHEMES = ("bearer", "dpop")
NO_KEY = "-"
"""A thumbprint that no key has."""


class PresentedToken(NamedTuple):
    """An access token as it was sent, and the thumbprint of the key that signed the proof."""

    text: str
    jkt: str = ""


def shown_token(environ: Environ, proofs: Proofs, issuer: str, key_of: Callable[[str], str]) -> PresentedToken | None:
    """The token of a request and its proof, which this uses up. Raises OAuth errors.

    The caller checks that both belong together: `AccessToken.jkt` is `PresentedToken.jkt`. `key_of` returns the key
    that a token is bound to; a proof by another key is rejected and not recorded.
    """
    token = _only_token(environ)
    if token is None or token[0] == "bearer":
        return None if token is None else PresentedToken(token[1])
    bound_to = key_of(token[1])
    if not bound_to:
        return PresentedToken(token[1], NO_KEY)
    url = issuer + environ.get("PATH_INFO", "")
    try:
        proof = proofs.judge(proofs_in(environ), environ["REQUEST_METHOD"], url, access_token=token[1])
        if proof.jkt == bound_to:
            proofs.use(proof)
    except (BadProof, NonceNeeded) as error:
        raise error.as_oauth(401) from None
    return PresentedToken(token[1], proof.jkt)


def claimed_client(environ: Environ) -> str:
    """The client that the access token in the header names, unverified; empty without one."""
    token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2].strip()
    try:
        return str(unverified_parts(token)[1].get("client_id", ""))
    except BadToken:
        return ""


def bearer_of(environ: Environ) -> str | None:
    """The bearer token of a request, for resources that accept no other kind. Raises OAuth errors."""
    token = _only_token(environ)
    return token[1] if token and token[0] == "bearer" else None


def proofs_in(environ: Environ) -> list[str]:
    """The `DPoP` headers of a request; WSGI joins several with a comma, which no JWT contains."""
    joined = environ.get("HTTP_DPOP")
    return [] if joined is None else [one.strip() for one in joined.split(",")]


def fresh_nonce(environ: Environ, proofs: Proofs) -> Headers:
    """The nonce for the next proof, for callers that send proofs (RFC 9449, 8.2)."""
    return [("DPoP-Nonce", proofs.nonce())] if "HTTP_DPOP" in environ else []


def challenges(environ: Environ, error: OAuth2Error | None = None) -> Headers:
    """The accepted schemes, with the error in the scheme that was used (RFC 9449, 7.1 and 7.2)."""
    used = "dpop" if _scheme(environ) == "dpop" else "bearer"
    wrong = "" if error is None else f', error="{error.error}"'
    challenges = {"bearer": 'Bearer realm="idp"', "dpop": f'DPoP realm="idp", algs="{" ".join(ALGS)}"'}
    return [("WWW-Authenticate", text + (wrong if scheme == used else "")) for scheme, text in challenges.items()]


def _only_token(environ: Environ) -> tuple[str, str] | None:
    """Scheme and token of a request that sends one."""
    if "access_token" in dict(read_query(environ)):
        raise InvalidRequestError("An access token does not belong into a URL.")
    scheme, header = _scheme(environ), environ.get("HTTP_AUTHORIZATION", "")
    tokens = [(scheme, header.partition(" ")[2].strip())] if scheme in SCHEMES else []
    if environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE"):
        try:
            form = single(read_form(environ))
        except WrongType:
            form = {}
        tokens += [("bearer", form["access_token"])] if "access_token" in form else []
    if len(tokens) > 1:
        raise InvalidRequestError("More than one access token.")
    return tokens[0] if tokens else None


def _scheme(environ: Environ) -> str:
    scheme, space, _ = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() if space else ""
