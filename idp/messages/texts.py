"""What messages say, in both languages side by side.

Text messages are unaccented (GSM-7), because carriers charge by segments of 160 letters and cut what is accented into
70, and because the agency declares them to the carriers letter for letter. Mail is text and simple HTML that loads
nothing. A template that is not here, or a fact that is missing, is a `KeyError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from idp.messages.message import Language, Message
from idp.messages.words import (
    EVENTS_MAIL,
    EVENTS_SMS,
    PURPOSES_MAIL,
    PURPOSES_SMS,
    REASONS_MAIL,
    REASONS_SMS,
    Words,
)

HOTLINE = "1900.9068"

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
    "activation": {
        "vi": "BHXH: Tai khoan {account} da duoc kich hoat. Dat mat khau trong {hours} gio tai {url}",
        "en": "VSS: account {account} is active. Set a password within {hours} hours at {url}",
    },
    "temporary_password": {
        "vi": "BHXH: Tai khoan {account} da kich hoat. Mat khau tam {password}, dung 1 lan trong {hours} gio, "
        "phai doi khi dang nhap.",
        "en": "VSS: account {account} is active. Temporary password {password}, works once within {hours} hours; "
        "you change it at login.",
    },
    "declaration_received": {
        "vi": "BHXH: Da ghi nhan to khai so {reference}. Mang giay to den {agency} de hoan tat.",
        "en": "VSS: declaration {reference} recorded. Bring your papers to {agency}.",
    },
    "declaration_approved": {
        "vi": "BHXH: To khai {reference} da duoc duyet. LH " + HOTLINE,
        "en": "VSS: declaration {reference} was approved. Call " + HOTLINE,
    },
    "declaration_rejected": {
        "vi": "BHXH: Dang ky {reference} chua duoc chap nhan. Ly do: {reason}. LH " + HOTLINE,
        "en": "VSS: registration {reference} was not accepted. Reason: {reason}. Call " + HOTLINE,
    },
    "declaration_returned": {
        "vi": "BHXH: To khai {reference} can sua: {reason}. Xem tai {url}",
        "en": "VSS: please correct declaration {reference}: {reason}. See {url}",
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
    "activation": {
        "vi": Letter(
            "BHXH: tài khoản đã được kích hoạt",
            (
                "Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt.",
                "Mở đường dẫn sau trong {hours} giờ để đặt mật khẩu. Mã xác thực sẽ gửi tới điện thoại đã đăng ký.",
            ),
            "{url}",
            "Đặt mật khẩu",
            "Nếu bạn không đăng ký, gọi " + HOTLINE + ". Không chuyển thư này cho ai.",
        ),
        "en": Letter(
            "VSS: your account is active",
            (
                "The agency approved your registration. Account {account} was issued and activated.",
                "Open this link within {hours} hours to set a password. Your registered phone gets a code for it.",
            ),
            "{url}",
            "Set a password",
            "If you did not register, call " + HOTLINE + ". Do not forward this mail to anyone.",
        ),
    },
    "temporary_password": {
        "vi": Letter(
            "BHXH: tài khoản đã được kích hoạt",
            (
                "Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt.",
                "Mật khẩu tạm: {password}",
                "Mật khẩu này dùng được một lần trong {hours} giờ; khi đăng nhập bạn phải đổi mật khẩu.",
                "Không cung cấp mật khẩu cho bất kỳ ai, kể cả cán bộ BHXH.",
            ),
        ),
        "en": Letter(
            "VSS: your account is active",
            (
                "The agency approved your registration. Account {account} was issued and activated.",
                "Temporary password: {password}",
                "It works once within {hours} hours; you change it at the first login.",
                "Do not tell it to anyone, not even VSS staff.",
            ),
        ),
    },
    "declaration_received": {
        "vi": Letter(
            "BHXH: đã ghi nhận tờ khai số {reference}",
            (
                "Đã ghi nhận tờ khai số {reference}. Vui lòng mang giấy tờ tới {agency} để hoàn tất thủ tục.",
                "Giữ mã số tờ khai: bạn cần mã này và số điện thoại đã khai để xem tình trạng hồ sơ.",
            ),
            "{url}",
            "Xem tình trạng hồ sơ",
            "Nếu bạn không gửi tờ khai này, gọi " + HOTLINE + ".",
        ),
        "en": Letter(
            "VSS: declaration {reference} recorded",
            (
                "Declaration {reference} is recorded. Bring your papers to {agency} to finish.",
                "Keep the reference: with it and the phone number that you declared you can see how it stands.",
            ),
            "{url}",
            "See how it stands",
            "If you did not send this declaration, call " + HOTLINE + ".",
        ),
    },
    "declaration_approved": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} đã được duyệt",
            ("Cơ quan BHXH đã duyệt tờ khai số {reference}. Thay đổi đã có hiệu lực.",),
        ),
        "en": Letter(
            "VSS: declaration {reference} was approved",
            ("The agency approved declaration {reference}. The change is in effect.",),
        ),
    },
    "declaration_rejected": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} chưa được chấp nhận",
            (
                "Cơ quan BHXH chưa chấp nhận tờ khai số {reference}. Lý do: {reason}.",
                "{note}",
                "Bạn có thể gửi tờ khai mới, đến bộ phận tiếp nhận và trả kết quả hồ sơ, hoặc gọi " + HOTLINE + ".",
            ),
            "{url}",
            "Xem tình trạng hồ sơ",
        ),
        "en": Letter(
            "VSS: declaration {reference} was not accepted",
            (
                "The agency did not accept declaration {reference}. Reason: {reason}.",
                "{note}",
                "You may send a new declaration, come to the reception desk, or call " + HOTLINE + ".",
            ),
            "{url}",
            "See how it stands",
        ),
    },
    "declaration_returned": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} cần sửa",
            ("Cơ quan BHXH đề nghị bạn sửa tờ khai số {reference}. Lý do: {reason}.", "{note}"),
            "{url}",
            "Sửa tờ khai",
        ),
        "en": Letter(
            "VSS: please correct declaration {reference}",
            ("The agency asks you to correct declaration {reference}. Reason: {reason}.", "{note}"),
            "{url}",
            "Correct the declaration",
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
    facts = _spoken(message, PURPOSES_SMS, EVENTS_SMS, REASONS_SMS)
    name = "notice_with_undo" if message.template == "notice" and facts["undo_url"] else message.template
    return SMS[name][message.language].format_map(facts)


def render_mail(message: Message) -> Mail:
    """The mail, as text and as HTML."""
    facts = _spoken(message, PURPOSES_MAIL, EVENTS_MAIL, REASONS_MAIL)
    letter = MAIL[message.template][message.language]
    says = [said for paragraph in letter.paragraphs if (said := paragraph.format_map(facts))]
    url = letter.link.format_map(facts)
    then = [letter.then] if url or not letter.link else [WITHOUT_UNDO[message.language]]
    end = [*(line for line in then if line), SIGNATURE[message.language]]
    html = _html(message.language, says, url, letter.link_says, end)
    text = [*says, *([f"{letter.link_says}:\n{url}"] if url else []), *end]
    return Mail(letter.subject.format_map(facts), "\n\n".join(text) + "\n", html)


def _spoken(
    message: Message, purposes: Mapping[str, Words], events: Mapping[str, Words], reasons: Mapping[str, Words]
) -> dict[str, str]:
    """The facts, with purpose, event and reason in words."""
    facts, language = dict(message.facts), message.language
    for name, words in (("purpose", purposes), ("event", events), ("reason", reasons)):
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
