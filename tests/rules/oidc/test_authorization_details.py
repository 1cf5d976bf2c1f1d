"""Authorization details without a store: what a range of years holds, and what is within what."""

import itertools
import json
import re
from pathlib import Path

import pytest

from idp.oidc.authorization_details import (
    Details,
    InvalidAuthorizationDetails,
    RecordAccess,
    as_json,
    from_json,
    is_within,
    merged,
    narrowed,
    read_details,
)
from idp.oidc.clients import Client
from tests.support.details import TYPE, detail, details

CLIENT = Client("records", "Sổ BHXH", authorization_details_types=(TYPE,))
PAGE = (Path(__file__).parents[3] / "docs" / "portals" / "authorization-details.md").read_text(encoding="utf-8")
FEW = range(2001, 2006)
RANGES = [RecordAccess(first, last) for first, last in itertools.combinations_with_replacement(FEW, 2)]


def years(ranges: Details) -> set[int]:
    return {year for each in ranges for year in range(each.from_year, each.to_year + 1)}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_merging_adds_no_year_and_loses_none(count: int) -> None:
    for some in itertools.product(RANGES, repeat=count):
        whole = merged(some)
        assert years(whole) == years(some)
        assert all(a.to_year + 1 < b.from_year for a, b in itertools.pairwise(whole)), whole
        assert merged(whole) == whole


def test_what_is_within_has_no_year_that_was_not_granted() -> None:
    """Every pair of sets of five years, as ranges."""
    sets = {merged(some) for count in range(4) for some in itertools.combinations(RANGES, count)}

    assert len(sets) == 2 ** len(FEW)
    for asked, granted in itertools.product(sets, repeat=2):
        assert is_within(asked, granted) == (years(asked) <= years(granted))


def test_what_is_told_reads_back() -> None:
    asked = merged(RANGES[:1] + RANGES[-1:])

    assert from_json(as_json(asked)) == asked
    assert as_json(asked)[0] == {"type": TYPE, "person": "self", "from_year": 2001, "to_year": 2001}


def test_a_token_request_without_the_parameter_gets_all_of_it() -> None:
    granted = (RecordAccess(2001, 2003), RecordAccess(2005, 2005))

    assert narrowed(granted, None, CLIENT) == granted
    assert narrowed((), None, CLIENT) == ()
    assert narrowed(granted, details((2005, 2005), (2001, 2002)), CLIENT) == (
        RecordAccess(2001, 2002),
        RecordAccess(2005, 2005),
    )


@pytest.mark.parametrize("text", ['["\ud800"]', "[\0]", "\ufeff[]"])
def test_what_cannot_be_read_is_not_repeated_in_the_error(text: str) -> None:
    with pytest.raises(InvalidAuthorizationDetails, match=r"it is not strict JSON\.$"):
        read_details(text, CLIENT, latest=2026)


def test_the_years_that_can_be_asked_for_end_where_the_caller_says() -> None:
    assert read_details(details((1995, 2026)), CLIENT, latest=2026) == (RecordAccess(1995, 2026),)
    with pytest.raises(InvalidAuthorizationDetails, match="1995 to 2025"):
        read_details(details((1995, 2026)), CLIENT, latest=2025)


GRANTED = (RecordAccess(2015, 2020),)
REFUSED = [
    *((GRANTED, text) for text in ("[", "[]", " " * 3000, "[7]", json.dumps([detail(2015, 2020, more=1)]))),
    (GRANTED, json.dumps([detail(2015, 2020, person="child")])),
    (GRANTED, details((1994, 2020))),
    (GRANTED, details((2014, 2020))),
    ((), details((2015, 2020))),
]


def test_the_page_for_portals_quotes_every_error_and_no_other() -> None:
    """Where it says "…", anything may stand."""
    said = []
    for granted, text in REFUSED:
        with pytest.raises(InvalidAuthorizationDetails) as refused:
            narrowed(granted, text, CLIENT)
        said.append(refused.value.description)
    quoted = [each.split("…") for each in re.findall(r'"([^"|]+)"', PAGE.partition("## Errors")[2])]

    for sentence in said:
        assert [q for q in quoted if sentence.startswith(q[0]) and sentence.endswith(q[-1])], sentence
    for q in quoted:
        assert [s for s in said if s.startswith(q[0]) and s.endswith(q[-1])], q
