"""What a captcha answer is made of, and which typed answers count (security X-01; domain facts 1.12)."""

import unicodedata
from collections import Counter

import pytest

from idp.login import captcha


def test_an_answer_has_the_length_asked_for_and_only_letters_of_the_alphabet() -> None:
    for length in range(captcha.SHORTEST, captcha.LONGEST + 1):
        answer = captcha.new_answer(length)
        assert len(answer) == length
        assert set(answer) <= set(captcha.ALPHABET)


@pytest.mark.parametrize("length", [0, 3, 9, -1])
def test_a_length_that_is_too_easy_or_too_tiring_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="4 to 8"):
        captcha.new_answer(length)


def test_answers_do_not_repeat_and_use_the_whole_alphabet_evenly() -> None:
    answers = [captcha.new_answer() for _ in range(4000)]
    counts = Counter("".join(answers))
    expected = 4000 * captcha.DEFAULT_LENGTH / len(captcha.ALPHABET)
    assert len(set(answers)) > 3980
    assert set(counts) == set(captcha.ALPHABET)
    # Six standard deviations: a fair draw strays that far once in a hundred million runs.
    assert all(abs(count - expected) < 6 * expected**0.5 for count in counts.values())


def test_no_two_characters_of_the_alphabet_look_alike() -> None:
    for pair in ("0O", "0Q", "0D", "OQ", "1I", "1J", "1L", "2Z", "5S", "6G", "8B", "MN", "UV", "VY", "VW"):
        assert not set(pair) <= set(captcha.ALPHABET), pair


def test_a_vietnamese_keyboard_rewrites_no_character_of_the_alphabet() -> None:
    rewritten_by_telex_or_vni = {
        part[0] for letter in "ĂÂĐÊÔƠƯÁÀẢÃẠÉÍÓÚÝ" for part in (unicodedata.normalize("NFD", letter), "D", "W")
    }
    assert not rewritten_by_telex_or_vni & set(captcha.ALPHABET)


@pytest.mark.parametrize(
    "typed",
    ["K7M4P", "k7m4p", " K7 M4P ", "K 7 M 4 P", "Ｋ７Ｍ４Ｐ", "K7M4P\u00a0", "k7m4p\t", "K1M4P"],
)
def test_the_right_answer_counts_however_it_is_typed(typed: str) -> None:
    assert captcha.is_right(typed, "K7M4P")


@pytest.mark.parametrize("typed", ["", " ", "K7M4", "K7M4PP", "P4M7K", "K7M4R", "Ḱ7M4P", "\ud800", "K7M4P\x00"])
def test_any_other_answer_does_not_count(typed: str) -> None:
    assert not captcha.is_right(typed, "K7M4P")


def test_an_empty_challenge_is_never_met() -> None:
    assert not captcha.is_right("", "")
    assert not captcha.is_right(" ", " ")


def test_a_fixed_answer_of_a_test_set_up_may_hold_any_character() -> None:
    assert captcha.is_right("test-0", "TEST-0")
    assert not captcha.is_right("test-1", "TEST-0")
