"""The document at `/phone/openapi.json`, held against the API by a generator that was not written here.

Schemathesis sends what the document allows and what it forbids; here only the signing is ours, and some texts are
replaced by ones that mean something, so that more than refusals come back. `PHONE_API_SEED` sets another seed,
`PHONE_API_EXAMPLES` how many requests each operation gets of either kind.
"""

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks
from werkzeug.test import TestResponse

from qr_login.phone_api import OPERATIONS
from qr_login.phone_authenticator import AnyPhoneOperation
from tests.support.app import App
from tests.support.phones import PASSCODE, Phone, enrolled_phone, phone_of, with_app
from tests.support.qr import read, waiting

SEED = int(os.environ.get("PHONE_API_SEED", "2026"))
EXAMPLES = int(os.environ.get("PHONE_API_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
FORBIDDEN = [*CHECKS, checks.negative_data_rejection]


@pytest.fixture
def phone(app: App) -> Phone:
    with_app(app)
    return enrolled_phone(app)


def meaningful(phone: Phone, operation: AnyPhoneOperation) -> dict[str, Any]:
    """Values of fields that mean something just now."""
    names = {field.name for field in operation.fields}
    known = {"passcode": PASSCODE, "old": PASSCODE, "new": "864209", "name": "Galaxy A15"}
    if "code" in names:
        codes = [message.facts["code"] for message in phone.visitor.app.told("sms") if message.template == "otp"]
        return known | {"code": codes[-1] if codes else ""}
    if names & {"picture", "ticket"}:
        page = waiting(phone.visitor.app.visitor())
        known["number"] = page.number
        if "picture" in names:
            return known | {"picture": read(page.told()["pictures"][0])}
        known["ticket"] = str((phone.scan(page).json or {}).get("ticket", ""))
    return known


def answered(phone: Phone, case: Case, operation: AnyPhoneOperation) -> TestResponse:
    """The case as an app would send it, signed unless its headers are what is wrong."""
    if _is_wrong(case, ParameterLocation.HEADER):
        headers = {name: value for name, value in dict(case.headers or {}).items() if isinstance(value, str)}
        return phone.visitor._send(operation.method, operation.path, headers=headers)
    shown = phone.access_token if operation.by == "token" else None
    body = case.body if isinstance(case.body, bytes) else _json(case.body)
    proof = phone.proof(operation.method, operation.path, access_token=shown)
    return phone.send(
        operation.method, operation.path, proof, body, {"Authorization": f"DPoP {shown}"} if shown else {}
    )


def _json(body: object) -> bytes | None:
    return None if isinstance(body, NotSet) else json.dumps(body).encode()


def _is_wrong(case: Case, where: ParameterLocation) -> bool:
    component = case.meta.components.get(where) if case.meta else None
    return component is not None and component.mode is GenerationMode.NEGATIVE


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.value)
def test_every_answer_is_one_of_those_that_the_document_tells(
    phone: Phone, operation: AnyPhoneOperation, mode: GenerationMode
) -> None:
    """What it allows and what it forbids; never a 5xx, and what it forbids is never done."""
    print("PHONE_API_SEED", SEED)
    if operation.name == "enrol":
        phone = phone_of(phone.visitor.app)
        phone.visitor.app.person("0000000002", phone="0901234599", phone_verified=True)
        phone.log_in("0000000002")
    served: Any = phone.visitor.get("/phone/openapi.json").json
    described = schemathesis.openapi.from_dict(served)[operation.path][operation.method]
    seen: list[int] = []

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=described.as_strategy(generation_mode=mode), drawn=st.data())
    def answers_as_told(case: Case, drawn: st.DataObject) -> None:
        phone.visitor.app.clock.move(13)  # so that no limit of calls a minute is met
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
            known = meaningful(phone, operation) if drawn.draw(st.booleans()) else {}
            case.body |= {name: value for name, value in known.items() if name in case.body}
        answer = answered(phone, case, operation)
        seen.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS if mode is GenerationMode.POSITIVE else FORBIDDEN)

    answers_as_told()

    if mode is GenerationMode.POSITIVE and operation.name != "disown":
        assert min(seen) < 300, sorted(seen)
