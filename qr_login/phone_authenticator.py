"""The door of the phone's API: which key called, whose token it showed, and which device that is.

Nothing of it stands in a body. Whoever is not let in gets a problem (RFC 9457) with a code for the app, a sentence for
the person and the nonce for the next proof.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error

from idp.accounts.devices import Device, DeviceHolder, Devices, Ended
from idp.accounts.notices import Scene
from idp.errors import BadRequest
from idp.limits.local import LocalRateLimiter
from idp.messages.message import Language
from idp.oidc.dpop import BadProof, NonceNeeded, Proofs
from idp.oidc.inspection import Inspection
from idp.ports import Clock
from idp.store.store_errors import STORE_DOWN
from idp.web import request as current_request
from idp.web.access import challenges, proofs_in, shown_token
from idp.web.forms import TooLarge, read_body
from idp.web.gateway import EndpointResponse, Environ, reply, unavailable
from idp.web.headers import Headers
from idp.web.network import TrustedProxies
from qr_login.contract import REFUSALS, PhoneRoute, sentence

SCOPE = "device"
CALLS = 60
CALLS_OF_A_NETWORK = 1200
"""Requests a minute by one key and from one network, in one worker."""


class PhoneProblem(Exception):
    """A refusal by its code; `more` are further members of the answer."""

    def __init__(
        self,
        code: str,
        more: Mapping[str, Any] | None = None,
        *,
        retry_after: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.more = more or {}
        self.retry_after = retry_after
        self.headers = headers or []


REFUSING: tuple[type[Exception], ...] = (PhoneProblem, BadRequest, TooLarge, *STORE_DOWN)
"""What a request that reached the door may raise; each becomes a problem."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key that was proved and, with a token, the person behind it. `device` is that of the key."""

    jkt: str
    network: str
    language: Language
    device: Device | None
    holder: DeviceHolder | None = None


