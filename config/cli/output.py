"""How commands print: aligned columns for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click


def as_json(value: Any) -> None:
    """Print `value` as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows in aligned columns, or say that there are none."""
    if not rows:
        click.echo("(none)")
        return
    cells = [[str(row.get(name, "") if row.get(name) is not None else "-") for name in columns] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(columns)]
    for line in [[name.upper() for name in columns], *cells]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def facts(value: Mapping[str, Any]) -> None:
    """Print one thing as `name  value` lines."""
    width = max(len(name) for name in value)
    for name, item in value.items():
        click.echo(f"{name.ljust(width)}  {'-' if item is None else item}")
