"""Reads the JSON files that commands load: a list of objects, or one error message."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.cli.context import stop


def read_records(file: Path) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; ends the command when the file is bad."""
    try:
        parsed = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        stop([f"{file}: {error}"])
    if not isinstance(parsed, list) or not all(isinstance(record, dict) for record in parsed):
        stop([f"{file}: not a list of objects"])
    return parsed
