"""The spoken captcha: all characters in both languages, never the same twice, and cheap (security X-01, X-03, X-04)."""

import statistics
import time
import wave
from io import BytesIO
from pathlib import Path

import pytest

from idp.login.captcha import ALPHABET, new_answer
from idp.web import captcha_sound

VOICES = Path(captcha_sound.__file__).parent.parent / "captcha_voice"


def samples(recording: bytes) -> bytes:
    with wave.open(BytesIO(recording), "rb") as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 1, 8000)
        return sound.readframes(sound.getnframes())


def clip(language: str, character: str) -> bytes:
    return samples((VOICES / language / f"{character}.wav").read_bytes())


def windows(sound: bytes, length: int = 24) -> set[bytes]:
    return {sound[start : start + length] for start in range(len(sound) - length)}


@pytest.mark.parametrize("language", captcha_sound.LANGUAGES)
def test_every_character_of_the_alphabet_is_recorded_and_nothing_else(language: str) -> None:
    assert {path.stem for path in (VOICES / language).iterdir()} == set(ALPHABET)
    for character in ALPHABET:
        recorded = clip(language, character)
        assert 0.2 < len(recorded) / 8000 < 2.5, character
        assert max(recorded) - 128 > 100 or 128 - min(recorded) > 100, f"{character} is too quiet"


@pytest.mark.parametrize("language", captcha_sound.LANGUAGES)
def test_an_answer_is_spoken_character_by_character_with_pauses(language: str) -> None:
    spoken = len(samples(captcha_sound.speak("K7M4P", language)))
    alone = sum(len(clip(language, character)) for character in "K7M4P")
    assert alone * 0.85 + 8000 * (0.3 + 5 * 0.35) < spoken < alone * 1.2 + 8000 * (0.6 + 5 * 0.75)


def test_no_sample_is_clipped_and_the_speech_stands_out_of_the_noise() -> None:
    loudest = [max(abs(sample - 128) for sample in samples(captcha_sound.speak(new_answer()))) for _ in range(20)]
    pause = samples(captcha_sound.speak(""))
    assert max(loudest) < 127
    assert min(loudest) > 2 * max(abs(sample - 128) for sample in pause)


def test_comparing_bytes_finds_neither_a_recording_again_nor_the_clips_it_was_made_of() -> None:
    first, second = (samples(captcha_sound.speak("KKKK")) for _ in range(2))
    assert not windows(first) & windows(second)
    assert not windows(first) & windows(clip("vi", "K"))


def test_the_same_character_is_spoken_at_another_pace_each_time() -> None:
    lengths = []
    for _ in range(30):
        heights = [abs(sample - 128) for sample in samples(captcha_sound.speak("K"))]
        threshold = 0.6 * max(heights)
        loud = [place for place, height in enumerate(heights) if height > threshold]
        lengths.append(loud[-1] - loud[0])
    assert max(lengths) > 1.12 * min(lengths)


def test_a_language_that_is_not_spoken_is_read_in_vietnamese() -> None:
    assert captcha_sound.speak("7", "fr")
    assert captcha_sound.speak("7", "../../etc")


def test_a_fixed_answer_with_characters_that_were_never_recorded_still_plays() -> None:
    assert len(samples(captcha_sound.speak("O7"))) > len(clip("vi", "7"))


def test_the_recordings_lie_outside_what_the_web_server_shows() -> None:
    assert "static" not in captcha_sound._VOICES.parts


def test_x04_a_recording_costs_at_most_twenty_milliseconds_of_processor_time() -> None:
    captcha_sound.speak("23456", "vi")
    costs = []
    for _ in range(30):
        before = time.process_time()
        captcha_sound.speak("CMXTR", "vi")
        costs.append(time.process_time() - before)
    assert statistics.median(costs) <= 0.020
