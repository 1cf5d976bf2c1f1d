"""Looks at a client as its portal would: what it registered, and whether the addresses there answer as they have to.

Nothing is changed on either side. Redirect URIs are read and not fetched: they are for browsers with a code.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.oidc.clients import LOOPBACK, TOKEN_EXCHANGE, Client
from idp.outbound import Outbound, OutboundFailed, OutboundResponse
from idp.ports import Clock

SKEW = 60
"""Seconds that clocks may differ: assertions and ID tokens are judged with so much."""
KEY_TYPES = ("RSA", "EC", "OKP")
NO_TOKEN = urlencode({"logout_token": "this-is-no-token"}).encode()
"""What every receiver has to answer with 400 (OpenID Connect Back-Channel Logout 1.0, 2.8): it logs nobody out."""


@dataclass(frozen=True, slots=True)
class ClientFinding:
    """One thing that was looked at; `detail` says what it is, or what is wrong with it and what helps."""

    part: str
    state: Literal["good", "wrong"]
    detail: str


class ClientCheck:
    """The looks at one client. Each request of `outbound` has its own deadline; `find` returns a client by its id."""

    def __init__(self, outbound: Outbound, clock: Clock, find: Callable[[str], Client | None]) -> None:
        self._outbound = outbound
        self._clock = clock
        self._find = find

    def findings(self, client: Client) -> Iterator[ClientFinding]:
        """One after the other, as they are found."""
        if client.approval:
            yield ClientFinding("client", "wrong", f"it is {client.approval}: `idp clients approve`")
        elif client.disabled:
            yield ClientFinding("client", "wrong", "it is disabled: `idp clients edit ID --enabled`")
        for uri in client.redirect_uris:
            yield _redirect(uri, client.application_type)
        yield from self._sector(client)
        if client.jwks is not None:
            yield _keys("jwks", client.jwks)
        if client.jwks_uri:
            yield from self._fetched_keys(client.jwks_uri)
        if client.backchannel_logout_uri:
            yield from self._receiver(client.backchannel_logout_uri)
        if TOKEN_EXCHANGE in client.grant_types:
            yield from self._exchanges(client)

    def _exchanges(self, client: Client) -> Iterator[ClientFinding]:
        """Whose tokens it may exchange (RFC 8693), and for what."""
        if not client.exchange_from:
            yield ClientFinding("token exchange", "wrong", "of nobody: `idp clients edit ID --exchange-from OTHER`")
        for owner_id in client.exchange_from:
            owner = self._find(owner_id)
            both = owner.scopes_with(client) if owner else ()
            if owner is None or owner.disabled:
                yield ClientFinding("token exchange", "wrong", f"from {owner_id}: no such client, or disabled")
            elif not both:
                yield ClientFinding("token exchange", "wrong", f"from {owner_id}: the two have no scope in common")
            else:
                yield ClientFinding("token exchange", "good", f"from {owner_id}, at most {' '.join(both)}")

    def _sector(self, client: Client) -> Iterator[ClientFinding]:
        """Whose subject identifiers it shares (OIDC Core 8.1); a sector that is an address lists its redirect URIs."""
        if client.subject_type != "pairwise" or not client.redirect_uris:
            return
        if not client.sector.startswith("https://"):
            yield ClientFinding("sector", "good", f"subjects are those of {client.sector}")
            return
        try:
            listed = json.loads(self._outbound.get(client.sector, {"Accept": "application/json"}).body)
        except (OutboundFailed, ValueError) as error:
            yield ClientFinding("sector", "wrong", f"{client.sector}: no JSON list of redirect URIs ({error})")
            return
        missing = [uri for uri in client.redirect_uris if not isinstance(listed, list) or uri not in listed]
        if missing:
            yield ClientFinding("sector", "wrong", f"{client.sector} does not list {', '.join(missing)[:300]}")
        else:
            yield ClientFinding("sector", "good", f"{client.sector} lists every redirect URI")

    def _fetched_keys(self, uri: str) -> Iterator[ClientFinding]:
        try:
            answer = self._outbound.get(uri, {"Accept": "application/json"})
        except OutboundFailed as error:
            yield ClientFinding("jwks_uri", "wrong", f"{uri}: {error}")
            return
        if answer.status != 200:
            yield ClientFinding("jwks_uri", "wrong", f"{uri}: status {answer.status}, needed is 200")
        else:
            yield _keys("jwks_uri", _json(answer.body))
        yield from self._clocks("jwks_uri", answer)

    def _receiver(self, uri: str) -> Iterator[ClientFinding]:
        """It has to refuse what is no token: 400. Whoever takes it logs people out for anybody."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._outbound.post(uri, NO_TOKEN, headers)
        except OutboundFailed as error:
            yield ClientFinding("back-channel logout", "wrong", f"{uri}: {error}")
            return
        if answer.status == 400:
            yield ClientFinding("back-channel logout", "good", "answers, and refuses what is no logout token")
        elif answer.status in (200, 204):
            why = f"status {answer.status} to what is no logout token: it has to verify them, and answer 400"
            yield ClientFinding("back-channel logout", "wrong", why)
        else:
            why = f"{uri}: status {answer.status}; it has to take POST without a login or a redirect, and answer 400"
            yield ClientFinding("back-channel logout", "wrong", why)
        yield from self._clocks("back-channel logout", answer)

    def _clocks(self, part: str, answer: OutboundResponse) -> Iterator[ClientFinding]:
        """How far its clock is from ours, by the `Date` of an answer (RFC 9110, 6.6.1), to the second."""
        try:
            ahead = parsedate_to_datetime(answer.date).timestamp() - self._clock()
        except (ValueError, OverflowError):
            return
        difference = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours, by the Date of {part}"
        if abs(ahead) > SKEW:
            yield ClientFinding(
                "clock", "wrong", f"{difference}: tokens are judged with {SKEW} s; set the clocks by NTP"
            )
        else:
            yield ClientFinding("clock", "good", difference)


def _redirect(uri: str, application_type: str) -> ClientFinding:
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return ClientFinding("redirect URI", "good", uri)
    if application_type == "native":
        return ClientFinding("redirect URI", "good", f"{uri}: an app's own")
    if f"[{parts.hostname}]" in LOOPBACK or parts.hostname in LOOPBACK:
        return ClientFinding("redirect URI", "wrong", f"{uri}: reaches the person's own machine; a portal needs https")
    return ClientFinding("redirect URI", "wrong", f"{uri}: a portal needs https")


def _keys(part: str, jwks: Any) -> ClientFinding:
    """Whether assertions can be verified by it: public keys of a kind that is accepted, and nothing else."""
    try:
        keys = KeySet.import_key_set(jwks).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return ClientFinding(part, "wrong", "no JWK set")
    if any(key.is_private for key in keys):
        return ClientFinding(part, "wrong", "holds a private or symmetric key: whoever can read it can be this client")
    usable = [key for key in keys if key.key_type in KEY_TYPES and key.get("use", "sig") == "sig"]
    if not usable:
        return ClientFinding(part, "wrong", "no key that signs: needed is RSA, EC or OKP, with use sig or none")
    return ClientFinding(part, "good", f"{len(usable)} keys")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
