"""Both APIs for apps, used by clients that openapi-python-client writes from their documents.

The documents are held against OpenAPI 3.1 by openapi-spec-validator first.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from idp.web.register.api import CONTRACT as REGISTRATION
from qr_login.phone_api import CONTRACT as PHONE
from tests.support.app import ISSUER, App
from tests.support.declarations import FIELDS, ROLES, drawn
from tests.support.desk import open_agencies
from tests.support.generated import GeneratedApi, SignedByPhone, generate
from tests.support.phones import PASSCODE, phone_of, with_app
from tests.support.qr import read, waiting

CONTRACTS = {"generated_phone": PHONE, "generated_registration": REGISTRATION}
PATHS = {"/phone/openapi.json": PHONE, "/api/registrations/openapi.json": REGISTRATION}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    where: Path = tmp_path_factory.mktemp("generated")
    for name, contract in CONTRACTS.items():
        generate(contract.document(ISSUER), name, where)
    sys.path.insert(0, str(where))
    yield
    sys.path.remove(str(where))


@pytest.mark.parametrize("path", PATHS)
def test_the_document_that_is_served_is_openapi_3_1(app: App, path: str) -> None:
    served: Any = app.visitor().get(path).json

    validate(served, cls=OpenAPIV31SpecValidator)
    assert served == PATHS[path].document(ISSUER)


@pytest.mark.usefixtures("packages")
def test_a_generated_client_enrols_and_lets_a_browser_in(app: App) -> None:
    with_app(app)
    phone = phone_of(app)
    phone.log_in()
    app.clock.move(301)  # so that the code of the login counts no more
    phone_api = GeneratedApi("generated_phone", app)
    client = phone_api.client(auth=SignedByPhone(phone))
    wish = {"name": "Galaxy A15", "passcode": PASSCODE}

    sent = phone_api.call("enrol", client, body=phone_api.model("EnrolBody", **wish))
    code = app.code_sent()
    device = phone_api.call("enrol", client, body=phone_api.model("EnrolBody", **wish, code=code))
    page = waiting(app.visitor())
    picture = read(page.told()["pictures"][0])
    scanned = phone_api.call("scan", client, body=phone_api.model("ScanBody", picture=picture))
    confirmed = {"ticket": scanned.parsed.ticket, "passcode": PASSCODE}
    wrong = f"{(int(page.number) + 1) % 100:02}"
    refused = phone_api.call("confirm", client, body=phone_api.model("ConfirmBody", **confirmed, number=wrong))
    done = phone_api.call("confirm", client, body=phone_api.model("ConfirmBody", **confirmed, number=page.number))

    assert (sent.status_code, sent.parsed.sent_to[-2:]) == (202, "67")
    assert (device.status_code, device.parsed.name) == (201, "Galaxy A15")
    assert phone.card(scanned.parsed.card)["ticket"] == scanned.parsed.ticket
    assert (refused.parsed.code, refused.parsed.left) == ("wrong_number", 2)
    assert (done.status_code, done.parsed.result) == (200, "confirmed")
    assert page.told()["state"] == "delivered"


@pytest.mark.usefixtures("packages")
def test_a_generated_client_registers_somebody(app: App) -> None:
    open_agencies(app)
    register = GeneratedApi("generated_registration", app)
    kind = register.model("BeginBodyKind", value="individual")
    begun = register.call("begin", register.client(), body=register.model("BeginBody", kind=kind))
    client = register.client(begun.parsed.secret)
    fields: dict[str, Any] = {n: v for n, v in FIELDS.items() if n not in ("region", "ivan", "starts_on")}
    fields |= {"contact_person": "Trần Thị Nga", "agrees": True}

    early = register.call("code", client, body=register.model("CodeBody"))
    filled = register.call("fill", client, body=register.model("FillBody", **fields))
    for role in ROLES:
        kept = register.call(f"photo_{role}", client, body=register.file(BytesIO(drawn())))
        assert (kept.status_code, role in kept.parsed.photos) == (200, True)
    sent = register.call("code", client, body=register.model("CodeBody"))
    body = register.model("HandInBody", code=app.code_sent("email"))
    handed = register.call("hand_in", client, body=body)
    asked = register.model("StatusBody", reference=handed.parsed.reference, phone="0981234567")
    status = register.call("status", register.client(), body=asked)
    places = register.call("communes", register.client(), province="79")

    assert (early.parsed.code, set(ROLES) <= set(early.parsed.problems.to_dict())) == ("incomplete", True)
    assert (filled.parsed.form.email, filled.parsed.form.agrees) == ("nga@example.com", True)
    assert sent.status_code == 202
    assert (handed.status_code, handed.parsed.state) == (200, "submitted")
    assert status.parsed.state == "submitted"
    assert "25747" in {place.code for place in places.parsed}
