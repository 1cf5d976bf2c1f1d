"""`WorkPrice`: what a try costs in a network where many were wrong: some computing, or a short wait without script.

Programs read the picture of a captcha, so a proof of work (ALTCHA, version 1) stands beside it. It is bound to the
captcha and used up with it. The price follows the wrong tries that one worker saw lately; it never closes a door.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from altcha.v1 import ChallengeOptions, create_challenge, verify_solution

from idp.limits.local import LocalRateLimiter

LONGEST = 1_000
"""Characters of a solution as it is sent: base64 of JSON."""

CHEAPEST = 25_000
WAITS = (0, 4, 8, 15, 30)
"""Seconds that a captcha has to be old where nothing was computed, per level of the price."""

_MEMBERS = {"algorithm": str, "challenge": str, "number": int, "salt": str, "signature": str}


@dataclass(frozen=True, slots=True)
class Price:
    """One of `numbers` has to be found by trying, or the captcha has to be `wait` seconds old."""

    numbers: int
    wait: int


class WorkPrice:
    """`wrong` counts wrong tries per network; from `free` of them on, each doubling raises the price by a level."""

    def __init__(self, key: bytes, wrong: LocalRateLimiter, free: int) -> None:
        self._key = key
        self._wrong = wrong
        self._free = free

    def count_wrong(self, network: str) -> None:
        """Count a wrong try from this network."""
        self._wrong.hit(network)

    def price(self, network: str) -> Price | None:
        """What a try costs there now; None: nothing."""
        level = min((self._wrong.count(network) // self._free).bit_length(), len(WAITS) - 1)
        return Price(CHEAPEST << (level - 1), WAITS[level]) if level else None

    def challenge(self, captcha: str, network: str) -> Mapping[str, object] | None:
        """What a browser there has to compute beside this captcha, as ALTCHA writes it."""
        price = self.price(network)
        if price is None:
            return None
        asked = ChallengeOptions("SHA-256", max_number=price.numbers, salt=captcha, hmac_key=self._key)
        return dict(create_challenge(asked).to_dict())

    def owed(self, captcha: str, age: float, network: str, solution: str) -> int:
        """Seconds until a try with this captcha, shown `age` seconds ago, may be made; 0: now."""
        price = self.price(network)
        if price is None or self._is_solved(captcha, solution):
            return 0
        return max(0, price.wait - int(age))

    def _is_solved(self, captcha: str, solution: str) -> bool:
        payload = read_solution(solution)
        if payload is None or str(payload["salt"]).rstrip("&") != captcha:
            return False
        return verify_solution(payload, self._key, check_expires=False)[0]  # type: ignore[call-overload, no-any-return]


def read_solution(text: str) -> dict[str, object] | None:
    """The members of a solution; None for anything else."""
    try:
        parsed = json.loads(base64.b64decode(text, validate=True)) if 0 < len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or any(type(parsed.get(name)) is not kind for name, kind in _MEMBERS.items()):
        return None
    return {name: parsed[name] for name in _MEMBERS}
