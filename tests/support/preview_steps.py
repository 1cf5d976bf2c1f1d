"""The pages of codes, passwords, recovery and notices in their states, for the preview."""

from dataclasses import replace
from typing import Any

from flask_babel import gettext

from idp.accounts import trust
from idp.accounts.account import Account
from idp.login.captcha import new_answer
from idp.web.otp_flow import OtpPage, sent_to
from idp.web.own_data import written
from idp.web.sentences import CODE, IDENTIFIERS, NOTICES, PASSWORD, RECOVERY

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""


def step_scenes() -> list[Raw]:
    """All of them."""
    return [*_codes(), *_passwords(), *_recovery(), *_notices(), *_details(), _take_over()]


def _take_over() -> Raw:
    since, seen = "08:15 03/11/2026", "19:42 21/11/2026"
    device = {"id": "made-up", "name": "Galaxy A15 của Hoà", "network": "192.0.2.0/24"}
    facts = {
        "attempt": "made-up",
        "client_name": "Ứng dụng BHXH",
        "device": device,
        "since": since,
        "seen": seen,
        "place": "Hà Nội",
    }
    return ("take-over", "plain", "take_over.html", facts)


def _captcha() -> dict[str, str]:
    answer = new_answer()
    return {"id": answer, "image_url": f"/login/captcha/{answer}.png", "audio_url": f"/login/captcha/{answer}.wav"}


def _codes() -> list[Raw]:
    sheet = OtpPage(
        title=gettext("Nhập mã xác thực"),
        lead=gettext("Để chắc chắn là bạn, hãy nhập mã vừa gửi tới điện thoại đã đăng ký."),
        sent=sent_to("sms", "+84981234567"),
        action="/login/code",
        hidden={"attempt": "made-up"},
        wait=48,
    )
    wrong = replace(sheet, error=str(CODE["wrong"]), wait=0)
    over = replace(sheet, error=str(CODE["exhausted"]), over=True)
    strained = replace(sheet, captcha=True, error=str(CODE["captcha"]))
    asked_for = replace(sheet, held=True)
    lead = gettext("Để chắc chắn là bạn, cần thêm một cách xác nhận ngoài mật khẩu.")
    elsewhere = replace(over, lead=lead, sent="", error=None, other_way="/login?attempt=made-up")
    states = {"plain": (sheet, None), "wrong": (wrong, None), "over": (over, None), "captcha": (strained, _captcha())}
    states |= {"asked-for": (asked_for, None), "elsewhere": (elsewhere, None)}
    return [("code", name, "code.html", {"sheet": s, "captcha": c}) for name, (s, c) in states.items()]


def _passwords() -> list[Raw]:
    plain = {
        "attempt": "made-up",
        "why": None,
        "error": None,
        "can_wait": False,
        "has_phone": True,
        "username": "0012345678",
    }
    states: dict[str, dict[str, Any]] = {
        "plain": {},
        "first": {"why": PASSWORD["first"], "has_phone": False},
        "expiring": {"why": PASSWORD["expiring"], "can_wait": True},
        "refused": {"why": PASSWORD["expired"], "error": PASSWORD["common"]},
    }
    return [("password", name, "password.html", plain | more) for name, more in states.items()]


def _recovery() -> list[Raw]:
    tabs = [{"way": way, "url": f"/recover/{way}"} for way in ("phone", "email", "hotline")]
    ask = {"tabs": tabs, "kind": "individual", "attempt": "made-up", "username": "", "error": None}
    anew = {"ticket": "made-up", "attempt": "", "kind": "individual", "username": "", "error": None}
    same = anew | {"asks_who": False, "asks_fact": False}
    other = anew | {"asks_who": True, "asks_fact": True, "error": RECOVERY["fact"]}
    wrong = {"way": "phone", "captcha": _captcha(), "error": CODE["captcha"], "username": "0012345678"}
    return [
        ("recover", "phone", "recover.html", ask | {"way": "phone", "captcha": _captcha()}),
        ("recover", "email", "recover.html", ask | {"way": "email", "captcha": _captcha()}),
        ("recover", "hotline", "recover.html", ask | {"way": "hotline", "captcha": None}),
        ("recover", "wrong", "recover.html", ask | wrong),
        ("recover-sent", "plain", "recover_sent.html", {"login_url": "/login/plain"}),
        ("recover-password", "plain", "recover_password.html", same),
        ("recover-password", "elsewhere", "recover_password.html", other),
        ("recovered", "plain", "recovered.html", {"removed": [], "login_url": "/login/plain"}),
        ("recovered", "removed", "recovered.html", {"removed": ["phone", "email"], "login_url": "/login/plain"}),
    ]


def _notices() -> list[Raw]:
    asked = {"token": "made-up", "about": NOTICES["profile_changed"]}
    kinds: tuple[trust.Proof, ...] = ("disavow", "disavow_outranked", "disavow_eid_recovery")
    pages = (("not-me", "not_me.html", asked), ("not-me-done", "not_me_done.html", dict[str, Any]()))
    return [
        (page, kind, template, given | {"may": trust.POWERS[kind]}) for page, template, given in pages for kind in kinds
    ]


def _details() -> list[Raw]:
    account = Account(
        "0" * 32,
        "individual",
        "Nguyễn Thị Thuỳ Dương",
        birth_date="1990-05-17",
        phone="+84981234567",
        email="duong.nguyen.thi.thuy.rat.dai@thu.example",
    )
    named = [
        {"label": IDENTIFIERS["bhxh"], "value": "0012345678"},
        {"label": IDENTIFIERS["cccd"], "value": "000890123456"},
    ]
    return [
        (
            "details",
            "plain",
            "details.html",
            {"account": account, "proved": {"sms"}, "identifiers": named} | written(account),
        )
    ]
