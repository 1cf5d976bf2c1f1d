"""The pages of the device grant in their states, for the preview."""

from typing import Any

from idp.web.sentences import DEVICE, SCOPES

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""


def device_scenes() -> list[Raw]:
    """All of them."""
    asked = {
        "user_code": "BCDF-GHJK",
        "asked": "made-up",
        "csrf": "made-up",
        "client_name": "Màn hình ở bộ phận một cửa",
        "client_uri": None,
        "account_name": "Nguyễn Thị Thuỳ Dương",
        "began": "22/11/2026 09:30",
        "network": "203.0.113.0/24",
        "elsewhere": False,
        "scopes": _scopes("openid", "profile"),
        "agree": False,
        "unticked": False,
    }
    stranger = asked | {
        "user_code": "WWWW-ZZQQ",
        "client_name": "Tivi thông minh của Công ty Trách nhiệm hữu hạn Một thành viên Thương mại và Dịch vụ Sao Mai",
        "client_uri": "https://sao-mai.example/tivi-thong-minh",
        "account_name": "Maximiliana-Konstantina Wolfeschlegelsteinhausenbergerdorff Nguyễn Phạm",
        "network": "2001:db8:1200:3400::/56",
        "elsewhere": True,
        "scopes": _scopes(*SCOPES),
        "agree": True,
    }
    return [
        ("device-code", "plain", "device_code.html", {"typed": "", "error": None}),
        ("device-code", "form", "device_code.html", {"typed": "BCDF-GHJ", "error": DEVICE["form"]}),
        ("device-code", "unknown", "device_code.html", {"typed": "", "error": DEVICE["unknown"]}),
        ("device-code", "wait", "device_code.html", {"typed": "", "error": DEVICE["wait"]}),
        ("device", "plain", "device.html", asked),
        ("device", "stranger", "device.html", stranger),
        ("device", "unticked", "device.html", stranger | {"unticked": True}),
        ("device-done", "allowed", "device_done.html", {"denied": False}),
        ("device-done", "denied", "device_done.html", {"denied": True}),
    ]


def _scopes(*names: str) -> list[dict[str, Any]]:
    return [{"title": SCOPES[name].title, "items": SCOPES[name].items} for name in names]