class PhoneAuthenticator:
    """Lets callers in by the table of operations. `issuer` is our address as apps know it."""

    def __init__(
        self, issuer: str, devices: Devices, inspection: Inspection, proofs: Proofs, peers: TrustedProxies, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._devices = devices
        self._inspection = inspection
        self._proofs = proofs
        self._peers = peers
        self._calls = LocalRateLimiter(CALLS, 60, clock)
        self._networks = LocalRateLimiter(CALLS_OF_A_NETWORK, 60, clock)

    def caller(self, operation: PhoneRoute, environ: Environ, language: Language) -> Caller:
        """Who calls `operation`. Raises `PhoneProblem`."""
        network = self._peers.network(environ)
        if operation.by == "key":
            # Keys cost nothing, and each proof is written down: whoever makes many is stopped before that.
            if not self._networks.hit(network):
                raise PhoneProblem("too_many", retry_after=self._networks.retry_after)
            jkt = self._key(environ)
            self._slow_down(jkt)
            return Caller(jkt, network, language, self._devices.of_key(jkt))
        # The body is JSON and read later; a form could hold a token too.
        try:
            shown = shown_token({**environ, "CONTENT_TYPE": ""}, self._proofs, self._issuer, self._inspection.key_of)
        except OAuth2Error as error:
            raise of_oauth(error, environ) from None
        if shown is None or not shown.jkt:
            raise PhoneProblem("token_missing", headers=challenges(environ))
        self._slow_down(shown.jkt)
        device = self._device(shown.jkt)
        holder = self._holder(operation, environ, language, shown.text, shown.jkt)
        if device is None and operation.binding == "device":
            raise PhoneProblem("no_device")
        if device is not None and device.account_id != holder.account.id:
            raise PhoneProblem("invalid_token", headers=challenges(environ))
        return Caller(shown.jkt, network, language, device, holder)

    def end(self, device: Device) -> Mapping[str, Any]:
        """Why the phone opens nothing any more, as it tells its owner."""
        why: Ended = device.ended_why or "secured"
        can = self._devices.disowned(device.jkt) is not None
        return {"why": why, "at": int(device.ended_at or 0), "successor": device.successor, "may_disown": can}

    def nonce(self) -> Headers:
        """What the next proof holds."""
        return [("DPoP-Nonce", self._proofs.nonce())]

    def refused(self, refused: PhoneProblem, language: Language) -> EndpointResponse:
        """The problem as it is sent."""
        known = REFUSALS[refused.code]
        retry = [("Retry-After", str(refused.retry_after))] if refused.retry_after else []
        body = {
            "type": f"urn:bhxh:problem:{refused.code}",
            "title": refused.code,
            "status": known.status,
            "code": refused.code,
            "detail": sentence(refused.code, language),
            **refused.more,
        }
        status, made, encoded = reply(known.status, body, [*refused.headers, *retry, *self.nonce()])
        return status, [("Content-Type", "application/problem+json"), *made[1:]], encoded

    def _device(self, jkt: str) -> Device | None:
        device = self._devices.of_key(jkt)
        if device is not None and device.ended_at is not None:
            raise PhoneProblem("ended", {"ended": self.end(device)})
        return device

    def _holder(self, operation: PhoneRoute, environ: Environ, language: Language, text: str, jkt: str) -> DeviceHolder:
        found = self._inspection.holder(text, jkt, needs_binding=operation.binding == "device")
        if found is None:
            raise PhoneProblem("invalid_token", headers=challenges(environ))
        token, client, grant_state = found
        current_request.current().client_id = client.client_id
        if not client.one_device or SCOPE not in token.scopes or token.audience != self._issuer:
            raise PhoneProblem("insufficient_scope")
        account, session = grant_state.account, grant_state.session
        if account is None:
            raise PhoneProblem("invalid_token", headers=challenges(environ))
        return DeviceHolder(
            account,
            client.client_id,
            jkt,
            token.grant_id or "",
            session.authentication.otp_at if session else None,
            self._peers.household(environ),
            self._peers.network(environ),
            Scene("", language),
        )

    def _key(self, environ: Environ) -> str:
        url = self._issuer + environ.get("PATH_INFO", "")
        try:
            proof = self._proofs.judge(proofs_in(environ), environ["REQUEST_METHOD"], url)
            self._proofs.use(proof)
            return proof.jkt
        except (BadProof, NonceNeeded) as error:
            raise of_oauth(error.as_oauth(401), environ) from None

    def _slow_down(self, jkt: str) -> None:
        if not self._calls.hit(jkt):
            raise PhoneProblem("too_many", retry_after=self._calls.retry_after)


def of_oauth(error: OAuth2Error, environ: Environ) -> PhoneProblem:
    """A refusal of token or proof; `why` is for the developer of the app."""
    code = error.error if error.error in REFUSALS else "bad_request"
    why = {"why": error.description} if code == "invalid_dpop_proof" else {}
    return PhoneProblem(code, why, headers=challenges(environ, error))


def problem_of(error: Exception) -> PhoneProblem:
    """What became of a request that no operation saw, or in the midst of which a store did not answer."""
    if isinstance(error, PhoneProblem):
        return error
    if isinstance(error, BadRequest):
        return PhoneProblem("bad_request")
    if isinstance(error, TooLarge):
        return PhoneProblem("too_large")
    unavailable(error)
    return PhoneProblem("busy", retry_after=2)


def language_of(environ: Environ) -> Language:
    """The language of the sentences."""
    return "en" if environ.get("HTTP_ACCEPT_LANGUAGE", "")[:2].lower() == "en" else "vi"


def read_object(operation: PhoneRoute, environ: Environ) -> Mapping[str, Any]:
    """The JSON object of a request, by the table. Raises `PhoneProblem`."""
    if operation.method == "GET":
        return {}
    try:
        body = read_body(environ)
        given = json.loads(body.decode(), object_pairs_hook=_single) if body else {}
    except (ValueError, RecursionError):
        raise PhoneProblem("bad_request") from None
    known = {field.name: field for field in operation.fields}
    if not isinstance(given, dict) or set(given) - set(known):
        raise PhoneProblem("bad_request")
    for field in operation.fields:
        if (field.name in given or field.required) and not field.takes(given.get(field.name)):
            raise PhoneProblem(field.refused, {"field": field.name})
    return given


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a member is given twice")
    return named
