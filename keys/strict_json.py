"""Strict parsing of untrusted JSON: one object or array in UTF-8, no duplicate names, no deep nesting (RFC 8259).

Tokens, responses of upstreams and requests of apps are all parsed here: two parsers that disagree about the same bytes
let a forged member pass a check (RFC 7519 section 4, RFC 8725 section 2.4).
"""

import json
from typing import Any, NoReturn


def strict_object(raw: bytes, *, deepest: int | None = 12, constants: bool = False) -> dict[str, Any]:
    """Parse `raw` as exactly one JSON object, from its first byte to its last.

    `deepest` is the maximum nesting of containers, including the outermost; `None` leaves that to Python's own stack,
    for callers whose models have no containers. `constants` lets `NaN` and `Infinity` pass, for callers that refuse
    them by field. Raises `ValueError`, whose text says what is wrong without any of the content.
    """
    parsed = _parsed(raw, deepest, _LENIENT if constants else _STRICT)
    if not isinstance(parsed, dict):
        raise ValueError("is not a JSON object")
    return parsed


def strict_array(raw: bytes, *, deepest: int) -> list[Any]:
    """The same for exactly one JSON array."""
    parsed = _parsed(raw, deepest, _STRICT)
    if not isinstance(parsed, list):
        raise ValueError("is not a JSON array")
    return parsed


def _parsed(raw: bytes, deepest: int | None, decoder: json.JSONDecoder) -> object:
    try:
        parsed: object = decoder.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("is not strict JSON") from None
    # Counting is cheap and may overestimate, but never underestimates; most objects need no more than that.
    if deepest is not None and raw.count(b"{") + raw.count(b"[") > deepest and _is_deeper(parsed, deepest):
        raise ValueError("is nested too deeply")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate name")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError("no JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(object_pairs_hook=_unique)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether containers are nested more than `levels` deep; stops there."""
    match value:
        case dict():
            children = list(value.values())
        case list():
            children = value
        case _:
            return False
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)
