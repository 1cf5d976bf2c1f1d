"""Dates as people read them, on every page and in every message: in Việt Nam's time, `HH:MM dd/mm/yyyy`."""

from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))


def local_date(moment: float | str | None, *, with_time: bool = True) -> str:
    """Seconds since the epoch, or a stored date (`yyyy-mm-dd`, `yyyy-mm`, `yyyy`), for people; a dash for none."""
    if isinstance(moment, str):
        return "/".join(reversed(moment.split("-")))
    if moment is None:
        return "–"
    return datetime.fromtimestamp(moment, VIETNAM).strftime("%H:%M %d/%m/%Y" if with_time else "%d/%m/%Y")


def local_day(moment: float) -> date:
    """The day that it is in Việt Nam."""
    return datetime.fromtimestamp(moment, VIETNAM).date()
