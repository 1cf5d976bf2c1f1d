"""The catalogue of audit events, and what may stand in one.

Events are declared here once, so none can be mistyped. Facts are small words and numbers: a fact that looks like a
phone number, an identifier, a code or a token is a bug and is refused before it is written.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.ports import Event

EVENTS: Mapping[str, str] = {
    "login.succeeded": "A person proved who they are and a session was opened.",
    "login.failed": "A login was not accepted; `kind` says why.",
    "session.ended": "Sessions of an account were ended by the person or an operator.",
    "consent.given": "A person agreed that a client gets certain scopes.",
    "consent.withdrawn": "A person withdrew an agreement.",
    "device_grant.allowed": "A person let a device in that showed a code; the client's tokens go there.",
    "device_grant.denied": "A person did not let in a device that showed a code.",
    "refresh.reused": "A spent refresh token was presented again; its family was ended.",
    "refresh.foreign": "A client showed the refresh token of another one, its `owner`; nothing was issued.",
    "token.exchanged": "A client got a token for a person in exchange for that of another one, its `owner`.",
    "account.added": "An account was opened.",
    "account.disabled": "An account was closed by an operator.",
    "account.enabled": "An account was opened again by an operator.",
    "account.phone_set": "An operator set an unverified phone number.",
    "accounts.imported": "An operator opened many accounts from a file; the counts say how many.",
    "account.activated": "A person set the first password of an account that the desk had opened.",
    "account.changed": "An officer let a change of papers, name, number or address take effect.",
    "account.stopped": "An officer let somebody stop using the account; it is closed.",
    "account.erased": "An officer let a person's data be erased as far as the law allows.",
    "account.secured": "A person ended a way into the account, and with it everything open; `about` says which.",
    "account.not_me": "A person said that something done to the account was not theirs.",
    "account.phones_converted": "An operator wrote numbers of before 2018 in their form of today.",
    "participants.imported": "An operator brought the register of participants up to date.",
    "password.changed": "A person changed the password.",
    "password.recovered": "A person set a password after a recovery; `way` says how.",
    "password.renewed": "A login replaced a hash of another system; `weak` says that the password has to be changed.",
    "recovery.asked": "Somebody asked for a recovery; `way` says how.",
    "code.refused": "One-time codes were wrong too often.",
    "phone.verified": "A person proved to hold the registered number.",
    "email.verified": "A person proved to read the registered address.",
    "link.added": "An account was linked to a person at an upstream; `how` says by what.",
    "link.removed": "A link to an upstream was ended by the person or an operator.",
    "link.used": "A person came in through an upstream.",
    "link.refused": "An upstream's person was not linked; `why` says the reason.",
    "link.number_proposed": "A linked account lacks the citizen number that its upstream tells; officers decide.",
    "link.decided": "Officers decided a refused link.",
    "upstream.closed": "An operator closed an upstream.",
    "upstream.opened": "An operator opened an upstream again.",
    "declaration.submitted": "A declaration was handed to an agency; `superseded` counts what it replaced.",
    "declaration.approved": "An officer approved a declaration; `superseded` counts the others that ended with it.",
    "declaration.rejected": "An officer rejected a declaration; `reason_code` says why.",
    "declaration.returned": "An officer asked for a correction of a declaration.",
    "declaration.cancelled": "A pending declaration was ended by the person, or by a stronger proof of the same one.",
    "declaration.lapsed": "A declaration was not decided in time.",
    "declaration.viewed": "An officer opened a declaration.",
    "photo.viewed": "An officer opened a picture of a declaration.",
    "activation.sent": "A new way to the first password was sent.",
    "agencies.imported": "An operator brought the list of agencies up to date.",
    "officer.added": "An operator opened an officer's account.",
    "officer.changed": "Rights or state of an officer's account were changed; `what` says which.",
    "officer.invited": "An officer was sent the way to a password and a second factor.",
    "officer.login": "An officer logged in; `by` names the second factor.",
    "officer.login_failed": "An officer's login was not accepted; `why` says the reason.",
    "officer.views_many": "An officer opened more papers in an hour than a desk has visitors; `limit` says how many.",
    "officer.views_refused": "An officer was shown no more papers in this hour; `limit` says after how many.",
    "officer.logout": "An officer's session was ended.",
    "proposal.made": "An officer proposed what takes a second one.",
    "proposal.decided": "A second officer decided a proposal.",
    "data.asked": "A person asked about their own data; `kind` says what.",
    "data.answered": "An officer answered what a person asked about their data.",
    "data.exported": "A person took a copy of their own data.",
    "client.added": "A client was registered.",
    "client.changed": "A client was changed.",
    "client.invited": "An operator handed out an invitation to register clients; `uses` says how many.",
    "client.uninvited": "An operator withdrew an invitation.",
    "client.registered": "A client registered itself by an invitation; `approved` says whether it may begin at once.",
    "client.approved": "An operator agreed to a client that had registered itself.",
    "client.refused": "An operator refused a client that had registered itself.",
    "client.removed": "A client was removed.",
    "client.secret_rotated": "A client got a new secret.",
    "client.secret_ended": "A client's old secret was ended before its time.",
    "key.published": "A signing key was made and shown to portals.",
    "key.activated": "A signing key was given the date from which it signs.",
    "key.replaced": "A signing key was given the date on which it leaves.",
    "key.revoked": "A signing key was taken away at once, with every token of it.",
    "key.resealed": "What lies sealed in the database was sealed under the newest master key.",
    "device.enrolled": "A person enrolled a phone in an app.",
    "device.ended": "An enrolled phone opens nothing any more; `why` says by what.",
    "device.passcode": "A person changed the passcode of an enrolled phone.",
    "passkey.added": "A passkey was bound; its row says from where.",
    "passkey.used": "A passkey answered rightly.",
    "passkey.ended": "A passkey opens nothing any more; `why` says by what.",
    "qr.confirmed": "A person let a browser in with an enrolled phone; `near` says whether in one network.",
    "qr.denied": "A person refused a browser with an enrolled phone.",
    "qr.not_me": "A person said that they had asked for no login by QR code.",
    "epoch.bumped": "Everything issued before was ended.",
    "message.retried": "An operator let a message that had failed be tried anew.",
}
_SUSPICIOUS = re.compile(r"[0-9]{6,}|[A-Za-z0-9_-]{32,}|@|\beyJ")
_PERSONAL = re.compile(r"\+?[0-9](?:[ .-]?[0-9]){8,}|[^\s@]+@[^\s@]+")
"""Nine digits and more, as numbers of people and phones are written, and addresses."""

_PUBLIC = ("kid", "owner")
"""Facts that stand in public documents already: the name of a signing key, the id of a client."""

ZERO = "0" * 64


class ForbiddenFact(ValueError):
    """An event carries something personal or secret, or is not in the catalogue."""


def checked(event: Event) -> Event:
    """`event` if it may be written. Raises `ForbiddenFact`."""
    if event.name not in EVENTS:
        raise ForbiddenFact(f"no such event: {event.name}")
    for name, value in dict(event.facts).items():
        if name in _PUBLIC:
            continue
        if isinstance(value, str) and _SUSPICIOUS.search(value):
            raise ForbiddenFact(f"{event.name}: fact {name!r} looks personal or secret")
    return event


def blotted(reason: str | None) -> str | None:
    """Free text, without numbers and addresses of people: the trail outlives their data."""
    return _PERSONAL.sub("…", reason) if reason else reason


@dataclass(frozen=True, slots=True)
class Chain:
    """How records hang together: each hash is over the one before it and the record as canonical JSON.

    It is an HMAC under a secret of its own, so write access to the table is not enough to make one. Records before
    `since` are older than the secret and have a bare SHA-256; the record `since` holds the hash that those end with.
    """

    key: bytes
    since: int = 1

    def link(self, previous: str, record: Mapping[str, Any]) -> str:
        """The hash of a record that has its number."""
        if record["number"] < self.since:
            return digest(previous, canonical(record))
        content = f"{previous}\n{canonical(record)}".encode()
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()


def canonical(record: Mapping[str, Any]) -> str:
    """A record as the one line of JSON that is hashed and exported: names in order, no spaces."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(previous: str, line: str) -> str:
    """The digest of a trail that grew by a line: hexadecimal SHA-256, which anybody can compute without a secret."""
    return hashlib.sha256(f"{previous}\n{line}".encode()).hexdigest()
