"""Vietnamese is the source of every text, English is complete, and what is compiled is what is written."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from flask import Flask, render_template
from flask_babel import Babel, force_locale

from idp import errors
from idp.web import sentences
from tests.support.preview_scenes import scenes
from tools import translations

PLACEHOLDER = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return translations.read()


@pytest.fixture
def app() -> Flask:
    made = Flask("idp")
    Babel(made, default_locale="vi")
    return made


def test_every_sentence_in_templates_and_python_is_in_the_english_catalogue(catalogue: Catalog) -> None:
    wanted = {message.id for message in translations.sentences() if message.id}
    kept = {message.id for message in catalogue if message.id}
    assert len(wanted) > 100
    assert wanted - kept == set(), "run tools/translations.py"
    assert kept - wanted == set(), "no longer used: run tools/translations.py"


def test_every_sentence_has_its_english(catalogue: Catalog) -> None:
    assert [message.id for message in translations.untranslated(catalogue)] == []


def test_english_is_not_vietnamese_copied(catalogue: Catalog) -> None:
    vietnamese = re.compile(r"[ăâđêôơưạ-ỹ]", re.IGNORECASE)
    assert [message.string for message in catalogue if message.id and vietnamese.search(str(message.string))] == []


def test_a_translation_keeps_the_placeholders_of_its_sentence(catalogue: Catalog) -> None:
    for message in catalogue:
        assert set(PLACEHOLDER.findall(str(message.string))) == set(PLACEHOLDER.findall(str(message.id))), message.id


def test_the_compiled_catalogue_is_what_the_written_one_compiles_to(catalogue: Catalog) -> None:
    kept = translations.CATALOGUE.with_suffix(".mo").read_bytes()
    assert kept == translations.compiled(catalogue), "run tools/translations.py"


def test_templates_hold_no_text_beside_the_catalogue() -> None:
    for path in sorted((translations.ROOT / "idp" / "templates").rglob("*.html")):
        text = re.sub(r"\{% block (page|width) %\}[a-z-]*\{% endblock %\}", " ", path.read_text(encoding="utf-8"))
        # A macro that writes attributes says nothing; keys of a keyboard are called so in both languages.
        text = re.sub(r"\{% macro about\(.*?\{% endmacro %\}", " ", text, flags=re.DOTALL)
        text = re.sub(r"<kbd hidden>Alt\+[0-9]</kbd>", " ", text)
        bare = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", text, flags=re.DOTALL)
        words = [word for word in bare.split() if any(letter.isalpha() for letter in word)]
        assert words == [], f"{path.name}: {words}"
        assert not re.search(r'(aria-label|alt|title|placeholder)="[^"{]', text), path.name


def test_every_reason_a_page_can_give_has_title_sentence_and_advice_in_both_languages(app: Flask) -> None:
    for language in ("vi", "en"):
        with app.test_request_context("/"), force_locale(language):
            for kind, page in sentences.PAGES.items():
                assert all(map(str, (page.title, page.sentence, *page.advice))), kind
                assert page.advice, kind
                assert str(page.sentence).endswith("."), kind
    with app.test_request_context("/"), force_locale("en"):
        assert str(sentences.PAGES["expired"].title) == "This login has expired"


def test_the_sentences_that_the_agency_already_uses_stay_letter_for_letter(app: Flask) -> None:
    with app.test_request_context("/"), force_locale("vi"):
        assert str(sentences.LOGIN["login_failed"]) == "Sai tên đăng nhập hoặc mật khẩu"
        assert str(sentences.LOGIN["captcha_wrong"]) == "Mã kiểm tra không đúng"
        assert str(sentences.LOGIN["disabled"]) == "Tài khoản không thể đăng nhập. Vui lòng liên hệ cơ quan BHXH"
    with app.test_request_context("/"), force_locale("en"):
        assert str(sentences.LOGIN["login_failed"]) == "Wrong username or password"


def test_the_sentence_about_waiting_takes_a_time_as_people_say_it(app: Flask) -> None:
    with app.test_request_context("/"):
        assert "sau 30 giây" in sentences.LOGIN["wait"] % {"wait": sentences.waiting(30)}
        assert [sentences.waiting(seconds) for seconds in (60, 798, 3593)] == ["60 giây", "13 phút", "60 phút"]
    with app.test_request_context("/"), force_locale("en"):
        assert sentences.waiting(798) == "13 minutes"


def test_labels_of_the_login_page_stay_letter_for_letter(app: Flask) -> None:
    app.jinja_env.globals["static"] = str
    app.context_processor(lambda: {"lang": "vi", "languages": [], "testing": False})
    with app.test_request_context("/"):
        page = next(scene for scene in scenes() if scene.state == "everything")
        html = render_template(page.template, **page.context)
    for label in ("ĐĂNG NHẬP", "Cá nhân", "Tổ chức", "Tên đăng nhập", "Mật khẩu", "Mã kiểm tra", "Quên mật khẩu"):
        assert f">{label}<" in html, label
    assert ">ĐĂNG KÝ<" in html
    assert 'placeholder="Nhập mã kiểm tra"' in html


def test_every_kind_of_refusal_has_its_page() -> None:
    kinds = {
        kind.kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.UserError)
    }
    assert kinds <= set(sentences.PAGES)


def test_the_list_of_searched_packages_is_the_list_of_packages_that_speak_to_people() -> None:
    root = Path(translations.ROOT)
    speaking = {path.parent.name for path in root.glob("*/templates")} - {"sandbox", "tests"}
    assert speaking <= set(translations.SPEAKING)
