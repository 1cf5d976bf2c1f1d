"""The files of the simulated phone: vendored as published, nothing from elsewhere, no words missing."""

import hashlib
import re
from pathlib import Path
from typing import get_args

from idp.accounts.devices import Ended

PROJECT = Path(__file__).parents[3]
PHONE = PROJECT / "sandbox" / "phone"
PAGE = (PHONE / "index.html").read_text(encoding="utf-8")
SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in PHONE.glob("*.js")}
TEXTS = re.findall(r"^  (\w+): \[(.*?)\],$", SCRIPTS["texts.js"], re.MULTILINE | re.DOTALL)


def test_the_decoder_is_the_one_that_was_published() -> None:
    decoder = hashlib.sha256((PHONE / "jsqr" / "jsQR.js").read_bytes()).hexdigest()

    assert decoder in (PROJECT / "docs" / "decisions" / "0003-dependencies.md").read_text(encoding="utf-8")
    assert "Apache License" in (PHONE / "jsqr" / "LICENSE").read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere_or_written_into_the_page() -> None:
    loaded = re.findall(r'(?:src|href)="([^"]*)"', PAGE)

    assert loaded
    assert all(each.startswith("/app/") for each in loaded)
    assert re.findall(r"<script>|<style|\son\w+=|\sstyle=", PAGE) == []
    for text in SCRIPTS.values():
        assert all(each.startswith("/app/") for each in re.findall(r'from "([^"]*)"', text))


def test_every_word_is_there_in_both_languages() -> None:
    known = {name for name, _ in TEXTS}
    used = set(re.findall(r'data-t="(\w+)"', PAGE))
    for text in SCRIPTS.values():
        used |= set(re.findall(r'say\("(\w+)"', text))
        used |= {f"bad_{code}" for code in re.findall(r'(?:Problem\(|code: )"(\w+)"', text)}

    assert len(used) > 60
    assert used - known == set()
    assert [name for name, pair in TEXTS if len(re.findall(r'"[^"]+"', pair)) != 2] == []


def test_every_end_of_a_device_has_a_sentence() -> None:
    assert {f"ended_{why}" for why in get_args(Ended)} <= {name for name, _ in TEXTS}
