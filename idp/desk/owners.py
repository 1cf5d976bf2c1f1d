"""Whose code a registration names: somebody who has an account already is told, once a day (V-075)."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.accounts.notices import Notices, Scene
from idp.accounts.people import People
from idp.desk.declaration import Declaration
from idp.desk.identity import identifiers_of
from idp.messages.message import Message
from idp.ports import Clock


@dataclass(frozen=True, slots=True)
class DailyNotice:
    """Messages of which an account gets one set a day; `name` counts them."""

    name: str
    messages: Sequence[Message]


class Owners:
    """Finds who has an account by what a registration says."""

    def __init__(self, people: People, notices: Notices, clock: Clock) -> None:
        self._people = people
        self._notices = notices
        self._clock = clock

    def notice_of(self, handed: Declaration) -> DailyNotice:
        """What the owner of the code is told; for nobody a message is written too, whose time is over, so that the time
        that it takes tells nobody who has an account.
        """
        held = identifiers_of(handed.kind, handed.form, self._clock())
        found = [self._people.find_by_identifier(each.kind, each.value) for each in held]
        account = next((each for each in found if each and each.is_active), None)
        if account is None:
            nobody = Message("email", "nobody", "notice", 0.0, {"event": "registration_asked"}, handed.language)
            return DailyNotice(f"registration-notice:{handed.id}", [nobody])
        notice = self._notices.plain("registration_asked", account, Scene(language=handed.language))
        return DailyNotice(f"registration-notice:{account.id}", notice)
