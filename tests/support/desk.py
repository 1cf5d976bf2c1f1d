"""Declarations, agencies and officers for tests, without the pages that make them."""

from dataclasses import replace
from typing import Any

from idp.accounts.references import new_id, new_reference
from idp.ephemeral_records import digest, new_secret
from idp.officers.agencies import Agency
from idp.officers.officers import Officer, Own
from idp.registration.declaration import Declaration, Form
from tests.support.app import App

PHONE, EMAIL = "+84981234567", "nga@example.com"
AGENCIES = (
    Agency("00100", "BHXH Việt Nam (thử)", "central"),
    Agency("079", "BHXH Thành phố Thử", "province", "00100"),
    Agency("07906", "BHXH cơ sở Bình Thử", "base", "079", address="1 Đường Thử", phone="02800000000"),
    Agency("001", "BHXH thành phố Mẫu", "province", "00100"),
    Agency("00102", "BHXH cơ sở Mẫu", "base", "001"),
)
WHO = Own("9900000001", "999000000001")
OFFICER = Officer("officer-of-ho-chi-minh", "lan.nguyen", "Nguyễn Thị Lan", rights=frozenset({("079", "decide")}))
OFFICER = replace(OFFICER, bhxh_code=WHO.bhxh_code, citizen_number=WHO.citizen_number)
FORM = Form(
    name="Trần Thị Nga",
    code="0000000777",
    paper_number="000190000777",
    birth_date="1990-05-17",
    province="79",
    commune="26734",
    street="12 Đường Thử",
    email=EMAIL,
    phone=PHONE,
    starts_on="2026-11-22",
    agency="07906",
    agrees=True,
)


def open_agencies(app: App) -> None:
    """Bring in the agencies."""
    app.provider.stores.agencies.put(AGENCIES)


def declared(app: App, **changes: Any) -> Declaration:
    """A declaration that was handed in just now; `form` changes fields of the form."""
    form = replace(FORM, **changes.pop("form", {}))
    now = app.clock()
    new = Declaration(
        id=new_id(),
        reference=new_reference(),
        kind="individual",
        request="register",
        secret_digest=digest("draft", new_secret("w")),
        created_at=now,
        form=form,
        email_verified_at=now,
    )
    new = replace(new, **changes)
    app.provider.stores.declarations.add(new)
    handed = new.submitted(now, lapses_at=now + 90 * 86_400)
    assert app.provider.stores.declarations.submit(handed, [])
    return handed
