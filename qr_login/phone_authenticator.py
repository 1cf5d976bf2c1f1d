"""Authentication for the phone's API: which key called, whose token it sent, and which device that is.

None of this comes from a body. A refused caller gets a problem (RFC 9457) with a code for the app, a sentence for the
person and the nonce for the next proof.
"""

from dataclasses import dataclass
from typing import Any, Literal

from authlib.oauth2.rfc6749 import OAuth2Error

from idp.accounts.devices import Device, DeviceHolder, Devices, Ended
from idp.accounts.notices import Scene
from idp.http import request as current_request
from idp.http.gateway import Environ
from idp.http.headers import Headers
from idp.http.json_api import Api, ApiProblem, Caller, Operation, Request
from idp.http.network import TrustedProxies
from idp.limits.local import LocalRateLimiter
from idp.oidc.dpop import BadProof, NonceNeeded, Proofs
from idp.oidc.inspection import Inspection
from idp.ports import Clock
from idp.sentences import Language
from idp.web.access import challenges, proofs_in, shown_token
from qr_login.contract import REFUSALS, EndedBody

SCOPE = "device"
CALLS = 60
CALLS_OF_A_NETWORK = 1200
"""Requests per minute by one key and from one network, in one worker."""


@dataclass(frozen=True, slots=True)
class PhoneOperation(Operation[Api, Caller, Request]):
    """A phone's operation. `by` is an access token bound to the key, or a proof by the key alone.

    `binding` says what the phone must be: the person's device, or just signed in.
    """

    binding: Literal["device", "any"] = "device"


AnyPhoneOperation = PhoneOperation[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class PhoneCaller:
    """The caller: the verified key and, with a token, the person behind it. `device` is that of the key."""

    jkt: str
    network: str
    language: Language
    device: Device | None
    holder: DeviceHolder | None = None


class PhoneAuthenticator:
    """Authenticates callers by the table of operations. `issuer` is our address as apps know it."""

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

    def caller(self, operation: AnyPhoneOperation, environ: Environ, language: Language) -> PhoneCaller:
        """The caller of `operation`. Raises `ApiProblem`."""
        network = self._peers.network(environ)
        if operation.by == "key":
            # Keys cost nothing, and each proof is stored: a caller that makes many is stopped before that.
            if not self._networks.hit(network):
                raise ApiProblem("too_many", retry_after=self._networks.retry_after)
            jkt = self._key(environ)
            self._slow_down(jkt)
            return PhoneCaller(jkt, network, language, self._devices.of_key(jkt))
        # The body is JSON and read later; a form could contain a token too.
        try:
            token = shown_token({**environ, "CONTENT_TYPE": ""}, self._proofs, self._issuer, self._inspection.key_of)
        except OAuth2Error as error:
            raise of_oauth(error, environ) from None
        if token is None or not token.jkt:
            raise ApiProblem("token_missing", headers=challenges(environ))
        self._slow_down(token.jkt)
        device = self._device(token.jkt)
        holder = self._holder(operation, environ, language, token.text, token.jkt)
        if device is None and operation.binding == "device":
            raise ApiProblem("no_device")
        if device is not None and device.account_id != holder.account.id:
            raise ApiProblem("invalid_token", headers=challenges(environ))
        return PhoneCaller(token.jkt, network, language, device, holder)

    def end(self, device: Device) -> EndedBody:
        """Why the phone is no longer accepted, as it tells its owner."""
        why: Ended = device.ended_why or "secured"
        can = self._devices.disowned(device.jkt) is not None
        return EndedBody(why=why, at=int(device.ended_at or 0), successor=device.successor, may_disown=can)

    def nonce(self) -> Headers:
        """The nonce for the next proof."""
        return [("DPoP-Nonce", self._proofs.nonce())]

    def _device(self, jkt: str) -> Device | None:
        device = self._devices.of_key(jkt)
        if device is not None and device.ended_at is not None:
            raise ApiProblem("ended", ended=self.end(device))
        return device

    def _holder(
        self, operation: AnyPhoneOperation, environ: Environ, language: Language, text: str, jkt: str
    ) -> DeviceHolder:
        held = self._inspection.holder(text, jkt, needs_binding=operation.binding == "device")
        if held is None:
            raise ApiProblem("invalid_token", headers=challenges(environ))
        token, client, grant_state = held
        current_request.current().client_id = client.client_id
        if not client.one_device or SCOPE not in token.scopes or token.audience != self._issuer:
            raise ApiProblem("insufficient_scope")
        account, session = grant_state.account, grant_state.session
        if account is None:
            raise ApiProblem("invalid_token", headers=challenges(environ))
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
            raise ApiProblem("too_many", retry_after=self._calls.retry_after)


def of_oauth(error: OAuth2Error, environ: Environ) -> ApiProblem:
    """The problem for a refused token or proof; `why` is for the developer of the app."""
    code = error.error if error.error in REFUSALS else "bad_request"
    why = error.description if code == "invalid_dpop_proof" else None
    return ApiProblem(code, why=why, headers=challenges(environ, error))
