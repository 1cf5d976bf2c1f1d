"""What messages say, in both languages side by side.

Text messages are unaccented (GSM-7), because carriers charge by segments of 160 letters and cut what is accented into
70, and because the agency declares them to the carriers letter for letter. Mail is text and simple HTML that loads
nothing. A template that is not here, or a fact that is missing, is a `KeyError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from idp.messages.message import Language, Message

Words = Mapping[Language, str]
HOTLINE = "1900.9068"

PURPOSES_SMS: Mapping[str, Words] = {
    "login": {"vi": "dang nhap", "en": "login"},
    "step_up": {"vi": "xac nhan thao tac", "en": "confirming your action"},
    "password": {"vi": "doi mat khau", "en": "changing the password"},
    "recovery": {"vi": "lay lai mat khau", "en": "password recovery"},
    "contact": {"vi": "xac nhan so dien thoai", "en": "confirming this number"},
    "link": {"vi": "lien ket tai khoan", "en": "linking your account"},
    "device": {"vi": "dang ky dien thoai", "en": "enrolling a phone"},
}
PURPOSES_MAIL: Mapping[str, Words] = {
    "login": {"vi": "đăng nhập", "en": "logging in"},
    "step_up": {"vi": "xác nhận thao tác", "en": "confirming your action"},
    "password": {"vi": "đổi mật khẩu", "en": "changing the password"},
    "recovery": {"vi": "lấy lại mật khẩu", "en": "password recovery"},
    "contact": {"vi": "xác nhận địa chỉ thư điện tử", "en": "confirming this e-mail address"},
    "link": {"vi": "liên kết tài khoản", "en": "linking your account"},
    "device": {"vi": "đăng ký điện thoại", "en": "enrolling a phone"},
}
EVENTS_SMS: Mapping[str, Words] = {
    "new_device": {"vi": "Dang nhap tren thiet bi moi", "en": "Login on a new device"},
    "password_changed": {"vi": "Mat khau da doi", "en": "Password changed"},
    "password_recovered": {"vi": "Mat khau da dat lai", "en": "Password reset"},
    "phone_changed": {"vi": "So dien thoai da doi", "en": "Phone number changed"},
    "email_changed": {"vi": "Dia chi e-mail da doi", "en": "E-mail address changed"},
    "link_added": {"vi": "Da lien ket tai khoan moi", "en": "Account link added"},
    "link_removed": {"vi": "Da huy lien ket tai khoan", "en": "Account link removed"},
    "device_enrolled": {"vi": "Da dang ky dien thoai moi", "en": "New phone enrolled"},
    "device_removed": {"vi": "Da go dien thoai dang ky", "en": "Enrolled phone removed"},
    "device_locked": {"vi": "Dien thoai bi go: sai ma 5 lan", "en": "Phone removed: 5 wrong codes"},
}
EVENTS_MAIL: Mapping[str, Words] = {
    "new_device": {"vi": "Đăng nhập trên thiết bị mới", "en": "Login on a new device"},
    "password_changed": {"vi": "Mật khẩu đã được đổi", "en": "Your password was changed"},
    "password_recovered": {"vi": "Mật khẩu đã được đặt lại", "en": "Your password was reset"},
    "phone_changed": {"vi": "Số điện thoại đã được thay đổi", "en": "Your phone number was changed"},
    "email_changed": {"vi": "Địa chỉ thư điện tử đã được thay đổi", "en": "Your e-mail address was changed"},
    "link_added": {"vi": "Tài khoản liên kết đã được thêm", "en": "A linked account was added"},
    "link_removed": {"vi": "Tài khoản liên kết đã được hủy", "en": "A linked account was removed"},
    "device_enrolled": {"vi": "Điện thoại mới đã được đăng ký", "en": "A new phone was enrolled"},
    "device_removed": {"vi": "Điện thoại đăng ký đã được gỡ", "en": "An enrolled phone was removed"},
    "device_locked": {
        "vi": "Điện thoại đăng ký đã bị gỡ vì nhập sai mã 5 lần",
        "en": "Your enrolled phone was removed after 5 wrong passcodes",
    },
}

SMS: Mapping[str, Words] = {
    "otp": {
        "vi": "BHXH: Ma xac thuc {code} de {purpose}, hieu luc {minutes} phut. "
        "Khong cung cap ma cho bat ky ai, ke ca can bo BHXH.",
        "en": "VSS: code {code} for {purpose}, valid {minutes} min. Do not share it with anyone, not even VSS staff.",
    },
    "recovery_link": {
        "vi": "BHXH: Dat lai mat khau trong {minutes} phut tai {url}",
        "en": "VSS: reset your password within {minutes} min at {url}",
    },
    "notice": {
        "vi": "BHXH: {event} luc {time}. Khong phai ban? Goi " + HOTLINE,
        "en": "VSS: {event} at {time}. Not you? Call " + HOTLINE,
    },
    "notice_with_undo": {
        "vi": "BHXH: {event} luc {time}. Khong phai ban: {undo_url}",
        "en": "VSS: {event} at {time}. Not you: {undo_url}",
    },
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in one language: paragraphs, and above `then` a link when there is one."""

    subject: str
    paragraphs: tuple[str, ...]
    link: str = ""
    link_says: str = ""
    then: str = ""


