"""The captcha of a form, for every page that has one: what is shown, and what the form brought back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from idp.login.attempt import browser_of
from idp.login.challenge import Challenges
from idp.web.browser import Browser


@dataclass(frozen=True, slots=True)
class CaptchaAnswer:
    """What a form brought: the challenge, what was typed, and the work that was done for it."""

    challenge: str
    typed: str
    solution: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "CaptchaAnswer":
        """Every part has its bound."""
        return cls(form.get("captcha_id", "")[:64], form.get("captcha", "")[:64], form.get("altcha", "")[:1_000])


@dataclass(frozen=True, slots=True)
class CaptchaForm:
    """Shows and judges captchas; `bound` is the attempt, or whatever else one is good for."""

    challenges: Challenges

    def shown(
        self, browser: Browser, bound: str, *, secret: str = "", new_url: str = "", kept: CaptchaAnswer | None = None
    ) -> dict[str, str]:
        """What `captcha.html` takes; `kept` is an answer that was not spent and still counts."""
        challenge = kept.challenge if kept else ""
        challenge = challenge or self.challenges.new(bound, browser_of(secret or browser.secret or ""))
        work = self.challenges.work.challenge(challenge, browser.network)
        return {
            "id": challenge,
            "answer": kept.typed if kept else "",
            "solution": kept.solution if kept else "",
            "work": json.dumps(work) if work else "",
            "image_url": f"/login/captcha/{challenge}.png",
            "audio_url": f"/login/captcha/{challenge}.wav",
            "new_url": new_url,
        }

    def owed(self, given: CaptchaAnswer, network: str) -> int:
        """Seconds until this answer may be given again; 0: it may be judged."""
        return self.challenges.owed(given.challenge, given.solution, network)

    def is_right(self, given: CaptchaAnswer, bound: str) -> bool:
        """Use the challenge up and judge the answer."""
        return bool(given.challenge) and self.challenges.is_right(given.challenge, given.typed, bound)

    def count_wrong(self, browser: Browser) -> None:
        """Somebody here asked for something that costs others, and has proved nothing."""
        self.challenges.work.count_wrong(browser.network)
