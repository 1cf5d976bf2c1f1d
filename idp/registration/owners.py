"""Whose code a registration names: a person who already has an account is notified, once a day (V-075)."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.accounts.notices import Notices, Scene
from idp.accounts.people import People
from idp.messages.message import Message
from idp.ports import Clock
from idp.registration.declaration import Declaration
from idp.registration.identity import identifiers_of


@dataclass(frozen=True, slots=True)
class DailyNotice:
    """Messages of which an account gets one set per day; `name` is the key that counts them."""

    name: str
    messages: Sequence[Message]


class Owners:
    """Finds the account behind the numbers of a registration."""

    def __init__(self, people: People, notices: Notices, clock: Clock) -> None:
        self._people = people
        self._notices = notices
        self._clock = clock

    def notice_of(self, handed: Declaration) -> DailyNotice:
        """The notice to the owner of the code; without an owner an expired message is written, so that timing does not
        reveal who has an account.
        """
        held = identifiers_of(handed.kind, handed.form, self._clock())
        accounts = [self._people.find_by_identifier(each.kind, each.value) for each in held]
        account = next((each for each in accounts if each and each.is_active), None)
        if account is None:
            nobody = Message("email", "nobody", "notice", 0.0, {"event": "registration_asked"}, handed.language)
            return DailyNotice(f"registration-notice:{handed.id}", [nobody])
        notice = self._notices.plain("registration_asked", account, Scene(language=handed.language))
        return DailyNotice(f"registration-notice:{account.id}", notice)
