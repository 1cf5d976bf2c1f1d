"""JSON of strangers: one object in plain UTF-8, no member twice, nothing that JSON lacks, no deep nesting."""

import json
from typing import Any, NoReturn

_DEEPEST = 12


def strict_object(raw: bytes) -> dict[str, Any]:
    """Parse it. Raises `ValueError`, which tells nothing of the content."""
    try:
        found = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("no strict JSON") from None
    if not isinstance(found, dict) or _is_deeper(found, _DEEPEST):
        raise ValueError("no JSON object, or a deep one")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _is_deeper(value: object, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children if isinstance(child, dict | list))
