"""The phone's API as a table: what each operation takes, who may call it, and every way in which it is refused.

The endpoints read requests by it and `openapi` tells it to developers, so neither can say what the other does not do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Words = tuple[str, str]
"""Vietnamese and English."""


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a request's JSON object: a text of at most `longest` characters, or a flag.

    `refused` is the code of the refusal when it is missing or has another form.
    """

    name: str
    summary: str
    longest: int = 0
    pattern: str = ""
    kind: Literal["text", "flag"] = "text"
    required: bool = True
    refused: str = "bad_request"

    def takes(self, value: object) -> bool:
        if self.kind == "flag":
            return isinstance(value, bool)
        if not isinstance(value, str) or not len(value) <= self.longest:
            return False
        return not self.pattern or re.fullmatch(self.pattern, value, re.ASCII) is not None


@dataclass(frozen=True, slots=True)
class PhoneRoute:
    """One endpoint. `by` is what it demands: an access token bound to the key, or a proof by the key alone.

    `binding` says what the phone has to be: the person's device, or merely signed in.
    """

    name: str
    method: str
    path: str
    summary: str
    by: Literal["token", "key"]
    binding: Literal["device", "any"] = "device"
    fields: tuple[Field, ...] = ()
    refusals: tuple[str, ...] = ()
    answers: Mapping[int, str] = ()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class PhoneRefusal:
    """A refusal: its status and its sentence in both languages."""

    status: int
    summary: Words


PICTURE = Field("picture", "What the QR code says, the whole link.", 200, refused="unreadable")
TICKET = Field("ticket", "As `scan` answered it.", 22, r"[A-Za-z0-9_-]{22}")
NUMBER = Field(
    "number", "The two digits that the person read on the screen and typed.", 2, r"[0-9]{2}", refused="number_form"
)
PASSCODE = Field("passcode", "Six digits, of this device only.", 6, r"[0-9]{6}", refused="passcode_form")
NAME = Field("name", "What the person calls the phone, 1 to 64 characters.", 64, refused="name")
REPLACE = Field("replace", "The person read which phone will be signed out, and agreed.", kind="flag", required=False)
CODE = Field("code", "The code that was sent to the registered number.", 12, r"[0-9 ]*", required=False)
OLD = Field("old", "The passcode of now.", 6, r"[0-9]{6}", refused="passcode_form")
NEW = Field("new", "The passcode to be.", 6, r"[0-9]{6}", refused="passcode_form")

_ENROL = (
    "ended", "other_device", "code_wrong", "code_exhausted", "no_phone", "name", "passcode_weak", "outdated",
    "over_budget", "code_first",
)  # fmt: skip
_QR = ("unknown", "scanned_by_other", "denied", "consumed", "expired")

OPERATIONS = (
    PhoneRoute("device", "GET", "/phone/device", "What this key is: a device, an ended one, or none.", "key", "any",
              answers={200: "DeviceState"}),
    PhoneRoute("enrol", "POST", "/phone/device", "Make this phone the person's device.", "token", "any",
              (NAME, PASSCODE, REPLACE, CODE), _ENROL, {201: "Device", 202: "CodeSent"}),
    PhoneRoute("remove", "POST", "/phone/device/remove", "Take this phone out: its key opens nothing again.", "token",
              answers={200: "Done"}),
    PhoneRoute("passcode", "POST", "/phone/device/passcode", "Another passcode.", "token", "device", (OLD, NEW),
              ("passcode_wrong", "passcode_weak", "ended"), {200: "Done"}),
    PhoneRoute("disown", "POST", "/phone/device/not-me", "The phone that took this one's place is not the person's.",
              "key", "any", (), ("not_replaced",), {200: "Done"}),
    PhoneRoute("scan", "POST", "/phone/qr/scan", "Bind the login of a picture to this phone.", "token", "device",
              (PICTURE,), ("unreadable", "forged", "stale", "already_scanned", "other_network", *_QR),
              {200: "Scanned"}),
    PhoneRoute("look", "POST", "/phone/qr/look", "How the login stands.", "token", "device", (TICKET,),
              ("not_scanned", *_QR), {200: "Look"}),
    PhoneRoute("confirm", "POST", "/phone/qr/confirm", "Let the browser in.", "token", "device",
              (TICKET, NUMBER, PASSCODE),
              ("not_scanned", "wrong_number", "passcode_wrong", "ended", "confirmed", *_QR), {200: "Done"}),
    PhoneRoute("deny", "POST", "/phone/qr/deny", "Refuse the browser.", "token", "device", (TICKET,),
              ("not_scanned", *_QR), {200: "Done"}),
    PhoneRoute("not_me", "POST", "/phone/qr/not-me", "The person asked for no login.", "token", "device", (TICKET,),
              ("not_scanned", *_QR), {200: "Sessions"}),
)  # fmt: skip

