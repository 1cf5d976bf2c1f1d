"""`Challenges`: captchas as single-use tickets, bound to one attempt and one browser.

The answer stands only in the short-lived store. A challenge is taken before it is judged, so a wrong answer costs a new
picture and a solved one opens nothing twice.
"""

from dataclasses import dataclass

from idp.brake import Brake
from idp.errors import TooMany
from idp.login import captcha
from idp.ports import Spent
from idp.shelf import Shelf, digest

FIXED_LIFE = 180.0


@dataclass(frozen=True, slots=True)
class Challenge:
    """One captcha: its answer and whom it was shown to."""

    answer: str
    attempt: str
    browser: str


class Challenges:
    """Makes and judges captchas. `fixed` is the answer in test mode, which production refuses."""

    def __init__(self, shelf: Shelf[Challenge], brake: Brake, *, length: int, fixed: str | None = None) -> None:
        self._brake = brake
        self._shelf = shelf
        self._length = length
        self._fixed = fixed

    def new(self, attempt: str, browser: str) -> str:
        """A fresh challenge for this attempt and browser; returns its handle. Raises `TooMany` for a flood of them."""
        if not self._brake.pull(attempt):
            raise TooMany("too many captchas in one attempt", retry_after=self._brake.retry_after)
        answer = self._fixed or captcha.new_answer(self._length)
        return self._shelf.add(Challenge(answer, digest("attempt", attempt), browser))

    def answer_for(self, handle: str, browser: str) -> str | None:
        """What to draw or speak, for the browser it was made for. Raises `TooMany` for one that is drawn on and on."""
        found = self._shelf.find(handle)
        if found is None or found.browser != browser:
            return None
        if not self._brake.pull(f"drawn {handle}"):
            raise TooMany("one captcha drawn too often", retry_after=self._brake.retry_after)
        return found.answer

    def is_right(self, handle: str, typed: str, attempt: str) -> bool:
        """Take the challenge and judge the answer; a second try with the same one is never right."""
        taken = self._shelf.take(handle) if handle else None
        if taken is None or isinstance(taken, Spent):
            return False
        return taken.attempt == digest("attempt", attempt) and captcha.is_right(typed, taken.answer)
