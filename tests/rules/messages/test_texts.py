"""Text messages fit into one segment, mail says the same twice, and every template speaks both languages."""

import re
from html import unescape

import pytest

from idp.messages.letters import BUTTON, MAIL
from idp.messages.message import Message
from idp.messages.texts import SMS, render_mail, render_sms
from idp.messages.words import EVENTS_MAIL, EVENTS_SMS, PURPOSES_MAIL, PURPOSES_SMS, REASONS_MAIL, REASONS_SMS
from idp.registration.declaration import REASONS
from idp.sentences import Language, translated

GSM_7 = re.compile(r"[A-Za-z0-9 @£$¥!\"#%&'()*+,\-./:;<=>?_\n]*")
"""The letters of GSM 03.38 that count once and that we use; none of ours needs an accent."""

SEGMENT = 160
TOKEN = "A" * 43
HOST = "https://dangnhap.baohiemxahoi.gov.vn"
"""A host as long as a real one may be."""

REFERENCE = "7KF3-9QTA-2M"
STATUS = f"{HOST}/register/status"
LANGUAGES: tuple[Language, ...] = ("vi", "en")
FACTS = {
    **{f"otp {p}": ("otp", {"code": "888888", "purpose": p, "minutes": "10"}) for p in PURPOSES_SMS},
    "recovery_link": ("recovery_link", {"url": f"{HOST}/reset/{TOKEN}", "minutes": "1440"}),
    "activation": ("activation", {"account": "******0412", "hours": "72", "url": f"{HOST}/a/{TOKEN[:22]}"}),
    "temporary_password": (
        "temporary_password",
        {"account": "******0412", "hours": "72", "password": "2k4f-9qtx-7mzr"},
    ),
    "declaration_received": (
        "declaration_received",
        {"reference": REFERENCE, "agency": "BHXH co so Binh Thanh, TP Ho Chi Minh", "url": STATUS},
    ),
    "data_erased": ("data_erased", {"reference": REFERENCE}),
    "data_refused": ("data_refused", {"reference": REFERENCE, "note": "Đang có khiếu nại"}),
    "declaration_approved": ("declaration_approved", {"reference": REFERENCE}),
    **{
        f"{template} {reason}": (
            template,
            {"reference": REFERENCE, "reason": reason, "note": "Mang giấy tờ", "url": STATUS},
        )
        for template in ("declaration_rejected", "declaration_returned")
        for reason in REASONS
    },
    **{
        f"notice {event} {bool(url)}": (
            "notice",
            {"event": event, "time": "20:30 22/12/2026", "browser": "Chrome trên Windows", "undo_url": url},
        )
        for event in EVENTS_SMS
        for url in ("", f"{HOST}/undo/{TOKEN}")
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FACTS)
def test_a_text_message_is_unaccented_and_fits_into_one_segment(name: str, language: Language) -> None:
    template, facts = FACTS[name]

    text = render_sms(Message("sms", "+84912345678", template, 0, facts, language))

    assert GSM_7.fullmatch(text), text
    assert len(text) <= SEGMENT, f"{len(text)}: {text}"
    assert "{" not in text


@pytest.mark.parametrize("purpose", PURPOSES_SMS)
def test_a_code_by_text_message_says_what_it_is_for_and_to_keep_it(purpose: str) -> None:
    text = render_sms(Message("sms", "+84912345678", *code_facts(purpose)))

    assert PURPOSES_SMS[purpose] in text
    assert "135790" in text
    assert "Khong cung cap ma cho bat ky ai" in text


def code_facts(purpose: str) -> tuple[str, float, dict[str, str]]:
    return "otp", 0.0, {"code": "135790", "purpose": purpose, "minutes": "5"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FACTS)
def test_a_mail_says_the_same_as_text_and_as_html_and_loads_nothing(name: str, language: Language) -> None:
    template, facts = FACTS[name]

    mail = render_mail(Message("email", "hoa@example.com", template, 0, facts, language))

    words = unescape(re.sub(r"<[^>]+>", " ", mail.html))
    for line in mail.text.split():
        assert line.rstrip(":") in words
    assert len(mail.subject) <= 78
    assert max(len(line) for line in mail.text.splitlines()) < 998
    assert not re.search(r"<img|<script|<link|src=|@import|url\(", mail.html)
    assert "{" not in mail.text + mail.subject + mail.html
    for fact in ("code", "minutes", "url", "time", "browser", "undo_url"):
        assert facts.get(fact, "") in mail.text


def test_what_a_browser_calls_itself_stays_text_in_html() -> None:
    facts = FACTS["notice new_device True"][1] | {"browser": '<a href="https://evil.example">"&'}

    mail = render_mail(Message("email", "hoa@example.com", "notice", 0, facts))

    assert "&lt;a href=&quot;https://evil.example&quot;&gt;&quot;&amp;" in mail.html


def test_without_a_link_to_undo_a_notice_says_what_to_do() -> None:
    facts = FACTS["notice new_device False"][1]

    assert "1900.9068" in render_sms(Message("sms", "+84912345678", "notice", 0, facts))
    mail = render_mail(Message("email", "hoa@example.com", "notice", 0, facts))
    assert "1900.9068" in mail.text
    assert "href" not in mail.html


def test_every_template_purpose_and_event_is_there_for_both_channels_and_languages() -> None:
    assert set(MAIL) == {name for name in SMS if name not in ("notice_with_undo", "opened_by_mail")}
    assert set(PURPOSES_SMS) == set(PURPOSES_MAIL)
    assert set(EVENTS_SMS) == set(EVENTS_MAIL)
    assert set(REASONS_SMS) == set(REASONS_MAIL) == set(REASONS)
    for table in (SMS, PURPOSES_SMS, PURPOSES_MAIL, EVENTS_SMS, EVENTS_MAIL, REASONS_SMS, REASONS_MAIL):
        assert all(translated(words, "en") != translated(words, "vi") == words for words in table.values())
    for letter in MAIL.values():
        for words in (letter.subject, *letter.paragraphs, letter.then):
            assert words in ("", "{note}") or translated(words, "en") != words
        assert not letter.link or translated(letter.link_says, "en", BUTTON) != letter.link_says
