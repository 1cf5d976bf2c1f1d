"""Strict parsing of untrusted JSON: one UTF-8 object, no duplicate names, only JSON, no deep nesting (RFC 8259).

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
    try:
        parsed = (_LENIENT if constants else _STRICT).decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("is not strict JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("is not a JSON object")
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
