"""What messages say, in both languages side by side.

Text messages are unaccented (GSM-7), because carriers charge by segments of 160 letters and cut what is accented into
70, and because the agency declares them to the carriers letter for letter. Mail is text and simple HTML that loads
nothing. A template that is not here, or a fact that is missing, is a `KeyError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from idp.messages.letters import MAIL
from idp.messages.message import Language, Message
from idp.messages.words import (
    EVENTS_MAIL,
    EVENTS_SMS,
    HOTLINE,
    PURPOSES_MAIL,
    PURPOSES_SMS,
    REASONS_MAIL,
    REASONS_SMS,
    Words,
)

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
    "opened_by_mail": {
        "vi": "BHXH: Tai khoan {account} da duoc kich hoat. Mo thu dien tu da dang ky de dat mat khau. LH " + HOTLINE,
        "en": "VSS: account {account} is active. Open the mail that you registered to set a password. Call " + HOTLINE,
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
    "data_erased": {
        "vi": "BHXH: Yeu cau {reference}: du lieu tai khoan da xoa, tai khoan da dong. LH " + HOTLINE,
        "en": "VSS: request {reference}: your account data were erased and the account closed. Call " + HOTLINE,
    },
    "data_refused": {
        "vi": "BHXH: Yeu cau xoa du lieu {reference} chua duoc chap nhan. Xem thu dien tu hoac goi " + HOTLINE,
        "en": "VSS: erasure request {reference} was not accepted. See your mail or call " + HOTLINE,
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
    lines = [line for paragraph in letter.paragraphs if (line := paragraph.format_map(facts))]
    url = letter.link.format_map(facts)
    then = [letter.then] if url or not letter.link else [WITHOUT_UNDO[message.language]]
    end = [*(line for line in then if line), SIGNATURE[message.language]]
    html = _html(message.language, lines, url, letter.link_says, end)
    text = [*lines, *([f"{letter.link_says}:\n{url}"] if url else []), *end]
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


def _html(language: Language, lines: list[str], url: str, link_says: str, end: list[str]) -> str:
    button = (
        f'<p><a href="{escape(url)}" style="display:inline-block;padding:12px 20px;background:#0b5cad;color:#ffffff;'
        f'text-decoration:none;border-radius:6px">{escape(link_says)}</a></p>'
        f'<p style="font-size:14px;word-break:break-all">{escape(url)}</p>'
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"></head>'
        '<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1b1b1b;background:#ffffff">'
        + "".join(f"<p>{escape(line)}</p>" for line in lines)
        + (button if url else "")
        + "".join(f'<p style="color:#555555;font-size:14px">{escape(line)}</p>' for line in end)
        + "</body></html>"
    )
