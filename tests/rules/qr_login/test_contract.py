"""The table of the phone's API says everything that can happen, and nothing that cannot."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from idp.accounts import devices
from qr_login import flow
from qr_login.card import card
from qr_login.contract import REFUSALS, ConfirmRequest, EnrolRequest, PhoneProblemBody
from qr_login.phone_api import CONTRACT, OF_QR, OPERATIONS, PhoneApi
from qr_login.phone_authenticator import AnyPhoneOperation
from tests.rules.qr_login.conftest import ASKER

PAGE = Path(__file__).resolve().parents[3] / "docs" / "mobile.md"
GUIDE = PAGE.read_text()
refusals_of, sentence = CONTRACT.refusals_of, CONTRACT.sentence
SCHEMAS = CONTRACT.document("https://id.example.test")["components"]["schemas"]
LOGIN = flow.QrLogin("a", "portal", ASKER, "07", 0.0)
CARD = card(LOGIN, "t", issuer="", app="", portal="", domain="", now=0.0)

NEVER_TOLD = {"blocked", "code_needed", "other_device"}
"""Of the rules' reasons: `blocked` is a page's, `code_needed` an answer of its own, `other_device` has two codes."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_every_operation_is_there_and_each_of_its_refusals_has_a_sentence(operation: AnyPhoneOperation) -> None:
    assert operation.handler is vars(PhoneApi)[operation.name]
    assert set(refusals_of(operation)) <= set(REFUSALS)
    assert {title(model) for model in operation.answers.values()} <= set(SCHEMAS)
    assert operation.answers


def test_every_refusal_belongs_to_an_operation() -> None:
    assert {code for operation in OPERATIONS for code in refusals_of(operation)} == set(REFUSALS)


def test_every_reason_of_the_rules_has_a_code() -> None:
    reasons = {*get_args(flow.Why), *get_args(devices.Why)} - NEVER_TOLD

    assert {OF_QR.get(reason, reason) for reason in reasons} <= set(REFUSALS)
    assert set(OF_QR.values()) <= set(REFUSALS)


def test_sentences_are_whole_different_and_in_two_languages() -> None:
    for code in REFUSALS:
        vietnamese, english = sentence(code, "vi"), sentence(code, "en")
        assert vietnamese != english, code
        assert vietnamese[-1] + english[-1] == "..", code
        assert 400 <= REFUSALS[code].status < 600, code
        assert english.isascii() or "“" in english, code
    assert len({refused.summary for refused in REFUSALS.values()}) == len(REFUSALS)
    assert sentence("stale", "fr") == sentence("stale", "vi")


def takes(model: type[BaseModel], name: str, value: object) -> bool:
    """Whether the model has nothing against this value of a member."""
    try:
        model.model_validate({name: value})
    except ValidationError as invalid:
        return all(error["loc"] != (name,) for error in invalid.errors())
    return True


def test_a_field_takes_what_it_says() -> None:
    numbers = ("07", "7", "007", "٠٧", "０７", "07\n", 7, None)
    flags = (True, False, 1, 0, "true", None)

    assert [takes(ConfirmRequest, "number", value) for value in numbers] == [True] + [False] * 7
    assert [takes(EnrolRequest, "replace", value) for value in flags] == [True, True] + [False] * 4
    assert takes(EnrolRequest, "name", "Mộc" + "x" * 61)
    assert not takes(EnrolRequest, "name", "Mộc" + "x" * 62)


def test_only_what_a_signed_out_phone_needs_goes_without_a_token() -> None:
    assert {operation.name for operation in OPERATIONS if operation.by == "key"} == {"device", "disown"}
    assert {operation.name for operation in OPERATIONS if operation.binding == "any"} == {"device", "disown", "enrol"}


class TestGuide:
    """docs/mobile.md says what the table says."""

    def test_its_tables_are_made_from_it(self) -> None:
        assert operations_table() in GUIDE
        assert codes_table() in GUIDE

    def test_every_example_is_an_answer_of_the_api(self) -> None:
        known = [set(schema["properties"]) for schema in SCHEMAS.values()]
        known += [set(PhoneProblemBody.model_fields), set(CARD)]
        examples = [json.loads(text) for text in re.findall(r"```json\n(.+?)\n```", GUIDE, re.S)]

        assert len(examples) >= 8
        for example in examples:
            assert any(set(example) <= members for members in known), example
            if "code" in example:
                refused = REFUSALS[example["code"]]
                assert (example["status"], example["detail"]) == (refused.status, refused.summary)


def title(model: type[BaseModel]) -> str:
    """What the document calls it."""
    return str(model.model_config["title"])


def operations_table() -> str:
    rows = [("method and path", "by", "members", "answers", "what it does")]
    rows += [("---",) * 5]
    for operation in OPERATIONS:
        members = ", ".join(f"`{f.name}`" + ("" if f.required else "?") for f in operation.fields) or "–"
        answers = ", ".join(f"{status} {title(model)}" for status, model in operation.answers.items())
        by = "key" if operation.by == "key" else "token, enrolled" if operation.binding == "device" else "token"
        rows.append((f"`{operation.method} {operation.path}`", by, members, answers, operation.summary))
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def codes_table() -> str:
    rows = [("code", "status", "Vietnamese", "English"), ("---",) * 4]
    rows += [
        (f"`{code}`", str(REFUSALS[code].status), sentence(code, "vi"), sentence(code, "en"))
        for code in sorted(REFUSALS)
    ]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
