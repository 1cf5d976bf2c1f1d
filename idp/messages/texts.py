"""The texts of messages; the English is in the catalogue.

Text messages are unaccented (GSM-7), because carriers charge by segments of 160 letters, or 70 with accents, and
because the agency registers the texts with the carriers letter by letter. Mail is plain text and simple HTML that loads
nothing. An unknown template or a missing fact raises `KeyError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from idp.messages.letters import BUTTON, MAIL
from idp.messages.message import Message
from idp.messages.words import (
    EVENTS_MAIL,
    EVENTS_SMS,
    HOTLINE,
    PURPOSES_MAIL,
    PURPOSES_SMS,
    REASONS_MAIL,
    REASONS_SMS,
)
from idp.sentences import N_, Language, translated

SMS: Mapping[str, str] = {
    "otp": N_(
        "BHXH: Ma xac thuc {code} de {purpose}, hieu luc {minutes} phut. Khong cung cap ma cho bat "
        "ky ai, ke ca can bo BHXH."
    ),
    "recovery_link": N_("BHXH: Dat lai mat khau trong {minutes} phut tai {url}"),
    "activation": N_("BHXH: Tai khoan {account} da duoc kich hoat. Dat mat khau trong {hours} gio tai {url}"),
    "opened_by_mail": N_(
        "BHXH: Tai khoan {account} da duoc kich hoat. Mo thu dien tu da dang ky de dat mat khau. LH {hotline}"
    ),
    "temporary_password": N_(
        "BHXH: Tai khoan {account} da kich hoat. Mat khau tam {password}, dung 1 lan trong {hours} "
        "gio, phai doi khi dang nhap."
    ),
    "declaration_received": N_("BHXH: Da ghi nhan to khai so {reference}. Mang giay to den {agency} de hoan tat."),
    "declaration_approved": N_("BHXH: To khai {reference} da duoc duyet. LH {hotline}"),
    "declaration_rejected": N_("BHXH: Dang ky {reference} chua duoc chap nhan. Ly do: {reason}. LH {hotline}"),
    "declaration_returned": N_("BHXH: To khai {reference} can sua: {reason}. Xem tai {url}"),
    "data_erased": N_("BHXH: Yeu cau {reference}: du lieu tai khoan da xoa, tai khoan da dong. LH {hotline}"),
    "data_refused": N_("BHXH: Yeu cau xoa du lieu {reference} chua duoc chap nhan. Xem thu dien tu hoac goi {hotline}"),
    "notice": N_("BHXH: {event} luc {time}. Khong phai ban? Goi {hotline}"),
    "notice_with_undo": N_("BHXH: {event} luc {time}. Khong phai ban: {undo_url}"),
}

WITHOUT_UNDO = N_("Nếu không phải bạn, hãy đổi mật khẩu ngay và gọi {hotline}.")
SIGNATURE = N_("Bảo hiểm xã hội Việt Nam. Thư tự động, vui lòng không trả lời.")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be sent: the same words as text and HTML."""

    subject: str
    text: str
    html: str


def render_sms(message: Message) -> str:
    """The text message."""
    facts = _spoken(message, PURPOSES_SMS, EVENTS_SMS, REASONS_SMS)
    name = "notice_with_undo" if message.template == "notice" and facts["undo_url"] else message.template
    return translated(SMS[name], message.language).format_map(facts)


def render_mail(message: Message) -> Mail:
    """The mail, as text and as HTML."""
    facts = _spoken(message, PURPOSES_MAIL, EVENTS_MAIL, REASONS_MAIL)
    letter, language = MAIL[message.template], message.language

    def filled(*sentences: str) -> list[str]:
        texts = (translated(sentence, language).format_map(facts) for sentence in sentences)
        return [text for text in texts if text]

    lines, url = filled(*letter.paragraphs), letter.link.format_map(facts)
    end = filled(letter.then if url or not letter.link else WITHOUT_UNDO, SIGNATURE)
    button = translated(letter.link_says, language, BUTTON)
    text = [*lines, *([f"{button}:\n{url}"] if url else []), *end]
    return Mail(filled(letter.subject)[0], "\n\n".join(text) + "\n", _html(language, lines, url, button, end))


def _spoken(
    message: Message, purposes: Mapping[str, str], events: Mapping[str, str], reasons: Mapping[str, str]
) -> dict[str, str]:
    """The facts, with purpose, event and reason in words, and the hotline's number."""
    facts = dict(message.facts) | {"hotline": HOTLINE}
    for name, words in (("purpose", purposes), ("event", events), ("reason", reasons)):
        if name in facts:
            facts[name] = translated(words[facts[name]], message.language)
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
