"""`Passkeys`: passkeys in people's devices that answer our challenges (WebAuthn Level 3).

A challenge is the handle of its own record: 256 random bits, taken once, within five minutes, for one `Ceremony`. The
answer contains the challenge, so no other state travels. `recognise` checks an answer, `use` records it with a
compare-and-swap; the caller reads the account in between, so that an event which ends passkeys is never missed. The
same rules apply to people and officers, each with a `RelyingParty` of their own host.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from string import ascii_lowercase
from typing import Any, TypeVar

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    encode_cbor,
    options_to_json_dict,
    parse_cbor,
    parse_client_data_json,
)
from webauthn.helpers import structs as w
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.registration.verify_registration_response import VerifiedRegistration

from idp.accounts.notices import Notice
from idp.accounts.passkey import (
    Ceremony,
    HolderKind,
    Passkey,
    PasskeyHolder,
    PasskeyRefused,
    PasskeyStore,
    Recognised,
    RelyingParty,
    TooManyPasskeys,
    checked_name,
    credential_digest,
)
from idp.ephemeral_records import EphemeralRecords
from idp.ports import Clock, Spent

T = TypeVar("T")

MOST = 10
LONGEST_ANSWER = 16_384
"""Characters; a browser's response has about two thousand."""
LONGEST_CREDENTIAL_ID = 1023
"""Bytes (WebAuthn, 5.1.3)."""
LIFE = 300.0
"""Seconds within which a challenge has to be answered."""
ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class Passkeys:
    """The passkeys of one relying party. `notice_of_clone` creates the notice about a copied passkey."""

    def __init__(
        self,
        store: PasskeyStore,
        challenges: EphemeralRecords[Ceremony],
        party: RelyingParty,
        clock: Clock,
        *,
        handle_key: bytes,
        notice_of_clone: Callable[[Passkey], Notice],
    ) -> None:
        self._store = store
        self._challenges = challenges
        self._party = party
        self._clock = clock
        self._handle_key = handle_key
        self._notice_of_clone = notice_of_clone

    def of(self, kind: HolderKind, holder: str) -> list[Passkey]:
        """The passkeys of a holder, oldest first."""
        return self._store.of_holder(kind, holder)

    def begin_adding(self, holder: PasskeyHolder, ceremony: Ceremony) -> dict[str, Any]:
        """What the browser passes to `navigator.credentials.create`. Raises `TooManyPasskeys`."""
        held = self.of(holder.kind, holder.id)
        if len(held) >= MOST:
            raise TooManyPasskeys
        options = webauthn.generate_registration_options(
            rp_id=self._party.rp_id,
            rp_name=self._party.name,
            user_id=self._handle(holder.kind, holder.id),
            user_name=holder.name,
            user_display_name=holder.display_name,
            challenge=self._challenge(ceremony),
            timeout=int(LIFE * 1000),
            authenticator_selection=w.AuthenticatorSelectionCriteria(
                resident_key=w.ResidentKeyRequirement.REQUIRED,
                user_verification=w.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(held),
            supported_pub_key_algs=ALGORITHMS,
        )
        return dict(options_to_json_dict(options))

    def finish_adding(
        self,
        answer: str,
        holder: PasskeyHolder,
        ceremony: Ceremony,
        *,
        name: str,
        network: str,
        notice: Notice,
        secured_at: float,
    ) -> Passkey:
        """Keep the passkey that the browser made. Raises `PasskeyRefused`, `BadName`."""
        named = checked_name(name)
        verified = self._verified_adding(_read(answer), ceremony)
        passkey = Passkey(
            id="".join(secrets.choice(ascii_lowercase) for _ in range(16)),
            holder_kind=holder.kind,
            holder=holder.id,
            credential_id=bytes_to_base64url(verified.credential_id),
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            aaguid=verified.aaguid,
            backed_up=verified.credential_backed_up,
            name=named,
            network=network[:64],
            created_at=self._clock(),
        )
        if not self._store.add(passkey, MOST, notice, secured_at):
            raise PasskeyRefused("known, too many, or the account was secured meanwhile", holder.id)
        return passkey

    def begin_use(self, ceremony: Ceremony, *, of: list[Passkey] | None = None) -> dict[str, Any]:
        """What the browser passes to `navigator.credentials.get`; any passkey of ours, or one of those named."""
        options = webauthn.generate_authentication_options(
            rp_id=self._party.rp_id,
            challenge=self._challenge(ceremony),
            timeout=int(LIFE * 1000),
            allow_credentials=_descriptors(of or []),
            user_verification=w.UserVerificationRequirement.REQUIRED,
        )
        return dict(options_to_json_dict(options))

    def recognise(self, answer: str, ceremony: Ceremony, kind: HolderKind) -> Recognised:
        """The passkey that gave this answer. Nothing is recorded yet. Raises `PasskeyRefused`."""
        response = _read(answer)
        challenge = self._taken(response, ceremony)
        passkey = self._store.of_credential(credential_digest(str(response.get("id"))))
        if passkey is None or passkey.ended_at is not None or passkey.holder_kind != kind:
            raise PasskeyRefused("unknown or ended passkey", passkey.holder if passkey else None)
        if ceremony.holder and passkey.holder != ceremony.holder:
            raise PasskeyRefused("somebody else's passkey", passkey.holder)
        self._demand_handle(response, passkey, ceremony)
        verified = _judged(
            lambda: webauthn.verify_authentication_response(
                credential=response,
                expected_challenge=challenge,
                expected_rp_id=self._party.rp_id,
                expected_origin=self._party.origin,
                credential_public_key=passkey.public_key,
                # Compared in `use`, after the signature: a number sent by a stranger must not end a passkey.
                credential_current_sign_count=0,
                require_user_verification=True,
            ),
            passkey.holder,
        )
        return Recognised(passkey, verified.new_sign_count)

    def use(self, recognised: Recognised) -> Passkey:
        """Record the use, and end a passkey whose count does not grow: it was copied. Raises `PasskeyRefused`."""
        passkey, count, now = recognised.passkey, recognised.sign_count, self._clock()
        if (count or passkey.sign_count) and count <= passkey.sign_count:
            self._store.end(passkey, "cloned", now, self._notice_of_clone(passkey))
            raise PasskeyRefused("the count did not grow", passkey.holder)
        if not self._store.use(passkey, count, now):
            raise PasskeyRefused("ended or used meanwhile", passkey.holder)
        return passkey

    def end(self, passkey: Passkey, notice: Notice) -> bool:
        """End a passkey at its holder's request; False when it has already ended."""
        return self._store.end(passkey, "removed", self._clock(), notice)

    def _challenge(self, ceremony: Ceremony) -> bytes:
        return self._challenges.add(ceremony).encode()

    def _taken(self, response: Mapping[str, Any], ceremony: Ceremony) -> bytes:
        """The challenge that was answered, if it belongs to this ceremony; it is now spent. Raises `PasskeyRefused`."""
        notice = _judged(lambda: parse_client_data_json(base64url_to_bytes(response["response"]["clientDataJSON"])))
        challenge = notice.challenge.decode(errors="replace")
        ceremony_kept = self._challenges.take(challenge)
        if ceremony_kept is None or isinstance(ceremony_kept, Spent):
            raise PasskeyRefused("unknown, used or old challenge")
        if ceremony_kept != ceremony:
            raise PasskeyRefused("challenge of another browser, attempt or purpose")
        return challenge.encode()

    def _verified_adding(self, response: dict[str, Any], ceremony: Ceremony) -> VerifiedRegistration:
        """The contents of a correct answer to `begin_adding`. Raises `PasskeyRefused`."""
        challenge = self._taken(response, ceremony)
        verified = _judged(
            lambda: webauthn.verify_registration_response(
                credential=_without_attestation(response),
                expected_challenge=challenge,
                expected_rp_id=self._party.rp_id,
                expected_origin=self._party.origin,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            ),
            ceremony.holder,
        )
        if (
            len(verified.credential_id) > LONGEST_CREDENTIAL_ID
            or bytes_to_base64url(verified.credential_id) != response["id"]
        ):
            raise PasskeyRefused("credential id is too long or not the one that was named", ceremony.holder)
        return verified

    def _demand_handle(self, response: Mapping[str, Any], passkey: Passkey, ceremony: Ceremony) -> None:
        """The device names the passkey's holder; it may omit that only if we named the passkeys."""
        handle = _judged(lambda: base64url_to_bytes(response["response"].get("userHandle") or ""), passkey.holder)
        if not handle and ceremony.holder:
            return
        if not hmac.compare_digest(handle, self._handle(passkey.holder_kind, passkey.holder)):
            raise PasskeyRefused("wrong user handle", passkey.holder)

    def _handle(self, kind: HolderKind, holder: str) -> bytes:
        """The user handle: it identifies nobody, even to someone who knows account ids."""
        return hmac.digest(self._handle_key, f"{kind}:{holder}".encode(), hashlib.sha256)


def _read(answer: str) -> dict[str, Any]:
    """The browser's answer: a JSON object of bounded size. Raises `PasskeyRefused`."""
    if len(answer) > LONGEST_ANSWER:
        raise PasskeyRefused("answer is too long")
    parsed = _judged(lambda: json.loads(answer))
    if not isinstance(parsed, dict) or not isinstance(parsed.get("response"), dict):
        raise PasskeyRefused("answer is no object")
    return parsed


def _judged(read: Callable[[], T], holder: str | None = None) -> T:
    """The result of `read`. Raises `PasskeyRefused` for anything that the library's parsers and checks raise."""
    try:
        return read()
    except Exception as error:
        # The library has its own exceptions, but lets those of its parsers through for malformed input.
        raise PasskeyRefused(f"{type(error).__name__}: {error}"[:200], holder or None) from None


def _without_attestation(parsed: dict[str, Any]) -> dict[str, Any]:
    """The answer without an attestation statement: we request none, and parse no certificates."""
    response = parsed["response"]
    made = parse_cbor(base64url_to_bytes(response["attestationObject"]))
    plain = encode_cbor({"fmt": "none", "attStmt": {}, "authData": made["authData"]})
    return parsed | {"response": response | {"attestationObject": bytes_to_base64url(plain)}}


def _descriptors(passkeys: list[Passkey]) -> list[w.PublicKeyCredentialDescriptor]:
    return [w.PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id)) for each in passkeys]
