"""The one reader of JSON that strangers write."""

import pytest

from keys.strict_json import strict_array, strict_object


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{}{}", b"\xff", b"\xef\xbb\xbf{}", b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}', b'{"a":NaN}',
     b"[" * 30_000, b'{"a":-Infinity}', b'{"a":' + b"9" * 5_000 + b"}", "{}".encode("utf-16"), b"{'a':1}", b'{"a":1,}'],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused_without_its_content(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is not strict JSON$"):
        strict_object(raw)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"a"', b"true"])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is not a JSON object$"):
        strict_object(raw)


def test_depth_is_bounded_where_it_is_asked_for() -> None:
    twelve, thirteen = (b'{"a":' + b"[" * n + b"]" * n + b"}" for n in (11, 12))

    assert strict_object(twelve)
    assert strict_object(thirteen, deepest=None)
    assert strict_object(b'{"a":"' + b"[" * 50 + b'"}') == {"a": "[" * 50}
    with pytest.raises(ValueError, match=r"^is nested too deeply$"):
        strict_object(thirteen)


def test_constants_pass_where_a_model_refuses_them_later() -> None:
    assert strict_object(b'{"a":Infinity}', constants=True) == {"a": float("inf")}


def test_an_array_is_read_by_the_same_rules() -> None:
    assert strict_array(b'[{"a":1}]', deepest=2) == [{"a": 1}]
    for raw in (b"{}", b"[", b"[] []", b'[{"a":1,"a":2}]', b"[[[]]]", b"[NaN]", b"\xff", b"[" * 5000):
        with pytest.raises(ValueError, match=r"strict JSON|JSON array|too deeply"):
            strict_array(raw, deepest=2)
