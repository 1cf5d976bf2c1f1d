"""Authorization details in words, for the page that asks and for the page that lists what was agreed."""

from flask_babel import gettext

from idp.oidc.authorization_details import Details, RecordAccess


def sentences_of(details: Details) -> list[str]:
    """One sentence for each."""
    return [_sentence(each) for each in details]


def _sentence(access: RecordAccess) -> str:
    years = {"first": access.from_year, "last": access.to_year}
    if access.from_year == access.to_year:
        return str(gettext("Xem quá trình đóng BHXH của bạn trong năm %(first)s", **years))
    return str(gettext("Xem quá trình đóng BHXH của bạn, từ năm %(first)s đến năm %(last)s", **years))
