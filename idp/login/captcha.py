"""The code a person copies from a picture or a recording: how an answer is made and how a typed one is judged.

A captcha raises the price of guessing; it is no wall, and limits carry the load (security X-01, X-02). Storing an
answer, binding it to one attempt and taking it once belong to whoever holds the short-lived store.
"""

import hmac
import secrets
import unicodedata

ALPHABET = "23456789CFHKLMPRTVX"
"""No pair that looks alike (0 O Q D, 1 I J, 2 Z, 5 S, 6 G, 8 B, M N, U V Y W) and no letter that a Telex or VNI
keyboard rewrites: without vowels, D and W nothing typed turns into a Vietnamese letter, nor into a word by chance."""

DEFAULT_LENGTH = 5
SHORTEST, LONGEST = 4, 8

# None of the left-hand characters is ever drawn, so reading one for its neighbour costs the defence nothing.
_MEANT = str.maketrans("1BGSZ", "78652")


def new_answer(length: int = DEFAULT_LENGTH, seed: bytes | None = None) -> str:
    """An unpredictable answer of `length` characters, or that of a `seed` of 32 bytes. Raises ValueError."""
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"a captcha has {SHORTEST} to {LONGEST} characters, not {length}")
    number, letters = int.from_bytes(seed or secrets.token_bytes(32), "big"), ""
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return letters


def normalised(typed: str) -> str:
    """What was meant: NFKC, upper case, without spaces, and look-alikes read as the character that is drawn."""
    folded = unicodedata.normalize("NFKC", typed).upper()
    return "".join(folded.split()).translate(_MEANT)


def is_right(typed: str, answer: str) -> bool:
    """Whether `typed` answers the challenge, compared in constant time. An empty answer is never right."""
    meant, expected = normalised(typed), normalised(answer)
    return bool(expected) and hmac.compare_digest(meant.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
