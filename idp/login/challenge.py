"""`Challenges`: captchas bound to one attempt and one browser, valid for three minutes and one answer.

Nothing is stored before a challenge is answered, so requesting many fills no store: its handle consists of its end
time, a nonce and two seals, for the browser and for the attempt, and its answer is computed from that with a key. It is
recorded as used before it is checked: a wrong answer costs a new picture, a solved one cannot be reused.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from idp.ephemeral_records import digest
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.limits.work import WorkPrice
from idp.login import captcha
from idp.ports import Clock, EphemeralStore, NewRecord

FIXED_LIFE = 180
NAME = "c_"
_HEAD, _SEAL = 12, 10
"""Bytes of end time and nonce, and of each seal: 32 in all."""


class Challenges:
    """Creates and checks captchas. `fixed` is the answer in test mode, which production refuses."""

    def __init__(
        self,
        key: bytes,
        used: EphemeralStore,
        clock: Clock,
        limiter: LocalRateLimiter,
        work: WorkPrice,
        length: int,
    ) -> None:
        self.work = work
        self._key = key
        self._used = used
        self._clock = clock
        self._limiter = limiter
        self._length = length
        self.fixed: str | None = None

    def new(self, attempt: str, browser: str) -> str:
        """A fresh challenge for this attempt and browser; returns its handle. Raises `TooMany` on too many calls."""
        if not self._limiter.hit(attempt):
            raise TooMany("too many captchas in one attempt", retry_after=self._limiter.retry_after)
        head = (int(self._clock()) + FIXED_LIFE).to_bytes(4, "big") + secrets.token_bytes(_HEAD - 4)
        made = head + self._seal("browser", head, browser)
        made += self._seal("attempt", made, attempt)
        return NAME + urlsafe_b64encode(made).rstrip(b"=").decode()

    def answer_for(self, handle: str, browser: str) -> str | None:
        """What to draw or speak, for the browser it was made for, while it is valid."""
        made = self._live(handle)
        if made is None or not self._is_sealed("browser", made[:-_SEAL], browser):
            return None
        return self._answer(handle)

    def is_right(self, handle: str, typed: str, attempt: str) -> bool:
        """Use up the challenge and check the answer; a second try with the same one is never right."""
        use = self.use_of(handle, attempt)
        if use is None or not self._used.put(use.key, use.value, expires_at=use.expires_at, now=self._clock()):
            return False
        return self.is_answer(handle, typed)

    def use_of(self, handle: str, attempt: str) -> NewRecord | None:
        """What has to be put to use up the challenge; None when it has expired or is not of this attempt."""
        made = self._live(handle)
        if made is None or not self._is_sealed("attempt", made, attempt):
            return None
        return NewRecord(f"c:{digest('captcha', handle)}", b"", _end(made))

    def is_answer(self, handle: str, typed: str) -> bool:
        """Whether a challenge that the caller has used up was answered."""
        return captcha.is_right(typed, self._answer(handle))

    def owed(self, handle: str, solution: str, network: str) -> int:
        """Seconds until an answer to this challenge is accepted from this network; 0: now. Asking uses nothing up."""
        made = self._live(handle)
        return self.work.owed(handle, self._clock() - _end(made) + FIXED_LIFE, network, solution) if made else 0

    def _live(self, handle: str) -> bytes | None:
        """The parts of an unexpired handle; its seals tell to whom it belongs."""
        try:
            made = urlsafe_b64decode(handle.removeprefix(NAME) + "=")
        except (Error, ValueError):
            return None
        is_whole = len(made) == _HEAD + 2 * _SEAL and handle == NAME + urlsafe_b64encode(made).rstrip(b"=").decode()
        return made if is_whole and self._clock() < _end(made) else None

    def _answer(self, handle: str) -> str:
        seed = hmac.digest(self._key, f"answer\0{handle}".encode(), hashlib.sha256)
        return self.fixed or captcha.new_answer(self._length, seed)

    def _seal(self, whose: str, made: bytes, secret: str) -> bytes:
        return hmac.digest(self._key, f"{whose}\0{secret}\0".encode() + made, hashlib.sha256)[:_SEAL]

    def _is_sealed(self, whose: str, made: bytes, secret: str) -> bool:
        """Whether `made` ends in the seal of everything before it."""
        return hmac.compare_digest(made[-_SEAL:], self._seal(whose, made[:-_SEAL], secret))


def _end(made: bytes) -> float:
    """Seconds since the epoch."""
    return float(int.from_bytes(made[:4], "big"))
