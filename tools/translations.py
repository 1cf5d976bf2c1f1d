"""Keeps the English catalogue in step with the Vietnamese sentences in templates and Python.

`python tools/translations.py` collects every sentence, keeps the translations there are, lists what is missing and
compiles the catalogue; run it after changing a text. Vietnamese needs no catalogue: the sentences are the keys.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SPEAKING = ("idp", "federation", "qr_login")
CATALOGUE = ROOT / "idp" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
MAPPING = ROOT / "idp" / "translations" / "babel.cfg"
WIDTH = 120


def main() -> int:
    catalogue = updated(read())
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=WIDTH, omit_header=False, sort_by_file=True, include_lineno=False)
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(read()))
    missing = untranslated(catalogue)
    for message in missing:
        print(f"no English yet: {message.id}", file=sys.stderr)
    return 1 if missing else 0


def read() -> Catalog:
    """The English catalogue as it is kept."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def sentences() -> Catalog:
    """Every sentence in the packages that speak to people, with the files it stands in."""
    found = Catalog()
    for package in SPEAKING:
        for path, text, comments, context in _in(ROOT / package):
            found.add(text, locations=[(f"{package}/{path}", 0)], auto_comments=comments, context=context)
    return found


def updated(catalogue: Catalog) -> Catalog:
    """The catalogue with new sentences added and unused ones dropped. Nothing is guessed from similar sentences."""
    catalogue.update(sentences(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def untranslated(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id and (not message.string or message.fuzzy)]


def compiled(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def _in(package: Path) -> Iterator[tuple[str, str | tuple[str, ...], list[str], str | None]]:
    if not package.is_dir():
        return
    with MAPPING.open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    keywords = DEFAULT_KEYWORDS | {"lazy_gettext": None, "P_": ((1, "c"), 2)}
    for path, _, text, comments, context in extract_from_dir(package, methods, options, keywords):
        yield path, text, comments, context


if __name__ == "__main__":
    sys.exit(main())