MAIL: Mapping[str, Mapping[Language, Letter]] = {
    "otp": {
        "vi": Letter(
            "BHXH: mã xác thực để {purpose}",
            (
                "Mã xác thực của bạn để {purpose}: {code}",
                "Mã có hiệu lực {minutes} phút và chỉ dùng được một lần. Không cung cấp mã này cho bất kỳ ai, kể cả "
                "cán bộ BHXH.",
                "Nếu bạn không yêu cầu mã này, hãy bỏ qua thư. Không ai vào được tài khoản nếu không có mã.",
            ),
        ),
        "en": Letter(
            "VSS: code for {purpose}",
            (
                "Your code for {purpose}: {code}",
                "It is valid for {minutes} minutes and works once. Do not share it with anyone, not even VSS staff.",
                "If you did not ask for this code, ignore this mail. Nobody gets into the account without the code.",
            ),
        ),
    },
    "recovery_link": {
        "vi": Letter(
            "BHXH: đặt lại mật khẩu",
            (
                "Có người, có lẽ là bạn, yêu cầu đặt lại mật khẩu của tài khoản BHXH dùng địa chỉ này.",
                "Mở đường dẫn sau trong {minutes} phút. Đường dẫn chỉ dùng được một lần.",
            ),
            "{url}",
            "Đặt lại mật khẩu",
            "Nếu bạn không yêu cầu, hãy bỏ qua thư này: mật khẩu của bạn không thay đổi. Không chuyển thư này cho ai.",
        ),
        "en": Letter(
            "VSS: reset your password",
            (
                "Somebody, probably you, asked to reset the password of the VSS account that uses this address.",
                "Open this link within {minutes} minutes. It works once.",
            ),
            "{url}",
            "Reset the password",
            "If you did not ask, ignore this mail: your password stays as it is. Do not forward this mail to anyone.",
        ),
    },
    "notice": {
        "vi": Letter(
            "BHXH: {event}",
            ("{event} lúc {time}.", "Trình duyệt: {browser}", "Nếu đó là bạn, bạn không cần làm gì thêm."),
            "{undo_url}",
            "Không phải tôi",
            "Nếu không phải bạn, mở đường dẫn trên trong 72 giờ: mọi phiên đăng nhập sẽ kết thúc và thay đổi được hoàn "
            "lại. Cần giúp đỡ, gọi " + HOTLINE + ".",
        ),
        "en": Letter(
            "VSS: {event}",
            ("{event} at {time}.", "Browser: {browser}", "If it was you, there is nothing to do."),
            "{undo_url}",
            "It was not me",
            "If it was not you, open the link above within 72 hours: all sessions end and the change is undone. "
            "For help call " + HOTLINE + ".",
        ),
    },
}
WITHOUT_UNDO: Words = {
    "vi": f"Nếu không phải bạn, hãy đổi mật khẩu ngay và gọi {HOTLINE}.",
    "en": f"If it was not you, change your password at once and call {HOTLINE}.",
}
SIGNATURE: Words = {
    "vi": "Bảo hiểm xã hội Việt Nam. Thư tự động, vui lòng không trả lời.",
    "en": "Vietnam Social Security. This is an automatic mail; please do not reply.",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that can be sent: the same words twice."""

    subject: str
    text: str
    html: str


def render_sms(message: Message) -> str:
    """The text message."""
    facts = _spoken(message, PURPOSES_SMS, EVENTS_SMS)
    name = "notice_with_undo" if message.template == "notice" and facts["undo_url"] else message.template
    return SMS[name][message.language].format_map(facts)


def render_mail(message: Message) -> Mail:
    """The mail, as text and as HTML."""
    facts = _spoken(message, PURPOSES_MAIL, EVENTS_MAIL)
    letter = MAIL[message.template][message.language]
    says = [paragraph.format_map(facts) for paragraph in letter.paragraphs]
    url = letter.link.format_map(facts)
    then = [letter.then] if url or not letter.link else [WITHOUT_UNDO[message.language]]
    end = [*(line for line in then if line), SIGNATURE[message.language]]
    html = _html(message.language, says, url, letter.link_says, end)
    text = [*says, *([f"{letter.link_says}:\n{url}"] if url else []), *end]
    return Mail(letter.subject.format_map(facts), "\n\n".join(text) + "\n", html)


def _spoken(message: Message, purposes: Mapping[str, Words], events: Mapping[str, Words]) -> dict[str, str]:
    """The facts, with purpose and event in words."""
    facts, language = dict(message.facts), message.language
    for name, words in (("purpose", purposes), ("event", events)):
        if name in facts:
            facts[name] = words[facts[name]][language]
    return facts


def _html(language: Language, says: list[str], url: str, link_says: str, end: list[str]) -> str:
    button = (
        f'<p><a href="{escape(url)}" style="display:inline-block;padding:12px 20px;background:#0b5cad;color:#ffffff;'
        f'text-decoration:none;border-radius:6px">{escape(link_says)}</a></p>'
        f'<p style="font-size:14px;word-break:break-all">{escape(url)}</p>'
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"></head>'
        '<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1b1b1b;background:#ffffff">'
        + "".join(f"<p>{escape(line)}</p>" for line in says)
        + (button if url else "")
        + "".join(f'<p style="color:#555555;font-size:14px">{escape(line)}</p>' for line in end)
        + "</body></html>"
    )
