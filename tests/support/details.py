"""Authorization details (RFC 9396): a portal that may ask for them, what it asks, and a person who agrees."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import App, Visitor, answer_of, attempt_of

TYPE = "bhxh_record_access"


def detail(first: int, last: int, **more: Any) -> dict[str, Any]:
    """One detail; a member that is given as None is left out."""
    whole = {"type": TYPE, "person": "self", "from_year": first, "to_year": last} | more
    return {name: value for name, value in whole.items() if value is not None}


def details(*years: tuple[int, int]) -> str:
    """The parameter for these years."""
    return json.dumps([detail(*each) for each in years])


def allowed(app: App, client_id: str = "records", **more: Any) -> str:
    """Register a portal of ours that may ask for details; returns its id."""
    return app.client(client_id, **{"authorization_details_types": [TYPE]} | more)


def agree(visitor: Visitor, asked: TestResponse) -> str:
    """Tick and confirm the page of consent that the browser was sent to; returns the code."""
    assert "/consent?" in asked.headers["Location"], asked.headers["Location"]
    form = {"attempt": attempt_of(asked), "agree": "1", "consent-allow": ""}
    return answer_of(visitor.get(visitor.post("/consent", data=form).headers["Location"]))["code"]


def granted(visitor: Visitor, *years: tuple[int, int], scope: str = "openid offline_access") -> dict[str, Any]:
    """The token response after the person agreed to these years."""
    code = agree(visitor, visitor.authorize("records", scope=scope, authorization_details=details(*years)))
    answer = visitor.redeem(code, "records")
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})
