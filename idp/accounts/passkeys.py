"""`Passkeys`: keys that people keep in their devices and that answer a challenge of ours (WebAuthn Level 3).

A challenge is the handle of its own record: 256 random bits, taken once, within five minutes, for one `Ceremony`. The
answer tells which one it is for, so nothing else travels. `recognise` judges an answer, `use` notes it with a
compare-and-swap; whoever asks reads the account in between, so that an event which ends passkeys is never overlooked.
The rules serve people and officers alike, each with a `RelyingParty` of their own host.
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
"""Characters; a browser's answer has about two thousand."""
LONGEST_CREDENTIAL_ID = 1023
"""Bytes (WebAuthn, 5.1.3)."""
LIFE = 300.0
"""Seconds in which a challenge is to be answered."""
ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class Passkeys:
    """The passkeys of one relying party. `told_of_clone` makes the notice of a passkey that was copied."""

    def __init__(
        self,
        store: PasskeyStore,
        challenges: EphemeralRecords[Ceremony],
        party: RelyingParty,
        clock: Clock,
        *,
        handle_key: bytes,
        told_of_clone: Callable[[Passkey], Notice],
    ) -> None:
        self._store = store
        self._challenges = challenges
        self._party = party
        self._clock = clock
        self._handle_key = handle_key
        self._told_of_clone = told_of_clone

    def of(self, kind: HolderKind, holder: str) -> list[Passkey]:
        """The passkeys of somebody, oldest first."""
        return self._store.of_holder(kind, holder)

    def begin_adding(self, holder: PasskeyHolder, ceremony: Ceremony) -> dict[str, Any]:
        """What the browser hands to `navigator.credentials.create`. Raises `TooManyPasskeys`."""
        held = self.of(holder.kind, holder.id)
        if len(held) >= MOST:
            raise TooManyPasskeys
        options = webauthn.generate_registration_options(
            rp_id=self._party.rp_id,
            rp_name=self._party.name,
            user_id=self._handle(holder.kind, holder.id),
            user_name=holder.name,
            user_display_name=holder.shown,
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
        """What the browser hands to `navigator.credentials.get`; any passkey of ours, or one of those named."""
        options = webauthn.generate_authentication_options(
            rp_id=self._party.rp_id,
            challenge=self._challenge(ceremony),
            timeout=int(LIFE * 1000),
            allow_credentials=_descriptors(of or []),
            user_verification=w.UserVerificationRequirement.REQUIRED,
        )
        return dict(options_to_json_dict(options))

    def recognise(self, answer: str, ceremony: Ceremony, kind: HolderKind) -> Recognised:
        """The passkey that gave this answer. Nothing is noted of it yet. Raises `PasskeyRefused`."""
        given = _read(answer)
        challenge = self._taken(given, ceremony)
        passkey = self._store.of_credential(credential_digest(str(given.get("id"))))
        if passkey is None or passkey.ended_at is not None or passkey.holder_kind != kind:
            raise PasskeyRefused("unknown or ended passkey", passkey.holder if passkey else None)
        if ceremony.holder and passkey.holder != ceremony.holder:
            raise PasskeyRefused("somebody else's passkey", passkey.holder)
        self._demand_handle(given, passkey, ceremony)
        verified = _judged(
            lambda: webauthn.verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=self._party.rp_id,
                expected_origin=self._party.origin,
                credential_public_key=passkey.public_key,
                # Compared in `use`, after the signature: a stranger's number must not end anybody's passkey.
                credential_current_sign_count=0,
                require_user_verification=True,
            ),
            passkey.holder,
        )
        return Recognised(passkey, verified.new_sign_count)

    def use(self, recognised: Recognised) -> Passkey:
        """Note the use, and end a passkey whose count stands still: somebody made a copy. Raises `PasskeyRefused`."""
        passkey, count, now = recognised.passkey, recognised.sign_count, self._clock()
        if (count or passkey.sign_count) and count <= passkey.sign_count:
            self._store.end(passkey, "cloned", now, self._told_of_clone(passkey))
            raise PasskeyRefused("the count did not grow", passkey.holder)
        if not self._store.use(passkey, count, now):
            raise PasskeyRefused("ended or used meanwhile", passkey.holder)
        return passkey

    def end(self, passkey: Passkey, notice: Notice) -> bool:
        """End a passkey that its holder does not want any more; False when it has ended already."""
        return self._store.end(passkey, "removed", self._clock(), notice)

    def _challenge(self, ceremony: Ceremony) -> bytes:
        return self._challenges.add(ceremony).encode()

    def _taken(self, given: Mapping[str, Any], ceremony: Ceremony) -> bytes:
        """The challenge that was answered, if it is this ceremony's; it is spent now. Raises `PasskeyRefused`."""
        notice = _judged(lambda: parse_client_data_json(base64url_to_bytes(given["response"]["clientDataJSON"])))
        challenge = notice.challenge.decode(errors="replace")
        found = self._challenges.take(challenge)
        if found is None or isinstance(found, Spent):
            raise PasskeyRefused("unknown, used or old challenge")
        if found != ceremony:
            raise PasskeyRefused("challenge of another browser, attempt or purpose")
        return challenge.encode()

    def _verified_adding(self, given: dict[str, Any], ceremony: Ceremony) -> VerifiedRegistration:
        """What a right answer to `begin_adding` holds. Raises `PasskeyRefused`."""
        challenge = self._taken(given, ceremony)
        verified = _judged(
            lambda: webauthn.verify_registration_response(
                credential=_without_attestation(given),
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
            or bytes_to_base64url(verified.credential_id) != given["id"]
        ):
            raise PasskeyRefused("credential id is too long or not the one that was named", ceremony.holder)
        return verified

    def _demand_handle(self, given: Mapping[str, Any], passkey: Passkey, ceremony: Ceremony) -> None:
        """The device says whose passkey it is; only where we named the passkeys may it leave that out."""
        handle = _judged(lambda: base64url_to_bytes(given["response"].get("userHandle") or ""), passkey.holder)
        if not handle and ceremony.holder:
            return
        if not hmac.compare_digest(handle, self._handle(passkey.holder_kind, passkey.holder)):
            raise PasskeyRefused("wrong user handle", passkey.holder)

    def _handle(self, kind: HolderKind, holder: str) -> bytes:
        """The user handle: it tells nobody who somebody is, not even whoever knows account ids."""
        return hmac.digest(self._handle_key, f"{kind}:{holder}".encode(), hashlib.sha256)


def _read(answer: str) -> dict[str, Any]:
    """The browser's answer: a JSON object of bounded size. Raises `PasskeyRefused`."""
    if len(answer) > LONGEST_ANSWER:
        raise PasskeyRefused("answer is too long")
    given = _judged(lambda: json.loads(answer))
    if not isinstance(given, dict) or not isinstance(given.get("response"), dict):
        raise PasskeyRefused("answer is no object")
    return given


def _judged(read: Callable[[], T], holder: str | None = None) -> T:
    """What `read` gives. Raises `PasskeyRefused` for whatever the parsers and checks of the library raise."""
    try:
        return read()
    except Exception as error:
        # The library has exceptions of its own, and lets those of its parsers through for what is malformed.
        raise PasskeyRefused(f"{type(error).__name__}: {error}"[:200], holder or None) from None


def _without_attestation(given: dict[str, Any]) -> dict[str, Any]:
    """The answer without a statement about the device's maker: we ask for none, and parse nobody's certificates."""
    response = given["response"]
    made = parse_cbor(base64url_to_bytes(response["attestationObject"]))
    plain = encode_cbor({"fmt": "none", "attStmt": {}, "authData": made["authData"]})
    return given | {"response": response | {"attestationObject": bytes_to_base64url(plain)}}


def _descriptors(passkeys: list[Passkey]) -> list[w.PublicKeyCredentialDescriptor]:
    return [w.PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id)) for each in passkeys]
