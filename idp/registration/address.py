"""An address in words: a declared street and two codes, with the names that were valid on that day."""

from datetime import date

from idp.accounts.account import Account
from idp.dates import local_day
from idp.registration.declaration import Declaration
from idp.registration.divisions import divisions


def address_of(declaration: Declaration) -> str:
    """The full line: `Số 12 ngõ 5, Phường Giảng Võ, Thành phố Hà Nội`; empty when none was declared."""
    form = declaration.form
    commune = divisions().commune(form.commune)
    province = divisions().province(form.province, _day(declaration))
    return ", ".join(part for part in (form.street, commune and commune.name, province and province.name) if part)


def registered_place(account: Account) -> tuple[str, str, str]:
    """Street, commune and province as a form has them; a line from another source is used as the street."""
    return account.street or account.address or "", account.commune or "", account.province or ""


def _day(declaration: Declaration) -> date:
    return local_day(declaration.submitted_at or declaration.created_at)
