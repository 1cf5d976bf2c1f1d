"""Every page in every state it can be in, with made-up people and portals (domain facts, part 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from idp.login.captcha import new_answer
from idp.oidc.authorization_details import RecordAccess
from idp.web.details_words import sentences_of
from idp.web.key_calendar import SEEN, STATES
from idp.web.sentences import LOGIN, PAGES, SCOPES, waiting
from tests.support.preview_device import device_scenes
from tests.support.preview_life import life_scenes
from tests.support.preview_links import link_scenes
from tests.support.preview_passkeys import passkey_scenes
from tests.support.preview_profile import profile_scenes
from tests.support.preview_qr import qr_scenes
from tests.support.preview_register import register_scenes
from tests.support.preview_steps import step_scenes

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
PORTAL = "Cổng Dịch vụ công Bảo hiểm xã hội Việt Nam"
LONG_PORTAL = "Cổng thông tin tra cứu quá trình tham gia và hưởng bảo hiểm xã hội, bảo hiểm y tế, bảo hiểm thất nghiệp"
PERSON = "Nguyễn Thị Thuỳ Dương"
LONG_PERSON = "Maximiliana-Konstantina Wolfeschlegelsteinhausenbergerdorff Nguyễn Phạm"


@dataclass(frozen=True, slots=True)
class Scene:
    """One page in one state."""

    page: str
    state: str
    template: str
    context: Mapping[str, Any]
    testing: bool = False


def scenes() -> list[Scene]:
    """All of them, in the language of the current request."""
    more = (*device_scenes(), *link_scenes(), *qr_scenes(), *passkey_scenes())
    more += (*register_scenes(), *life_scenes(), *profile_scenes())
    steps = [Scene(*raw) for raw in (*step_scenes(), *more)]
    return [*_login(), *steps, *_consent(), *_logout(), *_account(), *_keys(), *_errors(), *_form_post()]


def _login() -> list[Scene]:
    states: dict[str, dict[str, Any]] = {
        "plain": {},
        "captcha": {"captcha": _captcha("captcha"), "forgot_url": "/recover/phone"},
        "organisation": {"kind": "organisation", "captcha": _captcha("organisation")},
        "failed": {"error": LOGIN["login_failed"], "username": "0012345678", "remember": True},
        "captcha-wrong": {
            "error": LOGIN["captcha_wrong"],
            "username": "0012345678",
            "captcha": _captcha("captcha-wrong"),
        },
        "wait": {"error": LOGIN["wait"] % {"wait": waiting(30)}, "username": "0012345678", "wait": 30},
        "wait_long": {"error": LOGIN["wait"] % {"wait": waiting(798)}, "username": "0012345678", "wait": 798},
        "work": {
            "error": LOGIN["work"] % {"wait": waiting(4)},
            "username": "0012345678",
            "captcha": _captcha("work") | {"answer": "7K4PX"},
            "wait": 4,
        },
        "busy": {"error": LOGIN["busy"] % {"wait": waiting(2)}, "username": "0012345678", "wait": 2},
        "disabled": {"error": LOGIN["disabled"], "username": "0012345678"},
        "closed": {"error": LOGIN["closed"], "ways_in": _ways()},
        "everything": {
            "client_name": LONG_PORTAL,
            "captcha": _captcha("everything"),
            "ways_in": _ways(),
            "register_url": "/register",
            "forgot_url": "/forgot",
            "error": LOGIN["captcha_needed"],
        },
    }
    return [
        Scene("login", state, "login.html", _login_context(**changes), testing=state == "everything")
        for state, changes in states.items()
    ]


def _login_context(kind: str = "individual", **changes: Any) -> dict[str, Any]:
    kinds = {"individual": gettext("Cá nhân"), "organisation": gettext("Tổ chức")}
    usual = {
        "attempt": "a-made-up-attempt",
        "client_name": PORTAL,
        "kind": kind,
        "tabs": [
            {"kind": name, "label": label, "url": f"/login/{state}", "current": name == kind}
            for (name, label), state in zip(kinds.items(), ("plain", "organisation"), strict=True)
        ],
        "username": "",
        "error": None,
        "captcha": None,
        "remember": False,
        "ways_in": [],
        "register_url": None,
        "forgot_url": None,
        "wait": None,
    }
    return usual | changes


def _captcha(state: str) -> dict[str, str]:
    # The preview has no store: the answer is the handle.
    answer = new_answer()
    return {
        "id": answer,
        "image_url": f"/login/captcha/{answer}.png",
        "audio_url": f"/login/captcha/{answer}.wav",
        "new_url": f"/login/{state}",
    }


def _ways() -> list[dict[str, str]]:
    return [
        {"label": gettext("ĐĂNG NHẬP QUA DỊCH VỤ CÔNG QUỐC GIA"), "url": "/dvcqg"},
        {"label": gettext("Đăng nhập bằng tài khoản Định danh điện tử"), "url": "/vneid"},
        {"label": gettext("Quét mã QR"), "url": "/qr"},
    ]


def _consent() -> list[Scene]:
    context = {
        "attempt": "a-made-up-attempt",
        "client_name": "Cổng thử nghiệm của Công ty Cổ phần Sao Mai",
        "client_uri": "https://sao-mai.example/dich-vu",
        "account_name": PERSON,
        "scopes": _scopes("openid", "profile", "bhxh"),
    }
    long = {"client_name": LONG_PORTAL, "client_uri": None, "account_name": LONG_PERSON, "scopes": _scopes(*SCOPES)}
    return [
        Scene("consent", "plain", "consent.html", context),
        Scene("consent", "unticked", "consent.html", context | {"unticked": True}),
        Scene("consent", "everything", "consent.html", context | long),
        Scene("consent", "details", "consent.html", context | {"scopes": _scopes("openid"), "details": _details()}),
    ]


def _details() -> list[str]:
    return sentences_of((RecordAccess(1995, 1998), RecordAccess(2003, 2003), RecordAccess(2015, 2020)))


def _scopes(*names: str) -> list[dict[str, Any]]:
    return [{"title": SCOPES[name].title, "items": SCOPES[name].items} for name in names]


def _logout() -> list[Scene]:
    context = {"client_name": PORTAL, "account_name": PERSON, "token": "made-up", "request": "made-up"}
    return [
        Scene("logout", "portal", "logout.html", context),
        Scene("logout", "own", "logout.html", context | {"client_name": None, "account_name": LONG_PERSON}),
        Scene("logout", "no-return", "logout.html", context | {"client_name": None, "stays": True}),
        Scene("logged-out", "no-return", "logged_out.html", {"stays": True}),
        Scene("logged-out", "portal", "logged_out.html", {"return_url": "/portal", "client_name": PORTAL}),
        Scene("logged-out", "own", "logged_out.html", {"return_url": None, "client_name": None}),
        Scene("logged-out", "portals", "logged_out.html", {"portals": _portals(), "again": "?request=made-up"}),
    ]


def _portals() -> list[dict[str, str]]:
    names = {"told": PORTAL, "trying": LONG_PORTAL, "unreached": "Cổng Thông tin Thủ tục Hành chính"}
    return [{"name": name, "url": "/portal", "outcome": outcome} for outcome, name in names.items()]


def _account() -> list[Scene]:
    person = {
        "name": PERSON,
        "kind": "individual",
        "identifiers": [{"label": "Mã số BHXH", "masked": "00******78"}, {"label": "CCCD", "masked": "000*******90"}],
        "phone_masked": "098*****67",
        "email_masked": "d***@thu.example",
        "email_unproved": True,
    }
    organisation = {
        "name": "Công ty Trách nhiệm hữu hạn Một thành viên Thương mại và Dịch vụ Sao Mai Phương Nam",
        "kind": "organisation",
        "identifiers": [{"label": "Mã đơn vị", "masked": "TA****A"}],
        "phone_masked": None,
        "email_masked": None,
    }
    soon = {"set": "01/06/2026 08:00", "until": "01/12/2026 08:00", "soon": True}
    never = {"set": None, "until": None, "soon": False}
    full = {
        "account": person,
        "sessions": _sessions(),
        "consents": _consents(),
        "devices": _phones(),
        "csrf": "made-up",
        "password": soon,
    }
    bare = {"account": organisation, "sessions": _sessions()[:1], "consents": [], "csrf": "made-up", "password": never}
    return [
        Scene("account", "full", "account.html", full, testing=True),
        Scene("account", "bare", "account.html", bare),
    ]


def _keys() -> list[Scene]:
    kid, date = "dK3x9fQz1aB7LmWv2TqYc8HsJ4pRn6UoEi0GkZbXtVw", "02/03/2026 08:00"
    signs = {"kid": kid, "alg": "ES256", "state": STATES["signs"], "since": date, "signs": date, "until": None}
    old = signs | {"state": STATES["replaced"], "until": date}
    event = {"at": date, "alg": "ES256", "kid": kid, "what": SEEN["signs"], "foreseen": False}
    foreseen = event | {"kid": None, "what": SEEN["published"], "foreseen": True}
    gone = [{"kid": kid, "alg": "RS256", "at": date}]
    full = {"keys": [signs, old], "events": [event, foreseen], "revoked": gone, "minutes": 5, "hours": 24}
    return [
        Scene("keys", "full", "keys.html", full),
        Scene("keys", "quiet", "keys.html", full | {"events": [], "revoked": []}),
    ]


def _phones() -> list[dict[str, str]]:
    moments = {"enrolled": "03/11/2026 08:15", "last_seen": "21/11/2026 19:42"}
    return [{"id": "made-up", "name": "Galaxy A15 của Hoà", "app": "VssID"} | moments]


def _sessions() -> list[dict[str, Any]]:
    browsers = [
        ("Chrome, Windows", "192.0.2.0/24"),
        ("Cốc Cốc, Android", "2001:db8:12::/48"),
        ("Safari, iPhone", "198.51.100.0/24"),
    ]
    return [
        {
            "id": f"session-{number}",
            "browser": browser,
            "place": place,
            "started": f"2{number}/11/2026 08:1{number}",
            "last_seen": f"2{number}/11/2026 09:4{number}",
            "current": number == 0,
        }
        for number, (browser, place) in enumerate(browsers)
    ]


def _consents() -> list[dict[str, Any]]:
    scopes = [SCOPES[name].title for name in ("profile", "bhxh", "offline_access")]
    return [
        {"client_name": "Sổ tay Sao Mai", "client_id": "sao-mai", "scopes": scopes[:1], "since": "02/10/2026 14:30"},
        {"client_name": LONG_PORTAL, "client_id": "long", "scopes": scopes, "since": "15/11/2026 07:05"}
        | {"details": _details()},
    ]


def _errors() -> list[Scene]:
    home = ((gettext("Về trang tài khoản"), "/account"),)
    return [
        Scene(
            "error",
            kind,
            "error.html",
            {
                "title": page.title,
                "sentence": page.sentence,
                "advice": page.advice,
                "support_code": "K7M4-P2XR",
                "happened": gettext("Đường dẫn này đã được dùng lúc %(time)s.", time="08:15 03/11/2026"),
                "actions": [{"label": label, "url": url} for label, url in page.ways or home],
            },
        )
        for kind, page in PAGES.items()
    ]


def _form_post() -> list[Scene]:
    fields = [("code", "made-up"), ("state", "ă & <b>"), ("iss", "https://idp.example")]
    return [Scene("form-post", "plain", "form_post.html", {"action": "/portal/callback", "fields": fields})]
