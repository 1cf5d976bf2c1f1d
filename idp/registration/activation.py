"""`Activations`: from the link of an approval to the first password, by a code to the phone that the desk approved.

The link goes to the verified address and the code to the number: two channels, two proofs. Without an address both go
to the number, which may be a stranger's by a typing error; then the reference on the person's paper is the second proof
(M-7). Opening the link uses nothing up, because mail is also opened by machines; setting the password does, once.
"""

import hmac
from dataclasses import dataclass, replace
from typing import Protocol

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.credentials import Credentials
from idp.accounts.notices import Scene
from idp.accounts.one_time import CodeRequest
from idp.accounts.people import People
from idp.accounts.references import read_reference
from idp.ephemeral_records import EphemeralRecords, digest
from idp.errors import ActivationOver, Expired, OtherBrowser, StaleState
from idp.ports import Clock, Spent
from idp.registration.decisions import Activation, activation_digest
from idp.registration.declaration import DeclarationStore


@dataclass(frozen=True, slots=True)
class Activating:
    """An activation in one browser; `proved`: the phone was proved, `known`: the second proof was given."""

    digest: str
    account_id: str
    browser: str
    began_at: float
    declaration_id: str = ""
    known: bool = False
    proved: bool = False


class ActivationStore(Protocol):
    """The part of the store of decisions that is used here."""

    def activation(self, digest: str, now: float) -> Activation | None:
        """The unused activation with this digest."""
        ...

    def activated_at(self, digest: str) -> float | None:
        """When the activation with this digest was used."""
        ...


class Activations:
    """Starts, proves and finishes activations."""

    def __init__(
        self,
        store: ActivationStore,
        declarations: DeclarationStore,
        people: People,
        credentials: Credentials,
        records: EphemeralRecords[Activating],
        clock: Clock,
    ) -> None:
        self._store = store
        self._declarations = declarations
        self._people = people
        self._credentials = credentials
        self._records = records
        self._clock = clock

    def begin(self, token: str, browser: str) -> str:
        """The handle under which this browser continues. Raises `ActivationOver` when the link is no longer valid."""
        now = self._clock()
        activation = self._store.activation(activation_digest(token), now)
        if activation is None:
            used_at = self._store.activated_at(activation_digest(token))
            raise ActivationOver("the activation link is used, over or was replaced", used_at=used_at)
        account = self._people.find(activation.account_id)
        by_mail = account is not None and trust.address(account, "notice", now) is not None
        under_way = Activating(
            activation.digest, activation.account_id, browser, now, activation.declaration_id, known=by_mail
        )
        return self._records.add(under_way)

    def here(self, handle: str, browser: str) -> tuple[Activating, Account]:
        """The activation in this browser, and the account. Raises `ActivationOver`, `OtherBrowser`."""
        under_way = self._records.find(handle)
        if under_way is None:
            raise ActivationOver("no such activation")
        if under_way.browser != browser:
            raise OtherBrowser("an activation goes on where it began")
        account = self._people.find(under_way.account_id)
        if account is None or not account.is_active or account.secured_at > under_way.began_at:
            raise ActivationOver("the account was secured meanwhile")
        if trust.number(account, "activation", self._clock()) is None:
            raise ActivationOver("no number may take the code")
        return under_way, account

    def recognise(self, handle: str, under_way: Activating, typed: str) -> bool:
        """Whether this is the reference on the person's paper; if so, that is recorded. Raises `Expired`."""
        declaration = self._declarations.find(under_way.declaration_id)
        if declaration is None or not hmac.compare_digest(declaration.reference, read_reference(typed)):
            return False
        if not self._records.replace(handle, under_way, replace(under_way, known=True)):
            raise Expired("the activation changed meanwhile")
        return True

    def proved(self, handle: str, under_way: Activating) -> None:
        """The code was correct. Raises `Expired` when the activation changed in the meantime."""
        if not under_way.known:
            raise Expired("only the number is proved")
        if not self._records.replace(handle, under_way, replace(under_way, proved=True)):
            raise Expired("the activation changed meanwhile")

    def finish(self, handle: str, under_way: Activating, account: Account, new: str, scene: Scene) -> None:
        """Set the first password. Raises `ActivationOver`, `Expired`, `WeakPassword`, `Busy`."""
        if not under_way.proved:
            raise Expired("the phone is not proved")
        hashed = self._credentials.hashed(new, account)
        taken = self._records.take(handle)
        if taken is None or isinstance(taken, Spent):
            raise ActivationOver(
                "the activation was finished before", used_at=self._store.activated_at(under_way.digest)
            )
        try:
            self._credentials.activate(account, hashed, under_way.digest, scene)
        except StaleState:
            raise ActivationOver("the link was used, or the account secured meanwhile") from None


def code_ask(handle: str, account: Account) -> CodeRequest:
    """The request for the code of an activation."""
    return CodeRequest("activation", digest("activation", handle), account.id, "sms", account.phone or "", account.id)
