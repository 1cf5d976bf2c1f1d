"""What several flows do."""

import re

from werkzeug.test import TestResponse

from tests.support.app import App, Visitor


def follow(visitor: Visitor, answer: TestResponse) -> TestResponse:
    """Go on while we are sent on within our own house."""
    while answer.status_code == 303 and answer.headers["Location"].startswith("/"):
        answer = visitor.get(answer.headers["Location"])
    return answer


def hidden(page: TestResponse, name: str) -> str:
    """The value of a hidden field; empty where there is none."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    return found[1] if found else ""


def known(app: App, value: str, kind: str) -> None:
    app.wsgi.names.know(value, kind)
