"""The pages of a login by QR code in their states, for the preview."""

from functools import lru_cache
from typing import Any

from markupsafe import Markup

from qr_login.drawing import QUIET, Drawing
from qr_login.picture import Pictures
from qr_login.sentences import SENTENCES

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""
LINK = "https://id.example.test/q"


def qr_scenes() -> list[Raw]:
    """All of them."""
    shown = {
        "pending": _page("pending"),
        "slow": _page("pending", slow=True),
        "scanned": _page("scanned"),
        "wrong": _page("scanned", "wrong"),
        "intruded": _page("scanned", "intruded"),
        "denied": _page("denied"),
        "not-me": _page("denied", "not_me"),
        "wrong-number": _page("denied", "wrong_number"),
        "wrong-passcode": _page("denied", "wrong_passcode"),
        "other-network": _page("denied", "other_network"),
        "expired": _page("expired"),
        "gone": _page("gone"),
    }
    pages = [("qr", state, "qr.html", context) for state, context in shown.items()]
    back = {"back_url": "/login/plain"}
    return [*pages, ("qr-phone", "plain", "qr_phone.html", back), ("qr-link", "plain", "qr_link.html", {})]


@lru_cache
def payload() -> str:
    """What the picture of the preview says."""
    return Pictures(b"a key for the preview, never used", LINK).payload("made-up-ticket-abcdefg", "portal", 7)


@lru_cache
def _picture() -> Markup:
    return Markup(Drawing(LINK).svg(payload()))


def _page(state: str, say: str = "", *, slow: bool = False) -> dict[str, Any]:
    sentences = {name: str(text) for name, text in SENTENCES.items()}
    return {
        "attempt": "made-up",
        "client_name": "Cổng Dịch vụ công Bảo hiểm xã hội Việt Nam",
        "state": state,
        "message": sentences[say or state].replace("{device}", "Điện thoại của cô Nguyễn Thị Thuỳ Dương"),
        "sentences": sentences,
        "number": "47",
        "picture": _picture() if state == "pending" else "",
        "modules": 37,
        "quiet": QUIET,
        "left": 97,
        "slow": slow,
        "refresh": "",
        "new_url": "/qr/pending",
        "slow_url": "/qr/slow",
        "back_url": "/login/plain",
        "on_url": "/login/plain",
    }
