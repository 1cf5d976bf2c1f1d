"""The document that is served to developers: whole, and the same as the table."""

import json
import re
from typing import Any

import pytest

from qr_login.contract import REFUSALS
from qr_login.phone_api import CONTRACT, OPERATIONS
from qr_login.phone_authenticator import AnyPhoneOperation

refusals_of = CONTRACT.refusals_of
DOCUMENT = CONTRACT.document("https://id.example.test")


def told(operation: AnyPhoneOperation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return found


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        found: Any = DOCUMENT
        for part in reference.split("/"):
            found = found[part]
        assert found["type"] == "object"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_each_status_tells_its_codes(operation: AnyPhoneOperation) -> None:
    responses = told(operation)["responses"]
    codes = [code for status in responses for code in responses[status]["description"].replace(",", "").split()[1:]]

    assert sorted(codes) == sorted(refusals_of(operation))
    assert {status for status in responses if status < "400"} == {str(status) for status in operation.answers}
    for code in refusals_of(operation):
        assert code in responses[str(REFUSALS[code].status)]["description"]


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.method == "POST"], ids=lambda o: o.name)
def test_each_body_is_closed_and_bounded(operation: AnyPhoneOperation) -> None:
    schema = told(operation)["requestBody"]["content"]["application/json"]["schema"]

    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {field.name for field in operation.fields}
    for said in schema["properties"].values():
        assert said["type"] == "boolean" or 0 < said["maxLength"] <= 200


def test_every_operation_wants_a_proof() -> None:
    """L-02: sender-constrained, all of them."""
    for operation in OPERATIONS:
        (wanted,) = told(operation)["security"]
        assert wanted == ({"token": [], "key": []} if operation.by == "token" else {"key": []})
