"""The keys of those who may vouch for clients, as the operator gives them: files with a JWK set."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joserfc.jwk import KeySet


def statement_rules(issuers: Mapping[str, Path]) -> Iterator[tuple[bool, str]]:
    """The rules for the setting: (is bad, why)."""
    for issuer, file in issuers.items():
        yield not _is_good(file), f"oidc.software_statement_issuers: {file} of {issuer} is no JWK set of public keys"


def read_key_set(file: Path) -> "KeySet":
    """The keys in a file that was judged when the settings were read. Raises `OSError`, `ValueError`."""
    from joserfc.jwk import KeySet

    return KeySet.import_key_set(json.loads(file.read_text(encoding="utf-8")))


def _is_good(file: Path) -> bool:
    from idp.oidc.registration import is_key_set

    try:
        return is_key_set(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return False
