"""Speaks a captcha answer as a WAV, for people who cannot read the picture (security X-03, WCAG 2.2 1.1.1).

The recordings in `idp/captcha_voice` (made by `tools/speak_captcha.py`) are never played unchanged: each is sped up or
slowed down unevenly and mixed with noise and murmuring that differ every time, so comparing bytes finds nothing.
Samples are unsigned 8 bit, mono, 8 kHz.
"""

import os
import wave
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from random import SystemRandom

LANGUAGES = ("vi", "en")
RATE = 8000
_VOICES = Path(__file__).resolve().parent.parent / "captcha_voice"
_SILENCE = 128
_HISS = 0x0F
_random = SystemRandom()


def speak(answer: str, language: str = "vi") -> bytes:
    """A recording of `answer`, different every time; a language without recordings is read in Vietnamese.

    A character without a recording is skipped: only the fixed answer of a test set-up can contain one.
    """
    clips = _clips(language if language in LANGUAGES else "vi")
    speech = _spoken([clips[character] for character in answer if character in clips])
    return _wav(_mixed(speech, _murmur(clips, len(speech)), _hiss(len(speech))))


def _spoken(clips: list[bytes]) -> bytes:
    parts = [_pause(0.3, 0.6)]
    for clip in clips:
        parts += [_uneven(clip).translate(_gain(_random.randint(58, 74))), _pause(0.35, 0.75)]
    return b"".join(parts)


def _uneven(clip: bytes) -> bytes:
    """The clip at its own pitch, which drifts over three stretches, so that no two readings line up."""
    pace = _random.uniform(0.88, 1.08)
    bounds = [0, len(clip) * _random.randint(25, 40) // 100, len(clip) * _random.randint(60, 75) // 100, len(clip)]
    places: list[int] = []
    for start, end in pairwise(bounds):
        # Steps in 256ths of a sample keep the loop in integers: it runs 70,000 times per recording.
        step = round(256 * pace * _random.uniform(0.97, 1.03))
        places += [place >> 8 for place in range(start << 8, end << 8, step)]
    return bytes(map(clip.__getitem__, places))


def _pause(shortest: float, longest: float) -> bytes:
    return bytes([_SILENCE]) * round(RATE * _random.uniform(shortest, longest))


def _murmur(clips: dict[str, bytes], length: int) -> bytes:
    """Other characters, reversed and faint: listeners follow the words, but comparing clips gives false matches."""
    voices = list(clips.values())
    parts = [_pause(0.0, 0.2)]
    covered = len(parts[0])
    while covered < length:
        parts.append(_random.choice(voices)[::-1].translate(_gain(_random.randint(6, 12))))
        covered += len(parts[-1])
    return b"".join(parts)[:length]


def _hiss(length: int) -> int:
    """Noise of four bits per sample, as one number."""
    return int.from_bytes(os.urandom(length), "little") & int.from_bytes(bytes([_HISS]) * length, "little")


def _mixed(speech: bytes, murmur: bytes, hiss: int) -> bytes:
    """The sum of all three, sample by sample.

    Each is read as one long number with a byte per sample and added in one step, a hundred times faster than a loop.
    The gains keep every sum within its byte: 0.74 * 120 + 0.12 * 120 + 8 < 128.
    """
    length = len(speech)
    middle = int.from_bytes(bytes([_SILENCE + (_HISS + 1) // 2]) * length, "little")
    total = int.from_bytes(speech, "little") + int.from_bytes(murmur, "little") + hiss - middle
    return total.to_bytes(length, "little")


@lru_cache(maxsize=101)
def _gain(percent: int) -> bytes:
    """A table for bytes.translate that makes samples quieter."""
    return bytes(round(_SILENCE + (sample - _SILENCE) * percent / 100) for sample in range(256))


@lru_cache(maxsize=len(LANGUAGES))
def _clips(language: str) -> dict[str, bytes]:
    return {path.stem: _samples(path) for path in sorted((_VOICES / language).glob("*.wav"))}


def _samples(path: Path) -> bytes:
    with wave.open(str(path), "rb") as sound:
        return sound.readframes(sound.getnframes())


def _wav(samples: bytes) -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE)
        sound.writeframes(samples)
    return out.getvalue()
