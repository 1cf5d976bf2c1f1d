"""The pages of passkeys in their states, for the preview."""

from dataclasses import replace
from typing import Any

from flask_babel import gettext

from idp.web.otp_flow import OtpPage, sent_to
from idp.web.sentences import LOGIN, PASSKEYS

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""


def passkey_scenes() -> list[Raw]:
    """All of them."""
    plain = {"passkeys": _held(), "full": False, "name": "Chrome, Windows", "error": None, "csrf": "made-up"}
    full = plain | {"passkeys": _held() * 5, "full": True, "error": str(PASSKEYS["many"])}
    refused = plain | {"error": str(PASSKEYS["refused"])}
    sheet = OtpPage(
        title=gettext("Nhập mã xác thực"),
        lead=gettext("Để chắc chắn là bạn, hãy nhập mã vừa gửi tới điện thoại đã đăng ký."),
        sent=sent_to("sms", "+84981234567"),
        action="/login/code",
        hidden={"attempt": "made-up"},
        error=str(LOGIN["passkey"]),
        passkey=True,
    )
    asked = gettext("Để chắc chắn là bạn, hãy dùng khóa truy cập hoặc nhận mã qua tin nhắn.")
    held = replace(sheet, error=None, held=True, lead=asked)
    return [
        ("passkeys", "plain", "passkeys.html", plain),
        ("passkeys", "none", "passkeys.html", plain | {"passkeys": []}),
        ("passkeys", "refused", "passkeys.html", refused),
        ("passkeys", "full", "passkeys.html", full),
        ("code", "passkey", "code.html", {"sheet": sheet, "captcha": None}),
        ("code", "held", "code.html", {"sheet": held, "captcha": None}),
        ("recovered", "passkey", "recovered.html", {"removed": ["passkey"], "login_url": "/login/plain"}),
    ]


def _held() -> list[dict[str, str]]:
    phone = {"name": "Điện thoại của Hoà", "added": "03/11/2026 08:15", "place": "Hà Nội", "used": "21/11/2026 19:42"}
    key = {"name": "Khoá bảo mật màu xanh để trong ngăn kéo bàn làm việc ở nhà, tầng 2", "added": "05/11/2026 21:07"}
    return [{"id": "madeup"} | phone, {"id": "madeuptoo", "place": "192.0.2.0/24", "used": ""} | key]
