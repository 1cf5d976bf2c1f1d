"""Names as people and offices write them: what is stored, what agrees with what, and how far (domain 4.2)."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.accounts.masking import masked_name
from idp.accounts.names import NameAgreement, agreement, fold, match_key, tidy

NFD_OF_AN = unicodedata.normalize("NFD", "Trần Văn Ấn")
WRONG_ORDER = "Nguye\u0303\u0302n Hoa"
WRITTEN = [
    ("Nguyễn Thị Hoà", "NGUYỄN THỊ HÒA", NameAgreement.TONE),
    ("Nguyễn Thị Hoà", "Nguyễn Thị Hòa", NameAgreement.TONE),
    ("Nguyễn Thị Hoà", "nguyễn thị hoà", NameAgreement.CASE),
    ("Lý Thúy", "Lý Thuý", NameAgreement.TONE),
    ("Trần Thị Khỏe", "Trần Thị Khoẻ", NameAgreement.TONE),
    ("Bùi Thị Quý", "Bùi Thị Qúy", NameAgreement.TONE),
    ("HỒ THÚY", "Hồ Thuý", NameAgreement.TONE),
    ("Đặng Văn Quý", "Ðặng Văn Quí", NameAgreement.DIFFERENT),
    ("Đặng Văn Quý", "Ðặng Văn Quý", NameAgreement.FOLDED),
    ("Đặng Văn Quý", "Ɖặng Văn Quý", NameAgreement.FOLDED),
    ("đặng văn quý", "ɖặng văn quý", NameAgreement.FOLDED),
    ("Trần\u00a0Văn  Ấn", NFD_OF_AN, NameAgreement.EXACT),
    (" Trần Văn Ấn\t", "Trần Văn Ấn", NameAgreement.EXACT),
    ("Trần Văn Ấn", "TRAN VAN AN", NameAgreement.FOLDED),
    ("Trần Văn Ấn", "TRANVANAN", NameAgreement.KEY),
    ("Trần Văn Ấn", "Tran-Van An", NameAgreement.KEY),
    ("H’Hen Niê", "H'Hen Niê", NameAgreement.FOLDED),
    ("H´Hen Niê", "H'Hen Niê", NameAgreement.FOLDED),
    ("H\uff07Hen Niê", "H`Hen Niê", NameAgreement.FOLDED),
    ("H’Hen Niê", "HHen Niê", NameAgreement.FOLDED),
    ("K’ Brể", "K'Brể", NameAgreement.KEY),
    (WRONG_ORDER, "Nguyễn Hoa", NameAgreement.FOLDED),
    ("Thắm", "THẮM", NameAgreement.CASE),
    ("Thắm", "Tham", NameAgreement.FOLDED),
    ("Hoa", "Hòa", NameAgreement.FOLDED),
    ("Hoà", "Họa", NameAgreement.FOLDED),
    ("Lý", "Lí", NameAgreement.DIFFERENT),
    ("Nguyễn Văn An", "An Nguyễn Văn", NameAgreement.DIFFERENT),
    ("Nguyễn Văn An", "Nguyễn Văn Anh", NameAgreement.DIFFERENT),
    ("Jürgen Groß", "JURGEN GROSS", NameAgreement.FOLDED),
    ("Groß", "GROẞ", NameAgreement.CASE),
    ("", "", NameAgreement.DIFFERENT),
    ("...", "...", NameAgreement.DIFFERENT),
    ("An", " ", NameAgreement.DIFFERENT),
]


@pytest.mark.parametrize(("one", "other", "level"), WRITTEN)
def test_two_writings_agree_as_far_as_the_table_says(one: str, other: str, level: NameAgreement) -> None:
    assert agreement(one, other) is level


@pytest.mark.parametrize(
    ("one", "other"),
    [("Múa", "Muá"), ("Hoàn", "Hòan"), ("Huệ", "Hụê"), ("Thủa", "Thuả")],
)
def test_only_open_oa_oe_and_uy_have_two_right_places_for_the_tone(one: str, other: str) -> None:
    assert agreement(one, other) is NameAgreement.FOLDED


@pytest.mark.parametrize(
    ("name", "folded", "key"),
    [
        ("Nguyễn Thị Hoà", "NGUYEN THI HOA", "NGUYENTHIHOA"),
        ("Ðặng Văn Quí", "DANG VAN QUI", "DANGVANQUI"),
        (NFD_OF_AN, "TRAN VAN AN", "TRANVANAN"),
        ("H’Hen Niê", "HHEN NIE", "HHENNIE"),
        ("Maximilian Johann-Friedrich", "MAXIMILIAN JOHANN-FRIEDRICH", "MAXIMILIANJOHANNFRIEDRICH"),
        ("Ｎｇｕｙễｎ", "NGUYEN", "NGUYEN"),
        (WRONG_ORDER, "NGUYEN HOA", "NGUYENHOA"),
    ],
)
def test_a_name_folds_to_plain_capitals(name: str, folded: str, key: str) -> None:
    assert fold(name) == folded
    assert match_key(name) == key


def test_what_is_stored_is_composed_and_has_single_spaces() -> None:
    assert tidy(f"\u3000{NFD_OF_AN.replace(' ', '  ')}\n") == "Trần Văn Ấn"
    assert tidy("Bùi Thị Mão ") == "Bùi Thị Mão"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Nguyễn Văn An", "Nguyễn V. A."),
        (unicodedata.normalize("NFD", "Trần  Ấn"), "Trần Ấ."),
        ("Thắm", "T."),
        ("", "?."),
    ],
)
def test_a_masked_name_says_the_first_word_and_initials(name: str, shown: str) -> None:
    assert masked_name(name) == shown


VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
MARKS = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
NAMES = st.one_of(
    st.text(VIETNAMESE + VIETNAMESE.upper() + MARKS + " \u00a0'’-ÐƉ", max_size=30),
    st.text(max_size=30),
)


@given(NAMES)
@example("\u00b4A")
@example("한 ﬁ ŉ İ ẞ")
def test_what_is_tidy_or_folded_stays_so(name: str) -> None:
    assert tidy(tidy(name)) == tidy(name)
    assert fold(fold(name)) == fold(name)
    assert match_key(fold(name)) == match_key(name)


@given(NAMES)
def test_composition_changes_nothing(name: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))

    assert tidy(composed) == tidy(decomposed)
    assert fold(composed) == fold(decomposed)


@given(NAMES, NAMES)
@example("ß", "ẞ")
def test_agreement_has_no_first_and_second(one: str, other: str) -> None:
    assert agreement(one, other) is agreement(other, one)


@given(NAMES)
def test_every_name_with_a_letter_agrees_with_itself(name: str) -> None:
    assert agreement(name, name) is (NameAgreement.EXACT if match_key(name) else NameAgreement.DIFFERENT)


@given(NAMES, st.sampled_from([str.upper, str.lower, tidy, fold, match_key]))
def test_names_agree_exactly_when_their_keys_are_equal(name: str, change: object) -> None:
    """No level is reached by names that the state's own systems tell apart."""
    other = change(name)  # type: ignore[operator]

    assert (agreement(name, other) > NameAgreement.DIFFERENT) == (match_key(name) == match_key(other) != "")
