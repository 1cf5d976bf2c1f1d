"""`Activations`: from the link of an approval to the first password, by a code to the phone that the desk approved.

Opening the link uses nothing up, because mail is opened by machines too; the password that is set does, once.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from idp.accounts.account import Account
from idp.accounts.credentials import Credentials, Outdated
from idp.accounts.notices import Scene
from idp.accounts.one_time import Ask
from idp.accounts.people import People
from idp.desk.decisions import Activation, activation_digest
from idp.errors import ActivationOver, Expired, OtherBrowser
from idp.ports import Clock, Spent
from idp.shelf import Shelf, digest


@dataclass(frozen=True, slots=True)
class Activating:
    """An activation under way in one browser; `proved` says that the phone was."""

    digest: str
    account_id: str
    browser: str
    began_at: float
    proved: bool = False


class ActivationStore(Protocol):
    """The part of the store of decisions that is asked here."""

    def activation(self, digest: str, now: float) -> Activation | None:
        """The unused way to a first password behind this digest."""
        ...

    def activated_at(self, digest: str) -> float | None:
        """When the way behind this digest was used."""
        ...


class Activations:
    """Begins, proves and finishes activations."""

    def __init__(
        self,
        store: ActivationStore,
        people: People,
        credentials: Credentials,
        shelf: Shelf[Activating],
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._credentials = credentials
        self._shelf = shelf
        self._clock = clock

    def begin(self, token: str, browser: str) -> str:
        """The handle under which this browser goes on. Raises `ActivationOver` when the link is none any more."""
        now = self._clock()
        found = self._store.activation(activation_digest(token), now)
        if found is None:
            used_at = self._store.activated_at(activation_digest(token))
            raise ActivationOver("the activation link is used, over or was replaced", used_at=used_at)
        return self._shelf.add(Activating(found.digest, found.account_id, browser, now))

    def here(self, handle: str, browser: str) -> tuple[Activating, Account]:
        """What is under way in this browser, and the account. Raises `ActivationOver`, `OtherBrowser`."""
        under_way = self._shelf.find(handle)
        if under_way is None:
            raise ActivationOver("no such activation")
        if under_way.browser != browser:
            raise OtherBrowser("an activation goes on where it began")
        account = self._people.find(under_way.account_id)
        if account is None or not account.is_active or account.secured_at > under_way.began_at or not account.phone:
            raise ActivationOver("the account was secured meanwhile")
        return under_way, account

    def proved(self, handle: str, under_way: Activating) -> None:
        """The code was right. Raises `Expired` when something came between."""
        if not self._shelf.replace(handle, under_way, replace(under_way, proved=True)):
            raise Expired("the activation changed meanwhile")

    def finish(self, handle: str, under_way: Activating, account: Account, new: str, scene: Scene) -> None:
        """Set the first password. Raises `ActivationOver`, `Expired`, `WeakPassword`, `Busy`."""
        if not under_way.proved:
            raise Expired("the phone is not proved")
        hashed = self._credentials.hashed(new, account)
        taken = self._shelf.take(handle)
        if taken is None or isinstance(taken, Spent):
            raise ActivationOver(
                "the activation was finished before", used_at=self._store.activated_at(under_way.digest)
            )
        try:
            self._credentials.activate(account, hashed, under_way.digest, scene)
        except Outdated:
            raise ActivationOver("the link was used, or the account secured meanwhile") from None


def code_ask(handle: str, account: Account) -> Ask:
    """What the code of an activation is for."""
    return Ask("activation", digest("activation", handle), account.id, "sms", account.phone or "", account.id)
