"""Reads the JSON files that commands load: a list of objects, or a sentence about what is wrong."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.commands.context import stop


def read_records(file: Path) -> list[Mapping[str, Any]]:
    """The objects of a JSON list, or the end of the command."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        stop([f"{file}: {error}"])
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        stop([f"{file}: not a list of objects"])
    return found