EVERYWHERE = ("bad_request", "too_large", "invalid_dpop_proof", "use_dpop_nonce", "too_many", "busy")
WITH_TOKEN = ("token_missing", "invalid_token", "insufficient_scope", "ended")
WITH_DEVICE = ("no_device",)

REFUSALS: Mapping[str, PhoneRefusal] = {
    "bad_request": PhoneRefusal(400, ("Yêu cầu không đọc được.", "The request cannot be read.")),
    "too_large": PhoneRefusal(413, ("Yêu cầu quá lớn.", "The request is too large.")),
    "token_missing": PhoneRefusal(401, ("Hãy đăng nhập ứng dụng.", "Log in to the app.")),
    "invalid_token": PhoneRefusal(
        401, ("Phiên đăng nhập của ứng dụng đã hết. Hãy đăng nhập lại.", "The app's login is over. Log in again.")
    ),
    "invalid_dpop_proof": PhoneRefusal(
        401, ("Không xác minh được điện thoại này.", "This phone could not be verified.")
    ),
    "use_dpop_nonce": PhoneRefusal(401, ("Hãy thử lại.", "Try again.")),
    "insufficient_scope": PhoneRefusal(
        403, ("Ứng dụng không được phép làm việc này.", "The app is not allowed to do this.")
    ),
    "no_device": PhoneRefusal(
        403, ("Điện thoại này chưa được đăng ký. Hãy đăng ký trước.", "This phone is not enrolled. Enrol it first.")
    ),
    "ended": PhoneRefusal(
        403,
        (
            "Điện thoại này không còn là thiết bị của bạn nên đã bị thoát.",
            "This phone is not your device any more and was signed out.",
        ),
    ),
    "other_device": PhoneRefusal(
        409,
        (
            "Tài khoản đang dùng trên điện thoại khác. Nếu tiếp tục, điện thoại đó sẽ bị thoát.",
            "The account is in use on another phone. If you go on, that phone will be signed out.",
        ),
    ),
    "code_wrong": PhoneRefusal(403, ("Mã xác thực không đúng.", "The code is wrong.")),
    "code_exhausted": PhoneRefusal(
        403,
        (
            "Đã nhập sai mã quá nhiều lần. Hãy đăng nhập lại rồi thử sau.",
            "The code was wrong too often. Log in again and try later.",
        ),
    ),
    "code_first": PhoneRefusal(
        429,
        (
            "Đang có quá nhiều yêu cầu gửi mã. Hãy thử lại sau ít phút.",
            "Too many codes are being asked for. Try again in some minutes.",
        ),
    ),
    "over_budget": PhoneRefusal(
        429, ("Đã gửi quá nhiều mã. Hãy thử lại sau.", "Too many codes were sent. Try again later.")
    ),
    "no_phone": PhoneRefusal(
        409,
        (
            "Tài khoản chưa có số điện thoại để nhận mã. Hãy liên hệ cơ quan BHXH.",
            "The account has no phone number for a code. Contact the social security office.",
        ),
    ),
    "name": PhoneRefusal(
        400, ("Tên điện thoại cần từ 1 đến 64 ký tự.", "The phone's name needs 1 to 64 characters.")
    ),
    "passcode_form": PhoneRefusal(400, ("Mật khẩu ứng dụng gồm 6 chữ số.", "The passcode has 6 digits.")),
    "number_form": PhoneRefusal(400, ("Số trên màn hình có 2 chữ số.", "The number on the screen has 2 digits.")),
    "passcode_weak": PhoneRefusal(
        400,
        (
            "Mật khẩu ứng dụng này quá dễ đoán. Hãy chọn 6 chữ số khác.",
            "This passcode is too easy to guess. Choose 6 other digits.",
        ),
    ),
    "passcode_wrong": PhoneRefusal(
        403,
        (
            "Mật khẩu ứng dụng không đúng. Sai 5 lần, điện thoại này sẽ bị gỡ.",
            "The passcode is wrong. After 5 wrong ones this phone is removed.",
        ),
    ),
    "outdated": PhoneRefusal(
        409, ("Tài khoản vừa thay đổi. Hãy đăng nhập lại.", "The account has just changed. Log in again.")
    ),
    "not_replaced": PhoneRefusal(
        409,
        (
            "Không có điện thoại nào vừa thay thế điện thoại này.",
            "No phone took the place of this one lately.",
        ),
    ),
    "unreadable": PhoneRefusal(
        400,
        (
            "Đây không phải mã đăng nhập của BHXH. Đừng quét mã này ở nơi khác.",
            "This is no login code of VSS. Do not scan it elsewhere.",
        ),
    ),
    "unknown": PhoneRefusal(
        404, ("Mã này không còn. Hãy bấm “Tải lại” trên màn hình.", "This code is gone. Press “Reload” on the screen.")
    ),
    "forged": PhoneRefusal(
        403,
        (
            "Mã này không phải do BHXH tạo ra. Đừng đăng nhập ở trang đang hiện mã.",
            "This code was not made by VSS. Do not log in on the page that shows it.",
        ),
    ),
    "stale": PhoneRefusal(
        410,
        (
            "Mã này đã cũ: có thể là ảnh chụp. Hãy quét mã đang hiện trên màn hình của bạn.",
            "This code is old: it may be a picture of one. Scan the one on your own screen.",
        ),
    ),
    "expired": PhoneRefusal(
        410, ("Mã này đã hết hạn. Hãy bấm “Tải lại” trên màn hình.", "The code has expired. Press “Reload” there.")
    ),
    "already_scanned": PhoneRefusal(
        409,
        (
            "Mã này đã được một điện thoại quét. Nếu không phải bạn, hãy bấm “Tải lại” trên màn hình.",
            "A phone has scanned this code already. If that was not you, press “Reload” on the screen.",
        ),
    ),
    "not_scanned": PhoneRefusal(409, ("Hãy quét mã trước.", "Scan the code first.")),
    "scanned_by_other": PhoneRefusal(
        403, ("Một điện thoại khác đã quét mã này.", "Another phone scanned this code.")
    ),
    "wrong_number": PhoneRefusal(
        403,
        (
            "Số không đúng. Hãy nhập số đang hiện trên màn hình trước mặt bạn.",
            "The number is wrong. Type the one on the screen in front of you.",
        ),
    ),
    "other_network": PhoneRefusal(
        403,
        (
            "Cổng này chỉ cho đăng nhập khi điện thoại và máy dùng chung một mạng.",
            "This portal lets you in only when phone and computer are in one network.",
        ),
    ),
    "denied": PhoneRefusal(410, ("Lần đăng nhập này đã bị từ chối.", "This login was refused.")),
    "confirmed": PhoneRefusal(409, ("Bạn đã xác nhận rồi.", "You have confirmed already.")),
    "consumed": PhoneRefusal(410, ("Lần đăng nhập này đã xong.", "This login is done.")),
    "too_many": PhoneRefusal(429, ("Thao tác quá nhanh. Hãy thử lại sau.", "Too fast. Try again later.")),
    "busy": PhoneRefusal(503, ("Hệ thống đang bận. Hãy thử lại.", "The system is busy. Try again.")),
}  # fmt: skip


