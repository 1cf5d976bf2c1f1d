"""The captcha of a form, for every page that has one: what is shown, and what was submitted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from idp.login.attempt import browser_of
from idp.login.challenge import Challenges
from idp.ports import NewRecord
from idp.web.browser import Browser


@dataclass(frozen=True, slots=True)
class CaptchaAnswer:
    """What was submitted: the challenge, the typed answer, and the proof of work."""

    challenge: str
    typed: str
    solution: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "CaptchaAnswer":
        """Every field is cut to its limit."""
        return cls(form.get("captcha_id", "")[:64], form.get("captcha", "")[:64], form.get("altcha", "")[:1_000])


@dataclass(frozen=True, slots=True)
class CaptchaForm:
    """Shows and checks captchas; `bound` is the attempt, or whatever else the captcha is valid for."""

    challenges: Challenges

    def values(
        self, browser: Browser, bound: str, *, secret: str = "", new_url: str = "", kept: CaptchaAnswer | None = None
    ) -> dict[str, str]:
        """The values for `captcha.html`; `kept` is an answer that was not used up and is still valid."""
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

    def owed(self, answer: CaptchaAnswer, network: str) -> int:
        """Seconds until this answer may be submitted again; 0 if it may be checked now."""
        return self.challenges.owed(answer.challenge, answer.solution, network)

    def is_right(self, answer: CaptchaAnswer, bound: str) -> bool:
        """Use up the challenge and check the answer."""
        return bool(answer.challenge) and self.challenges.is_right(answer.challenge, answer.typed, bound)

    def use_of(self, answer: CaptchaAnswer, bound: str) -> NewRecord | None:
        """What has to be put to use up the challenge; None when there is none that is valid here."""
        return self.challenges.use_of(answer.challenge, bound)

    def is_answer(self, answer: CaptchaAnswer) -> bool:
        """Whether the answer is right to a challenge that the caller has used up."""
        return self.challenges.is_answer(answer.challenge, answer.typed)

    def count_wrong(self, browser: Browser) -> None:
        """Count a request from here that costs others something and proved nothing."""
        self.challenges.work.count_wrong(browser.network)
