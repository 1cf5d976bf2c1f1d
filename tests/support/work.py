"""The work that a captcha asks for, done as the script of the page does it."""

import base64
import html
import json
import re

from altcha.v1 import solve_challenge


def solve(work: str) -> str:
    """The solution of what stands in `data-work`, as the field `altcha` takes it."""
    asked = json.loads(work)
    found = solve_challenge(asked["challenge"], asked["salt"], asked["algorithm"], asked.pop("maxNumber"))
    assert found, "no number fits"
    return base64.b64encode(json.dumps(asked | {"number": found.number}).encode()).decode()


def asked_on(page: str) -> str | None:
    """What the page asks for; None: nothing."""
    found = re.search(r'data-work="([^"]+)"', page)
    return html.unescape(found[1]) if found else None