NUMBER_OVER: Words = (
    "Số đã sai ba lần nên lần đăng nhập này đã bị hủy. Hãy bấm “Tải lại” trên màn hình.",
    "The number was wrong three times, so this login was cancelled. Press “Reload” on the screen.",
)
"""What the person reads instead after the last wrong number."""


def refusals_of(operation: PhoneRoute) -> tuple[str, ...]:
    """Every code with which the operation can be refused."""
    with_token = WITH_TOKEN if operation.by == "token" else ()
    with_device = WITH_DEVICE if operation.binding == "device" else ()
    formal = tuple(field.refused for field in operation.fields)
    return tuple(dict.fromkeys((*operation.refusals, *formal, *with_device, *with_token, *EVERYWHERE)))


def sentence(code: str, language: str) -> str:
    """What a person reads."""
    vietnamese, english = REFUSALS[code].summary
    return english if language == "en" else vietnamese


def answer_schemas() -> Mapping[str, Any]:
    """What the operations answer, as JSON Schema (2020-12)."""
    text, moment = {"type": "string"}, {"type": "integer", "description": "Seconds since the epoch."}
    device = _object({"name": text, "network": text, "enrolled_at": moment, "last_seen_at": moment})
    ended = _object({"why": text, "at": moment, "successor": text, "may_disown": {"type": "boolean"}})
    state = {"type": "string", "enum": ["none", "active", "ended"]}
    session = _object({"browser": text, "network": text, "since": moment})
    return {
        "Device": device,
        "DeviceState": _object({"state": state, "device": device, "ended": ended}, "state"),
        "CodeSent": _object({"sent_to": text, "next_at": moment}),
        "Done": _object({"result": text}),
        "Scanned": _object({"ticket": text, "card": text, "expires_at": moment}),
        "Look": _object({"state": text, "tries_left": {"type": "integer"}, "intruded": {"type": "boolean"}}),
        "Sessions": _object({"sessions": {"type": "array", "items": session}, "device": device}),
    }


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    names = list(required) or list(properties)
    return {"type": "object", "properties": dict(properties), "required": names, "additionalProperties": False}
