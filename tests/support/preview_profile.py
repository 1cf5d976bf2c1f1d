"""The pages on which owners ask for a change or an end, in their states."""

from datetime import date
from typing import Any

from flask_babel import gettext

from idp.web.otp_flow import OtpPage, sent_to
from idp.web.register.choices import choices
from idp.web.register.wording import PAPERS, REASONS, REQUESTS, STATES, label, problem
from idp.web.sentences import IDENTIFIERS, PROFILE
from tests.support.preview_register import OFFICE, REFERENCE, TREE

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""

TYPED = {
    "paper_kind": "cccd",
    "paper_number": "000190000777",
    "email": "nga@example.com",
    "phone": "0981 234 567",
    "street": "12 Đường Thử, Phường Bình Thử, Thành phố Hồ Chí Minh",
    "agency": "07906",
}
WRONG = {"paper_number": "cccd", "email": "form", "phone": "form", "agency": "missing", "agrees": "unticked"}


def profile_scenes() -> list[Raw]:
    """All of them."""
    masked = _plain() | {"facts": _facts("******0777", "***", "*** *** *67", "n***@example.com")}
    full = _plain() | {
        "facts": _facts("0000000777", "17/05/1990", "0981 234 567", "nga@example.com"),
        "former": [_former("000190000111")],
        "fresh": True,
        "form": True,
    }
    states = {
        "masked": masked | {"former": [_former("********0111")]},
        "form": full,
        "wrong": full | _wrong(),
        "nothing": full | {"message": PROFILE["nothing"]},
        "resting": full | {"rests": True},
        "waiting": masked | {"waiting": _waiting("submitted")},
        "returned": full | {"waiting": _waiting("returned")},
        "rejected": masked | {"waiting": _waiting("rejected"), "message": PROFILE["over"]},
        "no-way": masked | {"can_ask": False},
    }
    stop = {name: _plain()[name] for name in ("csrf", "message", "wrong", "labels", "typed", "waiting", "can_ask")}
    stop |= {"choices": _plain()["choices"]}
    asked = stop | {"waiting": _waiting("submitted", "stop")}
    stopping = {"plain": stop, "wrong": stop | _wrong("agency", "agrees"), "waiting": asked}
    stopping["no-way"] = stop | {"can_ask": False}
    return [
        *(("profile", state, "profile.html", context) for state, context in states.items()),
        *(("stop", state, "stop.html", context) for state, context in stopping.items()),
        ("code", "change", "code.html", {"sheet": _sheet(), "captcha": None}),
    ]


def _plain() -> dict[str, Any]:
    return {
        "csrf": "made-up",
        "message": None,
        "wrong": {},
        "labels": {},
        "typed": TYPED,
        "waiting": None,
        "can_ask": True,
        "choices": choices(TREE, TYPED, date(2026, 11, 22)),
        "fresh": False,
        "form": False,
        "former": [],
        "papers": PAPERS,
        "rests": False,
    }


def _wrong(*names: str) -> dict[str, Any]:
    wrong = {name: problem(name, why) for name, why in WRONG.items() if not names or name in names}
    return {"wrong": wrong, "labels": {name: label(name) for name in wrong}}


def _facts(code: str, born: str, phone: str, email: str) -> list[tuple[str, str]]:
    return [
        (gettext("Họ và tên"), "Wolfeschlegelsteinhausenbergerdorff Maximiliana-Konstantina Nguyễn Phạm"),
        (str(IDENTIFIERS["bhxh"]), code),
        (gettext("Ngày sinh"), born),
        (gettext("Điện thoại di động"), phone),
        (gettext("Địa chỉ liên hệ"), ""),
        (gettext("Địa chỉ thư điện tử"), email),
    ]


def _former(value: str) -> dict[str, str]:
    return {"label": str(IDENTIFIERS["cmnd"]), "value": value, "since": "03/11/2016", "until": "21/11/2026"}


def _waiting(state: str, request: str = "amend") -> dict[str, Any]:
    title = gettext("Yêu cầu thay đổi đang chờ cơ quan BHXH duyệt")
    told = state in ("returned", "rejected")
    return {
        "id": "madeup",
        "is_open": state in ("submitted", "returned"),
        "reference": REFERENCE,
        "request": REQUESTS[request],
        "title": title if (state, request) == ("submitted", "amend") else STATES[state][0],
        "advice": STATES[state][1],
        "sent": "21/11/2026 19:42",
        "agency": OFFICE,
        "reason": REASONS["identity_mismatch"] if told else None,
        "note": "Mang theo căn cước bản gốc khi đến." if told else None,
    }


def _sheet() -> OtpPage:
    return OtpPage(
        title=gettext("Xác nhận thay đổi"),
        lead=gettext("Nhập mã để gửi yêu cầu. Nếu không còn dùng nơi nhận mã này, hãy đến cơ quan BHXH."),
        sent=sent_to("email", "nga@example.com"),
        action="/account/profile/code",
        hidden={"ticket": "made-up"},
    )
