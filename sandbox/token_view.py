"""Tokens taken apart for people to read. Nothing is verified here: that has happened when they were received."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

_HANOI = timezone(timedelta(hours=7))
_TIMES = ("auth_time", "iat", "nbf", "exp", "updated_at")
_TITLES = {"id_token": "ID token", "access_token": "Access token"}


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token as the page shows it: header and claims are pretty JSON, `times` are in Hà Nội's time."""

    title: str
    raw: str
    header: str
    claims: str
    times: list[tuple[str, str]]


def unpack(name: str, token: str) -> TokenView:
    """Take a JWT apart; a token that is none is shown as it is."""
    parts = token.split(".")
    header, claims = (_read(parts[0]), _read(parts[1])) if len(parts) == 3 else ({}, {})
    times = [(each, _hanoi(claims[each])) for each in _TIMES if isinstance(claims.get(each), int | float)]
    return TokenView(_TITLES[name], token, _pretty(header), _pretty(claims), times)


def _read(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _pretty(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2)


def _hanoi(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, _HANOI).strftime("%d/%m/%Y %H:%M:%S")
