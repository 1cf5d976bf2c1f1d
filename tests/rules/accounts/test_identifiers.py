"""What people type as user name, read as an identifier: one form, whatever separates its digits (domain 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.account import Kind
from idp.accounts.identifiers import canonical, read

SEPARATORS = " .-\u00a0\u2010\u2013\u200b\u2060\ufeff"


@pytest.mark.parametrize(
    ("kind", "typed", "means"),
    [
        ("individual", "0012345678", ("bhxh", "0012345678")),
        ("individual", " 00 1234-56.78 ", ("bhxh", "0012345678")),
        ("individual", "００１２３４５６７８", ("bhxh", "0012345678")),
        ("individual", "000890123456", ("cccd", "000890123456")),
        ("individual", "DN4010012345678", ("bhxh", "0012345678")),
        ("individual", "dn4 01 0012345678", ("bhxh", "0012345678")),
        ("individual", "001234567", None),
        ("individual", "٠٠١٢٣٤٥٦٧٨", None),
        ("individual", "0012345678a", None),
        ("individual", "", None),
        ("individual", "0" * 65, None),
        ("organisation", "0012345678", ("tax", "0012345678")),
        ("organisation", "ab1234c", ("unit", "AB1234C")),
    ],
)
def test_a_text_means_what_its_tab_says(kind: Kind, typed: str, means: tuple[str, str] | None) -> None:
    assert read(kind, typed) == means


@given(st.text("0123456789abcxyzABCXYZ", max_size=15), st.lists(st.sampled_from(SEPARATORS), max_size=15))
def test_separators_never_matter(plain: str, separators: list[str]) -> None:
    spread = "".join(a + b for a, b in zip(plain, [*separators, *[""] * len(plain)], strict=False))

    assert canonical(spread) == canonical(plain) == plain.upper()
