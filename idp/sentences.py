"""Sentences in a given language, for what is not the response to a browser: messages and the APIs.

The Vietnamese sentence is in the code, marked by `N_` or `P_`; its English is in the catalogue of the pages.
"""

from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Literal

Language = Literal["vi", "en"]
CATALOGUES = Path(__file__).parent / "translations"


def N_(sentence: str) -> str:
    """Mark a sentence for `tools/translations.py`."""
    return sentence


def P_(context: str, sentence: str) -> str:
    """Mark a sentence whose English differs by context."""
    return sentence


def translated(sentence: str, language: Language, context: str = "") -> str:
    """The sentence in this language."""
    known = _catalogue(language)
    return known.pgettext(context, sentence) if context else known.gettext(sentence) if sentence else ""


@cache
def _catalogue(language: Language) -> NullTranslations:
    """Vietnamese has no file: its sentences are the keys."""
    return translation("messages", CATALOGUES, [language], fallback=language != "en")
