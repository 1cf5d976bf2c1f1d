"""Speaks every character of the captcha alphabet in both languages and keeps the recordings beside the product.

Run at build time, by hand, when the alphabet or the words change: `python tools/speak_captcha.py`. Needs Debian's
espeak-ng on the path. Each letter is followed by a word that begins with it, because letter names alone (pê, tê, vê;
p, t, v) cannot be told apart over a small speaker.
"""

import math
import subprocess
import sys
import tempfile
import wave
from array import array
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RATE = 8000
PEAK = 120
SPEED = {"vi": "125", "en": "135"}
VOICE = {"vi": "vi", "en": "en-gb"}
SPOKEN = {
    "vi": {
        "2": "hai", "3": "ba", "4": "bốn", "5": "năm", "6": "sáu", "7": "bảy", "8": "tám", "9": "chín",
        "C": "xê, Cà Mau", "F": "ép phờ", "H": "hát, Hà Nội", "K": "ca, Kiên Giang", "L": "e lờ, Lào Cai",
        "M": "em mờ, Mỹ Tho", "P": "pê, Pác Bó", "R": "e rờ, Rạch Giá", "T": "tê, Tây Ninh", "V": "vê, Vũng Tàu",
        "X": "ích xì, Xuân Lộc",
    },
    "en": {
        "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine",
        "C": "C, Charlie", "F": "F, Foxtrot", "H": "H, Hotel", "K": "K, Kilo", "L": "L, Lima", "M": "M, Mike",
        "P": "P, Papa", "R": "R, Romeo", "T": "T, Tango", "V": "V, Victor", "X": "X, X-ray",
    },
}  # fmt: skip


def main(target: Path) -> None:
    for language, words in SPOKEN.items():
        folder = target / language
        folder.mkdir(parents=True, exist_ok=True)
        for character, words_for_it in words.items():
            keep(folder / f"{character}.wav", recorded(words_for_it, language))


def recorded(words: str, language: str) -> bytes:
    """The words as unsigned 8-bit samples at 8 kHz, silence cut off, equally loud."""
    samples, rate = spoken(words, language)
    return levelled(trimmed(narrowed(samples, rate)))


def spoken(words: str, language: str) -> tuple[list[int], int]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "spoken.wav")
        command = ["espeak-ng", "-v", VOICE[language], "-s", SPEED[language], "-w", path, words]
        subprocess.run(command, check=True)  # noqa: S603  # words of our own table, no shell
        with wave.open(path) as sound:
            samples = array("h", sound.readframes(sound.getnframes())).tolist()
            return samples, sound.getframerate()


def narrowed(samples: list[int], rate: int, reach: int = 24) -> list[float]:
    """Resampled to 8 kHz by a windowed sinc; what lies above 3.6 kHz would fold back as a whistle."""
    step, cut = rate / RATE, 3600 / rate
    narrow = []
    for position in range(int(len(samples) / step)):
        centre = position * step
        first, last = max(0, math.ceil(centre - reach)), min(len(samples) - 1, math.floor(centre + reach))
        narrow.append(sum(samples[i] * weight(i - centre, cut, reach) for i in range(first, last + 1)))
    return narrow


def weight(distance: float, cut: float, reach: int) -> float:
    window = 0.5 + 0.5 * math.cos(math.pi * distance / reach)
    angle = 2 * math.pi * cut * distance
    return 2 * cut * window * (math.sin(angle) / angle if angle else 1.0)


def trimmed(samples: list[float]) -> list[float]:
    """Without the silence before and after; 20 ms are left so that no consonant is clipped."""
    threshold = max(abs(sample) for sample in samples) * 0.02
    loud = [place for place, sample in enumerate(samples) if abs(sample) > threshold]
    margin = RATE // 50
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def levelled(samples: list[float], drive: float = 2.5) -> bytes:
    """As loud as fits, the soft parts raised: consonants have to stand out of the noise that is added later."""
    loudest = max(abs(sample) for sample in samples)
    scale = PEAK / math.tanh(drive)
    return bytes(round(128 + scale * math.tanh(drive * sample / loudest)) for sample in samples)


def keep(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE)
        sound.writeframes(samples)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "idp" / "captcha_voice")
