"""The tokens that docs/portals/README.md shows have the members of real ones."""

import json
import re
from pathlib import Path
from typing import Any

from tests.flows.test_code_flow import claims
from tests.support.app import ISSUER, App

PAGE = (Path(__file__).parents[2] / "docs/portals/README.md").read_text(encoding="utf-8")
SCOPE = "openid profile email bhxh offline_access"


def shape(members: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in members.items()}


def test_the_examples_of_tokens_are_as_real_ones_are(app: App) -> None:
    held = {"bhxh": "0099000001", "cccd": "000890990001"}
    app.person(identifiers=held, email="thu@example.vn", birth_date="1990-05-17")
    app.client("example")
    visitor = app.visitor()
    answer = visitor.redeem(visitor.code(held["bhxh"], scope=SCOPE, client_id="example"), "example").json
    assert answer
    real = [answer, claims(answer["id_token"]), claims(answer["access_token"])]
    real.append(visitor.userinfo(answer["access_token"]).json or {})

    told = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert len(told) == len(real)
    # An access token has more, for ourselves.
    real[2] = {name: real[2][name] for name in told[2]}
    assert list(map(shape, told)) == list(map(shape, real))
    same = ("token_type", "expires_in", "scope", "acr", "amr", "ial", "idp", "account_kind")
    told_to = [member.get("aud") for member in real]
    assert told_to == [None, "example", ISSUER, None]
    for example, member in zip(told, real, strict=True):
        assert {n: example[n] for n in same if n in example} == {n: member[n] for n in same if n in member}
