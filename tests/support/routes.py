"""Every path that an application answers, read from the application itself."""

import re
from typing import Any

EXAMPLES = {
    "filename": "page.css",
    "name": "x",
    "form": "png",
    "handle": "y_" + "x" * 43,
    "token": "x" * 22,
    "role": "front",
}


def routes_of(front: Any) -> list[str]:
    """The paths of machines and pages, with examples in place of parameters."""
    pages = [re.sub(r"<(?:[^:<>]+:)?([a-z]+)>", _example, rule.rule) for rule in front._pages.url_map.iter_rules()]
    return sorted({*front._endpoints, *pages})


def _example(found: "re.Match[str]") -> str:
    return EXAMPLES[found[1]]
