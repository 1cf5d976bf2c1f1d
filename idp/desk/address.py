"""An address in words: what was declared as a street and two codes, with the names of the day on which it was."""

from datetime import date, datetime

from idp.accounts.account import Account
from idp.accounts.password_rules import VIETNAM
from idp.desk.declaration import Declaration
from idp.desk.divisions import divisions


def address_of(declaration: Declaration) -> str:
    """The whole line: `Số 12 ngõ 5, Phường Giảng Võ, Thành phố Hà Nội`; empty when none was declared."""
    form = declaration.form
    commune = divisions().commune(form.commune)
    province = divisions().province(form.province, _day(declaration))
    return ", ".join(part for part in (form.street, commune and commune.name, province and province.name) if part)


def registered_place(account: Account) -> tuple[str, str, str]:
    """Street, commune and province as a form has them; a line that came from elsewhere stands for the street."""
    return account.street or account.address or "", account.commune or "", account.province or ""


def _day(declaration: Declaration) -> date:
    return datetime.fromtimestamp(declaration.submitted_at or declaration.created_at, VIETNAM).date()
